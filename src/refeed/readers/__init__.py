"""Readers: from any source of ratings to one stream of them, one file a format."""

from refeed.data.rating_columns import RatingColumns
from refeed.readers.reading import open_ratings, read_columns, read_ratings

__all__ = ["RatingColumns", "open_ratings", "read_columns", "read_ratings"]
