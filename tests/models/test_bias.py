"""The bias baseline, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from refeed.errors import ConfigError
from refeed.models import Bias
from refeed.training.train import train
from small_worlds import history_of, predictions_of, ratings_of, split_of

RATINGS = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4))


def fitted(**options):
    return train(Bias(item_regularisation=1, user_regularisation=1, **options), split_of(RATINGS))


def test_one_sweep_by_hand():
    # mean 4; items (1 + 0) / 3 and -1 / 2; users (2/3 - 1/2) / 3 = 1/18 and -1/3 / 2 = -1/6
    expected = [[4 + 1 / 18 + 1 / 3, 4 + 1 / 18 - 1 / 2], [4 - 1 / 6 + 1 / 3, 4 - 1 / 6 - 1 / 2]]
    np.testing.assert_allclose(predictions_of(fitted(sweeps=1)), expected, rtol=1e-6)


def test_second_sweep_by_hand():
    # items ((1 - 1/18) + (0 + 1/6)) / 3 = 10/27 and (-1 - 1/18) / 2 = -19/36; users from these
    items = np.array([10 / 27, -19 / 36])
    users = np.array([(1 - items[0] - 1 - items[1]) / 3, (0 - items[0]) / 2])
    np.testing.assert_allclose(predictions_of(fitted(sweeps=2)), 4 + users[:, None] + items, rtol=1e-6)


def test_new_person_has_a_bias_from_the_history():
    model = fitted(sweeps=1).model
    # (5 - 4 - 1/3) / (1 + 1) = 1/3
    assert model.score_rows(history_of({0: 5.0}, num_items=2))[0].tolist() == pytest.approx([4 + 2 / 3, 4 - 1 / 6])


def test_log_holds_one_epoch_with_the_training_error():
    result = fitted(sweeps=1)
    (record,) = result.provenance.log
    errors = np.array([5 - (4 + 7 / 18), 3 - (3.5 + 1 / 18), 4 - (4 + 1 / 6)])
    assert record["train_rmse"] == pytest.approx(math.sqrt(np.square(errors).mean()), rel=1e-6)
    assert record["learning_rate"] is None and record["refeed_loss"] is None
    assert result.num_parameters == 0 and result.provenance.options == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"item_regularisation": -1}, "item_regularisation: expected at least 0, got -1"),
        ({"user_regularisation": math.nan}, "user_regularisation: expected at least 0, got nan"),
        ({"sweeps": 0}, "sweeps: expected at least 1, got 0"),
        ({"sweeps": "many"}, "sweeps: expected a whole number, got 'many'"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        Bias(**options)
