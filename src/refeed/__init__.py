"""refeed: deep autoencoders for collaborative filtering."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from refeed.version import __version__

if TYPE_CHECKING:
    from refeed.data.ratings import Ratings as Ratings
    from refeed.data.ratings import RatingScale as RatingScale
    from refeed.data.splits.column import ColumnSplit as ColumnSplit
    from refeed.data.splits.random import KFoldSplit as KFoldSplit
    from refeed.data.splits.random import RandomSplit as RandomSplit
    from refeed.data.splits.time import NetflixSplit as NetflixSplit
    from refeed.data.splits.time import TimeSplit as TimeSplit
    from refeed.data.splits.time import UserTimeSplit as UserTimeSplit
    from refeed.data.store.store import open_store as open_store
    from refeed.data.store.store import write_store as write_store
    from refeed.evaluation.evaluate import evaluate as evaluate
    from refeed.fitted_model import FittedModel as FittedModel
    from refeed.fitted_model import load as load
    from refeed.inference.recommend import recommend as recommend
    from refeed.inference.recommend_all import recommend_all as recommend_all
    from refeed.models import AutoEncoder as AutoEncoder
    from refeed.models import Bias as Bias
    from refeed.optim.options import TrainingOptions as TrainingOptions
    from refeed.presets import preset as preset
    from refeed.readers import read_ratings as read_ratings
    from refeed.runtime import Runtime as Runtime
    from refeed.training.train import train as train

_HOMES = {
    "AutoEncoder": "refeed.models",
    "Bias": "refeed.models",
    "ColumnSplit": "refeed.data.splits.column",
    "FittedModel": "refeed.fitted_model",
    "KFoldSplit": "refeed.data.splits.random",
    "NetflixSplit": "refeed.data.splits.time",
    "RandomSplit": "refeed.data.splits.random",
    "RatingScale": "refeed.data.ratings",
    "Ratings": "refeed.data.ratings",
    "Runtime": "refeed.runtime",
    "TimeSplit": "refeed.data.splits.time",
    "TrainingOptions": "refeed.optim.options",
    "UserTimeSplit": "refeed.data.splits.time",
    "evaluate": "refeed.evaluation.evaluate",
    "load": "refeed.fitted_model",
    "open_store": "refeed.data.store.store",
    "preset": "refeed.presets",
    "read_ratings": "refeed.readers",
    "recommend": "refeed.inference.recommend",
    "recommend_all": "refeed.inference.recommend_all",
    "train": "refeed.training.train",
    "write_store": "refeed.data.store.store",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 (names come from the table above)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import refeed` is quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'refeed' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
