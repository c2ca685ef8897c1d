"""Ratings as a memory-mapped folder."""
