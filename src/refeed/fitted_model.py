"""A fitted model, and its folder on disk: safe (no pickle), self-contained, versioned, every file hashed."""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from refeed.config import from_dict, nearest, to_dict
from refeed.data.ratings import Ratings, RatingScale
from refeed.data.store.id_files import read_ids, write_ids
from refeed.data.store.store import open_store, write_store
from refeed.data.vocabulary import Vocabulary
from refeed.errors import BundleError, RefeedError
from refeed.intervals.conformal import RatingIntervals
from refeed.models import MODELS, Spec
from refeed.models.base import RatingModel, Scorer
from refeed.reports.notebook import changed_options, facts_table, first_of
from refeed.runtime import Runtime
from refeed.storage import atomic_folder
from refeed.tensor_files import read_tensors, write_tensors
from refeed.version import __version__

FORMAT, VERSION = "refeed-model", 4
# except ensembles of versions 1 and 2, and Bayesian factorisations from before sessions, which had other tensors
READABLE = (1, 2, 3, VERSION)
RENAMED_IN, RENAMED_TENSORS = 4, (("item_moods", "item_effects"), ("sitting_", "session_"))
"""The version before which parts of the names of tensors were others, and these parts with what they are now."""
CONFIG, WEIGHTS, MANIFEST = "config.json", "model.safetensors", "manifest.json"
INTERVALS = "intervals.safetensors"
USERS, ITEMS, TITLES, TRAINING, HISTORIES = "users.arrow", "items.arrow", "titles.json", "training.json", "histories"
PER_RATING = frozenset(f"{HISTORIES}/{name}.npy" for name in ("indices", "values", "timestamps"))
NOT_READ = "not read"
_KEPT_SCORER = "_kept_scorer"


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from.

    Attributes:
        data_fingerprint: of all ratings before the split.
        split_fingerprint: of the three sets.
        split: the splitter as a dict, None without one.
        options: the training options as a dict.
        seed: of the run.
        best_epoch: the epoch whose weights these are, from 1.
        log: one dict per epoch with the fields of `training.events.EpochRecord`.
        refit: whether the model was refitted to training and validation set together.
        reading: how the source was read (columns, delimiter, …), so that it is read in the same way again.
        note: a remark, such as "converted from …".
    """

    data_fingerprint: str = ""
    split_fingerprint: str = ""
    split: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    best_epoch: int = 0
    log: tuple[Mapping[str, Any], ...] = ()
    refit: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, eq=False)
class _ModelState:
    """State of a model's tensors, from which changes since a scorer was built are recognised.

    Attributes:
        tensors: the parameters and buffers; references keep their identities from being reused.
        versions: of every tensor, the count of its changes in place, its device and the address of its memory.
    """

    tensors: tuple[Tensor, ...]
    versions: tuple[tuple[int, torch.device, int], ...]

    @classmethod
    def of(cls, model: RatingModel) -> _ModelState:
        tensors = (*model.parameters(), *model.buffers())
        return cls(tensors, tuple((tensor._version, tensor.device, tensor.data_ptr()) for tensor in tensors))

    def is_same(self, other: _ModelState) -> bool:
        same_tensors = len(self.tensors) == len(other.tensors) and all(map(operator.is_, self.tensors, other.tensors))
        return same_tensors and self.versions == other.versions


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A fitted model with everything that is needed to use it.

    Attributes:
        spec: the description that it was built from.
        model: the fitted model.
        users: ids of the training users, in the model's order.
        items: ids of the items, in the model's order.
        scale: smallest and largest rating; predictions are clipped to it.
        histories: the training ratings; None where they are not kept.
        titles: of the items, None where unknown; an empty tuple without titles.
        provenance: where it comes from.
        intervals: its prediction intervals; None without a validation set to calibrate them.

    Examples:
        >>> import numpy as np
        >>> from refeed import ALS, RandomSplit, Ratings, load, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> model = train(ALS(factors=2, epochs=3), RandomSplit().apply(ratings))
        >>> model
        FittedModel(als, 30 users x 40 items, 210 trained weights)
        >>> model.save("model")
        >>> load("model").scale
        RatingScale(minimum=1.0, maximum=5.0)
    """

    spec: Spec
    model: RatingModel
    users: Vocabulary
    items: Vocabulary
    scale: RatingScale
    histories: Ratings | None
    provenance: Provenance
    titles: tuple[str | None, ...] = ()
    intervals: RatingIntervals | None = None

    def __repr__(self) -> str:
        return (
            f"FittedModel({self.spec.kind}, {len(self.users):,} users x {len(self.items):,} items, "
            f"{self.num_parameters:,} trained weights)"
        )

    def _repr_html_(self) -> str:
        log, best = self.provenance.log, self.provenance.best_epoch
        shown = self.titles[:3] if self.titles else self.items.decode(range(min(3, len(self.items))))
        return facts_table(
            f"FittedModel: {self.spec.kind}",
            [
                ("description", changed_options(self.spec)),
                ("users", len(self.users)),
                ("items", len(self.items)),
                ("first items", first_of(["–" if item is None else item for item in shown], len(self.items))),
                ("scale", f"{self.scale.minimum:g} to {self.scale.maximum:g}"),
                ("trained weights", self.num_parameters),
                ("validation RMSE", log[best - 1]["valid_rmse"] if best else None),
                ("fitted to", "train and validation" if self.provenance.refit else "train"),
                ("prediction intervals", "no" if self.intervals is None else "yes"),
                ("keeps its training ratings", "no" if self.histories is None else "yes"),
                *((("note", self.provenance.note),) if self.provenance.note else ()),
            ],
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model folder, complete or not at all; see docs/reference/model-folder.md.

        Args:
            path: the folder.
            overwrite: replace a model folder that exists.

        Raises:
            StorageError: the folder exists (and `overwrite` is false), or it cannot be written.
        """
        save(self, path, overwrite=overwrite)

    def to(self, device: str) -> FittedModel:
        """Move the model to a device of PyTorch, and return it."""
        return replace(self, model=self.model.to(device))

    def titles_of(self, indices: Iterable[int]) -> list[str | None]:
        """Return the titles of the items with these indices, None where unknown."""
        return [self.titles[index] if self.titles else None for index in indices]

    def scorer(self) -> Scorer:
        """Return the model's scorer, which is built at the first call and kept as long as the model's tensors do not change.

        A scorer holds all that does not depend on the users. It is built again after the model was trained further, given other
        weights or moved to another device; copies, pickles and model folders do not contain it.
        """
        state = _ModelState.of(self.model)
        kept: tuple[_ModelState, Scorer] | None = self.__dict__.get(_KEPT_SCORER)
        if kept is None or not kept[0].is_same(state):
            kept = state, self.model.scorer()
            self.__dict__[_KEPT_SCORER] = kept  # of a frozen dataclass, but not one of its fields
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != _KEPT_SCORER}

    @property
    def num_parameters(self) -> int:
        """Number of trained parameters."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def save(fitted: FittedModel, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a model folder, in the format of docs/reference/model-folder.md."""
    with atomic_folder(path, overwrite=overwrite, marker=CONFIG) as folder:
        _write_tensors(fitted.model.state_dict(), folder / WEIGHTS)
        write_ids(fitted.users, folder / USERS)
        write_ids(fitted.items, folder / ITEMS)
        if fitted.titles:
            _write_json(folder / TITLES, list(fitted.titles))
        if fitted.intervals is not None:
            _write_tensors(fitted.intervals.to_tensors(), folder / INTERVALS)
        if fitted.histories is not None:
            write_store(fitted.histories, folder / HISTORIES)
        _write_json(folder / TRAINING, asdict(fitted.provenance))
        _write_json(
            folder / CONFIG,
            {
                "format": FORMAT,
                "version": VERSION,
                "kind": fitted.spec.kind,
                "spec": to_dict(fitted.spec),
                "num_users": len(fitted.users),
                "num_items": len(fitted.items),
                "scale": [fitted.scale.minimum, fitted.scale.maximum],
                "written_by": {"refeed": __version__, "torch": torch.__version__},
            },
        )
        _write_json(folder / MANIFEST, {"files": _hashes(folder)})


def _write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    write_tensors(tensors, path)
    path.chmod(0o644)  # safetensors makes it readable by its owner only


def is_model_folder(path: Path) -> bool:
    """Whether a folder has the files of a model folder."""
    return all((path / name).is_file() for name in (CONFIG, MANIFEST))


def load(path: str | Path, *, device: str = "cpu", verify: bool = False) -> FittedModel:
    """Load a model folder that `FittedModel.save` wrote, and check its files against their hashes. No code is loaded.

    The ratings of the histories are memory-mapped: of their files, which grow with the number of ratings, only size, type and
    shape are checked unless `verify` is true.

    Args:
        path: the folder.
        device: of PyTorch, or "auto" for an accelerator where there is one.
        verify: read and check everything.

    Raises:
        BundleError: the folder is absent, not a model folder, of a version that cannot be read, incomplete or damaged.
        ConfigError: the device cannot be used on this machine.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, RandomSplit, Ratings, load, predict, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> model = train(Bias(), RandomSplit().apply(ratings))
        >>> model.save("biases")
        >>> bool(predict(load("biases"), [3], [7]) == predict(model, [3], [7]))
        True
    """
    folder, where = Path(path), Runtime.detect(device=device).device
    config = _read_config(folder)
    _verify(folder, everything=verify)
    try:
        fitted = _read(folder, config)
    except (KeyError, TypeError, ValueError, OSError, pa.ArrowException, RuntimeError, RefeedError) as error:
        if config["version"] != VERSION and isinstance(error, KeyError | RuntimeError):  # tensors that are not there
            raise BundleError(
                f"{folder}: format version {config['version']}, of an older refeed, which kept this kind of model "
                f"('{config['kind']}') in another way ({error})\n  Train it again, or use it with that refeed."
            ) from error
        raise BundleError(f"{folder}: damaged or inconsistent model folder ({error})") from error
    return fitted.to(where)


def _read(folder: Path, config: Mapping[str, Any]) -> FittedModel:
    """The model of a folder whose files are as they were written; any error means that they do not belong together."""
    spec = from_dict(MODELS[config["kind"]], config["spec"], where=f"{CONFIG} [spec]")
    users, items = read_ids(folder / USERS, kind="user"), read_ids(folder / ITEMS, kind="item")
    histories = open_store(folder / HISTORIES) if (folder / HISTORIES).is_dir() else None
    titles = _read_json(folder / TITLES) if (folder / TITLES).exists() else []
    intervals = RatingIntervals.from_tensors(read_tensors(folder / INTERVALS)) if (folder / INTERVALS).exists() else None
    provenance = _read_json(folder / TRAINING)
    _require_size(USERS, len(users), config["num_users"])
    _require_size(ITEMS, len(items), config["num_items"])
    if titles:
        _require_size(TITLES, len(titles), len(items))
    if intervals is not None:
        _require_size(INTERVALS, len(intervals.residual_variance.item_levels), len(items))
    if histories is not None and (histories.users, histories.items) != (users, items):
        raise ValueError(f"{HISTORIES} is of other users or items than the model")
    with torch.device("meta"):  # no random weights, which those of the file would replace
        model = spec.build(len(users), len(items), seed=0)
    model.to_empty(device="cpu").load_state_dict(_current_names(read_tensors(folder / WEIGHTS), config["version"]))
    return FittedModel(
        spec=spec,
        model=model,
        users=users,
        items=items,
        scale=RatingScale(*config["scale"]),
        histories=histories,
        provenance=Provenance(**{**provenance, "log": tuple(provenance["log"])}),
        titles=tuple(titles),
        intervals=intervals,
    )


def _require_size(name: str, got: int, expected: int) -> None:
    if got != expected:
        raise ValueError(f"{name} has {got:,} entries, expected {expected:,}")


def _read_config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise BundleError(f"{folder}: there is no such model folder")
    if not (folder / CONFIG).is_file():
        raise BundleError(f"{folder}: not a model folder of refeed (it has no {CONFIG})")
    try:
        config = _read_json(folder / CONFIG)
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder / CONFIG}: damaged ({error})") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise BundleError(f"{folder}: not a model folder of refeed ({CONFIG} is of another program)")
    if config.get("version") not in READABLE:
        raise BundleError(
            f"{folder}: format version {config.get('version')}, but this refeed reads versions 1 to {VERSION}; upgrade it"
        )
    if config.get("kind") not in MODELS:
        kind = str(config.get("kind"))
        raise BundleError(f"{folder}: a model of the kind '{kind}', which this refeed does not have{nearest(kind, MODELS)}")
    return config


def _verify(folder: Path, *, everything: bool) -> None:
    """Compare the files with the manifest, with `everything` also those that have an entry for each rating.

    Raises:
        BundleError: a file is missing, unexpected, or not as it was written.
    """
    try:
        recorded = dict(_read_json(folder / MANIFEST)["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder}: the model folder is incomplete ({MANIFEST}: {error})") from error
    try:
        found = _hashes(folder, leave_out=frozenset() if everything else PER_RATING)
    except OSError as error:
        raise BundleError(f"{folder}: cannot be read ({error})") from error
    for name in sorted(recorded.keys() | found.keys()):
        if name not in found:
            raise BundleError(f"{folder}: the model folder is incomplete, {name} is missing")
        if name not in recorded:
            raise BundleError(f"{folder}: the model folder holds {name}, which does not belong to it; remove that file")
        if found[name] not in (recorded[name], NOT_READ):
            raise BundleError(f"{folder}: {name} is damaged, its hash is not the one recorded; restore the folder from a copy")


def _hashes(folder: Path, *, leave_out: frozenset[str] = frozenset()) -> dict[str, str]:
    """BLAKE2b of every file but the manifest, by its path within the folder; `NOT_READ` for those to leave out."""
    hashes = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST):
        name = path.relative_to(folder).as_posix()
        if name in leave_out:
            hashes[name] = NOT_READ
            continue
        with path.open("rb") as file:
            hashes[name] = hashlib.file_digest(file, "blake2b").hexdigest()
    return hashes


def _current_names(tensors: Mapping[str, Tensor], version: int) -> Mapping[str, Tensor]:
    """The tensors of a folder of this format version under the names that they have now."""
    if version < RENAMED_IN:
        for before, now in RENAMED_TENSORS:
            tensors = {name.replace(before, now): tensor for name, tensor in tensors.items()}
    return tensors


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
