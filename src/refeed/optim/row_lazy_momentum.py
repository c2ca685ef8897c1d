"""SGD with momentum and weight decay that updates only the rows a batch reads, and equals the dense optimiser.

With momentum mu, weight decay d, rate r and the gradient g, dense SGD does with each row w of a matrix and its momentum v

    v <- mu v + d w + g,  w <- w - r v,   that is   (w, v) <- A (w, v) + (-r, 1) g   with   A = [[1 - r d, -r mu], [d, mu]].

So without a gradient all rows are multiplied by the same 2 x 2 matrices, whatever the rates. A row is stored as its
coordinates y in a frame P that is multiplied by them: (w, v) = P y and P <- A P. Then rows without a gradient cost nothing, a
row is read as one weighted sum, w = P[0, 0] y0 + P[0, 1] y1, and a gradient adds multiples of itself to y0 and y1.

The frame starts as the eigenvectors of A where these are real: y0 is then the limit of the row without gradients, so that
numbers of similar size are added. It is restarted when momentum has shrunk it by `SHRUNK`, or the rate has changed much.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed import large_memory
from refeed.optim.optimizers import fused

SHRUNK = 1e-3  # determinant below which a frame is restarted: coordinates would be too large for the precision of float32
BLOCK = 1 << 18  # numbers that stay in the cache during several passes
RATE_CHANGE = 0.3  # relative change of the learning rate beyond which a frame is restarted

Frame: TypeAlias = npt.NDArray[np.float64]


class RowLazyMomentum:
    """Parameters with a common row index and their momenta; a step updates the rows that have gradients.

    Between `read` and `flush` the parameters hold coordinates, not weights. `close` gives them memory of their own.

    Args:
        parameters: of shape (n, …), all with the same n.
        weight_decay: d of each parameter, at least 0.
        momentum: mu, 0 to below 1.
        block: numbers of a block of rows when frames are changed, at least 1.
    """

    def __init__(
        self, parameters: list[nn.Parameter], weight_decay: list[float], *, momentum: float, block: int = BLOCK
    ) -> None:
        self.parameters, self.weight_decay, self.momentum, self._block = parameters, weight_decay, momentum, block
        self.coordinates = [_with_momenta(parameter) for parameter in parameters]  # (2n, …): y0 (or w), below it y1 (or v)
        self.frames: list[Frame] | None = None  # P of each parameter; None: flat, the coordinates are weights and momenta
        self._rate = 0.0  # at the start of the frames
        self._dense = [self._dense_optimizer(index) for index in range(len(parameters))]

    @property
    def is_flat(self) -> bool:
        """Whether the parameters hold weights, so that `step_all` can be taken."""
        return self.frames is None

    def buffer(self, index: int) -> Tensor:
        """The momenta (or second coordinates) of a parameter, of its shape."""
        return self.coordinates[index][len(self.parameters[index]) :]

    @torch.no_grad()
    def begin(self, rate: float) -> None:
        """Make sure that the coordinates are in frames that are valid for a step of this rate."""
        if self.frames is None or not self._frames_hold(rate):
            self._start_frames(rate)

    def reading(self, index: int) -> tuple[float, float]:
        """The coefficients with which a parameter's two coordinates add up to its weights."""
        if self.frames is None:
            return 1.0, 0.0
        first, second = self.frames[index][0].tolist()
        return first, second

    def advance(self, index: int, rate: float) -> tuple[float, float]:
        """Take the step of all rows of a parameter without gradients, which costs nothing.

        Returns:
            the multiples of a row's gradient to be added to its two coordinates.
        """
        assert self.frames is not None
        self.frames[index] = frame = self._motion(index, rate) @ self.frames[index]
        (a, b), (c, d) = frame.tolist()
        if not self.momentum:
            return -rate / a if a else -math.inf, 0.0
        return -(rate * d + b) / (a * d - b * c), (a + rate * c) / (a * d - b * c)  # the inverse of the frame, of (-rate, 1)

    @torch.no_grad()
    def read(self, rows: Tensor, rate: float) -> list[Tensor]:
        """The rows of each parameter as new leaves of autograd.

        Args:
            rows: int64 (u,), distinct and sorted.
            rate: of the step to be taken on them.
        """
        self.begin(rate)
        leaves = []
        for index, (parameter, coordinates) in enumerate(zip(self.parameters, self.coordinates, strict=True)):
            leaves.append(_weighted_rows(coordinates, rows, len(parameter), self.reading(index)).requires_grad_())
        return leaves

    @torch.no_grad()
    def step_rows(self, rows: Tensor, leaves: list[Tensor], rate: float) -> None:
        """Take a step with the gradients of the leaves from `read` for these rows, and without gradients for all others."""
        for index, (parameter, leaf) in enumerate(zip(self.parameters, leaves, strict=True)):
            assert leaf.grad is not None
            first, second = self.advance(index, rate)
            if second:
                add_rows(self.buffer(index), rows, leaf.grad, second)
            add_rows(parameter.data, rows, leaf.grad, first)

    @torch.no_grad()
    def begin_dense_step(self) -> None:
        """Begin a step whose gradients are added to the momenta by the caller; the parameters have to be flat."""
        assert self.is_flat
        for index, parameter in enumerate(self.parameters):
            momenta = self.buffer(index).mul_(self.momentum)
            if self.weight_decay[index]:
                momenta.add_(parameter.data, alpha=self.weight_decay[index])

    @torch.no_grad()
    def apply_step(self, rate: float) -> None:
        """Apply the step after `begin_dense_step`."""
        for index, parameter in enumerate(self.parameters):
            parameter.data.add_(self.buffer(index), alpha=-rate)

    def step_all(self, rate: float) -> None:
        """Take a step with the gradients of the parameters themselves, which have to be flat."""
        assert self.is_flat
        for optimizer in self._dense:
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()

    @torch.no_grad()
    def flush(self) -> None:
        """Turn coordinates into weights and momenta."""
        if self.frames is not None:
            for index, frame in enumerate(self.frames):
                self._transform(index, frame)
            self.frames = None

    def close(self) -> None:
        """Give the parameters, flushed, memory of their own."""
        self.flush()
        for parameter in self.parameters:
            parameter.data = parameter.data.clone()

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on but the parameters."""
        frames = {} if self.frames is None else {"frames": torch.from_numpy(np.stack(self.frames))}
        buffers = {f"buffer.{index}": self.buffer(index) for index in range(len(self.parameters) if self.momentum else 0)}
        return {"rate": torch.tensor(self._rate, dtype=torch.float64), **frames, **buffers}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Resume from a state."""
        self._rate = float(tensors["rate"])
        self.frames = list(tensors["frames"].numpy().copy()) if "frames" in tensors else None
        for index in range(len(self.parameters) if self.momentum else 0):
            self.buffer(index).copy_(tensors[f"buffer.{index}"])

    def _motion(self, index: int, rate: float) -> Frame:
        """A, by which a step without gradient multiplies (w, v); without momentum, v is not used."""
        decay, momentum = self.weight_decay[index], self.momentum
        if not momentum:
            return np.diag([1 - rate * decay, 1.0])
        return np.array([[1 - rate * decay, -rate * momentum], [decay, momentum]])

    def _frames_hold(self, rate: float) -> bool:
        assert self.frames is not None
        held = abs(rate - self._rate) <= RATE_CHANGE * self._rate
        return held and all(abs(a * d - b * c) > SHRUNK for (a, b), (c, d) in (frame.tolist() for frame in self.frames))

    def _start_frames(self, rate: float) -> None:
        """Change to new frames, in one pass from the old ones."""
        old = [np.eye(2)] * len(self.parameters) if self.frames is None else self.frames
        self.frames, self._rate = [], rate
        for index, before in enumerate(old):
            frame = _initial_frame(self._motion(index, rate)) if self.momentum else np.eye(2)
            self._transform(index, np.linalg.solve(frame, before))
            self.frames.append(frame)

    def _transform(self, index: int, matrix: Frame) -> None:
        """(y0, y1) <- matrix (y0, y1) for all rows."""
        first, second = self.parameters[index].data, self.buffer(index)
        if not self.momentum:
            first.mul_(float(matrix[0, 0]))
        elif not np.array_equal(matrix, np.eye(2)):
            (a, b), (c, d) = matrix.tolist()
            rows = max(1, self._block * len(first) // first.numel())
            for start in range(0, len(first), rows):
                y0, y1 = first[start : start + rows], second[start : start + rows]
                mixed = y0 * c
                y0.mul_(a).add_(y1, alpha=b)
                y1.mul_(d).add_(mixed)

    def _dense_optimizer(self, index: int) -> torch.optim.SGD:
        """A fused dense optimiser on this object's momenta."""
        parameter = self.parameters[index]
        optimizer = torch.optim.SGD(
            [parameter], lr=1.0, momentum=self.momentum, weight_decay=self.weight_decay[index], fused=fused([parameter])
        )
        if self.momentum:
            optimizer.state[parameter]["momentum_buffer"] = self.buffer(index)
        return optimizer


def add_rows(matrix: Tensor, rows: Tensor, summands: Tensor, factor: float) -> None:
    """matrix[rows] += factor * summands, in place; the rows, int64 (u,), are distinct and sorted."""
    if matrix.dim() == 1 or matrix.device.type != "cpu":
        matrix.index_add_(0, rows, summands, alpha=factor)
        return
    sparse = torch.sparse_coo_tensor(rows[None], summands, size=matrix.shape, is_coalesced=True, check_invariants=False)
    matrix.add_(sparse, alpha=factor)  # several times faster than index_add_ on a CPU


def _weighted_rows(coordinates: Tensor, rows: Tensor, count: int, weights: tuple[float, float]) -> Tensor:
    """weights[0] * y0 + weights[1] * y1 of the rows, (u, …); coordinates: (2n, …), n = count."""
    first, second = weights
    if coordinates.dim() == 1 or second == 0.0:
        return coordinates[rows].mul_(first).add_(coordinates[rows + count], alpha=second)
    pairs = torch.stack([rows, rows + count], 1)
    factors = torch.tensor([[first, second]], dtype=coordinates.dtype, device=coordinates.device).expand_as(pairs)
    return nn.functional.embedding_bag(pairs, coordinates, mode="sum", per_sample_weights=factors.contiguous())


def _with_momenta(parameter: nn.Parameter) -> Tensor:
    """Memory for a parameter and its momenta, (2n, …), of which the parameter's data becomes the first half."""
    data = parameter.data
    both = large_memory.zeros(2 * len(data), *data.shape[1:], dtype=data.dtype, device=data.device)
    both[: len(data)] = data
    parameter.data = both[: len(data)]
    return both


def _initial_frame(motion: Frame) -> Frame:
    """Eigenvectors of A, the larger eigenvalue first; the unit matrix where they are complex or almost parallel."""
    values, vectors = np.linalg.eig(motion)
    if np.iscomplexobj(values) or abs(np.linalg.det(vectors)) < 1e-2:
        return np.eye(2)
    vectors = vectors[:, np.argsort(-np.abs(values))]
    frame: Frame = vectors / np.diag(vectors)  # 1 on the diagonal: y0 is of the size of w, y1 of that of v
    return frame
