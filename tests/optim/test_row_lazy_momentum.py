"""Momentum that touches only the rows read ends exactly where the dense optimiser ends."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from refeed.optim.row_lazy_momentum import RowLazyMomentum

ROWS, WIDTH = 7, 3


@settings(max_examples=60, deadline=None)
@given(
    reads=st.lists(st.sets(st.integers(0, ROWS - 1)), min_size=1, max_size=25),
    decay=st.sampled_from([0.0, 0.03]),
    momentum=st.sampled_from([0.0, 0.9]),
    flush_after=st.integers(0, 25),
)
def test_lazy_steps_equal_dense_ones_whatever_is_read_and_however_the_rate_changes(reads, decay, momentum, flush_after):
    lazy, dense = parameters(), parameters()
    ours = RowLazyMomentum(lazy, [decay, 0.0], momentum=momentum)
    theirs = [
        torch.optim.SGD([one], lr=1.0, momentum=momentum, weight_decay=weight_decay)
        for one, weight_decay in zip(dense, (decay, 0.0), strict=True)
    ]
    for number, read in enumerate(reads):
        rows, rate = torch.tensor(sorted(read), dtype=torch.int64), 0.2 / (1 + number)
        if len(read) == ROWS:
            ours.flush()
            for one in lazy:
                one.grad = None
            loss(lazy[0], lazy[1]).backward()
            ours.step_all(rate)
        else:
            leaves = ours.read(rows, rate)
            loss(*leaves).backward()
            ours.step_rows(rows, leaves, rate)
        for optimizer in theirs:
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
        loss(dense[0][rows], dense[1][rows]).backward()
        for optimizer in theirs:
            optimizer.step()
        if number == flush_after:
            ours.flush()
    ours.flush()
    for one, other in zip(lazy, dense, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_row_that_was_skipped_is_read_in_closed_form_and_never_touched():
    (weight,) = (nn.Parameter(torch.tensor([[1.0], [1.0]], dtype=torch.float64)),)
    ours = RowLazyMomentum([weight], [0.0], momentum=0.5)
    ours.buffer(0).fill_(8.0)
    for number in range(3):
        leaves = ours.read(torch.tensor([0]), 0.1)
        if number == 0:
            stored = ours.coordinates[0][1::2].clone()
        (0 * leaves[0]).sum().backward()
        ours.step_rows(torch.tensor([0]), leaves, rate=0.1)
    assert torch.equal(ours.coordinates[0][1::2], stored)
    (row,) = ours.read(torch.tensor([1]), 0.1)
    assert row.item() == pytest.approx(1.0 - 0.1 * (4 + 2 + 1))
    ours.flush()
    assert weight[1].item() == pytest.approx(1.0 - 0.1 * (4 + 2 + 1))
    assert ours.buffer(0)[1].item() == pytest.approx(1.0)


@pytest.mark.parametrize("decay", [0.0, 1e-4, 0.5])  # at the last one the eigenvectors are complex
def test_thousands_of_steps_in_single_precision_end_where_dense_double_precision_does(decay):
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(40, 2, generator=generator)
    lazy, dense = nn.Parameter(start.clone()), nn.Parameter(start.double())
    ours = RowLazyMomentum([lazy], [decay], momentum=0.9)
    theirs = torch.optim.SGD([dense], lr=1.0, momentum=0.9, weight_decay=decay)
    for number in range(2000):
        rows, rate = torch.randperm(40, generator=generator)[:3].sort().values, 0.05 if number < 1500 else 0.005
        target = torch.randn(3, 2, generator=generator)
        theirs.param_groups[0]["lr"] = rate
        leaves = ours.read(rows, rate)
        (leaves[0] - target).square().sum().backward()
        ours.step_rows(rows, leaves, rate)
        theirs.zero_grad()
        (dense[rows] - target.double()).square().sum().backward()
        theirs.step()
    ours.flush()
    torch.testing.assert_close(lazy.double(), dense, rtol=2e-5, atol=2e-5)


def test_step_that_decays_weights_to_nothing_is_no_division_by_zero():
    ours = RowLazyMomentum([nn.Parameter(torch.ones(2, 1))], [2.0], momentum=0.0)
    ours.begin(0.5)
    assert ours.advance(0, 0.5) == (-float("inf"), 0.0)


def test_change_of_frames_in_blocks_of_rows_is_that_of_all_rows_at_once():
    results = []
    for block in (1, 2 * WIDTH, 1 << 18):
        weights = parameters()
        momenta = RowLazyMomentum(weights, [0.1, 0.0], momentum=0.9, block=block)
        step(momenta, [0, 3])
        momenta.read(torch.tensor([1]), 0.5 * momenta._rate)  # so different a rate restarts the frames
        momenta.flush()
        results.append([weight.detach().clone() for weight in weights])
    for result in results[:2]:
        for found, expected in zip(result, results[2], strict=True):
            assert torch.equal(found, expected)


def test_closed_parameters_hold_no_memory_but_their_own():
    matrix, vector = parameters()
    ours = RowLazyMomentum([matrix, vector], [0.0, 0.0], momentum=0.9)
    step(ours, [2])
    ours.close()
    assert matrix.untyped_storage().nbytes() == matrix.numel() * 8


def test_state_is_resumed_where_it_was():
    first, second = parameters(), parameters()
    one, other = (RowLazyMomentum(those, [0.1, 0.0], momentum=0.9) for those in (first, second))
    step(one, [0, 3])
    step(one, [1])
    with torch.no_grad():
        for mine, theirs in zip(second, first, strict=True):
            mine.copy_(theirs)
    other.load_state({name: tensor.clone() for name, tensor in one.state().items()})
    for momentum in (one, other):
        step(momentum, [0, 5])
        momentum.flush()
    for mine, theirs in zip(second, first, strict=True):
        assert torch.equal(mine, theirs)


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(ROWS, WIDTH, dtype=torch.float64, generator=generator)
    return [nn.Parameter(matrix), nn.Parameter(torch.randn(ROWS, dtype=torch.float64, generator=generator))]


def loss(matrix: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    return (matrix - 0.5).square().sum() + (vector + 1).square().sum() / 2


def step(momentum: RowLazyMomentum, rows: list[int]) -> None:
    places = torch.tensor(rows)
    leaves = momentum.read(places, 0.05)
    loss(*leaves).backward()
    momentum.step_rows(places, leaves, rate=0.05)
