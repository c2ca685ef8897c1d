"""Sparse matrices (SciPy's, or any with the same shape and COO form)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from refeed.errors import DataError
from refeed.readers.columns.choosing import Choice
from refeed.readers.rating_stream import Meter, RatingStream

CHOICE = Choice(0, 1, 2, None, {}, ("row", "column", "value"))


def is_sparse(source: Any) -> bool:
    """Whether `source` is a sparse matrix, found out without importing SciPy."""
    return hasattr(source, "tocoo") and hasattr(source, "shape")


def read_sparse(matrix: Any) -> RatingStream:
    """Read a sparse matrix of users x items; its positions, from 0, are the ids.

    Stored zeros are ratings, and places stored twice are duplicates: nothing is summed or dropped.

    Raises:
        DataError: the matrix has not two dimensions.
    """
    if len(matrix.shape) != 2:
        raise DataError(f"expected a matrix of users x items, got the shape {tuple(matrix.shape)}")
    coordinates = matrix.tocoo()
    rows, columns = (pa.array(np.asarray(places, np.int64)) for places in (coordinates.row, coordinates.col))
    return RatingStream(
        batches=iter([[rows, columns, pa.array(coordinates.data)]]),
        choice=CHOICE,
        parse=False,
        notes=("layout: sparse matrix", "users are the rows and items the columns, from 0"),
        path=None,
        locate=None,
        meter=Meter(),
    )
