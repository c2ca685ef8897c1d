"""Layers over sparse rows of ratings."""
