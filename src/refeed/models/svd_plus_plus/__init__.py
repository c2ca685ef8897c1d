"""SVD++ and time-SVD++."""
