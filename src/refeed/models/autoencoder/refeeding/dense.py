"""Dense re-feeding by definition, the whole output at once: the fastest form for small batches over few items."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from refeed.models.autoencoder.layers.dropout import dropout
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.refeeding.feed import Feed


class DenseFeed(Feed):
    """The output for a hidden layer under the current weights, held as a dense matrix.

    Args:
        network: in training.
        hidden: h1, (B, k), detached.
        dropped: probability of dropping a fed value.
        noise: random numbers of dropping.
    """

    def __init__(self, network: Network, hidden: Tensor, *, dropped: float, noise: torch.Generator) -> None:
        self._network = network
        with torch.no_grad():
            self._fed = dropout(network.output_dense(hidden), dropped, noise if dropped else None)  # B x n

    @override
    def first_layer(self) -> Tensor:
        return self._network.sums_of_dense(self._fed)

    @override
    def loss(self, hidden: Tensor) -> Tensor:
        """Mean squared gap over the entries where the fed value is not exactly 0, as in `BlockedFeed.loss`."""
        mask = self._fed != 0
        gap = self._network.output_dense(hidden) * mask - self._fed
        return gap.square().sum() / mask.sum().clamp(min=1)
