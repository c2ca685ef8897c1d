"""The ratings of the examples: the file named on the command line, or MovieLens ml-latest-small, or else synthetic ones."""

from __future__ import annotations

import sys

import refeed
from refeed.data.datasets import find_dataset
from refeed.data.synthetic.in_memory import synthetic_ratings


def ratings_at_hand() -> refeed.Ratings:
    """Read the ratings; the folder that REFEED_DATA names is where ml-latest-small is looked for."""
    source = sys.argv[1] if len(sys.argv) > 1 else find_dataset("ml-latest-small")
    return synthetic_ratings(600, 400, 30_000) if source is None else refeed.read_ratings(source)
