"""The original program's weights into our network and back."""

from __future__ import annotations

import pytest
import torch

from oracles.dense_reference import DenseAutoEncoder
from refeed.errors import BundleError
from refeed.exchange.original_weights import as_original_weights, load_original_weights
from refeed.models import AutoEncoder
from refeed.models.autoencoder.network import Network


def network(seed=0, **options) -> Network:
    return Network(AutoEncoder(encoder=(5, 3), **options).shape, 7, seed=seed)


@pytest.mark.parametrize("options", [{}, {"tied": True}, {"decoder": (6, 4, 2)}, {"decoder": ()}])
def test_weights_survive_the_way_there_and_back(options):
    source, target = network(1, **options), network(2, **options)
    load_original_weights(target, as_original_weights(source))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(target.parameters(), source.parameters(), strict=True))


def test_names_and_shapes_are_those_of_the_original():
    shapes = {name: tuple(weight.shape) for name, weight in as_original_weights(network()).items()}
    assert shapes == {
        "encode_w.0": (5, 7), "encode_w.1": (3, 5), "encode_b.0": (5,), "encode_b.1": (3,),
        "decode_w.0": (5, 3), "decode_w.1": (7, 5), "decode_b.0": (5,), "decode_b.1": (7,),
    }  # fmt: skip
    assert not any(name.startswith("decode_w") for name in as_original_weights(network(tied=True)))


@pytest.mark.parametrize("tied", [True, False])
def test_dense_network_with_these_weights_predicts_the_same(tied):
    ours = network(4, tied=tied, activation="tanh")
    dense = DenseAutoEncoder(as_original_weights(ours), activation="tanh", activation_on_last_layer=False)
    inputs = torch.randn(3, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours.output_dense(ours.hidden_of_dense(inputs)), dense(inputs))


def test_missing_and_unexpected_tensors_are_named():
    weights = as_original_weights(network())
    weights["decode_w.9"] = weights.pop("encode_b.1")
    with pytest.raises(BundleError, match=r"missing \['encode_b.1'\], unexpected \['decode_w.9'\]"):
        load_original_weights(network(), weights)


def test_tensor_of_another_shape_is_named_with_both_shapes():
    weights = as_original_weights(network())
    weights["encode_w.0"] = torch.zeros(5, 8)
    with pytest.raises(BundleError, match=r"encode_w.0 has the shape \(5, 8\), expected \(5, 7\)"):
        load_original_weights(network(), weights)
