"""Ridge regressions of many sparse rows on the same features, solved in batches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.models.common.row_groups import for_each_group, group_size, padded_entries, similar_rows

ROUNDING = 1e-7  # of a float32 Gram matrix, as a share of its trace: added to the diagonal, so that it stays positive definite


class RidgeSolver:
    """For each row the vector x that minimises sum_j (y_j - f_j . x)^2 + penalty * |x|^2 over the row's entries j.

    Rows of about the same length are padded to one length and solved as one batch, by Cholesky, in the smaller of the number of
    features and the number of entries. Memory stays within a few `GROUP` for each thread, whatever the number and length of
    rows.

    Args:
        features: f, (n, k), one vector for each column.
        intercept: append a 1 to every f, so that x ends with a constant, penalised like the other numbers.
        group: numbers of a batch; default: `row_groups.GROUP`.
    """

    def __init__(self, features: Tensor, *, intercept: bool = False, group: int | None = None) -> None:
        columns, width = features.shape
        self._group = group
        self._features = features.new_zeros(columns + 1, width + intercept)  # the last row is for padding
        self._features[:-1, :width] = features
        self._features[:-1, width:] = 1.0

    @torch.no_grad()
    def solve(self, rows: History, penalties: npt.NDArray[np.floating]) -> Tensor:
        """Solve for the vectors, (B, w), w = k or, with intercept, k + 1; zeros for a row without entries.

        Args:
            rows: B rows whose values are the targets y.
            penalties: (B,), above 0.
        """
        vectors = self._features.new_zeros(len(rows), self._features.shape[1])

        def work(group: npt.NDArray[np.int64]) -> None:
            index = torch.from_numpy(group).to(vectors.device)
            vectors[index] = self._solve_group(rows, group, penalties[group])

        filled = np.flatnonzero(rows.counts)
        groups = (filled[group] for group in similar_rows(rows.counts[filled], width=vectors.shape[1], group=self._group))
        for_each_group(work, groups, device=vectors.device)
        return vectors

    def _solve_group(self, rows: History, group: npt.NDArray[np.int64], penalties: npt.NDArray[np.floating]) -> Tensor:
        """The vectors of g rows of about one length, (g, w)."""
        width, longest = self._features.shape[1], int(rows.counts[group].max())
        penalty = torch.from_numpy(penalties).to(self._features)
        if longest < width:
            features, targets = self._padded(rows, group, 0, longest)  # (g, c, w), (g, c, 1)
            by_entry = _solve_positive(features @ features.mT, targets, penalty)
            return (features.mT @ by_entry).squeeze(-1)
        gram = self._features.new_zeros(len(group), width, width)
        moments = self._features.new_zeros(len(group), width, 1)
        piece = group_size(len(group) * width, self._group)
        for start in range(0, longest, piece):
            features, targets = self._padded(rows, group, start, min(start + piece, longest))
            gram.baddbmm_(features.mT, features)
            moments.baddbmm_(features.mT, targets)
        return _solve_positive(gram, moments, penalty).squeeze(-1)

    def _padded(self, rows: History, group: npt.NDArray[np.int64], start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Features, (g, c, w), and targets, (g, c, 1), of entries `start` to `stop` of g rows, 0 beyond a row's end."""
        columns, targets = padded_entries(rows, group, start, stop)
        device = self._features.device
        return self._features[torch.from_numpy(columns).to(device)], torch.from_numpy(targets).to(device)[..., None]


def _solve_positive(gram: Tensor, moments: Tensor, penalty: Tensor) -> Tensor:
    """(gram + penalty I)^-1 moments: (g, d, d), (g, d, 1), (g,) -> (g, d, 1)."""
    diagonal = gram.diagonal(dim1=1, dim2=2)
    diagonal += (penalty + ROUNDING * diagonal.sum(1))[:, None]
    return torch.cholesky_solve(moments, torch.linalg.cholesky(gram))
