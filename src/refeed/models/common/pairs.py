"""Residuals, and pairs as entries of a sparse output."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from refeed.data.history import History
from refeed.data.row_blocks import pointers
from refeed.models.common.sparse_rows import SparseRows


def centred(history: History, offsets: npt.NDArray[np.float32]) -> History:
    """The history with `offsets`, (nnz,), subtracted from its ratings."""
    return replace(history, values=history.values - offsets)


def unique_pairs(
    rows: npt.NDArray[np.int64], items: npt.NDArray[np.int64], num_items: int, device: torch.device
) -> tuple[npt.NDArray[np.int64], SparseRows, npt.NDArray[np.int64]]:
    """Pairs, (P,), in any order and with repeats, as the distinct entries of sparse rows, for `sampled_linear`.

    Returns:
        the distinct rows, int64 (A,); the distinct pairs as entries of these A rows; and the entry of each pair, int64 (P,).
    """
    distinct, entry_of_pair = np.unique(rows * num_items + items, return_inverse=True)
    distinct_rows, row_of_entry = np.unique(distinct // num_items, return_inverse=True)
    entries = SparseRows(
        indptr=torch.from_numpy(pointers(np.bincount(row_of_entry, minlength=len(distinct_rows)))).to(device),
        columns=torch.from_numpy(distinct % num_items).to(device),
        values=torch.zeros(len(distinct), device=device),
        num_columns=num_items,
    )
    return distinct_rows, entries, entry_of_pair
