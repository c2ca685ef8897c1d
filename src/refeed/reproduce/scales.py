"""The budgets of the experiments: the paper's, or what two cores do in minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from refeed.config import Config, PositiveFloat, PositiveInt, nearest
from refeed.errors import ConfigError
from refeed.optim.options import TrainingOptions
from refeed.presets import PAPER_TRAINING

SMALLEST_BATCH = 8  # users


@dataclass(frozen=True)
class Scale(Config):
    """A budget for all experiments.

    Attributes:
        name: as given to `--budget`.
        about: one line about it.
        epochs: of each network of the paper's experiments; the paper's milestones are scaled with it.
        width_divisor: every width of the paper is divided by it.
        batch_size: users in a batch, at most.
        least_batches: minimum number of batches in an epoch, which are smaller where there are fewer users; see `for_users`.
        learning_rate_factor: every learning rate of the paper is multiplied by it.
        seeds: runs of each setting.
        trials: settings that every system of the benchmark is tuned over.

    Raises:
        ConfigError: a value of the wrong type or out of its range.
    """

    name: str
    about: str
    epochs: PositiveInt
    width_divisor: PositiveInt
    batch_size: PositiveInt
    least_batches: PositiveInt
    learning_rate_factor: PositiveFloat
    seeds: PositiveInt
    trials: PositiveInt

    def for_users(self, num_users: int) -> Scale:
        """The same with the batch size for this number of users, at least 8: few users in large batches make few steps."""
        return replace(self, batch_size=min(self.batch_size, max(SMALLEST_BATCH, num_users // self.least_batches)))

    def width(self, paper: int) -> int:
        """A width of the paper at this scale, at least 2."""
        return max(2, paper // self.width_divisor)

    def widths(self, *paper: int) -> tuple[int, ...]:
        """Widths of the paper at this scale."""
        return tuple(map(self.width, paper))

    def training(self, *, learning_rate: float = 0.001, refeed_steps: int = 0) -> TrainingOptions:
        """The paper's training options at this scale.

        Args:
            learning_rate: the paper's; 0.001 "for most experiments".
            refeed_steps: re-feeding passes after each batch.
        """
        milestones = {max(1, round(epoch * self.epochs / PAPER_TRAINING.epochs)) for epoch in PAPER_TRAINING.milestones}
        return replace(
            PAPER_TRAINING,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=learning_rate * self.learning_rate_factor,
            milestones=tuple(sorted(milestones)),
            refeed_steps=refeed_steps,
        )


SCALES: Mapping[str, Scale] = {
    "tiny": Scale(
        name="tiny",
        about="a trial run of a minute; its results mean nothing",
        epochs=3,
        width_divisor=16,
        batch_size=32,
        least_batches=1,
        learning_rate_factor=4.0,
        seeds=2,
        trials=2,
    ),
    "small": Scale(
        name="small",
        about="about 10 minutes on two cores with a hundred thousand ratings, an hour with a million",
        epochs=40,
        width_divisor=4,
        batch_size=32,
        least_batches=64,
        learning_rate_factor=2.0,  # with 4, re-feeding at the higher rate is at the edge of divergence on ml-100k
        seeds=2,
        trials=4,
    ),
    "paper": Scale(
        name="paper",
        about="the paper's epochs, widths, batch size and learning rates",
        epochs=100,
        width_divisor=1,
        batch_size=128,
        least_batches=1,
        learning_rate_factor=1.0,
        seeds=3,
        trials=12,
    ),
}


def scale(name: str) -> Scale:
    """The scale of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in SCALES:
        raise ConfigError(f"budget: no '{name}'{nearest(name, SCALES).replace('known keys', 'the budgets')}")
    return SCALES[name]


def beside_paper(ours: float, paper: float) -> str:
    """A number of ours, with the paper's in brackets where it differs."""
    return f"{ours:g}" if ours == paper else f"{ours:g} ({paper:g} in the paper)"
