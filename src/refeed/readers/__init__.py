"""Readers of rating files and tables, one file a format."""

from refeed.readers.rating_columns import RatingColumns
from refeed.readers.reading import read_columns, read_ratings

__all__ = ["RatingColumns", "read_columns", "read_ratings"]
