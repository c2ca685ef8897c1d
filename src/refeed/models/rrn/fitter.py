"""Fits a recurrent recommender network: first its stationary factors, then everything, users and items in turn."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Adam
from typing_extensions import override

from refeed.data.batches import epoch_batches
from refeed.data.ratings import Ratings
from refeed.models.base import Fitter, Integers, StepReport
from refeed.models.common.building import with_offsets
from refeed.models.common.checks import require_finite
from refeed.models.rrn.model import RecurrentModel
from refeed.models.rrn.sides import both_sides
from refeed.models.rrn.spec import RRN
from refeed.optim.optimizer_state import load_state_tensors, state_tensors, under_prefix, with_prefix
from refeed.optim.optimizers import fused
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.seeds import derive_seed

SIDES = ("users", "items")


class RecurrentFitter(Fitter):
    """Fits the stationary factors alone in the first epochs, then the networks of users and items in turn.

    A step of the first epochs solves for the stationary factors of all users, or of all items. Later epochs have batches of
    users, then batches of items; before the first batch of a side its stationary factors are solved for. Batches are functions
    of (seed, epoch), and what is fixed while one side learns is computed from the model, so a resumed run equals an
    uninterrupted one.

    Args:
        model: with its initial weights, on its device; its offsets are already fitted.
        train: training ratings.
        spec: the model's description.
        seed: of the batches.

    Raises:
        DataError: the ratings have no times.
    """

    model: RecurrentModel

    def __init__(self, model: RecurrentModel, train: Ratings, spec: RRN, *, seed: int) -> None:
        self.model, self.spec, self.seed = model, spec, seed
        self.epochs, self.patience = spec.start_epochs + spec.epochs, spec.patience
        self._sides = both_sides(model, train)
        self._optimizers = [_adam(list(side.network.parameters()), spec) for side in self._sides]
        self._fixed_for: tuple[int, int] | None = None  # the epoch and the side that learns
        self._targets = self._other_states = torch.empty(0)
        self._keep_item_states()

    @override
    def num_steps(self, epoch: int) -> int:
        """Two solutions in the first epochs, then the batches of both sides."""
        if epoch < self.spec.start_epochs:
            return len(SIDES)
        return len(self._batches(0, epoch)) + len(self._batches(1, epoch))

    @override
    def train_step(self, epoch: int, step: int) -> StepReport:
        """Solve for stationary factors or take a step of Adam."""
        if epoch < self.spec.start_epochs:
            return self._solve_alone(step)
        user_batches = len(self._batches(0, epoch))
        number, batch = (0, step) if step < user_batches else (1, step - user_batches)
        if self._fixed_for != (epoch, number):
            self._fix_the_other_side(epoch, number, solve=batch == 0)
        report = self._train_batch(number, self._batches(number, epoch)[batch])
        remedy = f"Lower learning_rate (now {self.spec.learning_rate:g})."
        require_finite(report.squared_error, where=f"epoch {epoch + 1}, batch {step + 1:,}", remedy=remedy)
        if step == self.num_steps(epoch) - 1:
            self._keep_item_states()  # the model is read between epochs
        return report

    @override
    def learning_rate(self, epoch: int) -> float | None:
        """That of Adam; None while only stationary factors are fitted."""
        return None if epoch < self.spec.start_epochs else self.spec.learning_rate

    @override
    def close(self) -> None:
        self._targets = self._other_states = torch.empty(0)

    @override
    def state(self) -> dict[str, Tensor]:
        """The users' stationary factors, and the optimisers' tensors."""
        tensors = {"user_factors": self._sides[0].factors}
        for name, optimizer in zip(SIDES, self._optimizers, strict=True):
            tensors |= with_prefix(f"{name}/", state_tensors(optimizer))
        return tensors

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        if "user_factors" in tensors:
            self._sides[0].factors.copy_(tensors["user_factors"])
        for name, optimizer in zip(SIDES, self._optimizers, strict=True):
            load_state_tensors(optimizer, under_prefix(f"{name}/", tensors))
        self._fixed_for = None

    def _batches(self, number: int, epoch: int) -> list[Integers]:
        counts, seed = self._sides[number].sequences.timeline.lengths, derive_seed(self.seed, SIDES[number])
        return epoch_batches(counts, self.spec.batch_size, seed=seed, epoch=epoch)

    def _solve_alone(self, number: int) -> StepReport:
        """A step of the first epochs, in which all products of states are 0; the reported error is that of the solution."""
        side = self._sides[number]
        side.solve(self._states(number), self._states(1 - number), regularisation=self.spec.regularisation)
        errors = side.targets_of_states()
        return StepReport(errors.square().sum(dtype=torch.float64).item(), len(errors))

    def _fix_the_other_side(self, epoch: int, number: int, *, solve: bool) -> None:
        """Compute what is fixed while one side learns: the other side's states, and the targets of the states."""
        side = self._sides[number]
        self._other_states = self._states(1 - number)
        if solve:
            side.solve(self._states(number), self._other_states, regularisation=self.spec.regularisation)
        self._targets = side.targets_of_states()
        self._fixed_for = (epoch, number)

    def _train_batch(self, number: int, rows: Integers) -> StepReport:
        side, optimizer = self._sides[number], self._optimizers[number]
        losses = side.loss_of(rows, self._targets, self._other_states, self.spec.gradient_steps)
        optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return StepReport(losses.detach().sum(dtype=torch.float64).item(), len(losses))

    def _states(self, number: int) -> Tensor:
        return self._sides[number].network.states(self._sides[number].sequences)

    def _keep_item_states(self) -> None:
        """Store the items' states, and their time steps, in the model."""
        timeline, device = self._sides[1].sequences.timeline, self.model.device
        self.model.item_states = self._states(1)
        self.model.item_moments = torch.from_numpy(timeline.moments).to(device)
        self.model.item_pointers = torch.from_numpy(timeline.indptr).to(device)


def _adam(parameters: list[torch.nn.Parameter], spec: RRN) -> Adam:
    return Adam(parameters, lr=spec.learning_rate, weight_decay=spec.weight_decay, fused=fused(parameters))


def build_rrn_fitter(spec: RRN, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of RRN, with a new model."""
    return RecurrentFitter(with_offsets(spec, train, runtime), train, spec, seed=runtime.seed)
