"""AutoRec: the equations of Sedhain et al. (2015) on both sides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, random_ratings
from refeed.errors import ConfigError
from refeed.models import AutoRec
from refeed.models.autoencoder.item_side import ItemAutoEncoder
from refeed.models.autoencoder.user_side import UserAutoEncoder
from refeed.models.registry import build_fitter
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime

RATINGS = random_ratings()


def dense(ratings) -> torch.Tensor:
    """Ratings as they are, 0 where there is none: users x items."""
    result = torch.zeros(ratings.num_users, ratings.num_items)
    result[ratings.row_of_rating, ratings.indices] = torch.from_numpy(ratings.values)
    return result


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width: expected at least 1, got 0"),
        ({"hidden": "selu"}, "hidden: 'selu' is not a choice; choices: identity, sigmoid"),
        ({"output": "sigmoidal"}, "output: 'sigmoidal' is not a choice; did you mean 'sigmoid'"),
        ({"side": "users"}, "side: 'users' is not a choice; did you mean 'user'"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        AutoRec(**options)


def test_paper_is_the_default_and_the_summary_says_its_name():
    assert AutoRec() == AutoRec(side="item", width=500, hidden="sigmoid", output="identity")
    assert AutoRec().summary(6040, 3706) == "I-AutoRec 6,040 > 500 > 6,040, sigmoid hidden layer, identity output"
    assert AutoRec(side="user", width=3).summary(7, 5) == "U-AutoRec 5 > 3 > 5, sigmoid hidden layer, identity output"


@pytest.mark.parametrize("hidden", ["identity", "sigmoid"])
@pytest.mark.parametrize("output", ["identity", "sigmoid"])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("side", ["item", "user"])
def test_prediction_is_the_papers_equation(side, centred, hidden, output):
    spec = AutoRec(side=side, width=4, hidden=hidden, output=output, centred=centred)
    model = build_fitter(spec, RATINGS, TrainingOptions(), Runtime(threads=1)).model
    assert isinstance(model, ItemAutoEncoder if side == "item" else UserAutoEncoder)
    mean = float(RATINGS.values.mean()) if centred else 0.0
    rows, network = dense(RATINGS) - mean * (dense(RATINGS) != 0), model.network
    rows = rows.t() if side == "item" else rows
    with torch.no_grad():
        code = rows @ network.input_weight + network.input_bias
        code = torch.sigmoid(code) if hidden == "sigmoid" else code
        expected = code @ network.output_weight.t() + network.output_bias
        expected = 1 + 4 * torch.sigmoid(expected) if output == "sigmoid" else expected + mean
    expected = expected.t() if side == "item" else expected
    np.testing.assert_allclose(model.scorer().score_rows(RATINGS.rows()), expected.numpy(), rtol=1e-5, atol=1e-5)


def test_output_starts_at_the_mean_rating():
    for output, unit in (("identity", lambda bias: bias), ("sigmoid", lambda bias: 1 + 4 * torch.sigmoid(bias))):
        model = build_fitter(AutoRec(width=4, output=output), RATINGS, TrainingOptions(), Runtime(threads=1)).model
        torch.testing.assert_close(unit(model.network.output_bias.detach()), torch.full((24,), float(RATINGS.values.mean())))


def test_loss_of_a_step_is_the_masked_squared_error_and_penalty_leaves_biases_alone():
    """One full-batch gradient by hand: 2/N sum (r^ - r) for the output biases, + weight_decay * W for the weights."""
    options = TrainingOptions(
        optimizer="sgd", momentum=0.0, learning_rate=0.1, weight_decay=0.5, decay_biases=False, batch_size=99
    )
    fitter = build_fitter(AutoRec(side="user", width=4, centred=False), RATINGS, options, Runtime(threads=1))
    network, rows, rated = fitter.model.network, dense(RATINGS), dense(RATINGS) != 0
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    fitter.train_step(0, 0)
    code = torch.sigmoid(rows @ before["input_weight"] + before["input_bias"])
    errors = (code @ before["output_weight"].t() + before["output_bias"] - rows) * rated  # B x n
    for_bias = 2 / len(RATINGS) * errors.sum(0)
    for_weight = 2 / len(RATINGS) * errors.t() @ code + 0.5 * before["output_weight"]
    torch.testing.assert_close(network.output_bias.detach(), before["output_bias"] - 0.1 * for_bias, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(network.output_weight.detach(), before["output_weight"] - 0.1 * for_weight, rtol=1e-4, atol=1e-6)


def test_new_user_of_the_item_side_is_folded_in_within_the_scale():
    spec = AutoRec(width=4, output="sigmoid")
    model = build_fitter(spec, RATINGS, TrainingOptions(), Runtime(threads=1)).model
    items = model.num_items
    scores = model.scorer().score_rows(
        history_of(dict.fromkeys(range(items), 5.0), dict.fromkeys(range(items), 1.0), num_items=items)
    )
    assert scores.min() >= 1 and scores.max() <= 5
    assert scores[0].mean() > 3.5 and scores[1].mean() < 2.5


@pytest.mark.parametrize(("side", "usual"), [("item", "none"), ("user", "mean")])
def test_ratings_are_centred_on_the_user_side_alone_unless_said(side, usual):
    for given, kind in ((None, usual), ("none", usual), (False, "none"), (True, "mean")):
        assert AutoRec(side=side, centred=given).build(3, 2, seed=0).offsets.kind == kind
