"""Which fitter fits which kind of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refeed.data.batches import derive_seed
from refeed.data.ratings import Ratings
from refeed.models import ALS, PMF, RRN, AutoEncoder, AutoRec, BayesianFactorisation, Bias, Ease, Pca, Spec, SvdPlusPlus
from refeed.models.autoencoder import AutoEncoderModel
from refeed.models.factors import rating_spread
from refeed.runtime import Runtime
from refeed.training.alternating import AlternatingFitter
from refeed.training.closed_form import BiasFitter, fit_offsets
from refeed.training.compiled_supervision import use_loops
from refeed.training.factor_descent import FactorDescentFitter
from refeed.training.fitter import Fitter
from refeed.training.gibbs import GibbsFitter
from refeed.training.gradient import GradientFitter
from refeed.training.item_regression import EaseFitter
from refeed.training.options import TrainingOptions
from refeed.training.rrn_alternation import RecurrentFitter
from refeed.training.soft_impute import SoftImputeFitter
from refeed.training.variable_projection import SvdPlusPlusFitter

FitterBuilder = Callable[[Any, Ratings, TrainingOptions, Runtime], Fitter]
"""From a description, the training ratings, the options (for the models that take them) and the runtime."""


def build_fitter(spec: Spec, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """The fitter of a new model, which lies on the runtime's device."""
    return FITTERS[spec.kind](spec, train, options, runtime)


def weights_seed(runtime: Runtime) -> int:
    """The seed of a model's initial weights."""
    return derive_seed(runtime.seed, "weights")


def _new_model(spec: Spec, train: Ratings, runtime: Runtime) -> Any:
    """The model that the description builds, on the runtime's device."""
    return spec.build(train.num_users, train.num_items, seed=weights_seed(runtime)).to(runtime.device)


def _with_offsets(spec: AutoEncoder | ALS | PMF | RRN, train: Ratings, runtime: Runtime) -> Any:
    """The same with fitted offsets."""
    model = _new_model(spec, train, runtime)
    fit_offsets(
        model.offsets, train, item_regularisation=spec.item_regularisation, user_regularisation=spec.user_regularisation
    )
    return model


def _bias(spec: Bias, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    del options
    return BiasFitter(_new_model(spec, train, runtime), train, spec)


def _bayesian(spec: BayesianFactorisation, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    del options
    return GibbsFitter(_new_model(spec, train, runtime), train, spec, seed=runtime.seed)


def _ease(spec: Ease, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    del options
    return EaseFitter(_new_model(spec, train, runtime), train, spec)


def _pca(spec: Pca, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    del options
    return SoftImputeFitter(_new_model(spec, train, runtime), train, spec)


def _svd_plus_plus(spec: SvdPlusPlus, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    del options
    return SvdPlusPlusFitter(_new_model(spec, train, runtime), train, spec, seed=runtime.seed)


def _als(spec: ALS, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    del options
    model = _with_offsets(spec.in_units_of(rating_spread(train)), train, runtime)
    return AlternatingFitter(model, train, epochs=spec.epochs, patience=spec.patience)


def _pmf(spec: PMF, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    del options
    scaled = spec.in_units_of(rating_spread(train))
    return FactorDescentFitter(_with_offsets(scaled, train, runtime), train, scaled, seed=runtime.seed)


def _rrn(spec: RRN, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    del options
    return RecurrentFitter(_with_offsets(spec, train, runtime), train, spec, seed=runtime.seed)


def _autoencoder(spec: AutoEncoder, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    return _network_fitter(_with_offsets(spec, train, runtime), train, options, runtime)


def _autorec(spec: AutoRec, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    model = _new_model(spec, train, runtime)
    fit_offsets(model.offsets, train, item_regularisation=0.0, user_regularisation=0.0)
    offset, mean = model.offsets.mean.item(), float(np.mean(train.values, dtype=np.float64))
    model.network.start_at(mean - offset, lowest=train.scale.minimum - offset, highest=train.scale.maximum - offset)
    return _network_fitter(model, train, options, runtime)


def _network_fitter(model: AutoEncoderModel, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    network = model.network
    compiled = use_loops(runtime.loops, network.shape, options, num_columns=network.num_columns, device=runtime.device)
    return GradientFitter(model, train, options, seed=runtime.seed, compiled=compiled)


FITTERS: dict[str, FitterBuilder] = {
    ALS.kind: _als,
    PMF.kind: _pmf,
    RRN.kind: _rrn,
    AutoEncoder.kind: _autoencoder,
    AutoRec.kind: _autorec,
    BayesianFactorisation.kind: _bayesian,
    Bias.kind: _bias,
    Ease.kind: _ease,
    Pca.kind: _pca,
    SvdPlusPlus.kind: _svd_plus_plus,
}
