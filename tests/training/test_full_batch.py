"""Rprop and L-BFGS over all ratings: the gradient, known minima, and runs that are taken up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from refeed.errors import TrainingError
from refeed.models import AutoEncoder, AutoRec
from refeed.runtime import Runtime
from refeed.training import full_batch
from refeed.training.fitters import build_fitter
from refeed.training.full_batch import BUILDERS, FullBatchFitter
from refeed.training.loop import InterruptedTrainingError
from refeed.training.options import FULL_BATCH, TrainingOptions
from refeed.training.train import train
from small_worlds import InterruptAfter, predictions_of, random_ratings, random_split, timeless

RATINGS = random_ratings()


def fitter(optimizer="lbfgs", *, batch_size=7, weight_decay=0.02, decay_biases=False, **spec) -> FullBatchFitter:
    options = TrainingOptions(
        optimizer=optimizer, batch_size=batch_size, weight_decay=weight_decay, decay_biases=decay_biases, learning_rate=0.01
    )
    model = AutoEncoder(**{"encoder": (6, 4), "activation": "tanh", **spec}).build(RATINGS.num_users, RATINGS.num_items, seed=0)
    return FullBatchFitter(model, RATINGS, options, seed=5)


@pytest.mark.parametrize("decay_biases", [False, True])
@pytest.mark.parametrize("side", ["user", "item"])
def test_gradient_is_that_of_the_mean_squared_error_over_all_ratings_and_the_penalty(side, decay_biases, monkeypatch):
    seen = {}

    class Spy:
        def __init__(self, parameters):
            self.parameters = parameters

        def zero_grad(self, set_to_none):
            for parameter in self.parameters:
                parameter.grad = None

        def step(self, objective):
            seen["loss"] = objective()
            seen["gradients"] = [parameter.grad.clone() for parameter in self.parameters]

    monkeypatch.setitem(BUILDERS, "lbfgs", lambda parameters, options: Spy(parameters))
    one = fitter(side=side, decay_biases=decay_biases)
    report = one.train_step(0, 0)
    network = one.model.network
    dense = torch.zeros(RATINGS.num_users, RATINGS.num_items)
    dense[RATINGS.row_of_rating, RATINGS.indices] = torch.from_numpy(RATINGS.values)
    dense = dense.t() if side == "item" else dense
    errors = (network.output_dense(network.hidden_of_dense(dense)) - dense) * (dense != 0)
    penalised = [weight for weight in network.parameters() if weight.dim() == 2 or decay_biases]
    loss = errors.square().sum() / len(RATINGS) + 0.01 * sum(weight.square().sum() for weight in penalised)
    assert float(seen["loss"]) == pytest.approx(float(loss.detach()), rel=1e-5)
    assert (report.squared_error, report.ratings) == (
        pytest.approx(float(errors.detach().square().sum()), rel=1e-5),
        len(RATINGS),
    )
    for mine, theirs in zip(seen["gradients"], torch.autograd.grad(loss, list(network.parameters())), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", FULL_BATCH)
def test_chunks_change_nothing(name):
    small, large = fitter(name, batch_size=5), fitter(name, batch_size=1000)
    for epoch in range(2):
        first, second = small.train_step(epoch, 0), large.train_step(epoch, 0)
        assert first.squared_error == pytest.approx(second.squared_error, rel=1e-3)


def test_lbfgs_finds_the_minimum_of_a_ridge_regression():
    """Only the output biases move: the minimum of sum (r - b_i)^2 / N + d / 2 |b|^2 is sum r / (n_i + N d / 2)."""
    one = fitter(weight_decay=0.1, decay_biases=True, encoder=(3,))
    bias = one.model.network.output_bias
    with torch.no_grad():
        for parameter in one.model.network.parameters():
            parameter.zero_()
    for parameter in one.model.network.parameters():
        parameter.requires_grad_(parameter is bias)
    one._penalty = lambda: _penalty_of(bias, 0.1)
    one._parameters = [bias]
    one._optimizer = BUILDERS["lbfgs"]([bias], one.options)
    for epoch in range(3):
        one.train_step(epoch, 0)
    sums = np.bincount(RATINGS.indices, weights=RATINGS.values, minlength=RATINGS.num_items)
    expected = sums / (RATINGS.item_counts + len(RATINGS) * 0.1 / 2)
    np.testing.assert_allclose(bias.detach().numpy(), expected, rtol=1e-3)


def _penalty_of(bias, decay):
    penalty = decay / 2 * bias.square().sum()
    penalty.backward()
    return penalty.detach()


@pytest.mark.parametrize("spec", [AutoEncoder(encoder=(8, 4), tied=True), AutoRec(width=8)], ids=["tied", "AutoRec"])
@pytest.mark.parametrize("name", FULL_BATCH)
def test_interrupted_run_is_taken_up_bit_for_bit_and_lowers_the_loss(name, spec, tmp_path):
    options = TrainingOptions(epochs=8, optimizer=name, learning_rate=0.02, weight_decay=1e-3, batch_size=6)
    whole = train(spec, random_split(), options, runtime=Runtime(threads=1))
    with pytest.raises(InterruptedTrainingError):
        train(spec, random_split(), options, runtime=Runtime(threads=1), progress=InterruptAfter(3), checkpoint_folder=tmp_path)
    resumed = train(spec, random_split(), options, runtime=Runtime(threads=1), checkpoint_folder=tmp_path, resume=True)
    assert timeless(resumed.provenance.log) == timeless(whole.provenance.log)
    assert np.array_equal(predictions_of(resumed), predictions_of(whole))
    log = whole.provenance.log
    assert log[-1]["train_rmse"] < 0.8 * log[0]["train_rmse"]
    assert log[0]["learning_rate"] == (0.02 if name == "rprop" else None)


def test_dropout_is_the_same_in_all_evaluations_of_a_step_and_another_in_the_next():
    one = fitter(dropout=0.5, input_dropout=0.3)
    first = [one._accumulate(0) for _ in range(2)]
    assert first[0] == first[1] != one._accumulate(1)


def test_state_of_another_optimizer_starts_this_one_anew():
    before, fresh, resumed = fitter("rprop"), fitter("lbfgs"), fitter("lbfgs")
    before.train_step(0, 0)
    assert before.state()
    resumed.load_state(before.state())
    assert fresh.train_step(0, 0) == resumed.train_step(0, 0)
    assert torch.equal(fresh.model.network.output_bias, resumed.model.network.output_bias)


def test_optimizer_decides_about_the_fitter():
    for name, expected in (("adam", False), *((name, True) for name in FULL_BATCH)):
        made = build_fitter(AutoEncoder(encoder=(3,)), RATINGS, TrainingOptions(optimizer=name), Runtime(threads=1))
        assert isinstance(made, FullBatchFitter) is expected
        made.close()
    assert set(full_batch.BUILDERS) == set(FULL_BATCH)


def test_loss_that_is_not_finite_is_an_error_that_says_what_to_do():
    one = fitter("rprop")
    with torch.no_grad():
        one.model.network.output_bias.fill_(float("inf"))
    with pytest.raises(TrainingError, match=r"epoch 3: the loss is not a finite number\n  Raise weight_decay, or choose"):
        one.train_step(2, 0)
