"""Delimited text: its dialect, and its columns as Arrow arrays."""
