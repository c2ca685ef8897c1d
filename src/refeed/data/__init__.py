"""Ratings: reading, checking, storing, splitting and batching them."""
