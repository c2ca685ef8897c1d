"""Supervised steps whose first and last layer run in compiled loops on the CPU; the hidden layers stay PyTorch's.

The same step as `AutogradPass` on a `RowLazyStepper`, to rounding. It needs the extra `fast` (Numba).
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from refeed.errors import ConfigError
from refeed.models.autoencoder.network import Network, NetworkShape
from refeed.models.autoencoder.steppers import RowLazyStepper, Stepper
from refeed.models.autoencoder.supervised import SupervisedPass
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.options import TrainingOptions
from refeed.runtime import LoopsName

if TYPE_CHECKING:
    from refeed.models.autoencoder.compiled.edge_loops import Coordinates, Entries, Floats, Output

INSTALL = "pip install 'refeed[fast]'"
KNOWN_OUTPUTS = ("identity", "selu", "elu", "leaky_relu", "relu", "sigmoid", "tanh")
CACHED = 1 << 18  # numbers of a thread's sums over the rows of a batch that fit its cache (1 MiB)
TILE = 1 << 19  # numbers of a tile of the other side in a large batch (2 MiB)
WORTHWHILE = 1 << 22  # weights of the first and last layer beyond which these loops are faster, since no cache holds them
FIRST, LAST, BIAS = range(3)  # indices of the parameters of `RowLazyStepper.edge`
NOT_UPDATED = (0.0, 0.0)
INTO_MOMENTA = (0.0, 1.0)  # between `RowLazyMomentum.begin_dense_step` and `apply_step`


def use_loops(loops: LoopsName, shape: NetworkShape, options: TrainingOptions, *, num_columns: int, device: str) -> bool:
    """Whether to train in compiled loops; "auto" decides by what is installed and the size of the first and last layer.

    Raises:
        ConfigError: they are requested and not possible.
    """
    if loops == "pytorch" or (loops == "auto" and not are_worthwhile(shape, num_columns=num_columns)):
        return False
    obstacle = obstacle_to_loops(shape, options, device=device) or obstacle_to_numba()
    if loops == "compiled" and obstacle:
        raise ConfigError(f"loops=compiled: {obstacle}; or use loops=auto or loops=pytorch")
    return not obstacle


def are_worthwhile(shape: NetworkShape, *, num_columns: int) -> bool:
    """Whether the first and last layer are so large that compiled loops save time."""
    return num_columns * (shape.encoder[0] + (*shape.encoder, *shape.decoder)[-1]) >= WORTHWHILE


def obstacle_to_loops(shape: NetworkShape, options: TrainingOptions, *, device: str) -> str:
    """Why such training cannot run in compiled loops, or ""; whether Numba is installed is not checked."""
    last = shape.activation if shape.activation_on_last_layer else "identity"
    obstacles = {
        f"they run on the CPU, not on {device}": not device.startswith("cpu"),
        "they run on Linux, where Numba and PyTorch share one OpenMP": not sys.platform.startswith("linux"),
        f"they support optimizer=sgd, not {options.optimizer}": options.optimizer != "sgd",
        "they do not support gradient_clip": options.gradient_clip is not None,
        "they do not support refeed_label=joint": bool(options.refeed_steps) and options.refeed_label == "joint",
        "they do not support tied weights": shape.tied,
        "they do not support input_dropout": shape.input_dropout > 0,
        f"they do not support {last} on the last layer": not shape.within_scale and last not in KNOWN_OUTPUTS,
    }
    return next((words for words, holds in obstacles.items() if holds), "")


def obstacle_to_numba() -> str:
    """Why Numba cannot be used with the OpenMP that it shares with PyTorch, or ""."""
    if importlib.util.find_spec("numba") is None:
        return f"they need Numba: {INSTALL}"
    try:
        importlib.import_module("numba.np.ufunc.omppool")
    except Exception as error:  # with any broken installation of Numba, PyTorch's operations do the same
        return f"Numba is installed but cannot be used ({type(error).__name__}: {error})"
    return ""


class CompiledSupervision:
    """Supervised passes in compiled loops.

    Args:
        network: in training; `obstacle_to_loops` sees no obstacle to it.
        stepper: that of SGD, whose coordinates the loops read and update.
        options: precision of the products between hidden layers.
    """

    def __init__(self, network: Network, stepper: Stepper, options: TrainingOptions) -> None:
        from refeed.models.autoencoder.compiled import batch_entries, compiling, edge_loops

        assert isinstance(stepper, RowLazyStepper)
        self.network, self.stepper, self.loops = network, stepper, edge_loops
        self._in_both_orders, self._use_threads = batch_entries.in_both_orders, compiling.use_threads
        self.precision: torch.dtype = getattr(torch, options.precision)
        self.threads = torch.get_num_threads()
        self._width = max(network.input_weight.shape[1], network.last_weight.shape[1])
        self.tile = max(1, TILE // self._width)
        self.scratch = torch.empty(self.threads, 3, max(self._width, edge_loops.FOUR)).numpy()
        self._shares = torch.empty(0)
        self._prepared: WeakKeyDictionary[SparseRows, Entries] = WeakKeyDictionary()

    def prepare(self, rows: SparseRows) -> None:
        """Compute what a pass over these rows needs of them; may run in another thread."""
        pointers, columns, values = rows.indptr.numpy(), rows.columns.numpy(), rows.values.numpy()
        entries = self._in_both_orders(pointers, columns, values, rows.num_columns, self.threads)
        self._prepared[rows] = entries
        if not self._goes_by_columns(rows) and self.stepper.picks(len(entries.columns), rows.num_columns):
            self.stepper.prepare(rows)  # for PyTorch's operations, which will most likely run it

    def begin(self, rows: SparseRows, noise: torch.Generator, *, all_columns: bool) -> CompiledPass | None:
        """The forward half of a pass; see `Stepper.read` for the arguments.

        Returns:
            None for many rows that read few of the columns, where PyTorch's operations are as fast.
        """
        self._use_threads(self.threads)
        if rows not in self._prepared:
            self.prepare(rows)
        entries = self._prepared[rows]
        is_lazy = not all_columns and self.stepper.picks(len(entries.columns), rows.num_columns)
        of_columns = self._goes_by_columns(rows)
        if is_lazy and not of_columns:
            return None
        if is_lazy:
            self.stepper.edge.begin(self.stepper.rate)
        else:
            self.stepper.edge.flush()
        return CompiledPass(self, entries, noise, is_lazy=is_lazy, of_columns=of_columns)

    def _goes_by_columns(self, rows: SparseRows) -> bool:
        return len(rows) * self._width <= CACHED

    def coordinates(self, index: int, add: tuple[float, float] | None) -> Coordinates:
        """A parameter of the stepper's edge, and the multiples of a gradient by which it is updated.

        Args:
            index: of the parameter: FIRST, LAST or BIAS.
            add: the multiples; None takes the step of all rows without gradient, which determines them.
        """
        edge = self.stepper.edge
        read = edge.reading(index)
        multiples = edge.advance(index, self.stepper.rate) if add is None else add
        first, second = edge.parameters[index].data.numpy(), edge.buffer(index).numpy()
        return self.loops.Coordinates(first, second, np.array(read, np.float32), np.array(multiples, np.float32))

    def output(self) -> Output:
        """The last layer's activation in the form of the loops."""
        shape, loops = self.network.shape, self.loops
        known: Output = loops.OUTPUTS[shape.activation if shape.activation_on_last_layer else "identity"]
        if shape.within_scale:
            lowest, highest = self.network.output_scale.tolist()
            known = known._replace(kind=loops.SIGMOID, first=highest - lowest, second=lowest)
        return known

    def shares(self, rows: int, width: int) -> Floats:
        """Memory for what each thread adds to the rows, (threads, rows, width), valid until the next call."""
        size = self.threads * rows * width
        if self._shares.numel() < size:
            self._shares = torch.empty(size)
        return self._shares[:size].view(self.threads, rows, width).numpy()


class CompiledPass(SupervisedPass):
    """A pass in compiled loops.

    Args:
        supervision: what runs it.
        entries: of the batch.
        noise: random numbers of dropout.
        is_lazy: whether only the columns that are read are updated.
        of_columns: whether the loops go over columns, since the sums of all rows stay in the cache; otherwise they go over
            rows, and all columns are updated.
    """

    def __init__(
        self, supervision: CompiledSupervision, entries: Entries, noise: torch.Generator, *, is_lazy: bool, of_columns: bool
    ) -> None:
        self._of, self._entries, self._is_lazy, self._of_columns = supervision, entries, is_lazy, of_columns
        network = supervision.network
        self._sums = self._first_layer().requires_grad_()
        self.hidden: Tensor = network.hidden_of_sums(self._sums + network.input_bias, noise, precision=supervision.precision)

    @override
    def update(self) -> float:
        of, stepper, add = self._of, self._of.stepper, None if self._is_lazy else INTO_MOMENTA
        if not self._is_lazy:
            stepper.edge.begin_dense_step()
        weights, biases, hidden = of.coordinates(LAST, add), of.coordinates(BIAS, add), self.hidden.detach().contiguous()
        fit = self._fit_columns if self._of_columns else self._fit_rows
        loss, for_hidden = fit(weights, biases, hidden)
        stepper.clear_hidden()
        self.hidden.backward(for_hidden)  # type: ignore[no-untyped-call]
        assert self._sums.grad is not None
        weights, slopes = of.coordinates(FIRST, add), self._sums.grad.numpy()
        of.loops.update_columns(self._entries, self._entries.values, weights, slopes, of.scratch, of.tile)
        stepper.step_hidden()
        if not self._is_lazy:
            stepper.edge.apply_step(stepper.rate)
        return loss

    def _first_layer(self) -> Tensor:
        """The first layer's sums without its biases, (B, m)."""
        of, entries, weights = self._of, self._entries, self._of.coordinates(FIRST, NOT_UPDATED)
        rows, width = len(entries.pointers) - 1, weights.first.shape[1]
        sums = torch.empty(rows, width)
        if self._of_columns:
            of.loops.sum_columns(entries, weights, sums.numpy(), of.shares(rows, width), of.scratch)
        else:
            of.loops.sum_rows(entries, weights.first, sums.numpy(), of.tile)
        return sums

    def _fit_columns(self, weights: Coordinates, biases: Coordinates, hidden: Tensor) -> tuple[float, Tensor]:
        """The masked loss, and its gradient for the last hidden layer, (B, k); the last layer is updated."""
        of, entries, gradients = self._of, self._entries, torch.empty_like(hidden)
        shares = of.shares(*hidden.shape)
        loss = of.loops.fit_columns(
            entries, weights, biases, hidden.numpy(), of.output(), gradients.numpy(), shares, of.scratch
        )
        return loss, gradients

    def _fit_rows(self, weights: Coordinates, biases: Coordinates, hidden: Tensor) -> tuple[float, Tensor]:
        """The same, by rows; weights and biases are flat."""
        of, entries, last = self._of, self._entries, hidden.numpy()
        gradients, factors = torch.empty_like(hidden), np.empty_like(entries.values)
        loss = of.loops.fit_rows(entries, weights.first, biases.first, last, of.output(), gradients.numpy(), factors, of.tile)
        by_column = factors[entries.places]
        of.loops.update_columns(entries, by_column, weights, last, of.scratch, of.tile)
        of.loops.update_biases(entries, by_column, biases)
        return loss, gradients
