"""What every form of dense re-feeding offers."""

from __future__ import annotations

import abc

from torch import Tensor


class Feed(abc.ABC):
    """An output f(x) that is fed back, whatever form it is held in."""

    @abc.abstractmethod
    def first_layer(self) -> Tensor:
        """The first layer's sums for it, (B, m); gradients flow to the first layer's parameters."""

    @abc.abstractmethod
    def loss(self, hidden: Tensor) -> Tensor:
        """Mean squared gap of the output for `hidden`, (B, k), to it; gradients flow to `hidden` and the last layer."""
