"""New models on the device of a run."""

from __future__ import annotations

from typing import Any

from refeed.data.ratings import Ratings
from refeed.models.base import Spec
from refeed.runtime import Runtime
from refeed.seeds import derive_seed


def new_model(spec: Spec, train: Ratings, runtime: Runtime) -> Any:
    """The model that the description builds, on the runtime's device."""
    return spec.build(train.num_users, train.num_items, seed=derive_seed(runtime.seed, "weights")).to(runtime.device)


def with_offsets(spec: Spec, train: Ratings, runtime: Runtime) -> Any:
    """The same with its offsets fitted."""
    model = new_model(spec, train, runtime)
    model.offsets.fit(train)
    return model
