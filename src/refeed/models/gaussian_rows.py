"""Bayesian linear regressions of many sparse rows on the same features, worked out together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.models.row_groups import at_once, padded_entries, similar_rows

ROUNDING = (
    1e-6  # of a float32 precision matrix, as a share of its mean diagonal: added to it, so that it stays positive definite
)


@dataclass(frozen=True, eq=False)
class PaddedRows:
    """g sparse rows of about one length, padded to it (c entries).

    Attributes:
        rows: which rows, int64 (g,).
        counts: their numbers of entries, float32 (g,).
        columns: int32 (g, c), the number of columns where a row has ended.
        values: float32 (g, c), 0 where a row has ended.
    """

    rows: Tensor
    counts: Tensor
    columns: Tensor
    values: Tensor


def padded_rows(history: History, device: torch.device, *, width: int) -> Iterator[PaddedRows]:
    """All rows of the history, in groups of about the same length; see `similar_rows`.

    Args:
        history: the rows.
        device: of the tensors.
        width: numbers that will be held for each entry, at least 1.
    """
    for rows in similar_rows(history.counts, width=width):
        yield _padded(history, rows, device)


def _padded(history: History, rows: npt.NDArray[np.int64], device: torch.device) -> PaddedRows:
    counts = history.counts[rows]
    columns, values = padded_entries(history, rows, 0, int(counts.max()))
    arrays = (rows, counts.astype(np.float32), columns.astype(np.int32), values)
    moved = (torch.from_numpy(array).to(device) for array in arrays)
    return PaddedRows(*moved)


class FeatureTable:
    """What rows are regressed on, for S samples: value = x . q_column + b + bias_column + noise, x and b being the row's.

    Args:
        vectors: q and, in the last place, the bias of each column, (S, m, k + 1).
        weights: how often the noise of a value of the column goes into that of a usual one (a factor of its precision), (S, m).
    """

    def __init__(self, vectors: Tensor, weights: Tensor) -> None:
        samples, columns, width = vectors.shape
        self._roots = vectors.new_zeros(samples, columns + 1, 1)
        self._roots[:, :-1, 0] = weights.sqrt()
        self._table = vectors.new_zeros(samples, columns + 1, width + 1)  # the last row is what padding reads
        self._table[:, :-1, : width - 1] = vectors[..., :-1]
        self._table[:, :-1, width - 1] = 1.0
        self._table[:, :-1, width] = -vectors[..., -1]
        self._table *= self._roots

    @property
    def width(self) -> int:
        """d + 1 numbers for each entry, d = k + 1."""
        return self._table.shape[2]

    @property
    def samples(self) -> int:
        """S."""
        return self._table.shape[0]

    def products(self, group: PaddedRows) -> Tensor:
        """Weighted sums over each row's entries of (f, y) (f, y)^T, (S, g, d + 1, d + 1).

        f = (q, 1) are the features and y = value - bias the targets, so the last column holds the sums of f y and y^2.
        """
        products = self._table.new_zeros(self.samples, len(group.rows), self.width, self.width)
        piece = at_once(self.samples * len(group.rows) * self.width)
        pieces = zip(torch.split(group.columns, piece, 1), torch.split(group.values, piece, 1), strict=True)
        for columns, values in pieces:
            places = columns.reshape(-1)
            features = self._table.index_select(1, places).view(self.samples, *columns.shape, self.width)
            features[..., -1] += values * self._roots.index_select(1, places).view(self.samples, *columns.shape)
            products += features.mT @ features
        return products


class Posterior:
    """What is known of the vectors x of rows: normal with precision A + a F^T F and mean (precision)^-1 (A mu + a F^T y).

    Args:
        products: see `FeatureTable.products`, (..., g, d + 1, d + 1).
        mean: mu, the prior's, (..., g, d).
        precision: A, the prior's, (..., 1, d, d).
        noise: a, the precision of the rows' noise, (..., g).
    """

    def __init__(self, products: Tensor, mean: Tensor, precision: Tensor, noise: Tensor) -> None:
        width = mean.shape[-1]
        self._products = products
        posterior = precision + noise[..., None, None] * products[..., :width, :width]
        diagonal = posterior.diagonal(dim1=-2, dim2=-1)
        diagonal += ROUNDING * diagonal.mean(-1, keepdim=True)
        self.cholesky = torch.linalg.cholesky(posterior)  # L, (..., g, d, d)
        pull = (precision @ mean[..., None]).squeeze(-1) + noise[..., None] * products[..., :width, width]
        self._whitened = torch.linalg.solve_triangular(self.cholesky, pull[..., None], upper=False)

    def vectors(self, deviations: Tensor) -> Tensor:
        """mean + L^-T deviation for each of r deviations, (..., g, d, r): a draw from standard normal ones, the mean from 0."""
        vectors: Tensor = torch.linalg.solve_triangular(self.cholesky.mT, self._whitened + deviations, upper=True)
        return vectors

    def mean(self) -> Tensor:
        """(..., g, d)."""
        return self.vectors(torch.zeros_like(self._whitened)).squeeze(-1)

    def squared_errors(self, vectors: Tensor) -> Tensor:
        """Weighted sum of squared errors of each row for x = `vectors`, (..., g, d) -> (..., g)."""
        errors = torch.cat((vectors, torch.full_like(vectors[..., :1], -1.0)), -1)[..., None]
        return (errors.mT @ self._products @ errors).flatten(-3).clamp(min=0.0)

    def expected_squared_errors(self) -> Tensor:
        """The expectation of `squared_errors` over x, (..., g)."""
        width = self.cholesky.shape[-1]
        spread = (self._products[..., :width, :width] * torch.cholesky_inverse(self.cholesky)).sum((-2, -1))
        return self.squared_errors(self.mean()) + spread
