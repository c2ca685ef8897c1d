"""The network of a deep autoencoder: sparse first layer, hidden layers, and the last layer at given entries or everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from refeed.models.autoencoder.layers.activations import ACTIVATIONS
from refeed.models.autoencoder.layers.dropout import dropout
from refeed.models.autoencoder.layers.precision import lowered
from refeed.models.autoencoder.layers.wide_linear import wide_linear
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_linear import sparse_linear
from refeed.models.common.sparse_rows import SparseRows

SMALLEST_SHARE = 1e-3  # of the scale: distance of a sigmoid's initial output from the ends, which it never reaches


@dataclass(frozen=True)
class NetworkShape:
    """The layers of a network over n columns: n, encoder…, decoder…, n.

    Attributes:
        encoder: widths of the encoder's layers; the last is the code layer.
        decoder: widths of the decoder's hidden layers (without the last layer, which has n).
        tied: the decoder uses the encoder's weights transposed; then `decoder` mirrors `encoder`.
        activation: name of the activation of all layers but, unless `activation_on_last_layer`, the last.
        activation_on_last_layer: whether the last layer has it too.
        code_dropout: probability of dropping a value of the code layer.
        hidden_dropout: the same for all other hidden layers.
        input_dropout: the same for the input (denoising).
        skip: add the output of each encoder layer but the code layer to that of its mirror in the decoder; then `decoder`
            mirrors `encoder`.
        within_scale: the last layer's activation is lowest + (highest - lowest) * sigmoid(.).
    """

    encoder: tuple[int, ...]
    decoder: tuple[int, ...]
    tied: bool
    activation: str
    activation_on_last_layer: bool
    code_dropout: float
    hidden_dropout: float
    input_dropout: float
    skip: bool = False
    within_scale: bool = False

    @property
    def has_linear_output(self) -> bool:
        """Whether the last layer is h W^T + b without an activation."""
        return not self.within_scale and (not self.activation_on_last_layer or self.activation == "identity")


class EdgeWeights(NamedTuple):
    """The weights of the first and last layer, of all n columns or of the u columns that a batch reads.

    Attributes:
        input: V, (n or u, m).
        output: W, (n or u, k); the same tensor as `input` where the network is tied.
        output_bias: b, (n or u,).
    """

    input: Tensor
    output: Tensor
    output_bias: Tensor


class Network(nn.Module):
    """f: B x n -> B x n, where the input is sparse (or dense, for re-feeding).

    The first and the last layer have one row of weights for each column of the data, so that both read only the rows they need:
    `input_weight` is V (n, m) and the first layer is x V + b; `output_weight` is W (n, k) and the last is h W^T + b. When
    the network is tied, W is V.

    Args:
        shape: the layers.
        num_columns: n.
        seed: of the initial weights: Xavier uniform (Glorot & Bengio 2010), biases zero.
    """

    output_scale: Tensor

    def __init__(self, shape: NetworkShape, num_columns: int, *, seed: int) -> None:
        super().__init__()
        self.shape, self.num_columns = shape, num_columns
        self._activation = ACTIVATIONS[shape.activation]
        last_width = shape.decoder[-1] if shape.decoder else shape.encoder[-1]
        self.input_weight = nn.Parameter(torch.empty(num_columns, shape.encoder[0]))  # V: n x m
        self.input_bias = nn.Parameter(torch.zeros(shape.encoder[0]))
        self.encoder_weights = _matrices(shape.encoder)
        self.encoder_biases = _vectors(shape.encoder[1:])
        self.decoder_weights = nn.ParameterList() if shape.tied else _matrices((shape.encoder[-1], *shape.decoder))
        self.decoder_biases = _vectors(shape.decoder)
        self.output_weight = None if shape.tied else nn.Parameter(torch.empty(num_columns, last_width))  # W: n x k
        self.output_bias = nn.Parameter(torch.zeros(num_columns))
        if shape.within_scale:
            self.register_buffer("output_scale", torch.tensor([0.0, 1.0]))  # lowest and highest rating
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter, generator=generator)

    @property
    def edge(self) -> EdgeWeights:
        """The weights of the first and last layer, of all columns."""
        return EdgeWeights(self.input_weight, self.last_weight, self.output_bias)

    def hidden_of_rows(
        self,
        rows: SparseRows,
        noise: torch.Generator | None = None,
        *,
        edge: EdgeWeights | None = None,
        precision: torch.dtype = torch.float32,
    ) -> Tensor:
        """The last hidden layer, (B, k), for sparse rows.

        Args:
            rows: over the columns of `edge`.
            noise: random numbers of dropout; None switches it off.
            edge: the first layer's weights; default: the network's own.
            precision: of the products between hidden layers.
        """
        values = dropout(rows.values, self.shape.input_dropout, noise)
        weight = self.input_weight if edge is None else edge.input
        sums = sparse_linear(rows.with_values(values), weight, self.input_bias)
        return self.hidden_of_sums(sums, noise, precision=precision)

    def hidden_of_dense(
        self, inputs: Tensor, noise: torch.Generator | None = None, *, precision: torch.dtype = torch.float32
    ) -> Tensor:
        """The last hidden layer, (B, k), for a dense input (B, n)."""
        return self.hidden_of_sums(self.sums_of_dense(inputs), noise, precision=precision)

    def sums_of_dense(self, inputs: Tensor) -> Tensor:
        """The first layer's sums, (B, m), for a dense input (B, n)."""
        return F.linear(inputs, self.input_weight.t(), self.input_bias)

    def output_at(self, hidden: Tensor, entries: SparseRows, *, edge: EdgeWeights | None = None) -> Tensor:
        """The output at the entries only, (nnz,), over the columns of `edge`; default: the network's own."""
        weights = self.edge if edge is None else edge
        return self.last(sampled_linear(hidden, weights.output, entries, weights.output_bias))

    def output_dense(self, hidden: Tensor) -> Tensor:
        """The whole output, (B, n)."""
        return self.last(wide_linear(hidden, self.last_weight, self.output_bias))

    @property
    def last_weight(self) -> Tensor:
        """W, (n, k)."""
        return self.input_weight if self.output_weight is None else self.output_weight

    def last(self, values: Tensor) -> Tensor:
        """The last layer's activation, of any shape."""
        if self.shape.within_scale:
            return torch.lerp(self.output_scale[0], self.output_scale[1], torch.sigmoid(values))
        return self._activation(values) if self.shape.activation_on_last_layer else values

    @torch.no_grad()
    def start_at(self, rating: float, *, lowest: float, highest: float) -> None:
        """Initialise the last layer's biases so that its output is a rating where its input is 0.

        Args:
            rating: within the scale.
            lowest: of the scale.
            highest: of the scale.
        """
        if self.shape.within_scale:
            self.output_scale.copy_(torch.tensor([lowest, highest]))
            share = (rating - lowest) / max(highest - lowest, 1e-12)
            rating = math.log(max(share, SMALLEST_SHARE) / max(1 - share, SMALLEST_SHARE))
        self.output_bias.fill_(rating)

    def hidden_of_sums(self, first: Tensor, noise: torch.Generator | None, *, precision: torch.dtype = torch.float32) -> Tensor:
        """From the first layer's sums, (B, m), through all hidden layers.

        Args:
            first: the sums.
            noise: random numbers of dropout; None switches it off.
            precision: of the products between hidden layers; the weights, their gradients and the result keep their precision
                (master weights, Micikevicius et al. 2018).
        """
        hidden = self._activation(first)
        skipped: list[Tensor] = []  # the encoder's outputs not yet added
        for weight, bias in zip(self.encoder_weights, self.encoder_biases, strict=True):
            skipped.append(hidden)
            hidden = dropout(hidden, self.shape.hidden_dropout, noise)
            hidden = self._activation(_linear(hidden, weight, bias, precision))
        hidden = dropout(hidden, self.shape.code_dropout, noise)
        for weight, bias in zip(self.hidden_decoder_weights, self.decoder_biases, strict=True):
            hidden = self._activation(_linear(hidden, weight, bias, precision))
            if self.shape.skip:
                hidden = hidden + skipped.pop()
            hidden = dropout(hidden, self.shape.hidden_dropout, noise)
        return hidden.to(first.dtype)

    @property
    def hidden_decoder_weights(self) -> list[Tensor]:
        """The decoder's weights but the last layer's, (out, in) each; the encoder's transposed if tied."""
        if self.shape.tied:
            return [weight.t() for weight in reversed(self.encoder_weights)]
        return list(self.decoder_weights)


def _linear(inputs: Tensor, weight: Tensor, bias: Tensor, precision: torch.dtype) -> Tensor:
    """inputs weight^T + bias."""
    return F.linear(lowered(inputs, precision), lowered(weight, precision), lowered(bias, precision))


def _matrices(widths: tuple[int, ...]) -> nn.ParameterList:
    return nn.ParameterList([nn.Parameter(torch.empty(after, before)) for before, after in pairwise(widths)])


def _vectors(widths: tuple[int, ...]) -> nn.ParameterList:
    return nn.ParameterList([nn.Parameter(torch.zeros(width)) for width in widths])
