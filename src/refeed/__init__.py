"""refeed: deep autoencoders for collaborative filtering.

Example:
    >>> import refeed
    >>> ratings = refeed.Ratings.from_columns(["ann", "ann", "bob"], ["Alien", "Heat", "Heat"], [5, 3, 4])
    >>> ratings.num_users, ratings.num_items
    (2, 2)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from refeed.version import __version__

if TYPE_CHECKING:
    from refeed.data.ratings import Ratings as Ratings
    from refeed.data.ratings import RatingScale as RatingScale
    from refeed.data.splits.base import Split as Split
    from refeed.data.splits.column import ColumnSplit as ColumnSplit
    from refeed.data.splits.random import KFoldSplit as KFoldSplit
    from refeed.data.splits.random import RandomSplit as RandomSplit
    from refeed.data.splits.time import NetflixSplit as NetflixSplit
    from refeed.data.splits.time import TimeSplit as TimeSplit
    from refeed.data.splits.time import UserTimeSplit as UserTimeSplit
    from refeed.data.store.store import open_store as open_store
    from refeed.data.store.store import write_store as write_store
    from refeed.errors import BundleError as BundleError
    from refeed.errors import ConfigError as ConfigError
    from refeed.errors import DataError as DataError
    from refeed.errors import InterruptedTrainingError as InterruptedTrainingError
    from refeed.errors import RefeedError as RefeedError
    from refeed.errors import SplitError as SplitError
    from refeed.errors import StorageError as StorageError
    from refeed.errors import TrainingError as TrainingError
    from refeed.evaluation.compare import compare as compare
    from refeed.evaluation.evaluate import Evaluation as Evaluation
    from refeed.evaluation.evaluate import EvaluationOptions as EvaluationOptions
    from refeed.evaluation.evaluate import evaluate as evaluate
    from refeed.fitted_model import FittedModel as FittedModel
    from refeed.fitted_model import load as load
    from refeed.inference.explain import Reason as Reason
    from refeed.inference.explain import explain as explain
    from refeed.inference.predict import PredictedIntervals as PredictedIntervals
    from refeed.inference.predict import predict as predict
    from refeed.inference.predict import predict_interval as predict_interval
    from refeed.inference.recommend import Recommendation as Recommendation
    from refeed.inference.recommend import recommend as recommend
    from refeed.inference.recommend_all import recommend_all as recommend_all
    from refeed.inference.similar_items import SimilarItem as SimilarItem
    from refeed.inference.similar_items import similar_items as similar_items
    from refeed.metrics.intervals import PairedDifference as PairedDifference
    from refeed.models import ALS as ALS
    from refeed.models import PMF as PMF
    from refeed.models import RRN as RRN
    from refeed.models import AutoEncoder as AutoEncoder
    from refeed.models import AutoRec as AutoRec
    from refeed.models import BayesianFactorisation as BayesianFactorisation
    from refeed.models import Bias as Bias
    from refeed.models import Ease as Ease
    from refeed.models import Ensemble as Ensemble
    from refeed.models import Pca as Pca
    from refeed.models import Popularity as Popularity
    from refeed.models import SvdPlusPlus as SvdPlusPlus
    from refeed.optim.options import TrainingOptions as TrainingOptions
    from refeed.presets import Preset as Preset
    from refeed.presets import preset as preset
    from refeed.readers import read_ratings as read_ratings
    from refeed.runtime import Runtime as Runtime
    from refeed.training.train import train as train

_PUBLIC: dict[str, str] = {
    "refeed.data.ratings": "RatingScale Ratings",
    "refeed.data.splits.base": "Split",
    "refeed.data.splits.column": "ColumnSplit",
    "refeed.data.splits.random": "KFoldSplit RandomSplit",
    "refeed.data.splits.time": "NetflixSplit TimeSplit UserTimeSplit",
    "refeed.data.store.store": "open_store write_store",
    "refeed.errors": (
        "BundleError ConfigError DataError InterruptedTrainingError RefeedError SplitError StorageError TrainingError"
    ),
    "refeed.evaluation.compare": "compare",
    "refeed.evaluation.evaluate": "Evaluation EvaluationOptions evaluate",
    "refeed.fitted_model": "FittedModel load",
    "refeed.inference.explain": "Reason explain",
    "refeed.inference.predict": "PredictedIntervals predict predict_interval",
    "refeed.inference.recommend": "Recommendation recommend",
    "refeed.inference.recommend_all": "recommend_all",
    "refeed.inference.similar_items": "SimilarItem similar_items",
    "refeed.metrics.intervals": "PairedDifference",
    "refeed.models": "ALS AutoEncoder AutoRec BayesianFactorisation Bias Ease Ensemble PMF Pca Popularity RRN SvdPlusPlus",
    "refeed.optim.options": "TrainingOptions",
    "refeed.presets": "Preset preset",
    "refeed.readers": "read_ratings",
    "refeed.runtime": "Runtime",
    "refeed.training.train": "train",
}
"""The public names of each module. Type checkers read the imports above, which a test holds equal to this table."""

_HOMES = {name: module for module, names in _PUBLIC.items() for name in names.split()}
__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 (names come from the table above)


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562), so that `import refeed` loads neither PyTorch nor Arrow."""
    if name not in _HOMES:
        raise AttributeError(f"module 'refeed' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value  # so that this runs once a name
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
