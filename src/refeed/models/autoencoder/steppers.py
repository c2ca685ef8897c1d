"""The optimiser steps of a network: a dense optimiser of PyTorch, or momentum that updates only the rows read."""

from __future__ import annotations

import abc

import torch
from torch import Tensor, nn
from typing_extensions import override

from refeed.models.autoencoder.network import EdgeWeights, Network
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.optimizer_state import load_state_tensors, state_tensors, under_prefix, with_prefix
from refeed.optim.optimizers import build_optimizer, fused, set_learning_rate
from refeed.optim.options import TrainingOptions
from refeed.optim.row_lazy_momentum import RowLazyMomentum

DENSE_SHARE = 0.8  # a batch that reads a larger share of the rows reads all, which costs less than picking them
LAZY_SHARE = 0.5  # after such a batch, rows are picked again for a share of at most this, since each change costs a pass


class Stepper(abc.ABC):
    """Provides the weights that a batch reads, and updates them on a loss."""

    @abc.abstractmethod
    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the steps to come."""

    @abc.abstractmethod
    def prepare(self, rows: SparseRows) -> None:
        """Compute whatever a step on these rows needs of them; may run in another thread, steps ahead."""

    @abc.abstractmethod
    def read(self, rows: SparseRows, *, all_columns: bool) -> tuple[EdgeWeights, SparseRows]:
        """The first and last layer's weights for a batch, and the batch over the columns of these.

        Args:
            rows: the batch.
            all_columns: read the network's own parameters, up to date.
        """

    @abc.abstractmethod
    def update(self, loss: Tensor) -> None:
        """Take a step on a loss that was computed from the weights last read."""

    def flush(self) -> None:  # noqa: B027 (a dense optimiser is never behind)
        """Bring all parameters up to date, for whoever reads them next."""

    def close(self) -> None:  # noqa: B027
        """Bring all parameters up to date and release them; no step follows."""

    @abc.abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All tensors but the parameters that the next step depends on."""

    @abc.abstractmethod
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Resume from a state; without any of the same kind, start afresh."""


def build_stepper(network: Network, options: TrainingOptions) -> Stepper:
    """Row-lazy momentum for SGD, a dense optimiser of PyTorch otherwise."""
    return RowLazyStepper(network, options) if options.optimizer == "sgd" else DenseStepper(network, options)


class DenseStepper(Stepper):
    """An optimiser of PyTorch over all parameters.

    Args:
        network: in training.
        options: optimiser, momentum, weight decay, gradient clipping.
    """

    def __init__(self, network: Network, options: TrainingOptions) -> None:
        self._network, self._options = network, options
        self._optimizer = build_optimizer(network, options)
        # RMSprop with momentum keeps other tensors than without, so they are two kinds of state
        self._kind = options.optimizer if options.momentum else f"{options.optimizer} without momentum"

    @override
    def set_learning_rate(self, rate: float) -> None:
        set_learning_rate(self._optimizer, rate)

    @override
    def prepare(self, rows: SparseRows) -> None:
        _ = rows.by_column

    @override
    def read(self, rows: SparseRows, *, all_columns: bool) -> tuple[EdgeWeights, SparseRows]:
        return self._network.edge, rows

    @override
    def update(self, loss: Tensor) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._options.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self._network.parameters(), self._options.gradient_clip)
        self._optimizer.step()

    @override
    def state(self) -> dict[str, Tensor]:
        """Tensors named by optimiser, parameter and quantity."""
        return with_prefix(f"{self._kind}/", state_tensors(self._optimizer))

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        load_state_tensors(self._optimizer, under_prefix(f"{self._kind}/", tensors))


class RowLazyStepper(Stepper):
    """SGD with momentum that updates only those rows of the first and last layer that the batch read, yet equals dense SGD.

    Args:
        network: in training.
        options: momentum, weight decay, gradient clipping.

    Attributes:
        edge: the first layer's weights, the last one's unless they are the same, and the last one's biases.
        rate: of the steps to come.
    """

    def __init__(self, network: Network, options: TrainingOptions) -> None:
        self._network, self._options = network, options
        edge = [network.input_weight, *([] if network.output_weight is None else [network.output_weight]), network.output_bias]
        bias_decay = options.weight_decay if options.decay_biases else 0.0
        decay = [options.weight_decay] * (len(edge) - 1) + [bias_decay]
        self.edge = RowLazyMomentum(edge, decay, momentum=options.momentum)
        at_edge = {id(parameter) for parameter in edge}
        self._hidden = [parameter for parameter in network.parameters() if id(parameter) not in at_edge]
        groups = [
            {"params": [parameter for parameter in self._hidden if parameter.dim() > 1], "weight_decay": options.weight_decay},
            {"params": [parameter for parameter in self._hidden if parameter.dim() <= 1], "weight_decay": bias_decay},
        ]
        self._optimizer = torch.optim.SGD(
            groups, lr=options.learning_rate, momentum=options.momentum, fused=fused(self._hidden)
        )
        for parameter in self._hidden if options.momentum else []:
            self._optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self.rate = options.learning_rate
        self._columns: Tensor | None = None
        self._leaves: list[Tensor] = list(edge)

    @override
    def set_learning_rate(self, rate: float) -> None:
        self.rate = rate
        set_learning_rate(self._optimizer, rate)

    @override
    def prepare(self, rows: SparseRows) -> None:
        _ = rows.compact

    @override
    def read(self, rows: SparseRows, *, all_columns: bool) -> tuple[EdgeWeights, SparseRows]:
        """Pick the rows that the batch reads, unless these are most of them."""
        self._columns = None
        if not all_columns and self.picks(len(rows.compact[0]), rows.num_columns):
            self._columns, compact = rows.compact
            self._leaves = self.edge.read(self._columns, self.rate)
            return EdgeWeights(self._leaves[0], self._leaves[-2], self._leaves[-1]), compact
        self.edge.flush()
        self._leaves = list(self.edge.parameters)
        return self._network.edge, rows

    def picks(self, columns: int, num_columns: int) -> bool:
        """Whether a step on a batch that reads so many columns should update these alone."""
        return columns <= (LAZY_SHARE if self.edge.is_flat else DENSE_SHARE) * num_columns

    @override
    def update(self, loss: Tensor) -> None:
        for leaf in self._leaves:
            leaf.grad = None
        self.clear_hidden()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._options.gradient_clip is not None:
            nn.utils.clip_grad_norm_([*self._leaves, *self._hidden], self._options.gradient_clip)
        self.step_hidden()
        if self._columns is None:
            self.edge.step_all(self.rate)
        else:
            self.edge.step_rows(self._columns, self._leaves, self.rate)

    def clear_hidden(self) -> None:
        """Clear the gradients of all parameters but those of the first and last layer."""
        for parameter in self._hidden:
            parameter.grad = None

    def step_hidden(self) -> None:
        """Update all parameters but those of the first and last layer."""
        self._optimizer.step()

    @override
    def flush(self) -> None:
        self.edge.flush()

    @override
    def close(self) -> None:
        self.edge.close()

    @override
    def state(self) -> dict[str, Tensor]:
        return with_prefix("sgd/hidden.", self._hidden_momenta()) | with_prefix("sgd/edge.", self.edge.state())

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        if not any(name.startswith("sgd/") for name in tensors):
            return
        self.edge.load_state(under_prefix("sgd/edge.", tensors))
        momenta = self._hidden_momenta()
        for name, tensor in under_prefix("sgd/hidden.", tensors).items():
            if name in momenta:
                momenta[name].copy_(tensor)

    def _hidden_momenta(self) -> dict[str, Tensor]:
        """The momenta of all parameters but those of the first and last layer, by their number; none without momentum."""
        parameters = self._hidden if self._options.momentum else []
        return {str(i): self._optimizer.state[parameter]["momentum_buffer"] for i, parameter in enumerate(parameters)}
