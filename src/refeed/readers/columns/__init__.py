"""The columns of a source: which is which, and their values."""
