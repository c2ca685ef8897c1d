"""The network: shapes, weights, places and dropout."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.small_worlds import history_of
from refeed.models import AutoEncoder, AutoRec
from refeed.models.autoencoder.layers.activations import ACTIVATIONS
from refeed.models.autoencoder.layers.dropout import dropout
from refeed.models.autoencoder.network import Network
from refeed.models.common.sparse_rows import SparseRows

N = 9


def network(*encoder, seed=0, columns=N, **options) -> Network:
    return Network(AutoEncoder(encoder=encoder, **options).shape, columns, seed=seed)


def batch(seed=0, rows=4, columns=N) -> SparseRows:
    rng = np.random.default_rng(seed)
    users = [{int(item): float(rng.integers(-2, 6)) for item in np.flatnonzero(rng.random(columns) < 0.5)} for _ in range(rows)]
    return SparseRows.from_history(history_of(*users, num_items=columns), torch.device("cpu"))


def test_mirrored_decoder_and_number_of_weights_by_hand():
    untied, tied = network(5, 3, 2), network(5, 3, 2, tied=True)
    encoder = N * 5 + 5 + 5 * 3 + 3 + 3 * 2 + 2
    decoder_biases = 3 + 5 + N
    assert sum(parameter.numel() for parameter in untied.parameters()) == encoder + 2 * 3 + 3 * 5 + 5 * N + decoder_biases
    assert sum(parameter.numel() for parameter in tied.parameters()) == encoder + decoder_biases
    assert tied.output_weight is None and tied.last_weight is tied.input_weight
    assert untied.last_weight is untied.output_weight


def test_given_decoder_has_its_own_widths():
    given_widths = network(4, 2, decoder=(7, 6, 3))
    assert [tuple(weight.shape) for weight in given_widths.decoder_weights] == [(7, 2), (6, 7), (3, 6)]
    assert tuple(given_widths.output_weight.shape) == (N, 3)
    assert given_widths.output_dense(given_widths.hidden_of_rows(batch())).shape == (4, N)


def test_one_layer_encoder_has_no_hidden_layer_but_the_code():
    shallow = network(3)
    assert len(shallow.encoder_weights) == len(shallow.decoder_weights) == 0
    code = torch.nn.functional.selu(batch().to_dense() @ shallow.input_weight + shallow.input_bias)
    torch.testing.assert_close(shallow.hidden_of_rows(batch()), code)


def test_initial_weights_are_xavier_uniform_with_zero_biases_and_a_function_of_the_seed():
    first, again, other = network(64, 32, seed=5), network(64, 32, seed=5), network(64, 32, seed=6)
    bound = math.sqrt(6 / (64 + 32))
    (weight,) = first.encoder_weights
    assert bound * 0.95 < float(weight.detach().abs().max()) <= bound
    assert abs(float(weight.detach().std()) - bound / math.sqrt(3)) < 0.02
    assert all(bool((parameter == 0).all()) for parameter in first.parameters() if parameter.dim() == 1)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.input_weight, other.input_weight)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(sorted(ACTIVATIONS)), st.booleans(), st.booleans(), st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.integers(0, 99),
)  # fmt: skip
def test_output_at_places_is_the_dense_output_there_and_sparse_input_the_dense_one(activation, tied, on_last, widths, seed):
    net = network(*widths, activation=activation, tied=tied, activation_on_last_layer=on_last, seed=seed).double()
    rows = batch(seed)
    rows = rows.with_values(rows.values.double())
    hidden = net.hidden_of_rows(rows)
    torch.testing.assert_close(net.hidden_of_dense(rows.to_dense()), hidden, rtol=1e-12, atol=1e-12)
    dense = net.output_dense(hidden)
    torch.testing.assert_close(net.output_at(hidden, rows), dense[rows.row_of_entry, rows.columns], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"dropout": 0.5}, "code"),
        ({"hidden_dropout": 0.5}, "hidden"),
        ({"input_dropout": 0.5}, "input"),
    ],
)
def test_dropout_acts_on_its_own_layer_and_only_with_noise(where, expected):
    net = network(6, 4, activation="identity", **where).double()
    rows = batch().with_values(batch().values.double())

    def mask(*shape):
        return dropout(torch.ones(*shape, dtype=torch.float64), 0.5, generator)

    generator = torch.Generator().manual_seed(7)
    noisy = net.hidden_of_rows(rows, torch.Generator().manual_seed(7))
    inputs = rows.with_values(rows.values * mask(len(rows.values)) if expected == "input" else rows.values).to_dense()
    first = inputs @ net.input_weight + net.input_bias
    first = first * mask(4, 6) if expected == "hidden" else first
    code = first @ net.encoder_weights[0].t() + net.encoder_biases[0]
    code = code * mask(4, 4) if expected == "code" else code
    last = code @ net.decoder_weights[0].t() + net.decoder_biases[0]
    torch.testing.assert_close(noisy, last * mask(4, 6) if expected == "hidden" else last)
    assert torch.equal(net.hidden_of_rows(rows), network(6, 4, activation="identity").double().hidden_of_rows(rows))


def test_skip_connection_adds_the_encoders_output_to_the_mirrored_decoder_layer():
    net = network(6, 4, 3, skip=True, activation="tanh").double()
    rows = batch().with_values(batch().values.double())
    first = torch.tanh(rows.to_dense() @ net.input_weight + net.input_bias)  # B x 6
    second = torch.tanh(first @ net.encoder_weights[0].t() + net.encoder_biases[0])  # B x 4
    code = torch.tanh(second @ net.encoder_weights[1].t() + net.encoder_biases[1])  # B x 3
    outer = torch.tanh(code @ net.decoder_weights[0].t() + net.decoder_biases[0]) + second
    last = torch.tanh(outer @ net.decoder_weights[1].t() + net.decoder_biases[1]) + first
    torch.testing.assert_close(net.hidden_of_rows(rows), last)


def test_skipped_output_is_dropped_once_with_the_layer_that_it_is_added_to():
    net = network(6, 4, skip=True, activation="identity", hidden_dropout=0.5).double()
    rows = batch().with_values(batch().values.double())
    generator = torch.Generator().manual_seed(7)
    first = rows.to_dense() @ net.input_weight + net.input_bias
    code = dropout(first, 0.5, generator) @ net.encoder_weights[0].t() + net.encoder_biases[0]
    last = dropout(code @ net.decoder_weights[0].t() + net.decoder_biases[0] + first, 0.5, generator)
    torch.testing.assert_close(net.hidden_of_rows(rows, torch.Generator().manual_seed(7)), last)


@pytest.mark.parametrize("lowest", [-10.0, 1.0])
def test_output_within_the_scale_starts_at_a_rating_and_stays_between_the_ends(lowest):
    net = Network(AutoRec(width=3, output="sigmoid").shape, N, seed=0)
    net.start_at(3.5, lowest=lowest, highest=5.0)
    torch.testing.assert_close(net.output_dense(torch.zeros(2, 3)), torch.full((2, N), 3.5))
    far = net.last(torch.tensor([-100.0, 0.0, 100.0]))
    assert far.tolist() == pytest.approx([lowest, (lowest + 5.0) / 2, 5.0])
    assert "output_scale" in net.state_dict() and not net.shape.has_linear_output


@pytest.mark.parametrize("rating", [1.0, 5.0])
def test_start_at_an_end_of_the_scale_leaves_the_sigmoid_room_to_move(rating):
    net = Network(AutoRec(width=3, output="sigmoid").shape, N, seed=0)
    net.start_at(rating, lowest=1.0, highest=5.0)
    assert net.last(net.output_bias).tolist() == pytest.approx([rating] * N, abs=0.005)
    assert float(net.output_bias.detach().abs().max()) < 10


def test_linear_output_starts_at_the_rating_itself():
    net = network(4)
    net.start_at(3.5, lowest=1.0, highest=5.0)
    torch.testing.assert_close(net.output_dense(torch.zeros(2, 4)), torch.full((2, N), 3.5))
    assert "output_scale" not in net.state_dict()


@pytest.mark.parametrize(
    ("options", "linear"),
    [({}, True), ({"activation_on_last_layer": True}, False), ({"activation_on_last_layer": True, "activation": "none"}, True)],
)
def test_output_is_linear_without_an_activation_or_with_identity(options, linear):
    assert network(4, **options).shape.has_linear_output is linear
