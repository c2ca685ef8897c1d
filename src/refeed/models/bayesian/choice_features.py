"""Features of which items a user rated, and which users rated an item, whatever the ratings."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from refeed.data.history import History
from refeed.models.bayesian.scorer import choices_of
from refeed.models.common.sparse_linear import sum_of_rows
from refeed.models.common.sparse_rows import SparseRows

SMALLEST_SHARE = 4  # of the users or items: at most one feature for every 4 of them
FURTHER, ROUNDS = 8, 6  # oversampling and iterations of the subspace iteration
NEGLIGIBLE = 1e-3  # singular values below this share of the largest are dropped


@dataclass(frozen=True, eq=False)
class ChoiceFeatures:
    """Features of mean square 1; those that the data do not support are 0.

    Attributes:
        users: (m, f).
        items: (n, f).
        loadings: (n, f), from which `choices_of` computes the features of users, in training and later.
    """

    users: Tensor
    items: Tensor
    loadings: Tensor


def choice_features(history: History, features: int, *, seed: int, device: torch.device) -> ChoiceFeatures:
    """The leading singular vectors of the matrix with 1 / sqrt(n_u n_i) at the rated pairs, by subspace iteration.

    Halko, Martinsson & Tropp (2011), "Finding structure with randomness", algorithm 4.4. n_u and n_i are numbers of ratings, so
    that neither active users nor popular items dominate (Dhillon 2001, "Co-clustering documents and words").

    Args:
        history: the training ratings; their values are not used.
        features: f.
        seed: of the initial directions.
        device: of the result.
    """
    m, n = len(history), history.num_items
    wanted = min(features, m // SMALLEST_SHARE, n // SMALLEST_SHARE)
    rows = SparseRows.from_history(history, device)
    item_counts = torch.bincount(rows.columns, minlength=n).clamp(min=1).to(torch.float32)
    user_counts = torch.from_numpy(history.counts.clip(min=1)).to(device, torch.float32)
    by_user = rows.with_values((user_counts[rows.row_of_entry] * item_counts[rows.columns]).rsqrt())
    directions = min(wanted + FURTHER, m, n)
    items = torch.randn(n, directions, generator=torch.Generator().manual_seed(seed)).to(device)
    users = items  # replaced in the first iteration
    for _ in range(ROUNDS):
        users = torch.linalg.qr(sum_of_rows(by_user.columns, items, by_user.indptr, by_user.values))[0]  # m x directions
        items = _times_transposed(by_user, users)  # n x directions
    vectors, values, _ = torch.linalg.svd(items, full_matrices=False)
    return _scaled(history, vectors, values, item_counts, wanted=wanted, features=features)


def _times_transposed(by_user: SparseRows, users: Tensor) -> Tensor:
    order, row_of_entry, pointers = by_user.by_column
    return sum_of_rows(row_of_entry, users, pointers, by_user.values[order])


def _scaled(
    history: History, vectors: Tensor, values: Tensor, item_counts: Tensor, *, wanted: int, features: int
) -> ChoiceFeatures:
    """Features from the items' singular vectors, (n, directions), and the singular values, in descending order."""
    m, n = len(history), history.num_items
    usable = (torch.arange(len(values), device=values.device) < wanted) & (values > NEGLIGIBLE * values.max())
    inverse = torch.where(usable, m**0.5 / values.clamp(min=1e-30), 0.0)
    loadings = _to_width(vectors * inverse / item_counts.sqrt()[:, None], features)
    return ChoiceFeatures(choices_of(history, loadings), _to_width(vectors * usable * n**0.5, features), loadings)


def _to_width(vectors: Tensor, width: int) -> Tensor:
    """The first `width` columns, padded with zeros."""
    result = vectors.new_zeros(len(vectors), width)
    kept = min(width, vectors.shape[1])
    result[:, :kept] = vectors[:, :kept]
    return result
