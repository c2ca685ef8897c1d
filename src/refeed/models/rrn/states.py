"""The recurrent network of one side: from the ratings of each step to the state before and after it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from refeed.data.row_blocks import row_blocks
from refeed.models.common.sparse_linear import sparse_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.rrn.sequences import SECONDS_PER_DAY, Sequences, Timeline, moments_of

INITIAL_DEVIATION = 0.1  # of the embedding of a rating
STEPS_AT_ONCE = 1 << 18  # without gradients, so that memory stays bounded


class StateNetwork(nn.Module):
    """The states of sequences; Wu et al. (2017), section 3.

    y_s = W [x_s, newbie_s, clock_s, clock_(s-1)] + c, h_s = LSTM(y_s, h_(s-1)) from zeros; the state after step s is A h_s + b.

    x_s is the ratings of step s, less `centre` (their mean in training), divided by the square root of their number, so that
    its norm depends little on that number. newbie_s is 1 in a row's first step. clock_s is when step s begins, from 0
    at the first training rating to 1 at the last (times outside count as the nearer end); clock_(s-1) is that of the row's step
    before, and of step s itself in the first.

    Args:
        num_columns: of the ratings.
        step_days: length of a step, above 0.
        embedding: width of y.
        units: of the LSTM, width of h.
        state: width of a state.
        generator: of the initial weights: Xavier's for matrices, normal for the embedding of ratings, 0 for biases, but 1 for
            that of the forget gate.
    """

    centre: Tensor
    time_range: Tensor

    def __init__(
        self, num_columns: int, *, step_days: float, embedding: int, units: int, state: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.step_seconds = max(1, round(step_days * SECONDS_PER_DAY))
        self.of_ratings = nn.Parameter(torch.empty(num_columns, embedding))  # W for x, transposed
        self.of_flags = nn.Linear(3, embedding)  # W for the rest, and c
        self.lstm = nn.LSTM(embedding, units)
        self.affine = nn.Linear(units, state)  # A, b
        self.register_buffer("centre", torch.zeros((), dtype=torch.float32))
        self.register_buffer("time_range", torch.zeros(2, dtype=torch.int64))  # first and last training time
        self._initialise(generator)

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator) -> None:
        for parameter in self.parameters():
            if parameter.dim() == 1:
                parameter.zero_()
            elif parameter is self.of_ratings:
                parameter.normal_(std=INITIAL_DEVIATION, generator=generator)
            else:
                nn.init.xavier_uniform_(parameter, generator=generator)
        units = self.lstm.hidden_size
        self.lstm.get_parameter("bias_ih_l0")[units : 2 * units] = 1.0

    def moments(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The step of each time."""
        return moments_of(times, self.step_seconds)

    def forward(self, sequences: Sequences, *, gradient_steps: int | None = None) -> Tensor:
        """All states of the sequences, (S + B, state); see `Timeline` for their order.

        Args:
            sequences: S steps of B rows.
            gradient_steps: gradients go back through pieces of so many steps, None through whole sequences.
        """
        timeline = sequences.timeline
        outputs = self._recur(self._inputs(sequences), timeline, gradient_steps)
        hidden = outputs.new_zeros(timeline.num_states, outputs.shape[1])
        after = torch.from_numpy(timeline.states_before_steps + 1).to(outputs.device)
        states: Tensor = self.affine(hidden.index_copy(0, after, outputs))
        return states

    @torch.no_grad()
    def states(self, sequences: Sequences, *, steps_at_once: int = STEPS_AT_ONCE) -> Tensor:
        """The same as `forward`, without gradients and in bounded memory."""
        blocks = row_blocks(sequences.timeline.indptr, size=steps_at_once)
        parts = [self(sequences.rows(np.arange(block.rows.start, block.rows.stop))[0]) for block in blocks]
        return torch.cat(parts) if parts else self.affine.weight.new_zeros(0, self.affine.out_features)

    def _inputs(self, sequences: Sequences) -> Tensor:
        """y of each step, (S, embedding)."""
        device, counts = self.of_ratings.device, sequences.entries_of_steps
        values = (sequences.values - self.centre.item()) / np.sqrt(np.repeat(counts, counts)).astype(np.float32)
        rows = SparseRows(
            indptr=torch.from_numpy(sequences.entry_pointers.astype(np.int32)).to(device),
            columns=torch.from_numpy(sequences.columns.astype(np.int32)).to(device),
            values=torch.from_numpy(values).to(device),
            num_columns=len(self.of_ratings),
        )
        flags = torch.from_numpy(self._flags(sequences.timeline)).to(device)
        return sparse_linear(rows, self.of_ratings, self.of_flags.bias) + flags @ self.of_flags.weight.t()

    def _flags(self, timeline: Timeline) -> npt.NDArray[np.float32]:
        """newbie, clock of the step and clock of the step before, (S, 3)."""
        first, last = self.time_range.tolist()
        clocks = ((timeline.moments * self.step_seconds - first) / max(1, last - first)).clip(0.0, 1.0)
        before, newbie = np.roll(clocks, 1), timeline.is_first
        before[newbie] = clocks[newbie]
        return np.stack([newbie, clocks, before], axis=1).astype(np.float32)

    def _recur(self, inputs: Tensor, timeline: Timeline, gradient_steps: int | None) -> Tensor:
        """h after each step, (S, units): all rows' first steps at once, then all second steps, and so on."""
        if timeline.num_steps == 0:
            return inputs.new_zeros(0, self.lstm.hidden_size)
        order, sizes = packing(timeline)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        to_packed = torch.from_numpy(np.argsort(order)).to(inputs.device)
        packed, pieces = inputs[to_packed], []
        memory: tuple[Tensor, Tensor] | None = None
        piece = gradient_steps or len(sizes)
        for position in range(0, len(sizes), piece):
            stop = min(position + piece, len(sizes))
            part = PackedSequence(packed[starts[position] : starts[stop]], torch.from_numpy(sizes[position:stop]))
            if memory is not None:  # the longest rows come first, so those that continue are the first ones
                memory = memory[0][:, : sizes[position]].detach(), memory[1][:, : sizes[position]].detach()
            outputs, memory = self.lstm(part, memory)
            pieces.append(outputs.data)
        return torch.cat(pieces)[torch.from_numpy(order).to(inputs.device)]


def packing(timeline: Timeline) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sort the steps by their position in the row, then by the length of the row, longest first, as `PackedSequence` has them.

    Returns:
        the index of each step in that order, int64 (S,), and the number of steps of each position, int64 (longest,).
    """
    lengths = timeline.lengths
    ranks = np.empty(len(lengths), np.int64)
    ranks[np.argsort(-lengths, kind="stable")] = np.arange(len(lengths))
    positions = np.arange(timeline.num_steps) - timeline.indptr[:-1][timeline.row_of_step]
    sizes = np.bincount(positions)
    return np.cumsum(sizes)[positions] - sizes[positions] + ranks[timeline.row_of_step], sizes
