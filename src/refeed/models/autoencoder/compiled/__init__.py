"""The first and last layer in loops compiled by Numba (the extra `fast`)."""
