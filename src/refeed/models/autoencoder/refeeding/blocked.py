"""Dense re-feeding in blocks of items: any last layer, any noise, memory bounded by B x block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from typing_extensions import override

from refeed.models.autoencoder.layers.dropout import dropout
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.refeeding.feed import Feed

BLOCK_VALUES = 1 << 22  # fed values held at once: 16 MiB in single precision


class BlockedFeed(Feed):
    """The output for a hidden layer under the current weights, computed block by block.

    Args:
        network: in training.
        hidden: h1, (B, k), detached.
        weights_move: whether the weights are updated before the output is fed; then the current ones are copied.
        dropped: probability of dropping a fed value.
        noise: random numbers of dropping.
        block_values: fed values held at once, at least 1.
    """

    def __init__(
        self,
        network: Network,
        hidden: Tensor,
        *,
        weights_move: bool,
        dropped: float,
        noise: torch.Generator,
        block_values: int = BLOCK_VALUES,
    ) -> None:
        self._network, self._hidden, self._dropped = network, hidden, dropped
        weight, bias = network.last_weight.detach(), network.output_bias.detach()
        self._weight, self._bias = (weight.clone(), bias.clone()) if weights_move else (weight, bias)
        self._width = max(1, block_values // max(1, len(hidden)))
        self._noise, self._state = noise, noise.get_state()
        self._only_block: Tensor | None = None
        if dropped:
            for _ in self.blocks():  # advance the generator by one pass over all items
                pass

    def blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Each block of items, and the fed values there, (B, block); the same ones each time."""
        if self._only_block is not None:
            yield slice(0, len(self._weight)), self._only_block
            return
        noise = torch.Generator(self._hidden.device)
        noise.set_state(self._state)
        for start in range(0, len(self._weight), self._width):
            items = slice(start, min(start + self._width, len(self._weight)))
            with torch.no_grad():
                fed = self._network.last(torch.addmm(self._bias[items], self._hidden, self._weight[items].t()))
                fed = dropout(fed, self._dropped, noise if self._dropped else None)
            if self._width >= len(self._weight):
                self._only_block = fed
            yield items, fed
        if self._dropped:
            self._noise.set_state(noise.get_state())

    @override
    def first_layer(self) -> Tensor:
        sums: Tensor = _FirstLayer.apply(self._network.input_weight, self)  # type: ignore[no-untyped-call]
        return sums + self._network.input_bias

    @override
    def loss(self, hidden: Tensor) -> Tensor:
        """Mean squared gap over the entries where the fed value is not exactly 0.

        The original takes 0 for "not rated" here too. That leaves out what ReLU or noise have set to 0, and nothing else.
        """
        gap: Tensor = _MaskedGap.apply(hidden, self._network.last_weight, self._network.output_bias, self, self._network)  # type: ignore[no-untyped-call]
        return gap


class _FirstLayer(Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, feed: BlockedFeed) -> Tensor:
        ctx.feed = feed
        sums: Tensor | None = None
        for items, fed in feed.blocks():
            part = fed @ weight[items]
            sums = part if sums is None else sums.add_(part)
        assert sums is not None
        return sums

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return torch.cat([fed.t() @ gradients[0] for _, fed in ctx.feed.blocks()]), None


class _MaskedGap(Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, feed: BlockedFeed, network: Network) -> Tensor:
        total, entries = hidden.new_zeros(()), 0
        for_hidden, for_weight, for_bias = torch.zeros_like(hidden), [], []
        for items, label in feed.blocks():
            mask = label != 0
            sums = torch.addmm(bias[items], hidden, weight[items].t()).requires_grad_()
            with torch.enable_grad():
                squared = ((network.last(sums) - label).square() * mask).sum()
                (slope,) = torch.autograd.grad(squared, sums)  # B x block
            total, entries = total + squared.detach(), entries + int(mask.sum())
            for_hidden.addmm_(slope, weight[items])
            for_weight.append(slope.t() @ hidden)
            for_bias.append(slope.sum(0))
        ctx.scale = 1 / max(1, entries)
        ctx.save_for_backward(for_hidden, torch.cat(for_weight), torch.cat(for_bias))
        mean: Tensor = total * ctx.scale
        return mean

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradients[0] * ctx.scale
        return (*(tensor * scale for tensor in ctx.saved_tensors), None, None)
