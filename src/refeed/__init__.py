"""refeed: deep autoencoders for collaborative filtering."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from refeed.bundles import FittedModel as FittedModel
    from refeed.bundles import load as load
    from refeed.data.ratings import Ratings as Ratings
    from refeed.data.ratings import RatingScale as RatingScale
    from refeed.data.readers import read_ratings as read_ratings
    from refeed.data.splits import ColumnSplit as ColumnSplit
    from refeed.data.splits import KFoldSplit as KFoldSplit
    from refeed.data.splits import NetflixSplit as NetflixSplit
    from refeed.data.splits import RandomSplit as RandomSplit
    from refeed.data.splits import TimeSplit as TimeSplit
    from refeed.data.splits import UserTimeSplit as UserTimeSplit
    from refeed.data.store import open_store as open_store
    from refeed.data.store import write_store as write_store
    from refeed.evaluation.evaluate import evaluate as evaluate
    from refeed.experiments.presets import preset as preset
    from refeed.inference.recommend import recommend as recommend
    from refeed.inference.recommend_all import recommend_all as recommend_all
    from refeed.models import AutoEncoder as AutoEncoder
    from refeed.models import Bias as Bias
    from refeed.runtime import Runtime as Runtime
    from refeed.training.options import TrainingOptions as TrainingOptions
    from refeed.training.train import train as train

_HOMES = {
    "AutoEncoder": "refeed.models",
    "Bias": "refeed.models",
    "ColumnSplit": "refeed.data.splits",
    "FittedModel": "refeed.bundles",
    "KFoldSplit": "refeed.data.splits",
    "NetflixSplit": "refeed.data.splits",
    "RandomSplit": "refeed.data.splits",
    "RatingScale": "refeed.data.ratings",
    "Ratings": "refeed.data.ratings",
    "Runtime": "refeed.runtime",
    "TimeSplit": "refeed.data.splits",
    "TrainingOptions": "refeed.training.options",
    "UserTimeSplit": "refeed.data.splits",
    "evaluate": "refeed.evaluation.evaluate",
    "load": "refeed.bundles",
    "open_store": "refeed.data.store",
    "preset": "refeed.experiments.presets",
    "read_ratings": "refeed.data.readers",
    "recommend": "refeed.inference.recommend",
    "recommend_all": "refeed.inference.recommend_all",
    "train": "refeed.training.train",
    "write_store": "refeed.data.store",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 (names come from the table above)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import refeed` is quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'refeed' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
