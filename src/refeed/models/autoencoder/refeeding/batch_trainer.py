"""Masked loss, and dense re-feeding in its three published readings (Kuchaiev & Ginsburg 2017, section 2.3)."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor

from refeed.models.autoencoder.compiled.supervision import CompiledSupervision
from refeed.models.autoencoder.network import Network, NetworkShape
from refeed.models.autoencoder.refeeding.blocked import BlockedFeed
from refeed.models.autoencoder.refeeding.dense import DenseFeed
from refeed.models.autoencoder.refeeding.feed import Feed
from refeed.models.autoencoder.refeeding.gram import GramFeed
from refeed.models.autoencoder.steppers import Stepper
from refeed.models.autoencoder.supervised import AutogradPass, SupervisedPass, masked_loss
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.options import TrainingOptions

GRAM_PRODUCTS = {"output": 7, "joint": 4, "ratings": 2}  # matrix products n x k x k of a re-feeding step in the Gram form
SMALL = 1 << 16  # entries of a dense batch up to which dense products cost less than picking the rated ones
BLOCKED_PRODUCTS = {"output": 6, "joint": 6, "ratings": 3}  # matrix products B x n x k of a step in the blocked form


Form: TypeAlias = type[GramFeed] | type[BlockedFeed] | type[DenseFeed]


def refeeding_form(shape: NetworkShape, options: TrainingOptions, *, batch_size: int, num_columns: int) -> Form:
    """The cheapest exact form for these shapes; Gram matrices need a linear last layer and no noise on the fed output."""
    if batch_size * num_columns <= SMALL:
        return DenseFeed
    if not shape.has_linear_output or options.refeed_noise:
        return BlockedFeed
    width = shape.decoder[-1] if shape.decoder else shape.encoder[-1]
    gram, blocked = GRAM_PRODUCTS[options.refeed_label] * width, BLOCKED_PRODUCTS[options.refeed_label] * batch_size
    return GramFeed if gram < blocked else BlockedFeed


class BatchTrainer:
    """All optimiser steps on one batch: the supervised one and its re-feeding.

    Args:
        network: the network in training.
        options: number of re-feeding steps, label, noise.
        stepper: takes the optimiser steps.
        compiled: supervised passes in compiled loops; None for PyTorch's operations.
    """

    def __init__(
        self, network: Network, options: TrainingOptions, stepper: Stepper, compiled: CompiledSupervision | None = None
    ) -> None:
        self.network, self.options, self.stepper = network, options, stepper
        self._precision: torch.dtype = getattr(torch, options.precision)
        self._compiled = compiled

    def prepare(self, rows: SparseRows) -> None:
        """Compute what the steps on a batch need of it; may run in another thread, steps ahead."""
        if self._compiled is not None:
            self._compiled.prepare(rows)
        if self._compiled is None or (self.options.refeed_steps and self.options.refeed_label == "ratings"):
            self.stepper.prepare(rows)

    def __call__(self, rows: SparseRows, noise: torch.Generator, *, refeed: bool = True) -> tuple[float, list[float]]:
        """Train on one batch.

        Args:
            rows: B x n ratings less offsets.
            noise: random numbers of this batch's dropout.
            refeed: whether to re-feed this batch (if the options have re-feeding at all).

        Returns:
            the supervised loss and the loss of each re-feeding step, each before its update.
        """
        refeed_steps = self.options.refeed_steps if refeed else 0
        form = refeeding_form(self.network.shape, self.options, batch_size=len(rows), num_columns=self.network.num_columns)
        if refeed_steps and self.options.refeed_label == "joint":
            return self._joint(self._autograd_pass(rows, noise, all_columns=True), noise, form)
        begun = self._begin(rows, noise, all_columns=refeed_steps > 0)
        if refeed_steps == 0:
            return begun.update(), []
        fed = self._feed(form, begun.hidden, noise)  # before the weights move
        return begun.update(), self._in_turn(rows, fed, noise, form)

    def _begin(self, rows: SparseRows, noise: torch.Generator, *, all_columns: bool) -> SupervisedPass:
        begun = None if self._compiled is None else self._compiled.begin(rows, noise, all_columns=all_columns)
        return begun or self._autograd_pass(rows, noise, all_columns=all_columns)

    def _autograd_pass(self, rows: SparseRows, noise: torch.Generator, *, all_columns: bool) -> AutogradPass:
        """The last hidden layer and the masked loss, by PyTorch."""
        if len(rows) * rows.num_columns <= SMALL and not self.network.shape.input_dropout:
            self.stepper.read(rows, all_columns=True)
            hidden = self.network.hidden_of_dense(rows.to_dense(), noise, precision=self._precision)
            outputs = self.network.output_dense(hidden)[rows.row_of_entry, rows.columns]
            return AutogradPass(hidden, masked_loss(outputs, rows.values), self.stepper)
        edge, local = self.stepper.read(rows, all_columns=all_columns)
        hidden = self.network.hidden_of_rows(local, noise, edge=edge, precision=self._precision)
        loss = masked_loss(self.network.output_at(hidden, local, edge=edge), local.values)
        return AutogradPass(hidden, loss, self.stepper)

    def _in_turn(self, rows: SparseRows, fed: Feed, noise: torch.Generator, form: Form) -> list[float]:
        """Further optimiser steps, each on the output of the previous pass."""
        losses = []
        for remaining in reversed(range(self.options.refeed_steps)):
            self.stepper.read(rows, all_columns=True)
            hidden = self.network.hidden_of_sums(fed.first_layer(), noise, precision=self._precision)
            if self.options.refeed_label == "ratings":
                loss = masked_loss(self.network.output_at(hidden, rows), rows.values)
            else:
                loss = fed.loss(hidden)
            following = self._feed(form, hidden, noise) if remaining else fed
            self.stepper.update(loss)
            losses.append(loss.item())
            fed = following
        return losses

    def _joint(self, begun: AutogradPass, noise: torch.Generator, form: Form) -> tuple[float, list[float]]:
        """One optimiser step on the sum of the supervised and all re-feeding losses."""
        total, hidden, losses = begun.loss, begun.hidden, []
        for _ in range(self.options.refeed_steps):
            fed = self._feed(form, hidden, noise)
            hidden = self.network.hidden_of_sums(fed.first_layer(), noise, precision=self._precision)
            loss = fed.loss(hidden)
            total = total + loss
            losses.append(loss.item())
        self.stepper.update(total)
        return begun.loss.item(), losses

    def _feed(self, form: Form, hidden: Tensor, noise: torch.Generator) -> Feed:
        """The output for `hidden` under the current weights, to be fed back.

        A row whose hidden layer is 0 can have outputs of exactly 0 (as long as a bias is); only the blocked form masks those.
        """
        if form is DenseFeed:
            return DenseFeed(self.network, hidden.detach(), dropped=self.options.refeed_noise, noise=noise)
        if form is GramFeed and not bool((hidden == 0).all(1).any()):
            moves = self.options.refeed_label != "joint"
            return GramFeed(self.network, hidden.detach(), weights_move=moves, precision=self._precision)
        return BlockedFeed(
            self.network,
            hidden.detach(),
            weights_move=self.options.refeed_label != "joint",
            dropped=self.options.refeed_noise,
            noise=noise,
        )
