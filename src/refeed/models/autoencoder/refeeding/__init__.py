"""Refeeding."""
