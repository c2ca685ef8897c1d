"""Gradient training: every rating, batches and dropout from the seed, and a whole run against the dense reference."""

from __future__ import annotations

from concurrent.futures import wait
from contextlib import closing, contextmanager

import numpy as np
import pytest
import torch

from helpers.small_worlds import random_ratings
from oracles.dense_reference import DenseAutoEncoder, DenseTrainer
from refeed.data.batches import epoch_batches
from refeed.errors import TrainingError
from refeed.exchange.original_weights import as_original_weights
from refeed.models import AutoEncoder
from refeed.models.autoencoder.fitter import GradientFitter
from refeed.models.autoencoder.layers.dropout import dropout
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.refeeding import batch_trainer as refeeding
from refeed.models.autoencoder.refeeding.batch_trainer import BatchTrainer
from refeed.models.autoencoder.refeeding.blocked import BlockedFeed
from refeed.models.autoencoder.refeeding.dense import DenseFeed
from refeed.models.autoencoder.refeeding.gram import GramFeed
from refeed.models.autoencoder.steppers import build_stepper
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.options import TrainingOptions
from refeed.seeds import derive_seed

RATINGS = random_ratings()


def new_fitter(options: TrainingOptions, *, seed=5, **spec) -> GradientFitter:
    model = AutoEncoder(**{"encoder": (6, 4), **spec}).build(RATINGS.num_users, RATINGS.num_items, seed=0)
    return GradientFitter(model, RATINGS, options, seed=seed)


def weights(fitter: GradientFitter) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in fitter.model.parameters()]


@pytest.mark.parametrize("side", ["user", "item"])
def test_every_rating_is_used_in_every_epoch_the_last_batch_included(side):
    fitter = new_fitter(TrainingOptions(batch_size=7), side=side)
    rows = RATINGS.num_users if side == "user" else RATINGS.num_items
    assert rows % 7 != 0 and fitter.num_steps(0) == -(-rows // 7)
    for epoch in range(3):
        assert sum(fitter.train_step(epoch, step).ratings for step in range(fitter.num_steps(epoch))) == len(RATINGS)


def test_report_holds_the_squared_error_before_the_update():
    fitter = new_fitter(TrainingOptions(batch_size=1000))
    with torch.no_grad():
        predicted = fitter.model.scorer().score_rows(RATINGS.rows())[RATINGS.row_of_rating, RATINGS.indices]
    report = fitter.train_step(0, 0)
    assert report.squared_error == pytest.approx(np.square(predicted - RATINGS.values).sum(), rel=1e-5)
    assert (report.ratings, report.refeed_loss) == (len(RATINGS), None)


def test_step_is_a_function_of_seed_epoch_and_step():
    noisy = {"dropout": 0.5, "hidden_dropout": 0.2, "input_dropout": 0.2}
    options = TrainingOptions(batch_size=6, refeed_steps=1, refeed_noise=0.3)
    first, again, other = new_fitter(options, **noisy), new_fitter(options, **noisy), new_fitter(options, seed=6, **noisy)
    reports = [[fitter.train_step(epoch, step) for epoch, step in ((0, 0), (1, 2), (0, 3))] for fitter in (first, again, other)]
    assert reports[0] == reports[1] != reports[2]
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(again), strict=True))


@contextmanager
def watched(options, monkeypatch):
    """A fitter and the rows that it has prepared by now; of this fitter alone, since others' threads may still be at work."""
    made = []
    with closing(new_fitter(options)) as fitter:
        prepare = fitter._train_batch.prepare
        monkeypatch.setattr(fitter._train_batch, "prepare", lambda rows: made.append(rows) or prepare(rows))
        yield fitter, made


def test_first_batch_of_an_epoch_is_prepared_while_the_last_one_trains(monkeypatch):
    with watched(TrainingOptions(epochs=2, batch_size=9), monkeypatch) as (fitter, made):
        steps = fitter.num_steps(0)
        for step in range(steps):
            fitter.train_step(0, step)
        wait(fitter._ahead._coming)
    first = RATINGS.rows(epoch_batches(RATINGS.user_counts, 9, seed=5, epoch=1)[0]).indices.tolist()
    assert made[steps].columns.tolist() == first


@pytest.mark.parametrize("batch_size", [9, 1000])
def test_steps_may_go_on_after_the_last_epoch(batch_size):
    reports = []
    for epochs in (1, 3):
        with closing(new_fitter(TrainingOptions(epochs=epochs, batch_size=batch_size))) as fitter:
            reports.append([fitter.train_step(epoch, step) for epoch in range(3) for step in range(fitter.num_steps(epoch))])
    assert reports[0] == reports[1]


@pytest.mark.parametrize(("batch_size", "alive"), [(1000, 2), (15, 3), (9, 4)])
def test_few_batches_are_not_all_prepared_ahead(batch_size, alive, monkeypatch):
    with watched(TrainingOptions(epochs=9, batch_size=batch_size), monkeypatch) as (fitter, made):
        fitter.train_step(0, 0)
        wait(fitter._ahead._coming)
        assert len(made) == alive  # including the one of the step


def test_nothing_is_prepared_beyond_the_last_epoch(monkeypatch):
    with watched(TrainingOptions(epochs=1, batch_size=9), monkeypatch) as (fitter, made):
        steps = fitter.num_steps(0)
        for step in range(steps):
            fitter.train_step(0, step)
    assert len(made) == steps


def test_whole_run_equals_the_dense_reference():
    options = TrainingOptions(
        epochs=3, batch_size=9, optimizer="sgd", learning_rate=0.02, momentum=0.9, weight_decay=0.001,
        schedule="multistep", milestones=(2,), refeed_steps=1, gradient_clip=1.0,
    )  # fmt: skip
    ours = new_fitter(options, dropout=0.5)
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
def test_resumed_state_gives_the_same_next_step(name, momentum):
    options = TrainingOptions(batch_size=6, optimizer=name, momentum=momentum, learning_rate=0.01)
    first, second = new_fitter(options), new_fitter(options)
    for step in range(3):
        first.train_step(0, step)
    second.model.load_state_dict(first.model.state_dict())
    second.load_state({key: value.clone() for key, value in first.state().items()})
    assert first.train_step(0, 3) == second.train_step(0, 3)
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


@pytest.mark.parametrize("name", ["sgd", "adam", "adagrad", "rmsprop"])
@pytest.mark.parametrize("before", ["sgd", "adam", "adagrad", None])
def test_state_of_another_optimizer_or_none_starts_afresh(name, before):
    fresh, resumed = (new_fitter(TrainingOptions(batch_size=6, optimizer=name, learning_rate=0.01)) for _ in range(2))
    state = {}
    if before is not None and before != name:
        earlier = new_fitter(TrainingOptions(batch_size=6, optimizer=before))
        earlier.train_step(0, 0)
        state = earlier.state()
        assert state
    resumed.load_state(state)
    assert fresh.train_step(0, 0) == resumed.train_step(0, 0)
    assert all(torch.equal(a, b) for a, b in zip(weights(fresh), weights(resumed), strict=True))


def test_loss_that_is_not_finite_names_place_cause_and_cures():
    fitter = new_fitter(TrainingOptions(batch_size=8, optimizer="sgd", learning_rate=1e20, refeed_steps=0), activation="relu")
    with pytest.raises(TrainingError) as caught:
        for step in range(3):
            fitter.train_step(0, step)
    message = str(caught.value)
    assert "epoch 1, batch " in message and "the supervised loss is not a finite number" in message
    assert "lower learning_rate (now 1e+20), or clip the gradient (gradient_clip=1)." in message


def test_refeeding_loss_that_is_not_finite_says_so():
    options = TrainingOptions(batch_size=8, optimizer="sgd", learning_rate=1e12, refeed_steps=3, gradient_clip=1e30)
    fitter = new_fitter(options, activation="identity", encoder=(4,))
    with pytest.raises(TrainingError, match=r"re-feeding loss .*\n.*train without re-feeding first \(refeed_steps=0\)"):
        fitter.train_step(0, 0)


def test_refeeding_starts_after_the_warm_up_and_comes_every_so_many_batches():
    options = TrainingOptions(batch_size=1, refeed_steps=1, refeed_every=2, refeed_warm_up=1)
    model = AutoEncoder(encoder=(3,)).build(RATINGS.num_users, RATINGS.num_items, seed=0)
    fitter = GradientFitter(model, RATINGS, options, seed=0)
    assert fitter.train_step(0, 0).refeed_loss is None
    assert [fitter.train_step(1, step).refeed_loss is None for step in range(3)] == [False, True, False]


def test_steps_per_batch_are_so_many_supervised_steps_on_each_batch():
    """Two steps on the batch equal two epochs, since here an epoch has one batch and no dropout."""
    twice, once = (new_fitter(TrainingOptions(batch_size=99, steps_per_batch=number)) for number in (2, 1))
    report = twice.train_step(0, 0)
    first, _ = once.train_step(0, 0), once.train_step(0, 0)
    assert report == first
    assert all(torch.equal(a, b) for a, b in zip(weights(twice), weights(once), strict=True))


def test_further_steps_of_a_batch_draw_their_own_dropout_and_follow_its_refeeding():
    options = TrainingOptions(batch_size=99, steps_per_batch=2, refeed_steps=1, learning_rate=0.01)
    fitter, two = new_fitter(options, dropout=0.5), new_fitter(options, dropout=0.5)
    fitter.train_step(0, 0)
    noise = torch.Generator().manual_seed(derive_seed(5, "dropout", 0, 0))
    rows = two._rows(0, 0)
    two._train_batch(rows, noise, refeed=True)
    two._train_batch(rows, noise, refeed=False)
    assert all(torch.equal(a, b) for a, b in zip(weights(fitter), weights(two), strict=True))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("refeed_label", ["output", "ratings", "joint"])
@pytest.mark.parametrize("form", [GramFeed, BlockedFeed, DenseFeed])
@pytest.mark.parametrize("tied", [False, True])
def test_skip_connections_train_as_the_dense_mathematics_does(form, refeed_label, optimizer, tied, monkeypatch):
    """Every form of the engine against autograd over dense B x n matrices, in double precision."""
    monkeypatch.setattr(refeeding, "refeeding_form", lambda *args, **options: form)
    monkeypatch.setattr(refeeding, "SMALL", 0)
    options = TrainingOptions(
        optimizer=optimizer, learning_rate=0.02, weight_decay=0.01, refeed_steps=1, refeed_label=refeed_label, batch_size=99
    )
    spec = AutoEncoder(encoder=(6, 5, 3), skip=True, activation="tanh", tied=tied)
    net, twin = (Network(spec.shape, RATINGS.num_items, seed=2).double() for _ in range(2))
    rows = SparseRows.from_history(RATINGS.rows(), torch.device("cpu"))
    rows = rows.with_values(rows.values.double())
    stepper = build_stepper(net, options)
    train_batch = BatchTrainer(net, options, stepper)
    build = {"sgd": lambda w: torch.optim.SGD(w, lr=0.02, momentum=0.9, weight_decay=0.01)}
    reference = build.get(optimizer, lambda w: torch.optim.Adam(w, lr=0.02, weight_decay=0.01))(twin.parameters())
    for step in range(3):
        loss, refed = train_batch(rows, torch.Generator())
        assert [loss, *refed] == pytest.approx(dense_step(twin, rows.to_dense(), reference, refeed_label), rel=1e-9), step
    stepper.flush()
    for mine, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-10)


def dense_skip(net: Network, inputs: torch.Tensor) -> torch.Tensor:
    """A network of three encoder layers with skip connections, layer by layer as it is defined."""
    tied = net.shape.tied
    decoder = [weight.t() for weight in reversed(net.encoder_weights)] if tied else net.decoder_weights
    first = torch.tanh(inputs @ net.input_weight + net.input_bias)
    second = torch.tanh(first @ net.encoder_weights[0].t() + net.encoder_biases[0])
    code = torch.tanh(second @ net.encoder_weights[1].t() + net.encoder_biases[1])
    inner = torch.tanh(code @ decoder[0].t() + net.decoder_biases[0]) + second
    outer = torch.tanh(inner @ decoder[1].t() + net.decoder_biases[1]) + first
    return outer @ (net.input_weight if tied else net.output_weight).t() + net.output_bias


def dense_step(net: Network, ratings: torch.Tensor, optimizer: torch.optim.Optimizer, label: str) -> list[float]:
    """The supervised step and its re-feeding, by autograd; the losses, each before its update."""

    def update(loss: torch.Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    rated = ratings != 0
    outputs = dense_skip(net, ratings)
    supervised, fed = (outputs - ratings)[rated].square().mean(), outputs.detach()
    if label != "joint":
        update(supervised)
    again = dense_skip(net, fed)
    refed = (again - ratings)[rated].square().mean() if label == "ratings" else (again - fed).square().mean()
    update(refed if label != "joint" else supervised + refed)
    return [supervised.item(), refed.item()]
