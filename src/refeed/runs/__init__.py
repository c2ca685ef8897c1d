"""Training runs that are known by their fingerprint, done once, in parallel, and resumed."""
