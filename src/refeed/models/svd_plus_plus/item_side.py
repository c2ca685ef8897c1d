"""The items' side of SVD++: what is learnt by gradient descent."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refeed.data.history import History
from refeed.models.base import Integers, RatingModel
from refeed.models.common.sparse_linear import sparse_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.svd_plus_plus.time_terms import TimeTerms

INITIAL_DEVIATION = 0.05  # standard deviation of the normal numbers that item factors start from


class ItemSide(RatingModel):
    """The trained side of SVD++; the users' side follows from their histories.

    Args:
        num_users: m.
        num_items: n.
        factors: k, length of the vectors.
        regularisation: penalty of the users' side, above 0.
        time_bins: of the items' biases, None without time.
        seed: of the initial item factors.

    Attributes:
        item_factors: q, (n, k).
        implicit_factors: y, (n, k).
        item_bias: b_i, (n,).
        time: the time-dependent terms, None without.
        mean: of the training ratings.
    """

    mean: Tensor

    def __init__(
        self, num_users: int, num_items: int, *, factors: int, regularisation: float, time_bins: int | None, seed: int
    ) -> None:
        super().__init__(num_users, num_items)
        self.regularisation = regularisation
        start = torch.empty(num_items, factors).normal_(std=INITIAL_DEVIATION, generator=torch.Generator().manual_seed(seed))
        self.item_factors = nn.Parameter(start)
        self.implicit_factors = nn.Parameter(torch.zeros(num_items, factors))
        self.item_bias = nn.Parameter(torch.zeros(num_items))
        self.time = None if time_bins is None else TimeTerms(num_items, time_bins)
        self.register_buffer("mean", torch.zeros((), dtype=torch.float32))

    def implicit_sums(self, rows: SparseRows) -> Tensor:
        """|N_u|^-1/2 times the sum of y_j over the items that each user rated, (B, k)."""
        counts = torch.diff(rows.indptr).clamp(min=1)
        shares = counts.to(self.implicit_factors.dtype).rsqrt()[rows.row_of_entry]
        return sparse_linear(rows.with_values(shares), self.implicit_factors, self.implicit_factors.new_zeros(()))

    def times_of(self, history: History) -> Integers | None:
        """The time of each rating of the history, int64 (nnz,); None where the model is not time-aware."""
        return None if self.time is None else self.time.times_of(history)

    def item_part(self, items: Tensor, times: Integers | None) -> Tensor:
        """mean + b_i, with the part of the time bin, for items, (P,), at times, (P,)."""
        part = self.mean + self.item_bias[items]
        return part if self.time is None or times is None else part + self.time.item_bias[items, self.time.bins(times)]
