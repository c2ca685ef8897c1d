"""The network: shapes, weights, places and dropout."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.models import AutoEncoder
from refeed.models.layers.activations import ACTIVATIONS
from refeed.models.layers.dropout import dropout
from refeed.models.layers.sparse_rows import SparseRows
from refeed.models.network import Network
from small_worlds import history_of

N = 9


def network(*encoder, seed=0, columns=N, **options) -> Network:
    return Network(AutoEncoder(encoder=encoder, **options).shape, columns, seed=seed)


def batch(seed=0, rows=4, columns=N) -> SparseRows:
    rng = np.random.default_rng(seed)
    people = [
        {int(item): float(rng.integers(-2, 6)) for item in np.flatnonzero(rng.random(columns) < 0.5)} for _ in range(rows)
    ]
    return SparseRows.from_history(history_of(*people, num_items=columns), torch.device("cpu"))


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
