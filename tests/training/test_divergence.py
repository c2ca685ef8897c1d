"""A run whose numbers stayed finite and meant nothing is an error; slow and dead ones are results."""

from __future__ import annotations

import math

import pytest

from helpers.small_worlds import random_split, ratings_of, split_of
from refeed.errors import TrainingError
from refeed.models import AutoEncoder
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.divergence import DivergenceCheck
from refeed.training.events import EpochRecord
from refeed.training.train import train

CHECK = DivergenceCheck(width=4.0, mean_rmse=1.1)


def log(*pairs):
    return [
        EpochRecord(
            epoch=number, train_rmse=train_rmse, refeed_loss=None, valid_rmse=valid_rmse, learning_rate=0.1, seconds=1.0,
            ratings_per_second=1.0,
        )
        for number, (train_rmse, valid_rmse) in enumerate(pairs, start=1)
    ]  # fmt: skip


def test_yardstick_of_a_split_by_hand():
    train_part = ratings_of((0, 0, 1.0), (0, 1, 2.0), (1, 0, 3.0), (1, 1, 4.0))
    valid = ratings_of((0, 0, 3.5), (1, 1, 1.5), vocabularies=(train_part.users, train_part.items))
    assert DivergenceCheck.of(split_of(train_part, valid)) == DivergenceCheck(width=4.0, mean_rmse=pytest.approx(1.0))


@pytest.mark.parametrize("pairs", [[(4.1, 1.2)], [(1e6, 2.8), (1e9, 1.95), (30.0, 2.1)], [(50.0, None)]])
def test_predictions_far_off_the_scale_are_a_divergence(pairs):
    message = (
        rf"the best training RMSE is {min(pairs)[0]:.4g} on a rating scale only 4 wide, .* mean rating 1\.1\n.*learning_rate"
    )
    with pytest.raises(TrainingError, match=message):
        CHECK.measure(log(*pairs))


@pytest.mark.parametrize(
    "pairs",
    [
        [(1.98, 1.97), (1.98, 1.97)],  # units that have died: the ReLU of the paper's figure
        [(3.9, 3.5), (3.7, 3.2)],  # a slow start
        [(20.0, 1.0)],  # one long epoch that began wildly and ended well
        [(1e6, 2.8), (0.9, 1.3)],  # a wild first epoch, then a net that overfits
        [(0.9, 0.95), (1e6, 2.8)],  # diverged later: the best epoch is good
        [(0.9, None)],
    ],
)
def test_slow_dead_and_late_ones_are_results(pairs):
    CHECK.measure(log(*pairs))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_far_too_large_rate_ends_with_an_error_that_says_so_and_leaves_no_checkpoint(optimizer, tmp_path):
    options = TrainingOptions(epochs=3, learning_rate=100.0, optimizer=optimizer, gradient_clip=1.0, batch_size=8)
    with pytest.raises(TrainingError, match=r"the training diverged: (.|\n)*Lower learning_rate"):
        train(
            AutoEncoder(encoder=(8, 4)), random_split(), options, runtime=Runtime(threads=1), checkpoint_folder=tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


def test_network_that_hardly_learns_is_a_result():
    options = TrainingOptions(epochs=2, learning_rate=1e-9)
    fitted = train(AutoEncoder(encoder=(8, 4)), random_split(), options, runtime=Runtime(threads=1))
    best = fitted.provenance.log[-1]
    assert best["valid_rmse"] > DivergenceCheck.of(random_split()).mean_rmse and math.isfinite(best["train_rmse"])
