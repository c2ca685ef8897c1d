"""Optimisers, and learning rates at hand-computed points."""

from __future__ import annotations

import typing

import pytest

from helpers.small_worlds import random_split
from refeed.models import AutoEncoder
from refeed.models.autoencoder.network import Network
from refeed.optim.optimizers import BUILDERS, build_optimizer, learning_rate_at, set_learning_rate
from refeed.optim.options import OptimizerName, TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train


def network() -> Network:
    return Network(AutoEncoder(encoder=(4, 3)).shape, 6, seed=0)


@pytest.mark.parametrize(
    ("epoch", "rate"), [(0, 0.005), (23, 0.005), (24, 0.0025), (36, 0.00125), (65, 0.000625), (66, 0.0003125), (99, 0.00015625)]
)
def test_multistep_halves_the_rate_at_the_papers_milestones(epoch, rate):
    options = TrainingOptions(epochs=100, learning_rate=0.005, schedule="multistep", milestones=(24, 36, 48, 66, 72))
    assert learning_rate_at(options, epoch=epoch, step=3, steps_per_epoch=10) == pytest.approx(rate)


@pytest.mark.parametrize(("step", "rate"), [(0, 2.0), (1, 1.5), (2, 0.5), (3, 0.0)])
def test_cosine_falls_to_zero_at_the_last_step(step, rate):
    options = TrainingOptions(epochs=2, learning_rate=2.0, schedule="cosine")
    epoch, within = divmod(step, 2)
    assert learning_rate_at(options, epoch=epoch, step=within, steps_per_epoch=2) == pytest.approx(rate)


@pytest.mark.parametrize(("step", "share"), [(0, 1 / 25), (3, (1 + 1 / 25) / 2), (6, 1.0), (13, (1 + 1e-4) / 2), (20, 1e-4)])
def test_one_cycle_rises_over_three_tenths_and_falls_over_the_rest(step, share):
    options = TrainingOptions(epochs=3, learning_rate=0.1, schedule="one_cycle")
    epoch, within = divmod(step, 7)
    assert learning_rate_at(options, epoch=epoch, step=within, steps_per_epoch=7) == pytest.approx(0.1 * share)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_run_of_a_single_step_has_a_rate(schedule):
    options = TrainingOptions(epochs=1, learning_rate=0.1, schedule=schedule)
    assert 0 < learning_rate_at(options, epoch=0, step=0, steps_per_epoch=1) <= 0.1


def test_biases_can_go_without_weight_decay():
    options = TrainingOptions(weight_decay=0.1, decay_biases=False)
    matrices, biases = build_optimizer(network(), options).param_groups
    assert (matrices["weight_decay"], biases["weight_decay"]) == (0.1, 0.0)
    assert [parameter.dim() for parameter in matrices["params"]] == [2] * 4
    assert [parameter.dim() for parameter in biases["params"]] == [1] * 4
    assert build_optimizer(network(), TrainingOptions(weight_decay=0.1)).param_groups[1]["weight_decay"] == 0.1


def test_rate_is_set_for_all_parameters():
    optimizer = build_optimizer(network(), TrainingOptions())
    set_learning_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


@pytest.mark.parametrize(
    ("name", "rate"), [("sgd", 0.02), ("adam", 0.01), ("adamw", 0.01), ("adagrad", 0.05), ("rmsprop", 0.002)]
)
def test_every_optimizer_lowers_the_loss(name, rate):
    options = TrainingOptions(epochs=12, batch_size=6, optimizer=name, learning_rate=rate, weight_decay=1e-3)
    log = train(AutoEncoder(encoder=(8, 4)), random_split(), options, runtime=Runtime(threads=1)).provenance.log
    assert log[-1]["train_rmse"] < 0.6 * log[0]["train_rmse"]
    assert {*BUILDERS} == set(typing.get_args(OptimizerName))


def test_momentum_reaches_the_optimizers_that_have_it():
    for name in ("sgd", "rmsprop"):
        optimizer = build_optimizer(network(), TrainingOptions(optimizer=name, momentum=0.7))
        assert optimizer.param_groups[0]["momentum"] == 0.7
