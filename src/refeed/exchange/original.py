"""Models of the original program (NVIDIA's DeepRecommender) as our model folders.

Its weights come without architecture and ids. The widths, and whether the weights are tied, follow from the tensors; the
activation must be given; the indices of users and items are the order in which they first appear in the files. The program
reads files in the order in which the system lists them, so where that is not the order of their names, both are tried: that of
the names, unless the other one fits the training ratings clearly better.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from refeed.data.ratings import DuplicatePolicy, Ratings
from refeed.data.vocabulary import Vocabulary
from refeed.errors import BundleError
from refeed.exchange.original_weights import load_original_weights
from refeed.fitted_model import FittedModel, Provenance
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.metrics.rating_errors import rmse
from refeed.models import AutoEncoder
from refeed.models.autoencoder.item_side import ItemAutoEncoder
from refeed.readers import RatingColumns, read_columns
from refeed.readers.formats.triplets import triplet_files

Side = Literal["user", "item"]
CLEARLY_BETTER = 0.95  # times the error of the other order of the files


def convert(
    weights: str | Path,
    training_folder: str | Path,
    *,
    activation: str,
    activation_on_last_layer: bool,
    dropout: float = 0.0,
    side: Side | None = None,
    duplicates: DuplicatePolicy = "error",
) -> FittedModel:
    """Convert the original's saved weights, with the data that they were trained on, to a model with the same predictions.

    The provenance's note has the order of the files and the RMSE on the training ratings.

    Args:
        weights: the file `model.epoch_N` (or `model.last`), a state dict; only tensors are loaded, never code.
        training_folder: the folder of `user<TAB>item<TAB>rating` files that it was trained on.
        activation: as given to the original (--non_linearity_type; its default is "selu").
        activation_on_last_layer: whether the last layer had the activation (false with --skip_last_layer_nl).
        dropout: of the code layer, for the record only, since it has no effect on predictions.
        side: "user" or "item" (--major); None infers it from the widths.
        duplicates: what to do with pairs that occur twice.

    Raises:
        BundleError: the file holds anything other than the original's tensors, or does not fit the data.
        DataError: the folder cannot be read.
    """
    path = Path(weights)
    tensors = read_state_dict(path)
    columns = read_columns(training_folder, layout="triplets")
    ratings = columns.to_ratings(duplicates=duplicates)
    spec = AutoEncoder(
        encoder=_widths(tensors, path),
        tied=not any(name.startswith("decode_w.") for name in tensors),
        activation=activation,
        activation_on_last_layer=activation_on_last_layer,
        dropout=dropout,
        side=_side(int(tensors["encode_w.0"].shape[1]), ratings, side, path),
    )
    candidates = []
    for order, vocabularies in orders_of_appearance(columns, Path(training_folder)).items():
        note = f"converted from the original program's {path.name}, files in the order of {order}"
        provenance = Provenance(data_fingerprint=ratings.fingerprint, note=note)
        candidates.append(_fitted(spec, tensors, ratings.reindexed(*vocabularies)[0], provenance))
    by_name, error_by_name = candidates[0]
    other, error = candidates[-1]
    return other if error < CLEARLY_BETTER * error_by_name else by_name


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Load the tensors of a file written by torch.save, and nothing else.

    Raises:
        BundleError: it is absent, damaged, or holds anything but named tensors of finite numbers.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise BundleError(f"{path}: there is no such file") from error
    except Exception as error:  # its unpickler raises all kinds of errors on damaged files
        raise BundleError(f"{path}: not a state dict of tensors: {_refusal(error)}") from error
    if not isinstance(state, Mapping):
        raise BundleError(f"{path}: expected a state dict of named tensors, got {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise BundleError(f"{path}: expected a state dict of named tensors, but '{name}' is {type(value).__name__}")
        if not torch.isfinite(value).all():
            raise BundleError(f"{path}: '{name}' holds numbers that are not finite; take the weights of an earlier epoch")
    return {str(name).removeprefix("module.").removeprefix("_orig_mod."): value.float() for name, value in state.items()}


def orders_of_appearance(columns: RatingColumns, folder: Path) -> dict[str, tuple[Vocabulary, Vocabulary]]:
    """Users and items in the order of their first appearance, for each order in which the files may have been read.

    Args:
        columns: the triplets of the folder, its files in the order of their names.
        folder: the folder, or a single file.
    """
    orders = {"their names": _first_seen(columns.users, columns.items)}
    by_name = triplet_files(folder) if folder.is_dir() else [folder]
    listed = [folder / name for name in os.listdir(folder)] if len(by_name) > 1 else by_name  # noqa: PTH208 (as the original)
    listed = [file for file in listed if file in by_name]
    if listed != by_name:
        sizes = [len(read_columns(file, layout="triplets")) for file in by_name]
        starts = dict(zip(by_name, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
        pieces = [(starts[file], sizes[by_name.index(file)]) for file in listed]
        users, items = (
            pa.concat_arrays([ids.slice(start, size) for start, size in pieces]) for ids in (columns.users, columns.items)
        )
        orders["the folder's listing"] = _first_seen(users, items)
    return orders


def _first_seen(users: pa.Array, items: pa.Array) -> tuple[Vocabulary, Vocabulary]:
    return Vocabulary(users.unique(), kind="user"), Vocabulary(items.unique(), kind="item")


def _refusal(error: Exception) -> str:
    """The reason why torch.load refused, without its advice to load the file unsafely."""
    blocked = re.search(r"GLOBAL (\S+)", str(error))
    if blocked is not None:
        return (
            f"it holds {blocked[1]}, and anything but tensors is refused, since it could run code\n"
            "  If this is a whole model, save its state_dict() instead."
        )
    return f"damaged, or of another program ({type(error).__name__})"


def _fitted(
    spec: AutoEncoder, tensors: Mapping[str, Tensor], ratings: Ratings, provenance: Provenance
) -> tuple[FittedModel, float]:
    """The model over ratings in the original's order, and its RMSE on them."""
    model = spec.build(ratings.num_users, ratings.num_items, seed=0)
    load_original_weights(model.network, tensors)
    if isinstance(model, ItemAutoEncoder):
        model.training_source(ratings)  # the item side needs its training ratings
    truth = np.asarray(ratings.values, np.float64)
    error = rmse(truth, ratings.scale.clip(predict_ratings(model.scorer(), Histories.of_training(ratings), ratings)))
    note = f"{provenance.note}; RMSE {error:.4f} on the training ratings"
    if error >= truth.std():
        note += f", no better than their mean ({truth.std():.4f}): check the activation, the last layer and the folder"
    fitted = FittedModel(
        spec=spec,
        model=model,
        users=ratings.users,
        items=ratings.items,
        scale=ratings.scale,
        histories=ratings,
        provenance=replace(provenance, note=note),
    )
    return fitted, error


def _widths(tensors: Mapping[str, Tensor], path: Path) -> tuple[int, ...]:
    """The widths of the encoder's layers."""
    depth = sum(name.startswith("encode_w.") for name in tensors)
    layers = [tensors.get(f"encode_w.{layer}") for layer in range(depth)]
    widths = tuple(layer.shape[0] for layer in layers if layer is not None and layer.dim() == 2)
    if depth == 0 or len(widths) != depth:
        raise BundleError(f"{path}: not weights of the original program (it names its matrices encode_w.0, encode_w.1, …)")
    return widths


def _side(width: int, ratings: Ratings, given: Side | None, path: Path) -> Side:
    sizes: dict[Side, int] = {"user": ratings.num_items, "item": ratings.num_users}
    fitting = [side for side, size in sizes.items() if size == width and given in (None, side)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BundleError(
            f"{path}: there are {width:,} users and as many items, so the side does not follow from the weights\n"
            "  Give it: side='user' (--side user), or 'item' if the original ran with --major items."
        )
    raise BundleError(
        f"{path}: the first layer takes {width:,} columns, but the training folder has {ratings.num_items:,} items and "
        f"{ratings.num_users:,} users\n  Give the folder that this model was trained on{' and its side' if given else ''}."
    )
