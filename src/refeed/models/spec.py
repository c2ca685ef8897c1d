"""What a model's description has."""

from __future__ import annotations

from typing import ClassVar, Protocol

from refeed.models.base import RatingModel


class Spec(Protocol):
    """A frozen dataclass that describes a model; its fields are the model's options.

    Attributes:
        kind: its name in `MODELS`, on the command line and in model folders.
        title: its name for people, in tables.
        uses_training_options: whether `TrainingOptions` say how it is fitted; otherwise all that its fitting depends on are its
            own fields.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    uses_training_options: ClassVar[bool]

    def summary(self, num_users: int, num_items: int) -> str:
        """What it is, in a few words for people."""
        ...

    def build(self, num_users: int, num_items: int, *, seed: int) -> RatingModel:
        """The model before fitting."""
        ...
