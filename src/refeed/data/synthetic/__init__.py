"""Synthetic ratings: of any size by the laws of the Netflix Prize, and of films with known tastes."""
