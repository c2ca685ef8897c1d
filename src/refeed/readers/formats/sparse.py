"""Sparse matrices (SciPy's, or any with the same shape and COO form)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from refeed.errors import DataError
from refeed.readers.columns.choosing import ColumnChoice
from refeed.readers.options import ReadOptions
from refeed.readers.stream import RatingStream


def is_sparse(source: Any) -> bool:
    """Whether `source` is a sparse matrix, found out without importing SciPy."""
    return hasattr(source, "tocoo") and hasattr(source, "shape")


def read_sparse(matrix: Any, options: ReadOptions) -> RatingStream:
    """Read a sparse matrix of users x items; its positions, from 0, are the ids.

    Stored zeros are ratings, and entries stored twice are duplicates: nothing is summed or dropped.

    Raises:
        DataError: the matrix has not two dimensions.
    """
    if len(matrix.shape) != 2:
        raise DataError(f"expected a matrix of users x items, got the shape {tuple(matrix.shape)}")
    coordinates = matrix.tocoo()
    rows, columns = (pa.array(np.asarray(positions, np.int64)) for positions in (coordinates.row, coordinates.col))
    return RatingStream(
        batches=iter([[rows, columns, pa.array(coordinates.data)]]),
        choice=ColumnChoice(("row", "column", "value")),
        options=options,
        notes=("layout: sparse matrix", "users are the rows and items the columns, from 0"),
    )
