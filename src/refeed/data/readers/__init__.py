"""Readers of rating files and tables, one file a format."""
