"""One training step over a dense B x n matrix: the original program's mathematics in plain PyTorch.

The oracle of the tests and the baseline of the benchmarks. Nothing here comes from refeed's layers: every product is a
dense one, every gradient is autograd's. The one change to the original is that "not rated" is an explicit mask instead of
the value 0. Letters: B rows in the batch, n columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "selu": nn.SELU(),
    "elu": nn.ELU(),
    "leaky_relu": nn.LeakyReLU(),
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "silu": lambda values: values * torch.sigmoid(values),
    "gelu": nn.GELU(),
    "identity": nn.Identity(),
}


class DenseAutoEncoder(nn.Module):
    """The original's network, with its own names and layout of the weights.

    Args:
        weights: encode_w.L (out, in) and encode_b.L, decode_b.L, and decode_w.L unless tied; they are copied.
        activation: of every layer but perhaps the last; a name in `ACTIVATIONS`.
        activation_on_last_layer: whether the last layer has it too.
    """

    def __init__(self, weights: Mapping[str, Tensor], *, activation: str, activation_on_last_layer: bool) -> None:
        super().__init__()
        self.encode_w, self.encode_b, self.decode_w, self.decode_b = (
            _numbered(weights, prefix) for prefix in ("encode_w", "encode_b", "decode_w", "decode_b")
        )
        self._activation, self._activation_on_last_layer = ACTIVATIONS[activation], activation_on_last_layer

    def forward(self, inputs: Tensor, code_mask: Tensor | None = None) -> Tensor:
        """f(inputs), (B, n).

        Args:
            inputs: (B, n), 0 where there is no rating.
            code_mask: dropout of the code layer, (B, width): 0 or 1 / (1 - p); None drops nothing.
        """
        hidden = inputs
        for weight, bias in zip(self.encode_w, self.encode_b, strict=True):
            hidden = self._activation(F.linear(hidden, weight, bias))
        if code_mask is not None:
            hidden = hidden * code_mask
        decoder = list(self.decode_w) or [weight.t() for weight in reversed(self.encode_w)]
        for layer, (weight, bias) in enumerate(zip(decoder, self.decode_b, strict=True), start=1):
            sums = F.linear(hidden, weight, bias)
            is_linear = layer == len(decoder) and not self._activation_on_last_layer
            hidden = sums if is_linear else self._activation(sums)
        return hidden


@dataclass(frozen=True)
class DenseTrainer:
    """Takes the optimiser steps of one batch.

    Attributes:
        model: the network.
        optimizer: over its parameters.
        refeed_steps: re-feeding passes after the supervised one.
        refeed_label: see `TrainingOptions.refeed_label`.
        gradient_clip: largest norm of the whole gradient, None leaves it as it is.
        in_bfloat16: products in bfloat16 by PyTorch's autocast, weights and losses in float32.
    """

    model: DenseAutoEncoder
    optimizer: torch.optim.Optimizer
    refeed_steps: int = 0
    refeed_label: Literal["output", "ratings", "joint"] = "output"
    gradient_clip: float | None = None
    in_bfloat16: bool = False

    def step(self, ratings: Tensor, rated: Tensor, code_masks: Sequence[Tensor] = ()) -> list[float]:
        """Train on one batch.

        Args:
            ratings: (B, n), 0 where there is none.
            rated: bool (B, n).
            code_masks: dropout of the code layer in each pass; empty drops nothing.

        Returns:
            the supervised loss, then that of each re-feeding pass, each before the update that it causes.
        """
        masks = iter(code_masks) if code_masks else repeat(None)
        outputs = self._outputs(ratings, next(masks))
        losses = [masked_mse(outputs, ratings, rated)]
        if self.refeed_label != "joint":
            self._update(losses[0])
        for _ in range(self.refeed_steps):
            fed = outputs.detach()
            outputs = self._outputs(fed, next(masks))
            if self.refeed_label == "ratings":
                losses.append(masked_mse(outputs, ratings, rated))
            else:
                losses.append(masked_mse(outputs, fed, fed != 0))  # the original's mask: 0 is "not rated" here too
            if self.refeed_label != "joint":
                self._update(losses[-1])
        if self.refeed_label == "joint":
            self._update(torch.stack(losses).sum())
        return [loss.item() for loss in losses]

    def _outputs(self, inputs: Tensor, code_mask: Tensor | None) -> Tensor:
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            outputs = self.model(inputs, code_mask)
        return outputs.to(inputs.dtype)

    def _update(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        if self.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_clip)
        self.optimizer.step()


def masked_mse(outputs: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Sum of squared errors where `mask`, divided by the number of those places; all (B, n)."""
    weights = mask.to(outputs.dtype)
    return ((outputs - targets).square() * weights).sum() / weights.sum().clamp(min=1)


def _numbered(weights: Mapping[str, Tensor], prefix: str) -> nn.ParameterList:
    """The tensors prefix.0, prefix.1, … as parameters."""
    number = sum(name.startswith(f"{prefix}.") for name in weights)
    return nn.ParameterList([nn.Parameter(weights[f"{prefix}.{layer}"].detach().clone()) for layer in range(number)])
