"""Layer-wise pre-training: a stack of shallow autoencoders, each trained on the codes of the one below it."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from refeed.errors import ConfigError
from refeed.models.autoencoder.layers.activations import ACTIVATIONS
from refeed.models.autoencoder.layers.dropout import dropout
from refeed.models.autoencoder.network import Network
from refeed.models.common.checks import require_finite
from refeed.models.common.sparse_linear import sparse_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.optimizer_state import load_state_tensors, state_tensors, under_prefix, with_prefix
from refeed.optim.optimizers import build_optimizer
from refeed.optim.options import TrainingOptions

PREFIX = "pretraining/"  # of the names of its tensors


class Pretraining:
    """Trains each encoder layer and its mirror in the decoder as a shallow autoencoder, from the outside in.

    Hinton & Salakhutdinov, "Reducing the dimensionality of data with neural networks" (2006), with autoencoders in place of
    their Boltzmann machines (Bengio et al. 2007). With h_0 a row of ratings, the k-th pair of layers f_k, g_k is trained to
    minimise the mean of (g_k(f_k(h_k-1)) - h_k-1)^2, over the ratings only for k = 1, where h_k = f_k(h_k-1) is the output of
    the finished layers below, without noise. Its input has the dropout that it has in the network (so the layers of a denoising
    autoencoder are denoising ones, Vincent et al. 2010); the learning rate is the peak one. Each pair has an optimiser of its
    own, and only its own weights are updated.

    Args:
        network: in training; its decoder mirrors its encoder.
        options: optimiser, learning rate, weight decay, gradient clipping.

    Raises:
        ConfigError: the decoder has no mirror of some layer, or gets the encoder's output by skip connections anyway.
    """

    def __init__(self, network: Network, options: TrainingOptions) -> None:
        shape = network.shape
        if shape.decoder != tuple(reversed(shape.encoder[:-1])) or shape.skip:
            raise ConfigError(
                "pretrain_epochs: each encoder layer is pre-trained with the decoder layer that mirrors it alone, so "
                f"the decoder must mirror the encoder and skip must be false; got encoder {list(shape.encoder)}, "
                f"decoder {list(shape.decoder)}, skip {str(shape.skip).lower()}"
            )
        self._network, self._options = network, options
        self._activation = ACTIVATIONS[shape.activation]
        self._layer = 0
        self._optimizer = build_optimizer(self._weights(), options)

    @property
    def num_layers(self) -> int:
        """Number of layers to train, one after the other."""
        return len(self._network.shape.encoder)

    def train_step(self, layer: int, rows: SparseRows, noise: torch.Generator) -> None:
        """Take one optimiser step on a batch.

        Args:
            layer: from 0, the outermost.
            rows: B x n ratings less offsets.
            noise: random numbers of this batch's dropout.

        Raises:
            TrainingError: the loss is not finite.
        """
        self._turn_to(layer)
        loss = self._first_loss(rows, noise) if layer == 0 else self._deeper_loss(layer, rows, noise)
        remedy = f"Lower learning_rate (now {self._options.learning_rate:g})."
        require_finite(loss.item(), where=f"pre-training of layer {layer + 1}", remedy=remedy)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._options.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self._weights(), self._options.gradient_clip)
        self._optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """The tensors of the optimiser of the layer that is being trained."""
        return with_prefix(f"{PREFIX}{self._layer}/", state_tensors(self._optimizer))

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Resume from the state of an earlier run, if that was pre-training."""
        own = under_prefix(PREFIX, tensors)
        if own:
            layer = next(iter(own)).split("/")[0]
            self._turn_to(int(layer))
            load_state_tensors(self._optimizer, under_prefix(f"{layer}/", own))

    def _turn_to(self, layer: int) -> None:
        if layer != self._layer:
            self._layer = layer
            self._optimizer = build_optimizer(self._weights(), self._options)

    def _weights(self) -> nn.ParameterList:
        """The layer's, and those of the decoder layer that mirrors it."""
        network, above = self._network, self._layer - 1
        if self._layer == 0:
            outer = [network.input_weight, network.input_bias, network.output_weight, network.output_bias]
            return nn.ParameterList([weight for weight in outer if weight is not None])
        mirror = len(network.decoder_biases) - self._layer
        own = [network.encoder_weights[above], network.encoder_biases[above], network.decoder_biases[mirror]]
        return nn.ParameterList([*own, *([] if network.shape.tied else [network.decoder_weights[mirror]])])

    def _first_loss(self, rows: SparseRows, noise: torch.Generator) -> Tensor:
        noisy = rows.with_values(dropout(rows.values, self._network.shape.input_dropout, noise))
        outputs = self._network.output_at(self._first_layer(noisy), rows)
        return (outputs - rows.values).square().mean()

    def _deeper_loss(self, layer: int, rows: SparseRows, noise: torch.Generator) -> Tensor:
        network = self._network
        weights, biases = network.encoder_weights, network.encoder_biases
        with torch.no_grad():
            below = self._first_layer(rows)  # B x width of the layer below
            for weight, bias in zip(weights[: layer - 1], biases[: layer - 1], strict=True):
                below = self._activation(F.linear(below, weight, bias))
        noisy = dropout(below, network.shape.hidden_dropout, noise)
        code = self._activation(F.linear(noisy, weights[layer - 1], biases[layer - 1]))
        mirror = len(network.decoder_biases) - layer
        outputs = self._activation(F.linear(code, network.hidden_decoder_weights[mirror], network.decoder_biases[mirror]))
        return (outputs - below).square().mean()

    def _first_layer(self, rows: SparseRows) -> Tensor:
        return self._activation(sparse_linear(rows, self._network.input_weight, self._network.input_bias))
