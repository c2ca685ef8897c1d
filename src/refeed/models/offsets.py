"""What is taken off a rating before the model sees it: nothing, the mean, or user and item biases."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.data.history import History

OffsetKind = Literal["none", "mean", "bias"]


class Offsets(nn.Module):
    """offset(u, i) = mean + item_bias[i] + user_bias(history of u).

    The user's part is worked out from the history alone, so a new person has one too: the sum of
    (rating - mean - item_bias) over the history, divided by (number of ratings + user_regularisation).

    Args:
        kind: "none" (all 0), "mean" (the training mean only) or "bias".
        num_items: n.
        user_regularisation: number of imaginary ratings that pull a user's bias to 0, at least 0.
    """

    mean: Tensor
    item_bias: Tensor

    def __init__(self, kind: OffsetKind, num_items: int, *, user_regularisation: float) -> None:
        super().__init__()
        self.kind = kind
        self.user_regularisation = user_regularisation
        self.register_buffer("mean", torch.zeros((), dtype=torch.float32))
        self.register_buffer("item_bias", torch.zeros(num_items, dtype=torch.float32))

    def set(self, mean: float, item_bias: npt.NDArray[np.floating]) -> None:
        """Store what was fitted: the mean, and the item biases (n,)."""
        self.mean.fill_(mean)
        self.item_bias.copy_(torch.from_numpy(item_bias.astype(np.float32)))

    def user_part(self, history: History) -> npt.NDArray[np.float32]:
        """mean + user bias of each person of the history, float32 (B,)."""
        mean = self.mean.item()
        if self.kind != "bias":
            return np.full(len(history), mean, np.float32)
        residuals = history.values - mean - self.item_part()[history.indices]
        sums = np.bincount(history.row_of_rating, weights=residuals, minlength=len(history))
        divisor = np.maximum(history.counts + self.user_regularisation, 1e-12)
        return np.asarray(mean + sums / divisor, np.float32)

    def item_part(self) -> npt.NDArray[np.float32]:
        """item_bias, float32 (n,)."""
        return self.item_bias.numpy(force=True)

    def of_entries(self, history: History) -> npt.NDArray[np.float32]:
        """The offset at each rating of the history, float32 (nnz,)."""
        return self.user_part(history)[history.row_of_rating] + self.item_part()[history.indices]
