"""Layer-wise pre-training: what each step moves, against the dense mathematics, and runs that are resumed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from helpers.small_worlds import InterruptAfter, predictions_of, random_ratings, random_split, timeless
from refeed.errors import ConfigError, InterruptedTrainingError, TrainingError
from refeed.models import AutoEncoder
from refeed.models.autoencoder.layers.dropout import dropout
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.pretraining import Pretraining
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.registry import build_fitter
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train

RATINGS = random_ratings()
N = RATINGS.num_items
ROWS = SparseRows.from_history(RATINGS.rows(), torch.device("cpu"))
OPTIONS = TrainingOptions(
    optimizer="sgd", momentum=0.0, learning_rate=0.1, pretrain_epochs=1, weight_decay=0.03, decay_biases=False
)


def network(**spec) -> Network:
    return Network(AutoEncoder(**{"encoder": (7, 5, 3), "activation": "tanh", **spec}).shape, N, seed=1).double()


def copies(net: Network) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in net.named_parameters()}


def by_hand(net: Network, layer: int, masks: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """One SGD step on the shallow autoencoder of a layer, dense and by autograd: the weights after it."""
    weights = {name: nn.Parameter(weight) for name, weight in copies(net).items()}
    dense, rated = ROWS.to_dense().double(), ROWS.to_dense() != 0
    noisy = dense.clone()
    noisy[ROWS.row_of_entry, ROWS.columns] *= masks.get("input", 1.0)
    tied = net.shape.tied
    below = torch.tanh((noisy if layer == 0 else dense) @ weights["input_weight"] + weights["input_bias"])
    if layer == 0:
        last = weights["input_weight" if tied else "output_weight"]
        loss = ((below @ last.t() + weights["output_bias"] - dense) * rated).square().sum() / rated.sum()
    else:
        for number in range(layer - 1):
            below = torch.tanh(below @ weights[f"encoder_weights.{number}"].t() + weights[f"encoder_biases.{number}"])
        target = below.detach()
        up = weights[f"encoder_weights.{layer - 1}"]
        code = torch.tanh((target * masks.get("hidden", 1.0)) @ up.t() + weights[f"encoder_biases.{layer - 1}"])
        mirror = len(net.decoder_biases) - layer
        down = up.t() if tied else weights[f"decoder_weights.{mirror}"]
        loss = (torch.tanh(code @ down.t() + weights[f"decoder_biases.{mirror}"]) - target).square().mean()
    gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    result = {}
    for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
        decay = 0.03 * weight.detach() if weight.dim() == 2 else 0.0
        result[name] = weight.detach() if gradient is None else weight.detach() - 0.1 * (gradient + decay)
    return result


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_step_moves_a_layer_and_its_mirror_as_the_dense_mathematics_does_and_nothing_else(layer, tied):
    net = network(tied=tied)
    expected, before = by_hand(net, layer, {}), copies(net)
    Pretraining(net, OPTIONS).train_step(layer, ROWS.with_values(ROWS.values.double()), torch.Generator())
    moved = {name for name, weight in net.named_parameters() if not torch.equal(weight.detach(), before[name])}
    for name, weight in net.named_parameters():
        torch.testing.assert_close(weight.detach(), expected[name], rtol=1e-9, atol=1e-12)
    own = {
        0: {"input_weight", "input_bias", "output_bias"} | (set() if tied else {"output_weight"}),
        1: {"encoder_weights.0", "encoder_biases.0", "decoder_biases.1"} | (set() if tied else {"decoder_weights.1"}),
        2: {"encoder_weights.1", "encoder_biases.1", "decoder_biases.0"} | (set() if tied else {"decoder_weights.0"}),
    }
    assert moved == own[layer]


@pytest.mark.parametrize("layer", [0, 1])
def test_layers_of_a_denoising_network_are_denoising_and_the_code_is_left_alone(layer):
    net = network(input_dropout=0.4, hidden_dropout=0.3, dropout=0.5)
    generator, ones = torch.Generator().manual_seed(9), torch.ones(len(ROWS.values), dtype=torch.float64)
    if layer == 0:
        masks = {"input": dropout(ones, 0.4, generator)}
    else:
        masks = {"hidden": dropout(torch.ones(len(ROWS), 7, dtype=torch.float64), 0.3, generator)}
    expected = by_hand(net, layer, masks)
    Pretraining(net, OPTIONS).train_step(layer, ROWS.with_values(ROWS.values.double()), torch.Generator().manual_seed(9))
    for name, weight in net.named_parameters():
        torch.testing.assert_close(weight.detach(), expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"decoder": (4,)}, r"got encoder \[7, 5, 3\], decoder \[4\], skip false"),
        ({"skip": True}, r"got encoder \[7, 5, 3\], decoder \[5, 7\], skip true"),
    ],
)
def test_network_without_mirrored_pairs_of_layers_is_refused(spec, words):
    with pytest.raises(ConfigError, match=f"pretrain_epochs: .*mirrors it alone.*{words}"):
        Pretraining(network(**spec), OPTIONS)


def test_pretraining_is_the_first_steps_of_the_first_epoch():
    options = TrainingOptions(batch_size=7, pretrain_epochs=2)
    fitter = build_fitter(AutoEncoder(encoder=(6, 4)), RATINGS, options, Runtime(threads=1))
    batches = -(-RATINGS.num_users // 7)
    assert [fitter.num_steps(epoch) for epoch in range(3)] == [batches * (2 * 2 + 1), batches, batches]
    network = fitter.model.network
    moved = []
    for step in range(fitter.num_steps(0)):
        before = copies(network)
        report = fitter.train_step(0, step)
        moved.append({name for name, weight in network.named_parameters() if not torch.equal(weight.detach(), before[name])})
        assert (report.ratings == 0) is (step < 4 * batches)
    outer = {"input_weight", "input_bias", "output_weight", "output_bias"}
    inner = {"encoder_weights.0", "encoder_biases.0", "decoder_weights.0", "decoder_biases.0"}
    assert moved == [outer] * 2 * batches + [inner] * 2 * batches + [outer | inner] * batches


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("steps", [2, 7, 13, 16, 20])
def test_run_interrupted_in_pretraining_or_after_it_is_resumed_bit_for_bit(steps, optimizer, tmp_path):
    spec = AutoEncoder(encoder=(6, 4), hidden_dropout=0.1, input_dropout=0.2)
    options = TrainingOptions(epochs=3, batch_size=9, pretrain_epochs=2, learning_rate=0.02, optimizer=optimizer)
    whole = train(spec, random_split(), options, runtime=Runtime(threads=1))
    with pytest.raises(InterruptedTrainingError):
        train(
            spec,
            random_split(),
            options,
            runtime=Runtime(threads=1),
            progress=InterruptAfter(steps),
            checkpoint_folder=tmp_path,
        )
    resumed = train(spec, random_split(), options, runtime=Runtime(threads=1), checkpoint_folder=tmp_path, resume=True)
    assert timeless(resumed.provenance.log) == timeless(whole.provenance.log)
    assert np.array_equal(predictions_of(resumed), predictions_of(whole))


def test_pretraining_makes_a_better_start_than_random_weights():
    spec, start = AutoEncoder(encoder=(8, 6, 4), activation="tanh", offsets="mean"), {}
    for pretrain_epochs in (0, 60):
        options = TrainingOptions(batch_size=8, pretrain_epochs=pretrain_epochs, learning_rate=0.01)
        fitter = build_fitter(spec, RATINGS, options, Runtime(threads=1))
        steps = fitter.num_steps(0)
        for step in range(steps - fitter.num_steps(1)):
            fitter.train_step(0, step)
        report = fitter.train_step(0, steps - fitter.num_steps(1))
        start[pretrain_epochs] = report.squared_error / report.ratings
    assert start[60] < 0.7 * start[0]


def test_loss_that_is_not_finite_names_the_layer():
    net = network()
    with torch.no_grad():
        net.decoder_biases[1].fill_(float("nan"))
    with pytest.raises(
        TrainingError, match=r"pre-training of layer 2: .*not a finite number.*\n  Lower learning_rate \(now 0.1\)"
    ):
        Pretraining(net, OPTIONS).train_step(1, ROWS.with_values(ROWS.values.double()), torch.Generator())


def test_gradient_is_clipped():
    one, other = network(), network()
    options = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 1.0, "pretrain_epochs": 1}
    for net, clip in ((one, 1e-3), (other, None)):
        before = copies(net)
        Pretraining(net, TrainingOptions(gradient_clip=clip, **options)).train_step(
            0, ROWS.with_values(ROWS.values.double()), None
        )
        change = torch.cat([(weight.detach() - before[name]).flatten() for name, weight in net.named_parameters()]).norm()
        assert (float(change) == pytest.approx(1e-3, rel=1e-3)) is (clip is not None)
