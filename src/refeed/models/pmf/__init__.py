"""PMF and biased matrix factorisation, by SGD with momentum."""
