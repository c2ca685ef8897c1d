"""New models with their offsets fitted, on the device of the run."""

from __future__ import annotations

from typing import Any, Protocol

from refeed.data.ratings import Ratings
from refeed.models.base import Spec
from refeed.models.common.offsets import fit_offsets
from refeed.runtime import Runtime
from refeed.seeds import derive_seed


class OffsetSpec(Spec, Protocol):
    """A description of a model with offsets."""

    @property
    def item_regularisation(self) -> float:
        """Pseudo-counts that pull an item's bias to 0."""
        ...

    @property
    def user_regularisation(self) -> float:
        """Pseudo-counts that pull a user's bias to 0."""
        ...


def weights_seed(runtime: Runtime) -> int:
    """The seed of a model's initial weights."""
    return derive_seed(runtime.seed, "weights")


def new_model(spec: Spec, train: Ratings, runtime: Runtime) -> Any:
    """The model that the description builds, on the runtime's device."""
    return spec.build(train.num_users, train.num_items, seed=weights_seed(runtime)).to(runtime.device)


def with_offsets(spec: OffsetSpec, train: Ratings, runtime: Runtime) -> Any:
    """The same with fitted offsets."""
    model = new_model(spec, train, runtime)
    fit_offsets(
        model.offsets, train, item_regularisation=spec.item_regularisation, user_regularisation=spec.user_regularisation
    )
    return model
