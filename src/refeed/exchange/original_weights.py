"""The weights of the original program (NVIDIA's DeepRecommender) in our network.

Its state dict names encode_w.L (out, in) and encode_b.L for the encoder's layers, decode_w.L and decode_b.L for the
decoder's; a tied ("constrained") model has no decode_w. Ours keeps the first layer's matrix transposed, one row an item.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from refeed.errors import BundleError
from refeed.models.autoencoder.network import Network


def original_names(network: Network) -> dict[str, tuple[Tensor, bool]]:
    """For each name of the original: our parameter, and whether ours is the transpose of it."""
    encoder = [network.input_weight, *network.encoder_weights]
    names = {f"encode_w.{layer}": (weight, layer == 0) for layer, weight in enumerate(encoder)}
    names |= {f"encode_b.{layer}": (bias, False) for layer, bias in enumerate([network.input_bias, *network.encoder_biases])}
    names |= {f"decode_b.{layer}": (bias, False) for layer, bias in enumerate([*network.decoder_biases, network.output_bias])}
    if network.output_weight is not None:
        names |= {f"decode_w.{layer}": (weight, False) for layer, weight in enumerate(network.decoder_weights)}
        names[f"decode_w.{len(network.decoder_weights)}"] = (network.output_weight, False)
    return names


@torch.no_grad()
def load_original_weights(network: Network, tensors: Mapping[str, Tensor]) -> None:
    """Copy the original's tensors into the network.

    Raises:
        BundleError: a tensor is missing, unexpected, or of another shape than the network's.
    """
    names = original_names(network)
    if names.keys() != tensors.keys():
        missing, extra = sorted(names.keys() - tensors.keys()), sorted(tensors.keys() - names.keys())
        raise BundleError(f"weights of the original program: missing {missing or 'none'}, unexpected {extra or 'none'}")
    for name, (parameter, is_transposed) in names.items():
        source = tensors[name].t() if is_transposed else tensors[name]
        if source.shape != parameter.shape:
            expected = tuple(parameter.t().shape if is_transposed else parameter.shape)
            raise BundleError(
                f"weights of the original program: {name} has the shape {tuple(tensors[name].shape)}, expected {expected}"
            )
        parameter.copy_(source)


@torch.no_grad()
def as_original_weights(network: Network) -> dict[str, Tensor]:
    """The network's weights under the original's names and in its layout."""
    return {
        name: (parameter.t() if is_transposed else parameter).detach().clone()
        for name, (parameter, is_transposed) in original_names(network).items()
    }
