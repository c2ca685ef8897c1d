"""A supervised pass over a batch in two halves: up to the last hidden layer, then the optimiser step on the masked loss."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from torch import Tensor
from typing_extensions import override

from refeed.models.autoencoder.steppers import Stepper


class SupervisedPass(abc.ABC):
    """A supervised pass over a batch, its forward half done.

    Attributes:
        hidden: the last hidden layer, (B, k).
    """

    hidden: Tensor

    @abc.abstractmethod
    def update(self) -> float:
        """Take the optimiser step.

        Returns:
            the mean squared error over the rated entries, before the step.
        """


@dataclass(frozen=True)
class AutogradPass(SupervisedPass):
    """A pass whose loss is differentiated by autograd.

    Attributes:
        hidden: the last hidden layer, (B, k).
        loss: the masked loss.
        stepper: takes the step.
    """

    hidden: Tensor
    loss: Tensor
    stepper: Stepper

    @override
    def update(self) -> float:
        self.stepper.update(self.loss)
        return self.loss.item()


def masked_loss(outputs: Tensor, ratings: Tensor) -> Tensor:
    """Mean squared error over the rated entries; both (nnz,)."""
    return (outputs - ratings).square().mean()
