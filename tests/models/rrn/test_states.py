"""The recurrent network of one side: a step by hand, and states that see no later step."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of
from refeed.models.rrn.sequences import Sequences, Timeline
from refeed.models.rrn.states import StateNetwork, packing

DAY = 86_400


def new_network(*, columns=3, embedding=4, units=5, state=2, seed=1) -> StateNetwork:
    network = StateNetwork(
        columns, step_days=1.0, embedding=embedding, units=units, state=state, generator=torch.Generator().manual_seed(seed)
    )
    network.centre.fill_(3.0)
    network.time_range.copy_(torch.tensor([0, 10 * DAY]))
    return network


def sequences(*rows, moments) -> Sequences:
    return Sequences.of_history(history_of(*rows, num_items=3), np.array(moments))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_two_steps_by_hand():
    network = new_network(embedding=1, units=1, state=1)
    with torch.no_grad():
        network.of_ratings.copy_(torch.tensor([[0.5], [-1.0], [2.0]]))
        network.of_flags.weight.copy_(torch.tensor([[0.1, 0.2, 0.3]]))
        network.of_flags.bias.fill_(0.05)
        network.lstm.weight_ih_l0.copy_(torch.tensor([[0.3], [0.6], [-0.9], [1.2]]))  # input, forget, cell, output
        network.lstm.weight_hh_l0.copy_(torch.tensor([[0.1], [-0.2], [0.3], [-0.4]]))
        network.affine.weight.fill_(2.0)
        network.affine.bias.fill_(0.25)
    states = network(sequences({0: 5.0, 1: 2.0, 2: 4.0}, moments=[2, 2, 6]))
    y1 = (0.5 * (5 - 3) - 1.0 * (2 - 3)) / math.sqrt(2) + 0.1 * 1 + 0.2 * 0.2 + 0.3 * 0.2 + 0.05
    y2 = 2.0 * (4 - 3) + 0.1 * 0 + 0.2 * 0.6 + 0.3 * 0.2 + 0.05
    c1 = sigmoid(0.3 * y1) * math.tanh(-0.9 * y1)
    h1 = sigmoid(1.2 * y1) * math.tanh(c1)
    c2 = sigmoid(0.6 * y2 - 0.2 * h1 + 1) * c1 + sigmoid(0.3 * y2 + 0.1 * h1) * math.tanh(-0.9 * y2 + 0.3 * h1)
    h2 = sigmoid(1.2 * y2 - 0.4 * h1) * math.tanh(c2)
    assert states[:, 0].tolist() == pytest.approx([0.25, 2 * h1 + 0.25, 2 * h2 + 0.25], rel=1e-5)


def test_state_does_not_see_its_own_step_or_a_later_one():
    network, rows = new_network(), {0: 5.0, 1: 2.0, 2: 4.0}
    before = network.states(sequences(rows, moments=[1, 3, 5]))
    changed = network.states(sequences(rows | {1: 4.5}, moments=[1, 3, 5]))
    later = network.states(sequences(rows, moments=[1, 3, 9]))
    assert torch.equal(changed[:2], before[:2]) and not torch.allclose(changed[2:], before[2:])
    assert torch.equal(later[:3], before[:3]) and not torch.allclose(later[3], before[3])


def test_empty_steps_are_skipped_but_the_clock_tells_how_many():
    network, rows = new_network(), {0: 5.0, 1: 2.0}
    near, far = network.states(sequences(rows, moments=[1, 2])), network.states(sequences(rows, moments=[1, 8]))
    assert len(near) == len(far) == 3
    assert torch.equal(near[:2], far[:2]) and not torch.allclose(near[2], far[2])
    with torch.no_grad():
        network.of_flags.weight[:, 1:] = 0.0  # deaf to the clock
    assert torch.equal(network.states(sequences(rows, moments=[1, 2])), network.states(sequences(rows, moments=[1, 8])))


def test_times_outside_training_count_as_its_nearer_end():
    network, rows = new_network(), {0: 5.0}
    assert torch.equal(network.states(sequences(rows, moments=[10])), network.states(sequences(rows, moments=[5000])))
    assert torch.equal(network.states(sequences(rows, moments=[0])), network.states(sequences(rows, moments=[-5000])))


def test_rows_of_all_lengths_together_are_as_each_alone():
    network = new_network()
    rows, moments = ({0: 5.0}, {}, {0: 1.0, 1: 4.0, 2: 4.0}, {1: 3.5, 2: 2.0}), ([4], [], [1, 2, 3], [7, 7])
    together = network.states(sequences(*rows, moments=np.concatenate(moments).astype(int)))
    alone = [network.states(sequences(row, moments=when)) for row, when in zip(rows, moments, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_states_in_blocks_are_the_same():
    network = new_network()
    rows = sequences({0: 5.0, 1: 1.0}, {2: 3.5}, {0: 2.0}, {1: 4.0, 2: 1.0}, moments=[1, 2, 3, 4, 5, 6])
    torch.testing.assert_close(network.states(rows, steps_at_once=2), network.states(rows))


def test_no_rows_have_no_states():
    assert new_network().states(sequences(moments=[])).shape == (0, 2)
    assert new_network().states(sequences({}, {}, moments=[])).shape == (2, 2)


def test_gradients_stop_at_the_border_of_a_piece():
    network, two_rows = new_network(), sequences({0: 5.0, 1: 2.0, 2: 4.0}, {0: 1.0}, moments=[1, 3, 5, 2])

    def gradient(piece: int | None) -> torch.Tensor:
        states = network(two_rows, gradient_steps=piece)
        (found,) = torch.autograd.grad(states[3].sum(), network.of_ratings)  # the state after the first row's third step
        return found

    torch.testing.assert_close(network(two_rows, gradient_steps=2), network(two_rows))
    assert (gradient(None) != 0).any(1).tolist() == [True, True, True]
    assert (gradient(2) != 0).any(1).tolist() == [False, False, True]
    torch.testing.assert_close(gradient(3), gradient(None))


def test_steps_are_packed_by_position_and_longest_row_first():
    timeline = Timeline(np.array([0, 1, 1, 4, 6]), np.arange(6))  # rows of 1, 0, 3 and 2 steps
    places, sizes = packing(timeline)
    assert sizes.tolist() == [3, 2, 1]
    assert places.tolist() == [2, 0, 3, 5, 1, 4]


def test_initial_weights_follow_from_the_generator():
    first, again, other = new_network(), new_network(), new_network(seed=2)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.of_ratings, other.of_ratings)
    assert first.lstm.bias_ih_l0.tolist() == [0.0] * 5 + [1.0] * 5 + [0.0] * 10
