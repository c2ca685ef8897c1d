"""The time-dependent terms of time-SVD++: item biases by time bin, and drifting user biases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.data.history import History

YEAR = 365.25 * 86_400  # seconds
CURVE = 0.4  # Koren (2009), section 3.2: chosen there by cross-validation


class TimeTerms(nn.Module):
    """b_i,Bin(t) and dev_u(t) of time-SVD++; Koren, "Collaborative filtering with temporal dynamics" (2009), section 3.2.

    Bins divide the time range of the training ratings evenly; earlier and later times fall into the first and last bin.
    dev_u(t) = sign(t - t_u) |t - t_u|^0.4 in years, with t_u the mean time of the user's ratings.

    Args:
        num_items: n.
        bins: number of bins.
    """

    span: Tensor

    def __init__(self, num_items: int, bins: int) -> None:
        super().__init__()
        self.item_bias = nn.Parameter(torch.zeros(num_items, bins))
        self.register_buffer("span", torch.zeros(2, dtype=torch.int64))

    def begin_training(self, times: npt.NDArray[np.integer]) -> None:
        """Set the span of the bins to that of the times of the training ratings."""
        self.span.copy_(torch.tensor([int(times.min()), int(times.max())]))

    def bins(self, times: npt.NDArray[np.int64]) -> Tensor:
        """The bin of each time, int64 (P,)."""
        first, last = self.span.tolist()
        share = (times - first) / max(1, last - first)
        count = self.item_bias.shape[1]
        return torch.from_numpy(np.clip(np.floor(share * count), 0, count - 1).astype(np.int64)).to(self.item_bias.device)

    def latest(self, history: History) -> npt.NDArray[np.int64]:
        """The time of each user's last rating, int64 (B,); the end of training where it is unknown."""
        latest = np.full(len(history), self.span[1].item(), np.int64)
        rated = np.flatnonzero(history.counts)
        if history.timestamps is not None and len(rated):
            latest[rated] = np.maximum.reduceat(history.timestamps, history.indptr[rated])
        return latest

    def times_of(self, history: History) -> npt.NDArray[np.int64]:
        """The time of each rating of the history, int64 (nnz,); the user's latest time where it is unknown."""
        return self.latest(history)[history.row_of_rating] if history.timestamps is None else history.timestamps

    def middle(self, history: History) -> npt.NDArray[np.float64]:
        """The mean time t_u of each user's ratings, float64 (B,); their latest time where it is unknown."""
        latest = self.latest(history).astype(np.float64)
        if history.timestamps is None:
            return latest
        before = latest[history.row_of_rating] - history.timestamps
        sums = np.bincount(history.row_of_rating, weights=before, minlength=len(history))
        return np.asarray(latest - sums / np.maximum(history.counts, 1))


def deviation(times: npt.NDArray[np.int64], middle: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """dev_u(t), float32 (P,), at each time, (P,), given t_u of each pair's user, (P,)."""
    years = (times - middle) / YEAR
    return np.asarray(np.sign(years) * np.abs(years) ** CURVE, np.float32)
