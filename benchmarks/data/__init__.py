"""The ratings, splits and network that benchmarks run on."""
