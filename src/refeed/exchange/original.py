"""Models of the original program (NVIDIA's DeepRecommender) as our model folders."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from refeed.bundles import FittedModel, Provenance
from refeed.data.ratings import DuplicatePolicy, Ratings
from refeed.data.readers import read_columns
from refeed.data.vocabulary import Vocabulary
from refeed.errors import BundleError
from refeed.models import AutoEncoder
from refeed.models.item_autoencoder import ItemAutoEncoder
from refeed.models.original_weights import load_original_weights


def convert(
    weights: str | Path,
    training_folder: str | Path,
    *,
    activation: str,
    activation_on_last_layer: bool,
    dropout: float = 0.0,
    duplicates: DuplicatePolicy = "error",
) -> FittedModel:
    """The original's saved weights with the data that they were trained on, as a model that predicts what it predicts.

    The original keeps neither its architecture nor its ids: the widths and whether it is tied follow from the weights, the
    activation has to be said, and the positions of users and items are the order in which they first appear in the files of
    the training folder (taken by name).

    Args:
        weights: the file `model.epoch_N` (or `model.last`), a state dict; only tensors are read from it, no code.
        training_folder: the folder of `user<TAB>item<TAB>rating` files that it was trained on.
        activation: as it was given to the original (--non_linearity_type; its default is "selu").
        activation_on_last_layer: whether the last layer had it (false with --skip_last_layer_nl).
        dropout: of the code layer, only for the record: it plays no part in prediction.
        duplicates: what to do with pairs that occur twice.

    Raises:
        BundleError: the file holds anything but the original's tensors, or does not fit the data.
        DataError: the folder cannot be read.
    """
    tensors = read_state_dict(Path(weights))
    ratings = read_in_order_of_appearance(training_folder, duplicates=duplicates)
    spec = _spec(tensors, ratings, activation, activation_on_last_layer, dropout, Path(weights))
    model = spec.build(ratings.num_users, ratings.num_items, seed=0)
    load_original_weights(model.network, tensors)
    if isinstance(model, ItemAutoEncoder):
        model.training_source(ratings)  # the item side keeps its training ratings
    return FittedModel(
        spec=spec,
        model=model,
        users=ratings.users,
        items=ratings.items,
        scale=ratings.scale,
        histories=ratings,
        provenance=Provenance(
            data_fingerprint=ratings.fingerprint, note=f"converted from {Path(weights).name} of the original program"
        ),
    )


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a file that torch.save wrote; nothing else is loaded from it.

    Raises:
        BundleError: it is absent, or holds anything but named tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise BundleError(f"{path}: there is no such file") from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BundleError(f"{path}: not a state dict of tensors ({reason})") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BundleError(f"{path}: expected a state dict of named tensors, got {type(state).__name__}")
    return {str(name).removeprefix("module.").removeprefix("_orig_mod."): value.float() for name, value in state.items()}


def read_in_order_of_appearance(folder: str | Path, *, duplicates: DuplicatePolicy = "error") -> Ratings:
    """The ratings of a folder of the original program, users and items in the order in which they first appear."""
    columns = read_columns(folder, layout="triplets")
    return Ratings.from_columns(
        columns.users,
        columns.items,
        columns.values,
        vocabularies=(
            Vocabulary(columns.users.unique(), kind="user"),
            Vocabulary(columns.items.unique(), kind="item"),
        ),
        duplicates=duplicates,
        notes=columns.notes,
    )


def _spec(
    tensors: Mapping[str, Tensor],
    ratings: Ratings,
    activation: str,
    activation_on_last_layer: bool,
    dropout: float,
    path: Path,
) -> AutoEncoder:
    depth = sum(name.startswith("encode_w.") for name in tensors)
    if depth == 0 or "encode_w.0" not in tensors or any(f"encode_w.{layer}" not in tensors for layer in range(depth)):
        raise BundleError(f"{path}: not weights of the original program (it names them encode_w.0, encode_b.0, …)")
    return AutoEncoder(
        encoder=tuple(int(tensors[f"encode_w.{layer}"].shape[0]) for layer in range(depth)),
        tied=not any(name.startswith("decode_w.") for name in tensors),
        activation=activation,
        activation_on_last_layer=activation_on_last_layer,
        dropout=dropout,
        side=_side(int(tensors["encode_w.0"].shape[1]), ratings, path),
    )


def _side(width: int, ratings: Ratings, path: Path) -> Literal["user", "item"]:
    if width == ratings.num_items:
        return "user"
    if width == ratings.num_users:
        return "item"
    raise BundleError(
        f"{path}: the first layer takes {width:,} columns, but the training folder has {ratings.num_items:,} items and "
        f"{ratings.num_users:,} users\n  Give the folder that this model was trained on."
    )
