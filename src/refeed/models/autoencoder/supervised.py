"""A supervised pass over a batch in two halves: up to the last hidden layer, and the optimiser step on the masked loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from refeed.models.autoencoder.steppers import Stepper


class SupervisedPass(Protocol):
    """A batch under way."""

    @property
    def hidden(self) -> Tensor:
        """The last hidden layer, (B, k)."""
        ...

    def update(self) -> float:
        """Take the optimiser step.

        Returns:
            the mean squared error over the rated places, before the step.
        """
        ...


@dataclass(frozen=True)
class AutogradPass:
    """A pass whose loss PyTorch's autograd differentiates.

    Attributes:
        hidden: the last hidden layer, (B, k).
        loss: the masked loss.
        stepper: takes the step.
    """

    hidden: Tensor
    loss: Tensor
    stepper: Stepper

    def update(self) -> float:
        """See `SupervisedPass`."""
        self.stepper.update(self.loss)
        return self.loss.item()


def masked_loss(outputs: Tensor, ratings: Tensor) -> Tensor:
    """Mean squared error over the rated places, both (nnz,)."""
    return (outputs - ratings).square().mean()
