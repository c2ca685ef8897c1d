"""How far ratings may be from their prediction: residual variances, and conformal intervals."""
