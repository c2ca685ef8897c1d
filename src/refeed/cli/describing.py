"""What is trained or was trained, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refeed.data.splits.base import Split
    from refeed.fitted_model import FittedModel
    from refeed.models import AutoEncoder, AutoRec, Spec
    from refeed.optim.options import TrainingOptions
    from refeed.runtime import Runtime

MANY_MILLIONS = 5  # of ratings, from which on an ensemble takes more than a coffee break


def describe_run(spec: Spec, options: TrainingOptions, parts: Split, runtime: Runtime) -> str:
    """What is about to be trained, how, and where."""
    from refeed.models import AutoEncoder, AutoRec

    network = spec.summary(parts.train.num_users, parts.train.num_items)
    where = f"{runtime.device}, {runtime.threads} threads, seed {runtime.seed}"
    if not isinstance(spec, AutoEncoder | AutoRec):
        return f"{network} ({where})"
    columns = parts.train.num_items if spec.side == "user" else parts.train.num_users
    refeeding = f", {_describe_refeeding(spec, options, columns)}" if options.refeed_steps else ""
    return f"{network}; {_describe_steps(options)}{refeeding} ({where}{_describe_loops(spec, options, columns, runtime)})"


def describe_result(fitted: FittedModel) -> list[str]:
    """What training came to: the best epoch, or each member of an ensemble and what all of them reach."""
    from refeed.models.ensemble.model import EnsembleModel
    from refeed.models.ensemble.spec import Ensemble

    log = fitted.provenance.log
    if not (isinstance(fitted.spec, Ensemble) and isinstance(fitted.model, EnsembleModel)):
        best = log[fitted.provenance.best_epoch - 1]
        numbers = f"train RMSE {best['train_rmse']:.4f}, validation RMSE {best['valid_rmse']:.4f}"
        return [f"best epoch {fitted.provenance.best_epoch} of {len(log)}, {numbers}"]
    weights = fitted.model.weights.tolist()[1:]
    lines = [f"weight {weight:+.2f}  {member}" for weight, member in zip(weights, fitted.spec.members, strict=True)]
    rmse = f"validation RMSE {log[-1]['valid_rmse']:.4f} (of each user with weights from other users)"
    moved = " whose weights move with what is known of user and item" if len(fitted.model.weights_by_feature) else ""
    return [*lines, f"blend of {len(weights)} models{moved}, {rmse}"]


def describe_patience(spec: Spec, parts: Split) -> str:
    """What to know before an ensemble is trained on many ratings; empty for other models and for few."""
    from refeed.models import Ensemble

    millions = len(parts.train) / 1e6
    if not isinstance(spec, Ensemble) or millions < MANY_MILLIONS:
        return ""
    return (
        f"An ensemble is trained for minutes a million ratings, and here are {millions:,.0f} million; --preset autoencoder "
        "trains one network, which is many times as quick."
    )


def advise_loops(spec: Spec, options: TrainingOptions, parts: Split, runtime: Runtime) -> str:
    """How to train as quickly as can be; empty where nothing more is to be had."""
    from refeed.models import AutoEncoder, AutoRec
    from refeed.models.autoencoder.compiled.supervision import INSTALL, are_worthwhile, obstacle_to_loops, obstacle_to_numba

    if not isinstance(spec, AutoEncoder | AutoRec) or runtime.loops != "auto":
        return ""
    columns = parts.train.num_items if spec.side == "user" else parts.train.num_users
    if not are_worthwhile(spec.shape, num_columns=columns) or obstacle_to_loops(spec.shape, options, device=runtime.device):
        return ""
    obstacle = obstacle_to_numba()
    if not obstacle or INSTALL in obstacle:
        return f"{INSTALL} makes training quicker (compiled loops for the first and last layer)." if obstacle else ""
    return f"Trained without compiled loops: {obstacle}."


def _describe_loops(spec: AutoEncoder | AutoRec, options: TrainingOptions, num_columns: int, runtime: Runtime) -> str:
    from refeed.models.autoencoder.compiled.supervision import use_loops

    compiled = use_loops(runtime.loops, spec.shape, options, num_columns=num_columns, device=runtime.device)
    return ", compiled loops" if compiled else ""


def _describe_steps(options: TrainingOptions) -> str:
    return f"{options.optimizer} at {options.learning_rate:g}, batches of {options.batch_size}, {options.epochs} epochs"


def _describe_refeeding(spec: AutoEncoder | AutoRec, options: TrainingOptions, num_columns: int) -> str:
    from refeed.models.autoencoder.refeeding.batch_trainer import refeeding_form
    from refeed.models.autoencoder.refeeding.blocked import BlockedFeed
    from refeed.models.autoencoder.refeeding.dense import DenseFeed
    from refeed.models.autoencoder.refeeding.gram import GramFeed

    form = refeeding_form(spec.shape, options, batch_size=options.batch_size, num_columns=num_columns)
    names = {GramFeed: "through Gram matrices", BlockedFeed: "through blocks of items", DenseFeed: "of whole outputs"}
    return f"{options.refeed_steps} re-feeding step(s) {names[form]}, label {options.refeed_label}"
