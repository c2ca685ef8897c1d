"""The phases of a step, and the shortest time that they could take."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from data.netflix_shaped import sgd
from harness.phase_clock import PHASES, PhaseClock, watched
from measures.physical_limit import StepWork, shortest_seconds
from refeed.data.synthetic.in_memory import synthetic_ratings
from refeed.models import AutoEncoder
from refeed.models.autoencoder import steppers
from refeed.models.autoencoder.compiled.supervision import CompiledSupervision
from refeed.models.autoencoder.refeeding.batch_trainer import BatchTrainer
from refeed.models.autoencoder.steppers import RowLazyStepper
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.row_lazy_momentum import RowLazyMomentum

SPEC = AutoEncoder(encoder=(32, 16), dropout=0.5)
RATINGS = synthetic_ratings(200, 2_500, 6_000, seed=0)


def train(*, refeed_steps: int, clock: PhaseClock | None, compiled: bool = False) -> tuple[list[float], torch.Tensor]:
    """Three steps: all losses, and a matrix of the network at the end."""
    options = sgd(batch_size=64, refeed_steps=refeed_steps)
    network = SPEC.build(RATINGS.num_users, RATINGS.num_items, seed=0).network
    stepper, noise = RowLazyStepper(network, options), torch.Generator().manual_seed(0)
    loops = CompiledSupervision(network, stepper, options) if compiled else None
    train_batch, losses = BatchTrainer(network, options, stepper, loops), []

    def step(number: int) -> None:
        users = np.arange(64 * number, 64 * (number + 1))
        loss, refeed_losses = train_batch(SparseRows.from_history(RATINGS.rows(users), torch.device("cpu")), noise)
        losses.extend([loss, *refeed_losses])

    if clock is None:
        for number in range(3):
            step(number)
    else:
        with watched(network, stepper, clock, loops):
            for number in range(3):
                step(number)
    stepper.flush()
    assert "hidden_of_sums" not in network.__dict__ and "read" not in stepper.__dict__
    return losses, network.input_weight.detach()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("refeed_steps", [0, 1])
def test_watching_changes_nothing_and_every_phase_takes_time(refeed_steps, compiled):
    backward, clock = torch.Tensor.backward, PhaseClock()
    losses, weight = train(refeed_steps=refeed_steps, clock=clock, compiled=compiled)
    expected_losses, expected_weight = train(refeed_steps=refeed_steps, clock=None, compiled=compiled)
    assert losses == expected_losses and torch.equal(weight, expected_weight)
    assert torch.Tensor.backward is backward
    without = {"pick the weights"} if compiled and not refeed_steps else set()
    assert {phase for phase in PHASES if clock.seconds[phase] > 0} == set(PHASES) - without


def test_phases_add_up_to_the_time_of_the_steps():
    clock, began = PhaseClock(), time.perf_counter()
    clock.restart()
    train(refeed_steps=0, clock=clock)
    assert 0 < sum(clock.seconds.values()) <= time.perf_counter() - began


def test_update_of_all_columns_counts_as_the_optimisers(monkeypatch):
    apply_step, seconds = RowLazyMomentum.apply_step, [0.0]

    def second_long_step(self, rate):
        seconds[0] += 1
        apply_step(self, rate)

    monkeypatch.setattr(RowLazyMomentum, "apply_step", second_long_step)
    monkeypatch.setattr(steppers, "LAZY_SHARE", 0.0)  # so all columns take each step
    clock = PhaseClock(now=lambda: seconds[0])
    train(refeed_steps=0, clock=clock, compiled=True)
    assert clock.seconds == dict.fromkeys(PHASES, 0.0) | {"optimiser": 3.0}


def test_restart_forgets():
    clock = PhaseClock()
    clock.lap("optimiser")
    before = clock.seconds
    clock.restart()
    assert before["optimiser"] > 0 and set(clock.seconds.values()) == {0.0}


def work(**changes) -> StepWork:
    """n = 1,000, network 20 > 30 > 10, 4 users with 50 ratings on 40 items."""
    shape = AutoEncoder(encoder=(20, 30), decoder=(10,)).shape
    return StepWork(**{"shape": shape, "rows": 4, "columns": 1000, "entries": 50, "distinct": 40, "refeed": False} | changes)


SLOW_MEMORY, SLOW_ARITHMETIC = {"gemm_gflops": 1e9, "copy_gb_per_s": 1e-9}, {"gemm_gflops": 1e-9, "copy_gb_per_s": 1e9}


def test_limit_of_a_supervised_step_by_hand():
    bytes_moved = shortest_seconds(work(), SLOW_MEMORY)  # at one byte a second
    hidden = 20 * 30 + 30 * 10
    assert bytes_moved == pytest.approx(
        {
            "read the batch": 50 * 15,
            "first layer": 4 * 40 * 20,
            "hidden layers": 4 * hidden,
            "last layer and loss": 4 * 40 * 10,
            "last layer, backward": 4 * 3 * 40 * (10 + 1),
            "hidden layers, backward": 0,
            "first layer, backward": 4 * 3 * 40 * 20,
            "optimiser": 4 * 3 * hidden,
        }
    )
    operations = shortest_seconds(work(), SLOW_ARITHMETIC)  # at one operation a second
    assert operations["hidden layers"] == pytest.approx(2 * 4 * hidden)
    assert operations["hidden layers, backward"] == pytest.approx(4 * 4 * hidden)
    assert operations["first layer"] == pytest.approx(2 * 50 * 20)
    assert operations["last layer, backward"] == pytest.approx(4 * 50 * 10)


def test_refeeding_doubles_the_hidden_layers_moves_every_row_and_adds_the_cheaper_products():
    hidden = 20 * 30 + 30 * 10
    moved = shortest_seconds(work(refeed=True), SLOW_MEMORY)
    assert moved["hidden layers"] == pytest.approx(2 * 4 * hidden)
    assert moved["optimiser"] == pytest.approx(4 * 3 * (1000 * 31 + 2 * hidden))
    for rows, products in ((4, 6 * 4), (400, 7 * 10)):  # 6 of B x n x k for few users, 7 of n x k x k for many
        alone = sum(shortest_seconds(work(rows=rows), SLOW_ARITHMETIC).values())
        both = sum(shortest_seconds(work(refeed=True, rows=rows), SLOW_ARITHMETIC).values())
        assert both - alone == pytest.approx(6 * rows * hidden + 2 * products * 1000 * 10)
