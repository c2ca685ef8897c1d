"""Gradient training: every rating, batches and dropout from the seed, and a whole run against the dense reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dense_reference import DenseAutoEncoder, DenseTrainer
from refeed.data.batches import derive_seed, epoch_batches
from refeed.errors import TrainingError
from refeed.models import AutoEncoder
from refeed.models.layers.dropout import dropout
from refeed.models.original_weights import as_original_weights
from refeed.training.gradient import GradientFitter
from refeed.training.options import TrainingOptions
from small_worlds import random_ratings

RATINGS = random_ratings()


def fitter(options: TrainingOptions, *, seed=5, **spec) -> GradientFitter:
    model = AutoEncoder(**{"encoder": (6, 4), **spec}).build(RATINGS.num_users, RATINGS.num_items, seed=0)
    return GradientFitter(model, RATINGS, options, seed=seed)


def weights(one: GradientFitter) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in one.model.parameters()]


@pytest.mark.parametrize("side", ["user", "item"])
def test_every_rating_is_used_in_every_epoch_the_last_batch_included(side):
    one = fitter(TrainingOptions(batch_size=7), side=side)
    rows = RATINGS.num_users if side == "user" else RATINGS.num_items
    assert rows % 7 != 0 and one.num_steps(0) == -(-rows // 7)
    for epoch in range(3):
        assert sum(one.train_step(epoch, step).ratings for step in range(one.num_steps(epoch))) == len(RATINGS)


def test_report_holds_the_squared_error_before_the_update():
    one = fitter(TrainingOptions(batch_size=1000))
    with torch.no_grad():
        predicted = one.model.score_rows(RATINGS.rows())[RATINGS.row_of_rating, RATINGS.indices]
    report = one.train_step(0, 0)
    assert report.squared_error == pytest.approx(np.square(predicted - RATINGS.values).sum(), rel=1e-5)
    assert (report.ratings, report.refeed_loss) == (len(RATINGS), None)


def test_step_is_a_function_of_seed_epoch_and_step():
    noisy = {"dropout": 0.5, "hidden_dropout": 0.2, "input_dropout": 0.2}
    options = TrainingOptions(batch_size=6, refeed_steps=1, refeed_noise=0.3)
    first, again, other = fitter(options, **noisy), fitter(options, **noisy), fitter(options, seed=6, **noisy)
    reports = [[one.train_step(epoch, step) for epoch, step in ((0, 0), (1, 2), (0, 3))] for one in (first, again, other)]
    assert reports[0] == reports[1] != reports[2]
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(again), strict=True))


def test_whole_run_equals_the_dense_reference():
    options = TrainingOptions(
        epochs=3, batch_size=9, optimizer="sgd", learning_rate=0.02, momentum=0.9, weight_decay=0.001,
        schedule="multistep", milestones=(2,), refeed_steps=1, gradient_clip=1.0,
    )  # fmt: skip
    ours = fitter(options, dropout=0.5)
    dense = DenseAutoEncoder(as_original_weights(ours.model.network), activation="selu", activation_on_last_layer=False)
    sgd = torch.optim.SGD(dense.parameters(), lr=0.02, momentum=0.9, weight_decay=0.001)
    reference = DenseTrainer(dense, sgd, refeed_steps=1, gradient_clip=1.0)
    everything, rated = torch.zeros(RATINGS.num_users, RATINGS.num_items), torch.zeros(RATINGS.num_users, RATINGS.num_items)
    everything[RATINGS.row_of_rating, RATINGS.indices] = torch.from_numpy(RATINGS.values)
    rated[RATINGS.row_of_rating, RATINGS.indices] = 1
    for epoch in range(3):
        sgd.param_groups[0]["lr"] = 0.02 if epoch < 2 else 0.01
        for step, batch in enumerate(epoch_batches(RATINGS.user_counts, 9, seed=5, epoch=epoch)):
            generator = torch.Generator().manual_seed(derive_seed(5, "dropout", epoch, step))
            masks = [dropout(torch.ones(len(batch), 4), 0.5, generator) for _ in range(2)]
            expected = reference.step(everything[batch], rated[batch] > 0, masks)
            report = ours.train_step(epoch, step)
            assert [report.squared_error / report.ratings, report.refeed_loss] == pytest.approx(expected, rel=1e-4)
    for name, weight in as_original_weights(ours.model.network).items():
        torch.testing.assert_close(weight, dense.get_parameter(name).detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "adagrad", "rmsprop"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_state_taken_up_gives_the_same_next_step(name, momentum):
    options = TrainingOptions(batch_size=6, optimizer=name, momentum=momentum, learning_rate=0.01)
    first, second = fitter(options), fitter(options)
    for step in range(3):
        first.train_step(0, step)
    second.model.load_state_dict(first.model.state_dict())
    second.load_state({key: value.clone() for key, value in first.state().items()})
    assert first.train_step(0, 3) == second.train_step(0, 3)
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


@pytest.mark.parametrize("name", ["sgd", "adam", "adagrad", "rmsprop"])
@pytest.mark.parametrize("before", ["sgd", "adam", "adagrad", None])
def test_state_of_another_optimizer_or_none_starts_this_one_anew(name, before):
    fresh, resumed = (fitter(TrainingOptions(batch_size=6, optimizer=name, learning_rate=0.01)) for _ in range(2))
    state = {}
    if before is not None and before != name:
        earlier = fitter(TrainingOptions(batch_size=6, optimizer=before))
        earlier.train_step(0, 0)
        state = earlier.state()
        assert state
    resumed.load_state(state)
    assert fresh.train_step(0, 0) == resumed.train_step(0, 0)
    assert all(torch.equal(a, b) for a, b in zip(weights(fresh), weights(resumed), strict=True))


def test_loss_that_is_not_finite_names_place_cause_and_cures():
    one = fitter(TrainingOptions(batch_size=8, optimizer="sgd", learning_rate=1e20, refeed_steps=0), activation="relu")
    with pytest.raises(TrainingError) as caught:
        for step in range(3):
            one.train_step(0, step)
    message = str(caught.value)
    assert "epoch 1, batch " in message and "the supervised loss is not a finite number" in message
    assert "lower learning_rate (now 1e+20), or clip the gradient (gradient_clip=1)." in message


def test_refeeding_loss_that_is_not_finite_says_so():
    options = TrainingOptions(batch_size=8, optimizer="sgd", learning_rate=1e12, refeed_steps=3, gradient_clip=1e30)
    one = fitter(options, activation="identity", encoder=(4,))
    with pytest.raises(TrainingError, match=r"re-feeding loss .*\n.*train without re-feeding first \(refeed_steps=0\)"):
        one.train_step(0, 0)


def test_refeeding_starts_after_the_warm_up_and_comes_every_so_many_batches():
    options = TrainingOptions(batch_size=1, refeed_steps=1, refeed_every=2, refeed_warm_up=1)
    model = AutoEncoder(encoder=(3,)).build(RATINGS.num_users, RATINGS.num_items, seed=0)
    fitter = GradientFitter(model, RATINGS, options, seed=0)
    assert fitter.train_step(0, 0).refeed_loss is None
    assert [fitter.train_step(1, step).refeed_loss is None for step in range(3)] == [False, True, False]
