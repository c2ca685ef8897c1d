"""Our training of a batch equals the dense reference, in every reading of re-feeding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from oracles.dense_reference import DenseAutoEncoder, DenseTrainer
from refeed.exchange.original_weights import as_original_weights
from refeed.models import AutoEncoder
from refeed.models.autoencoder.layers.activations import ACTIVATIONS
from refeed.models.autoencoder.layers.dropout import dropout
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.refeeding import batch_trainer as refeeding
from refeed.models.autoencoder.refeeding.batch_trainer import BatchTrainer, masked_loss
from refeed.models.autoencoder.steppers import build_stepper
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim import optimizers
from refeed.optim.options import TrainingOptions

N, STEPS = 8, 3


@pytest.fixture(autouse=True, params=["dense products", "rated places only"])
def form_of_products(request, monkeypatch):
    """Each test in both ways of computing a batch: as for small ones, and as for large ones."""
    if request.param == "rated places only":
        monkeypatch.setattr(refeeding, "SMALL", 0)


def batches() -> list[tuple[SparseRows, torch.Tensor]]:
    """Batches with an empty row, single ratings and zeros, in double precision, with their masks."""
    rng, result = np.random.default_rng(0), []
    for _ in range(STEPS):
        rated = rng.random((5, N)) < 0.4
        rated[1], rated[2] = False, np.arange(N) == 3
        rows, columns = np.nonzero(rated)
        values = torch.from_numpy(rng.integers(-2, 4, len(rows)).astype(np.float64))
        indptr = torch.from_numpy(np.concatenate([[0], np.cumsum(rated.sum(1))]))
        result.append((SparseRows(indptr, torch.from_numpy(columns), values, N), torch.from_numpy(rated)))
    return result


BATCHES = batches()


def compare(spec: AutoEncoder, options: TrainingOptions) -> None:
    """Train both for some steps; losses and all weights must agree."""
    network = Network(spec.shape, N, seed=1).double()
    dense = DenseAutoEncoder(
        as_original_weights(network), activation=spec.activation, activation_on_last_layer=spec.activation_on_last_layer
    )
    stepper = build_stepper(network, options)
    train_batch = BatchTrainer(network, options, stepper)
    sgd = torch.optim.SGD(
        dense.parameters(), lr=options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
    )
    reference = DenseTrainer(dense, sgd, refeed_steps=options.refeed_steps, refeed_label=options.refeed_label)
    for number, (rows, rated) in enumerate(BATCHES):
        loss, refeed_losses = train_batch(rows, torch.Generator().manual_seed(number))
        masks = code_masks(spec, options, number)
        assert [loss, *refeed_losses] == pytest.approx(reference.step(rows.to_dense(), rated, masks), rel=1e-9, abs=1e-12)
    stepper.flush()
    for name, weight in as_original_weights(network).items():
        torch.testing.assert_close(weight, dense.get_parameter(name).detach(), rtol=1e-9, atol=1e-11)


def code_masks(spec, options, seed) -> list[torch.Tensor]:
    """What our generator draws for the code layer in each pass."""
    if spec.dropout == 0:
        return []
    generator, shape = torch.Generator().manual_seed(seed), (5, spec.encoder[-1])
    return [dropout(torch.ones(shape, dtype=torch.float64), spec.dropout, generator) for _ in range(1 + options.refeed_steps)]


READINGS = [("output", 0), ("output", 1), ("output", 2), ("ratings", 1), ("ratings", 2), ("joint", 1), ("joint", 2)]


@pytest.mark.parametrize(("label", "refeed_steps"), READINGS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_training_equals_the_dense_reference(activation, label, refeed_steps):
    compare_layers(activation, label, refeed_steps)


@pytest.mark.parametrize(("label", "refeed_steps"), READINGS)
def test_training_with_fused_optimisers_equals_the_dense_reference(label, refeed_steps, monkeypatch):
    monkeypatch.setattr(optimizers, "FUSED_FROM", 0)  # which know no activation
    compare_layers("selu", label, refeed_steps)


def compare_layers(activation, label, refeed_steps) -> None:
    """Compare tied and untied weights, with the activation on the last layer too and without."""
    options = TrainingOptions(
        optimizer="sgd", learning_rate=0.01, momentum=0.9, weight_decay=0.01, refeed_steps=refeed_steps, refeed_label=label
    )
    for tied in (True, False):
        for on_last in (True, False):
            compare(AutoEncoder(encoder=(6, 3), activation=activation, tied=tied, activation_on_last_layer=on_last), options)


@pytest.mark.parametrize("label", ["output", "ratings", "joint"])
@pytest.mark.parametrize(
    "spec",
    [
        AutoEncoder(encoder=(6, 4), decoder=(5, 7, 3)),
        AutoEncoder(encoder=(6, 4, 3), tied=True, dropout=0.5),
        AutoEncoder(encoder=(4,), dropout=0.8, activation="relu6", activation_on_last_layer=True),
        AutoEncoder(encoder=(5, 4), decoder=(), dropout=0.3),
    ],
    ids=["given decoder", "tied with dropout", "one layer", "no hidden decoder"],
)
def test_training_equals_the_dense_reference_with_dropout_and_other_decoders(spec, label):
    compare(spec, TrainingOptions(optimizer="sgd", learning_rate=0.02, refeed_steps=2, refeed_label=label))


def test_masked_loss_is_the_mean_over_the_ratings():
    assert masked_loss(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 2.0])).item() == 4.5


def test_refeed_noise_drops_values_of_the_refed_output_and_of_its_label():
    spec = AutoEncoder(encoder=(4,), activation="identity")
    options = TrainingOptions(optimizer="sgd", learning_rate=1e-9, refeed_steps=1, refeed_noise=0.5)
    network, (rows, _) = Network(spec.shape, N, seed=1).double(), BATCHES[0]
    with torch.no_grad():
        fed = network.output_dense(network.hidden_of_rows(rows))
        label = dropout(fed, 0.5, torch.Generator().manual_seed(4))
        errors = (network.output_dense(network.hidden_of_dense(label)) - label)[label != 0]
    _, (loss,) = BatchTrainer(network, options, build_stepper(network, options))(rows, torch.Generator().manual_seed(4))
    assert 0 < len(errors) < 0.7 * fed.numel()
    assert loss == pytest.approx(errors.square().mean().item(), rel=1e-6)


@pytest.mark.parametrize("label", ["output", "ratings", "joint"])
def test_bfloat16_products_stay_near_the_others_and_leave_weights_in_single_precision(label, monkeypatch):
    monkeypatch.setattr(refeeding, "SMALL", 0)
    monkeypatch.setattr(refeeding, "BLOCKED_PRODUCTS", dict.fromkeys(refeeding.BLOCKED_PRODUCTS, 10**9))  # so the Gram form
    spec, rows = AutoEncoder(encoder=(32, 16), decoder=(32,)), BATCHES[0][0]
    rows = rows.with_values(rows.values.float())
    trained = {}
    for precision in ("float32", "bfloat16"):
        options = TrainingOptions(optimizer="sgd", learning_rate=0.05, refeed_steps=1, refeed_label=label, precision=precision)
        network = Network(spec.shape, N, seed=1)
        start = {name: weight.clone() for name, weight in network.state_dict().items()}
        stepper = build_stepper(network, options)
        losses = BatchTrainer(network, options, stepper)(rows, torch.Generator().manual_seed(0))
        stepper.close()
        assert {weight.dtype for weight in network.parameters()} == {torch.float32}
        trained[precision] = losses, torch.cat([(w - start[name]).flatten() for name, w in network.state_dict().items()])
    (loss, (refed,)), change = trained["float32"]
    (near_loss, (near_refed,)), near_change = trained["bfloat16"]
    assert [near_loss, near_refed] == pytest.approx([loss, refed], rel=0.02)
    assert 1e-5 < (near_change - change).norm() / change.norm() < 0.02
