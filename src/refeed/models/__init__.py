"""Rating models: one file or folder for each kind."""

from __future__ import annotations

from refeed.errors import ConfigError
from refeed.models.als import ALS
from refeed.models.autoencoder.autorec import AutoRec
from refeed.models.autoencoder.spec import AutoEncoder
from refeed.models.base import Spec
from refeed.models.bayesian.spec import BayesianFactorisation
from refeed.models.bias import Bias
from refeed.models.ease import Ease
from refeed.models.ensemble.spec import Ensemble
from refeed.models.pca import Pca
from refeed.models.pmf.spec import PMF
from refeed.models.popularity import Popularity
from refeed.models.registry import KINDS, FitterBuilder, Kind
from refeed.models.rrn.spec import RRN
from refeed.models.svd_plus_plus.spec import SvdPlusPlus

__all__ = [
    "ALS",
    "MODELS",
    "PMF",
    "RRN",
    "AutoEncoder",
    "AutoRec",
    "BayesianFactorisation",
    "Bias",
    "Ease",
    "Ensemble",
    "Pca",
    "Popularity",
    "Spec",
    "SvdPlusPlus",
    "register",
]

MODELS: dict[str, type[Spec]] = {**{name: kind.spec for name, kind in KINDS.items()}, Ensemble.kind: Ensemble}
"""The classes of descriptions by their kind: those of the registry, and the ensemble that is made of them."""


def register(spec: type[Spec], build_fitter: FitterBuilder) -> None:
    """Register a kind of model from outside refeed, to be trained, saved and loaded like the others.

    Args:
        spec: the class of its descriptions.
        build_fitter: builds a new model and its fitter; see `registry.FitterBuilder`.

    Raises:
        ConfigError: there is another model of this kind.
    """
    if MODELS.get(spec.kind, spec) is not spec:
        raise ConfigError(f"kind: '{spec.kind}' is the name of another model, {MODELS[spec.kind].__name__}; choose another one")
    KINDS[spec.kind] = Kind(spec, build_fitter)
    MODELS[spec.kind] = spec
