"""Bayesian linear regressions of many sparse rows on the same features, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.models.bayesian.session_sums import SessionSums
from refeed.models.common.row_groups import group_size, padded_entries, padded_indices, similar_rows
from refeed.models.common.sparse_linear import sum_of_rows

ROUNDING = 1e-6  # share of the mean diagonal that is added to a float32 precision matrix, so that it stays positive definite


@dataclass(frozen=True, eq=False)
class PaddedRows:
    """g sparse rows, padded to a common length of c entries.

    Attributes:
        rows: which rows, int64 (g,).
        counts: number of entries of each, float32 (g,).
        columns: int32 (g, c), the number of columns beyond a row's end.
        values: float32 (g, c), 0 beyond a row's end.
        sessions: session of each entry, int32 (g, c), the group's highest number beyond a row's end; None without sessions.
    """

    rows: Tensor
    counts: Tensor
    columns: Tensor
    values: Tensor
    sessions: Tensor | None = None


def padded_rows(
    history: History, device: torch.device, *, width: int, sessions: npt.NDArray[np.int32] | None = None
) -> Iterator[PaddedRows]:
    """All rows of the history in groups of about the same length; see `similar_rows`.

    Args:
        history: the rows.
        device: of the tensors.
        width: numbers held for each entry, at least 1.
        sessions: session of each entry, (nnz,).
    """
    for rows in similar_rows(history.counts, width=width):
        yield _padded(history, rows, device, sessions)


def _padded(
    history: History, rows: npt.NDArray[np.int64], device: torch.device, sessions: npt.NDArray[np.int32] | None
) -> PaddedRows:
    counts = history.counts[rows]
    columns, values = padded_entries(history, rows, 0, int(counts.max()))
    arrays: list[npt.NDArray[Any]] = [rows, counts.astype(np.float32), columns.astype(np.int32), values]
    if sessions is not None:
        indices, ended = padded_indices(history, rows, 0, int(counts.max()))
        numbers = sessions[indices]
        numbers[ended] = numbers.max(initial=0, where=~ended)
        arrays.append(numbers)
    moved = (torch.from_numpy(array).to(device) for array in arrays)
    return PaddedRows(*moved)


class FeatureTable:
    """The features of regressions for S samples: value = x . q_column + b + bias_column + noise, with x and b of the row.

    Args:
        vectors: q and, last, the bias of each column, (S, m, k + 1).
        weights: factor of the precision of the noise of each column, (S, m).
        group: numbers that are held at once; default: `row_groups.GROUP`.
    """

    def __init__(self, vectors: Tensor, weights: Tensor, *, group: int | None = None) -> None:
        self._group = group
        samples, columns, width = vectors.shape
        self._roots = vectors.new_zeros(samples, columns + 1, 1)
        self._roots[:, :-1, 0] = weights.sqrt()
        self._table = vectors.new_zeros(samples, columns + 1, width + 1)  # the last row is for padding
        self._table[:, :-1, : width - 1] = vectors[..., :-1]
        self._table[:, :-1, width - 1] = 1.0
        self._table[:, :-1, width] = -vectors[..., -1]
        self._table *= self._roots

    @property
    def width(self) -> int:
        """d + 1: numbers of each entry, d = k + 1."""
        return self._table.shape[2]

    @property
    def samples(self) -> int:
        """S."""
        return self._table.shape[0]

    def products(self, group: PaddedRows) -> Tensor:
        """Weighted sums over each row's entries of (f, y) (f, y)^T, (S, g, d + 1, d + 1).

        f = (q, 1) are the features and y = value - bias the targets, so the last column holds the sums of f y and y^2.
        """
        products = self._no_products(group)
        for features, _ in self._pieces(group):
            products += features.mT @ features
        return products

    def products_of(self, group: PaddedRows, variance: Tensor) -> tuple[Tensor, SessionSums | None]:
        """The products with session effects integrated out, and the sums over the sessions; without sessions, the plain ones.

        Args:
            group: its sessions, if any, are numbered from 0 in each row, and sorted.
            variance: v of each sample, (S,); see `SessionSums`.
        """
        if group.sessions is None:
            return self.products(group), None
        most = 1 + (int(group.sessions.max()) if group.sessions.numel() else 0)
        products, sums = self._no_products(group), self._table.new_zeros(self.samples * len(group.rows) * most, self.width)
        first = most * torch.arange(self.samples * len(group.rows), device=sums.device).view(self.samples, -1, 1)
        for features, part in self._pieces(group):
            numbers = (first + group.sessions[:, part]).reshape(-1)  # sorted, of all S g c' entries
            pointers = torch.zeros(len(sums) + 1, dtype=torch.int64, device=sums.device)
            torch.cumsum(torch.bincount(numbers, minlength=len(sums)), 0, out=pointers[1:])
            entries, roots = features.view(-1, self.width), features[..., -2].reshape(-1)
            sums += sum_of_rows(torch.arange(len(entries), device=sums.device), entries, pointers, roots)
            products += features.mT @ features
        by_session = SessionSums.of(sums.view(self.samples, len(group.rows), most, self.width), variance)
        return by_session.integrated(products), by_session

    def _no_products(self, group: PaddedRows) -> Tensor:
        return self._table.new_zeros(self.samples, len(group.rows), self.width, self.width)

    def _pieces(self, group: PaddedRows) -> Iterator[tuple[Tensor, slice]]:
        """sqrt(w) (f, y) of the entries, (S, g, c', d + 1), piece by piece, and the slice of c that each piece is."""
        longest = group.columns.shape[1]
        size = group_size(self.samples * len(group.rows) * self.width, self._group)
        for start in range(0, longest, size):
            part = slice(start, min(start + size, longest))
            columns = group.columns[:, part]
            index = columns.reshape(-1)
            features = self._table.index_select(1, index).view(self.samples, *columns.shape, self.width)
            features[..., -1] += group.values[:, part] * self._roots.index_select(1, index).view(self.samples, *columns.shape)
            yield features, part


class Posterior:
    """The posterior of the vectors x of rows: normal, of precision A + a F^T F and mean (precision)^-1 (A mu + a F^T y).

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
        """mean + L^-T z for each of r vectors z, (..., g, d, r): a draw if z is standard normal, the mean if it is 0."""
        vectors: Tensor = torch.linalg.solve_triangular(self.cholesky.mT, self._whitened + deviations, upper=True)
        return vectors

    def mean(self) -> Tensor:
        """(..., g, d)."""
        return self.vectors(torch.zeros_like(self._whitened)).squeeze(-1)

    def squared_errors(self, vectors: Tensor) -> Tensor:
        """Weighted sum of squared errors of each row at x = `vectors`, (..., g, d) -> (..., g)."""
        errors = torch.cat((vectors, torch.full_like(vectors[..., :1], -1.0)), -1)[..., None]
        return (errors.mT @ self._products @ errors).flatten(-3).clamp(min=0.0)

    def expected_squared_errors(self) -> Tensor:
        """The expectation of `squared_errors` over x, (..., g)."""
        width = self.cholesky.shape[-1]
        spread = (self._products[..., :width, :width] * torch.cholesky_inverse(self.cholesky)).sum((-2, -1))
        return self.squared_errors(self.mean()) + spread
