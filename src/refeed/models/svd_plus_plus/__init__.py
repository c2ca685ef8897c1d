"""Svd plus plus."""
