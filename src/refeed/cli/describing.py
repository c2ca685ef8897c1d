"""What is trained or was trained, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refeed.data.splits import Split
    from refeed.models import AutoEncoder, Spec
    from refeed.runtime import Runtime
    from refeed.training.options import TrainingOptions


def describe_run(spec: Spec, options: TrainingOptions, parts: Split, runtime: Runtime) -> str:
    """What is about to be trained, how, and where."""
    from refeed.models import AutoEncoder

    network = describe_network(spec, parts.train.num_users, parts.train.num_items)
    where = f"{runtime.device}, {runtime.threads} threads, seed {runtime.seed}"
    if not isinstance(spec, AutoEncoder):
        return f"{network}, solved in one step ({where})"
    columns = parts.train.num_items if spec.side == "user" else parts.train.num_users
    refeeding = f", {_describe_refeeding(spec, options, columns)}" if options.refeed_steps else ""
    return (
        f"{network}; {options.optimizer} at {options.learning_rate:g}, batches of {options.batch_size}, "
        f"{options.epochs} epochs{refeeding} ({where})"
    )


def _describe_refeeding(spec: AutoEncoder, options: TrainingOptions, num_columns: int) -> str:
    from refeed.training.blocked_refeeding import BlockedFeed
    from refeed.training.dense_refeeding import DenseFeed
    from refeed.training.gram_refeeding import GramFeed
    from refeed.training.refeeding import refeeding_form

    form = refeeding_form(spec.shape, options, batch_size=options.batch_size, num_columns=num_columns)
    names = {GramFeed: "through Gram matrices", BlockedFeed: "through blocks of items", DenseFeed: "of whole outputs"}
    return f"{options.refeed_steps} re-feeding step(s) {names[form]}, label {options.refeed_label}"


def describe_network(spec: Spec, num_users: int, num_items: int) -> str:
    """The kind of model and its layers."""
    from refeed.models import AutoEncoder

    if not isinstance(spec, AutoEncoder):
        return "user and item biases"
    columns = f"{num_items if spec.side == 'user' else num_users:,}"
    layers = [columns, *map(str, spec.encoder)]
    if spec.dropout:
        layers.append(f"dropout {spec.dropout:g}")
    layers += [*map(str, spec.shape.decoder), columns]
    return f"{spec.side}-side autoencoder {' > '.join(layers)}, {'tied, ' if spec.tied else ''}{spec.activation}"
