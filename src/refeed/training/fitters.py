"""Which fitter fits which kind of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refeed.data.batches import derive_seed
from refeed.data.ratings import Ratings
from refeed.models import AutoEncoder, Bias, Spec
from refeed.runtime import Runtime
from refeed.training.closed_form import BiasFitter, fit_offsets
from refeed.training.fitter import Fitter
from refeed.training.gradient import GradientFitter
from refeed.training.options import TrainingOptions

FitterBuilder = Callable[[Any, Ratings, TrainingOptions, Runtime], Fitter]
"""From a description, the training ratings, the options (for the models that take them) and the runtime."""


def build_fitter(spec: Spec, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """The fitter of a new model, which lies on the runtime's device."""
    return FITTERS[spec.kind](spec, train, options, runtime)


def weights_seed(runtime: Runtime) -> int:
    """The seed of a model's initial weights."""
    return derive_seed(runtime.seed, "weights")


def _bias(spec: Bias, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    del options
    model = spec.build(train.num_users, train.num_items, seed=weights_seed(runtime)).to(runtime.device)
    return BiasFitter(model, train, spec)


def _autoencoder(spec: AutoEncoder, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    model = spec.build(train.num_users, train.num_items, seed=weights_seed(runtime)).to(runtime.device)
    fit_offsets(
        model.offsets, train, item_regularisation=spec.item_regularisation, user_regularisation=spec.user_regularisation
    )
    return GradientFitter(model, train, options, seed=runtime.seed)


FITTERS: dict[str, FitterBuilder] = {AutoEncoder.kind: _autoencoder, Bias.kind: _bias}
