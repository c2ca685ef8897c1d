"""SGD with momentum and L2 that touches only the rows a batch reads, and equals the dense optimiser all the same.

With momentum mu, weight decay d, rate r and the gradient g, dense SGD does with each row w of a matrix and its momentum v

    v <- mu v + d w + g,  w <- w - r v,   that is   (w, v) <- A (w, v) + (-r, 1) g   with   A = [[1 - r d, -r mu], [d, mu]].

So without a gradient every row moves by the same 2 x 2 matrix, whatever the rates were. What is stored of a row are its
coordinates y in a frame P that moves that way: (w, v) = P y and P <- A P. Then rows without a gradient cost nothing at all, a
row is read as one weighted sum, w = P[0, 0] y0 + P[0, 1] y1, and a gradient adds multiples of itself to y0 and y1.

The frame starts as the eigenvectors of A where these are real: y0 is then where the row would come to rest, so that numbers
of one size are added. It starts anew when momentum has shrunk the frame by `SHRUNK`, or the rate has changed by much.
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

SHRUNK = 1e-3  # a frame smaller than this starts anew: what lies in it would be that much too large for float32's precision
BLOCK = 1 << 18  # numbers that stay in the cache while several passes go over them
RATE_CHANGE = 0.3  # so does one whose eigenvectors were of another rate

Frame: TypeAlias = npt.NDArray[np.float64]


class RowLazyMomentum:
    """Parameters with a common row index and their momenta, of which a step touches the rows that have gradients.

    Between `read` and `flush` the parameters hold coordinates, not weights. `close` gives them their memory back.

    Args:
        parameters: of shape (n, …), all with the same n.
        weight_decay: d of each parameter, at least 0.
        momentum: mu, 0 to below 1.
    """

    def __init__(self, parameters: list[nn.Parameter], weight_decay: list[float], *, momentum: float) -> None:
        self.parameters, self.weight_decay, self.momentum = parameters, weight_decay, momentum
        self.coordinates = [_beside(parameter) for parameter in parameters]  # (2n, …): y0 (or w), below it y1 (or v)
        self.frames: list[Frame] | None = None  # P of each parameter; None: flat, that is weights and momenta as they are
        self._rate = 0.0  # of the frames' start
        self._dense = [self._dense_optimizer(place) for place in range(len(parameters))]

    @property
    def is_flat(self) -> bool:
        """Whether the parameters hold weights, so that `step_all` can be taken."""
        return self.frames is None

    def buffer(self, place: int) -> Tensor:
        """The momenta (or second coordinates) of a parameter, of its shape."""
        return self.coordinates[place][len(self.parameters[place]) :]

    @torch.no_grad()
    def begin(self, rate: float) -> None:
        """See that coordinates are in frames that hold for a step of this rate."""
        if self.frames is None or not self._frames_hold(rate):
            self._start_frames(rate)

    def reading(self, place: int) -> tuple[float, float]:
        """The weights of a parameter are this combination of its two coordinates."""
        if self.frames is None:
            return 1.0, 0.0
        first, second = self.frames[place][0].tolist()
        return first, second

    def advance(self, place: int, rate: float) -> tuple[float, float]:
        """Let all rows of a parameter take a step without gradient, which costs nothing.

        Returns:
            the multiples of its gradient to be added to each coordinate of a row that has one.
        """
        assert self.frames is not None
        self.frames[place] = frame = self._motion(place, rate) @ self.frames[place]
        (a, b), (c, d) = frame.tolist()
        if not self.momentum:
            return -rate / a if a else -math.inf, 0.0
        return -(rate * d + b) / (a * d - b * c), (a + rate * c) / (a * d - b * c)  # the inverse of the frame, of (-rate, 1)

    @torch.no_grad()
    def read(self, rows: Tensor, rate: float) -> list[Tensor]:
        """These rows, int64 (u,), distinct, of each parameter, as fresh leaves that collect gradients.

        Args:
            rows: which.
            rate: of the step that will be taken on them.
        """
        self.begin(rate)
        leaves = []
        for place, (parameter, coordinates) in enumerate(zip(self.parameters, self.coordinates, strict=True)):
            leaves.append(_weighted_rows(coordinates, rows, len(parameter), self.reading(place)).requires_grad_())
        return leaves

    @torch.no_grad()
    def step_rows(self, rows: Tensor, leaves: list[Tensor], rate: float) -> None:
        """Take a step with the gradients of the leaves from `read` for these rows, and without gradient for all others."""
        for place, (parameter, leaf) in enumerate(zip(self.parameters, leaves, strict=True)):
            assert leaf.grad is not None
            first, second = self.advance(place, rate)
            if second:
                add_rows(self.buffer(place), rows, leaf.grad, second)
            add_rows(parameter.data, rows, leaf.grad, first)

    @torch.no_grad()
    def begin_dense_step(self) -> None:
        """Begin a step whose gradients are added to the momenta one by one; the parameters have to be flat."""
        assert self.is_flat
        for place, parameter in enumerate(self.parameters):
            momenta = self.buffer(place).mul_(self.momentum)
            if self.weight_decay[place]:
                momenta.add_(parameter.data, alpha=self.weight_decay[place])

    @torch.no_grad()
    def apply_step(self, rate: float) -> None:
        """End such a step."""
        for place, parameter in enumerate(self.parameters):
            parameter.data.add_(self.buffer(place), alpha=-rate)

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
            for place, frame in enumerate(self.frames):
                self._transform(place, frame)
            self.frames = None

    def close(self) -> None:
        """Give the parameters, flushed, memory of their own."""
        self.flush()
        for parameter in self.parameters:
            parameter.data = parameter.data.clone()

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on but the parameters."""
        frames = {} if self.frames is None else {"frames": torch.from_numpy(np.stack(self.frames))}
        buffers = {f"buffer.{place}": self.buffer(place) for place in range(len(self.parameters) if self.momentum else 0)}
        return {"rate": torch.tensor(self._rate, dtype=torch.float64), **frames, **buffers}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take up a state."""
        self._rate = float(tensors["rate"])
        self.frames = list(tensors["frames"].numpy().copy()) if "frames" in tensors else None
        for place in range(len(self.parameters) if self.momentum else 0):
            self.buffer(place).copy_(tensors[f"buffer.{place}"])

    def _motion(self, place: int, rate: float) -> Frame:
        """A: what a step without gradient does to (w, v); without momentum v plays no part."""
        decay, momentum = self.weight_decay[place], self.momentum
        if not momentum:
            return np.diag([1 - rate * decay, 1.0])
        return np.array([[1 - rate * decay, -rate * momentum], [decay, momentum]])

    def _frames_hold(self, rate: float) -> bool:
        assert self.frames is not None
        held = abs(rate - self._rate) <= RATE_CHANGE * self._rate
        return held and all(abs(a * d - b * c) > SHRUNK for (a, b), (c, d) in (frame.tolist() for frame in self.frames))

    def _start_frames(self, rate: float) -> None:
        """Change to frames that have not shrunk yet, in one pass from the old ones."""
        old = [np.eye(2)] * len(self.parameters) if self.frames is None else self.frames
        self.frames, self._rate = [], rate
        for place, before in enumerate(old):
            frame = _resting_frame(self._motion(place, rate)) if self.momentum else np.eye(2)
            self._transform(place, np.linalg.solve(frame, before))
            self.frames.append(frame)

    def _transform(self, place: int, matrix: Frame) -> None:
        """(y0, y1) <- matrix (y0, y1) for all rows."""
        first, second = self.parameters[place].data, self.buffer(place)
        if not self.momentum:
            first.mul_(float(matrix[0, 0]))
        elif not np.array_equal(matrix, np.eye(2)):
            (a, b), (c, d) = matrix.tolist()
            rows = max(1, BLOCK * len(first) // first.numel())
            for start in range(0, len(first), rows):
                one, other = first[start : start + rows], second[start : start + rows]
                mixed = one * c
                one.mul_(a).add_(other, alpha=b)
                other.mul_(d).add_(mixed)

    def _dense_optimizer(self, place: int) -> torch.optim.SGD:
        """A fused dense optimiser that works on our buffer."""
        parameter = self.parameters[place]
        optimizer = torch.optim.SGD(
            [parameter], lr=1.0, momentum=self.momentum, weight_decay=self.weight_decay[place], fused=fused([parameter])
        )
        if self.momentum:
            optimizer.state[parameter]["momentum_buffer"] = self.buffer(place)
        return optimizer


def add_rows(matrix: Tensor, rows: Tensor, summands: Tensor, factor: float) -> None:
    """matrix[rows] += factor * summands, in place; the rows, int64 (u,), are distinct and rising."""
    if matrix.dim() == 1 or matrix.device.type != "cpu":
        matrix.index_add_(0, rows, summands, alpha=factor)
        return
    sparse = torch.sparse_coo_tensor(rows[None], summands, size=matrix.shape, is_coalesced=True, check_invariants=False)
    matrix.add_(sparse, alpha=factor)  # several times as quick as index_add_ on a CPU


def _weighted_rows(coordinates: Tensor, rows: Tensor, count: int, weights: tuple[float, float]) -> Tensor:
    """weights[0] * y0 + weights[1] * y1 of these rows, (u, …); coordinates: (2n, …), n = count."""
    first, second = weights
    if coordinates.dim() == 1 or second == 0.0:
        return coordinates[rows].mul_(first).add_(coordinates[rows + count], alpha=second)
    pairs = torch.stack([rows, rows + count], 1)
    factors = torch.tensor([[first, second]], dtype=coordinates.dtype, device=coordinates.device).expand_as(pairs)
    return nn.functional.embedding_bag(pairs, coordinates, mode="sum", per_sample_weights=factors.contiguous())


def _beside(parameter: nn.Parameter) -> Tensor:
    """Memory for a parameter and its momenta, (2n, …), that the parameter's own data becomes the first half of."""
    data = parameter.data
    both = large_memory.zeros(2 * len(data), *data.shape[1:], dtype=data.dtype, device=data.device)
    both[: len(data)] = data
    parameter.data = both[: len(data)]
    return both


def _resting_frame(motion: Frame) -> Frame:
    """Eigenvectors of a motion, the one that lasts first; the unit matrix where they are complex or all but parallel."""
    values, vectors = np.linalg.eig(motion)
    if np.iscomplexobj(values) or abs(np.linalg.det(vectors)) < 1e-2:
        return np.eye(2)
    vectors = vectors[:, np.argsort(-np.abs(values))]
    frame: Frame = vectors / np.diag(vectors)  # 1 on the diagonal: y0 is of the size of w, y1 of that of v
    return frame
