"""Options of training refuse what cannot be trained."""

from __future__ import annotations

import math

import pytest

from refeed.errors import ConfigError
from refeed.optim.options import TrainingOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"epochs": 2.5}, "epochs: expected a whole number, got 2.5"),
        ({"batch_size": -4}, "batch_size: expected at least 1, got -4"),
        ({"optimizer": "adamm"}, "optimizer: 'adamm' is not a choice; did you mean 'adam'"),
        ({"schedule": "cosin"}, "schedule: 'cosin' is not a choice; did you mean 'cosine'"),
        ({"refeed_label": "outputs"}, "refeed_label: 'outputs' is not a choice; did you mean 'output'"),
        ({"learning_rate": 0.0}, "learning_rate: expected above 0, got 0.0"),
        ({"learning_rate": math.inf}, "learning_rate: expected above 0, got inf"),
        ({"learning_rate": math.nan}, "learning_rate: expected above 0, got nan"),
        ({"learning_rate": "fast"}, "learning_rate: expected a number, got 'fast'"),
        ({"momentum": 1.0}, "momentum: expected 0 to below 1, got 1.0"),
        ({"refeed_noise": -0.1}, "refeed_noise: expected 0 to below 1"),
        ({"weight_decay": -1e-9}, "weight_decay: expected at least 0"),
        ({"refeed_steps": -1}, "refeed_steps: expected at least 0"),
        ({"gradient_clip": 0.0}, "gradient_clip: expected above 0 or none, got 0"),
        ({"patience": 0}, "patience: expected at least 1 or none, got 0"),
        ({"decay_factor": 0.0}, "decay_factor: expected above 0, at most 1"),
        ({"milestones": (5, 5)}, r"milestones: expected rising epochs from 1, got \[5, 5\]"),
        ({"milestones": (0, 5)}, "milestones: expected at least 1, got 0"),
        ({"schedule": "multistep"}, "milestones: expected at least one for the schedule 'multistep'"),
        ({"decay_biases": 1}, "decay_biases: expected true or false, got 1"),
        ({"steps_per_batch": 0}, "steps_per_batch: expected at least 1, got 0"),
        ({"pretrain_epochs": -1}, "pretrain_epochs: expected at least 0, got -1"),
    ],
)
def test_option_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        TrainingOptions(**options)


def test_lists_and_whole_numbers_are_taken_as_what_they_mean():
    options = TrainingOptions(milestones=[3, 6], learning_rate=1, gradient_clip=2)
    assert options.milestones == (3, 6)
    assert isinstance(options.learning_rate, float) and isinstance(options.gradient_clip, float)
