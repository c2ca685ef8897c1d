"""Masked loss, and dense re-feeding in its three published readings (Kuchaiev & Ginsburg 2017, section 2.3)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from refeed.models.layers.dropout import dropout
from refeed.models.layers.sparse_rows import SparseRows
from refeed.models.network import Network
from refeed.training.options import TrainingOptions

Update = Callable[[Tensor], None]
"""Takes an optimiser step on a loss."""


def masked_loss(outputs: Tensor, ratings: Tensor) -> Tensor:
    """Mean squared error over the rated places, both (nnz,)."""
    return (outputs - ratings).square().mean()


def dense_loss(outputs: Tensor, label: Tensor) -> Tensor:
    """Mean squared error of re-feeding, both (B, n), over the places where the label is not exactly 0.

    The original takes 0 for "not rated" here too. That leaves out what ReLU or noise have set to 0, and nothing else.
    """
    mask = label != 0
    return ((outputs - label).square() * mask).sum() / mask.sum().clamp(min=1)


class BatchTrainer:
    """All optimiser steps on one batch: the supervised one and its re-feeding.

    Args:
        network: the network in training.
        options: number of re-feeding steps, label, noise.
        update: takes an optimiser step on a loss.
    """

    def __init__(self, network: Network, options: TrainingOptions, update: Update) -> None:
        self.network, self.options, self.update = network, options, update

    def __call__(self, rows: SparseRows, noise: torch.Generator) -> tuple[float, list[float]]:
        """Train on one batch.

        Args:
            rows: B x n ratings, offsets taken off.
            noise: generator of this batch's dropout.

        Returns:
            the supervised loss and the loss of each re-feeding step, all before the update that they cause.
        """
        hidden = self.network.hidden_of_rows(rows, noise)
        loss = masked_loss(self.network.output_at(hidden, rows), rows.values)
        if self.options.refeed_steps == 0:
            self.update(loss)
            return loss.item(), []
        fed = self._output(hidden)  # B x n, before the weights move
        if self.options.refeed_label == "joint":
            return self._joint(loss, fed, noise)
        self.update(loss)
        return loss.item(), self._in_turn(rows, fed, noise)

    def _in_turn(self, rows: SparseRows, fed: Tensor, noise: torch.Generator) -> list[float]:
        """Further optimiser steps, each on the output of the pass before it."""
        losses = []
        for remaining in reversed(range(self.options.refeed_steps)):
            fed = dropout(fed, self.options.refeed_noise, noise)
            hidden = self.network.hidden_of_dense(fed, noise)
            if self.options.refeed_label == "ratings":
                loss = masked_loss(self.network.output_at(hidden, rows), rows.values)
                following = self._output(hidden) if remaining else fed
            else:
                outputs = self.network.output_dense(hidden)
                loss, following = dense_loss(outputs, fed), outputs.detach()
            self.update(loss)
            losses.append(loss.item())
            fed = following
        return losses

    @torch.no_grad()
    def _output(self, hidden: Tensor) -> Tensor:
        """The whole output, (B, n), as a label or input: no gradient flows through it."""
        return self.network.output_dense(hidden)

    def _joint(self, supervised: Tensor, fed: Tensor, noise: torch.Generator) -> tuple[float, list[float]]:
        """One optimiser step on the sum of the supervised and all re-feeding losses."""
        total, losses = supervised, []
        for _ in range(self.options.refeed_steps):
            fed = dropout(fed, self.options.refeed_noise, noise)
            outputs = self.network.output_dense(self.network.hidden_of_dense(fed, noise))
            loss = dense_loss(outputs, fed)
            total = total + loss
            losses.append(loss.item())
            fed = outputs.detach()
        self.update(total)
        return supervised.item(), losses
