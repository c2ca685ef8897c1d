"""A fitted model over a fold of ratings."""
