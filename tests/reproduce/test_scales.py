"""How the paper's settings come out at other scales."""

from __future__ import annotations

from dataclasses import replace

import pytest

from refeed.errors import ConfigError
from refeed.presets import PAPER_TRAINING
from refeed.reproduce.scales import SCALES, beside_paper, scale

HALF = replace(SCALES["paper"], epochs=50, width_divisor=4, batch_size=32, least_batches=64, learning_rate_factor=2.0)


def test_paper_is_the_paper():
    assert SCALES["paper"].training(learning_rate=0.005, refeed_steps=1) == PAPER_TRAINING
    assert SCALES["paper"].widths(512, 512, 1024) == (512, 512, 1024)


def test_widths_epochs_milestones_and_rates_move_together():
    assert HALF.widths(512, 1024, 4) == (128, 256, 2)
    training = HALF.training()
    assert (training.epochs, training.batch_size, training.learning_rate, training.refeed_steps) == (50, 32, 0.002, 0)
    assert training.milestones == (12, 18, 24, 32, 36)
    assert (training.optimizer, training.momentum, training.schedule, training.decay_factor) == ("sgd", 0.9, "multistep", 0.5)


def test_milestones_of_very_few_epochs_fall_together():
    assert replace(HALF, epochs=1).training().milestones == (1,)


@pytest.mark.parametrize(("users", "batch"), [(100, 8), (943, 14), (2048, 32), (1_000_000, 32)])
def test_few_users_come_in_small_batches(users, batch):
    assert HALF.for_users(users) == replace(HALF, batch_size=batch)
    assert SCALES["paper"].for_users(users) == replace(SCALES["paper"], batch_size=min(128, users))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"width_divisor": 0}, "width_divisor: expected at least 1, got 0"),
        ({"least_batches": 0}, "least_batches: expected at least 1, got 0"),
        ({"seeds": 0}, "seeds: expected at least 1, got 0"),
        ({"trials": 0}, "trials: expected at least 1, got 0"),
        ({"learning_rate_factor": 0.0}, "learning_rate_factor: expected above 0, got 0.0"),
        ({"epochs": "many"}, "epochs: expected a whole number, got 'many'"),
    ],
)
def test_values_out_of_range_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        replace(HALF, **change)


def test_scales_are_found_by_name():
    assert scale("small") is SCALES["small"]
    assert all(name == scale.name for name, scale in SCALES.items())
    with pytest.raises(ConfigError, match="budget: no 'smal'; did you mean 'small'"):
        scale("smal")


def test_number_beside_the_papers():
    assert (beside_paper(0.005, 0.005), beside_paper(32, 128)) == ("0.005", "32 (128 in the paper)")
