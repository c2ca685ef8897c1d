"""SGD with momentum and L2 that touches only the rows a batch reads, and equals the dense optimiser all the same.

Between two steps in which a row w of a matrix has no gradient, dense SGD with momentum mu, weight decay d and rate r does

    v <- mu v + d w,    w <- w - r v,    that is    (w, v) <- A (w, v)    with    A = [[1 - r d, -r mu], [d, mu]],

so k skipped steps are the 2 x 2 matrix A_t … A_(t-k+1), whatever the rates were. A row is brought up to date by that matrix
when it is read next; what is not read costs nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.training.optimizers import fused


class RowLazyMomentum:
    """The momentum buffers of some parameters with a common row index, and how many steps each row has taken.

    Args:
        parameters: of shape (n, …), all with the same n.
        weight_decay: d of each parameter, at least 0.
        momentum: mu, 0 to below 1.
    """

    def __init__(self, parameters: list[nn.Parameter], weight_decay: list[float], *, momentum: float) -> None:
        self.parameters, self.weight_decay, self.momentum = parameters, weight_decay, momentum
        self.buffers = [torch.zeros_like(parameter) for parameter in parameters]
        self.done = torch.zeros(len(parameters[0]), dtype=torch.int64, device=parameters[0].device)
        self.steps = 0
        self.tables = [_table_of_no_step() for _ in parameters]  # rows a, b, c, d of A_t … A_(t-k+1), for k = 0, 1, …
        self._dense = [self._dense_optimizer(place) for place in range(len(parameters))]

    def read(self, rows: Tensor) -> list[Tensor]:
        """These rows, int64 (u,), distinct, of each parameter: up to date, as fresh leaves that collect gradients."""
        self.catch_up(rows)
        return [parameter.detach().index_select(0, rows).requires_grad_() for parameter in self.parameters]

    @torch.no_grad()
    def catch_up(self, rows: Tensor | None) -> None:
        """Take the steps that these rows (all for None) have skipped."""
        behind = self.steps - (self.done if rows is None else self.done[rows])
        late = behind.nonzero().squeeze(1)
        if len(late) == 0:
            return
        places = late if rows is None else rows[late]
        for parameter, buffer, table in zip(self.parameters, self.buffers, self.tables, strict=True):
            factors = torch.from_numpy(table).to(parameter)[behind[late]]  # (late, 4)
            a, b, c, d = (factors[:, place].view(-1, *[1] * (parameter.dim() - 1)) for place in range(4))
            weights, momenta = parameter.index_select(0, places), buffer.index_select(0, places)
            parameter.index_copy_(0, places, (a * weights).addcmul_(b, momenta))
            buffer.index_copy_(0, places, (d * momenta).addcmul_(c, weights))
        self.done[places] = self.steps

    @torch.no_grad()
    def step_rows(self, rows: Tensor, leaves: list[Tensor], rate: float) -> None:
        """Take a step with the gradients of the leaves from `read` for these rows, and without gradient for all others."""
        for parameter, buffer, decay, leaf in zip(self.parameters, self.buffers, self.weight_decay, leaves, strict=True):
            gradient = leaf.grad
            assert gradient is not None
            if decay:
                gradient.add_(leaf, alpha=decay)
            momenta = buffer.index_select(0, rows).mul_(self.momentum).add_(gradient)
            buffer.index_copy_(0, rows, momenta)
            parameter.index_copy_(0, rows, leaf.detach().add_(momenta, alpha=-rate))
        self._extend_tables(rate)
        self.done[rows] = self.steps

    def step_all(self, rate: float) -> None:
        """Take a step with the gradients of the parameters themselves; every row has to be up to date."""
        for optimizer in self._dense:
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
        self._extend_tables(rate)
        self.done.fill_(self.steps)

    def flush(self) -> None:
        """Bring every row up to date and start counting anew."""
        self.catch_up(None)
        self.steps = 0
        self.done.zero_()
        self.tables = [_table_of_no_step() for _ in self.parameters]

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on but the parameters."""
        return {
            "done": self.done,
            "steps": torch.tensor(self.steps),
            **{f"buffer.{place}": buffer for place, buffer in enumerate(self.buffers)},
            **{f"table.{place}": torch.from_numpy(table) for place, table in enumerate(self.tables)},
        }

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take up a state."""
        self.done.copy_(tensors["done"])
        self.steps = int(tensors["steps"])
        self.tables = [tensors[f"table.{place}"].numpy() for place in range(len(self.parameters))]
        for place, buffer in enumerate(self.buffers):
            buffer.copy_(tensors[f"buffer.{place}"])

    def _dense_optimizer(self, place: int) -> torch.optim.SGD:
        """A fused dense optimiser that works on our buffer."""
        parameter = self.parameters[place]
        optimizer = torch.optim.SGD(
            [parameter], lr=1.0, momentum=self.momentum, weight_decay=self.weight_decay[place], fused=fused([parameter])
        )
        if self.momentum:
            optimizer.state[parameter]["momentum_buffer"] = self.buffers[place]
        return optimizer

    def _extend_tables(self, rate: float) -> None:
        self.steps += 1
        for place, decay in enumerate(self.weight_decay):
            old = self.tables[place]
            a, b, c, d = 1 - rate * decay, -rate * self.momentum, decay, self.momentum
            new = np.empty((len(old) + 1, 4))
            new[0] = old[0]
            new[1:, :2] = a * old[:, :2] + b * old[:, 2:]
            new[1:, 2:] = c * old[:, :2] + d * old[:, 2:]
            self.tables[place] = new


def _table_of_no_step() -> npt.NDArray[np.float64]:
    return np.array([[1.0, 0.0, 0.0, 1.0]])
