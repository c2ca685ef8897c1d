"""Readers of rating files and tables, one file a format."""

from refeed.data.readers.columns import RatingColumns
from refeed.data.readers.reading import read_columns, read_ratings

__all__ = ["RatingColumns", "read_columns", "read_ratings"]
