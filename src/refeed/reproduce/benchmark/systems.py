"""The systems of the benchmark, and the settings that each is tuned over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from refeed.config import nearest, parse_setting
from refeed.data.ratings import Ratings
from refeed.errors import ConfigError
from refeed.models import (
    ALS,
    PMF,
    RRN,
    AutoEncoder,
    AutoRec,
    BayesianFactorisation,
    Bias,
    Ease,
    Ensemble,
    Pca,
    Spec,
    SvdPlusPlus,
)
from refeed.optim.options import TrainingOptions
from refeed.presets import PRESETS
from refeed.reproduce.scales import Scale
from refeed.tuning.search_spaces import Between, OneOf, Space, ready_space

Group = Literal["competitor", "paper", "ours", "reference"]

GROUPS: Mapping[Group, str] = {
    "competitor": "competitor",
    "paper": "the paper",
    "ours": "ours",
    "reference": "reference",
}
"""The groups of systems as tables show them: what the paper compares with, its own, refeed's, and further ones."""

HAND_PICKED = 4
"""Number of hand-picked candidates of every system; further trials are proposed by a search."""

DENSE_ITEMS = 20_000  # fitting a model with items x items weights takes 10 GB


@dataclass(frozen=True)
class Candidate:
    """Settings that a system is tried with.

    Attributes:
        spec: the model.
        options: training options, where the model takes any.
        change: the difference from the system's first candidate as `key=value`; empty for the first.
    """

    spec: Spec
    options: TrainingOptions
    change: str = ""


@dataclass(frozen=True)
class System:
    """A system of the benchmark.

    Attributes:
        name: in file names and on the command line.
        title: in tables and figures.
        group: where it comes from.
        candidates: the first trials, HAND_PICKED of them, presumably the best first; a single one for an ensemble, which tries
            settings of its members itself.
        published: the paper's RMSE by Netflix split, where the paper reports the system.
        needs_times: whether it requires the times of ratings.
        most_items: it is left out where there are more items; None: no limit.
        fixed: options that a search varies for its kind of model, but that define this system, so that they are fixed.
        ranges: search ranges that replace those of its kind of model.
    """

    name: str
    title: str
    group: Group
    candidates: tuple[Candidate, ...]
    published: Mapping[str, float] = field(default_factory=dict)
    needs_times: bool = False
    most_items: int | None = None
    fixed: tuple[str, ...] = ()
    ranges: Space = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = 1 if self.tunes_itself else HAND_PICKED
        if len(self.candidates) != expected:
            raise ConfigError(f"system '{self.name}': expected {expected} candidates, got {len(self.candidates)}")

    @property
    def tunes_itself(self) -> bool:
        """Whether its training includes a choice of settings on the validation set."""
        return isinstance(self.candidates[0].spec, Ensemble)

    @property
    def space(self) -> Space:
        """The search space around its first candidate.

        Raises:
            ConfigError: it tunes itself.
        """
        first = self.candidates[0]
        ranges = {**ready_space(first.spec, first.options), **self.ranges}
        return {name: choice for name, choice in ranges.items() if name not in self.fixed}

    def reason_to_leave_out(self, train: Ratings) -> str:
        """Why it cannot be run on these ratings; empty where it can."""
        if self.needs_times and train.timestamps is None:
            return "it needs the times of the ratings"
        if self.most_items is not None and train.num_items > self.most_items:
            return f"its weights are items x items, too many with {train.num_items:,} items"
        return ""


def candidates(spec: Spec, *changes: str, options: TrainingOptions | None = None) -> tuple[Candidate, ...]:
    """The given settings, and a variation of them for each change.

    Args:
        spec: the model.
        changes: each is one or more `key=value`, separated by spaces: new values of fields of the model or of the training
            options, which have no name in common.
        options: training options, where the model takes any.

    Raises:
        ConfigError: a value that the model or the options do not take.
    """
    options = options or TrainingOptions()
    varied = [Candidate(spec, options)]
    for text in changes:
        of_spec, of_options = _parse_change(spec, text)
        varied.append(Candidate(replace(spec, **of_spec), replace(options, **of_options), text))
    return tuple(varied)


def systems(scale: Scale) -> tuple[System, ...]:
    """All systems, in the order of the tables."""
    return (*_competitors(), *_autorecs(scale), _rrn(scale), *_of_the_paper(scale), *_ours(scale), *_references())


def named_systems(scale: Scale, names: Sequence[str]) -> tuple[System, ...]:
    """The systems of these names, in the order of the tables.

    Raises:
        ConfigError: there is no system of a name.
    """
    by_name = {system.name: system for system in systems(scale)}
    for name in names:
        if name not in by_name:
            raise ConfigError(f"systems: no '{name}'{nearest(name, by_name).replace('known keys', 'the systems')}")
    return tuple(system for name, system in by_name.items() if name in names)


def _competitors() -> tuple[System, ...]:
    biases = candidates(
        Bias(), "sweeps=1", "item_regularisation=5 user_regularisation=8", "item_regularisation=20 user_regularisation=25"
    )
    als = candidates(ALS(), "regularisation=0.06", "factors=20", "regularisation=0.11")
    pmf = candidates(PMF(biased=False, offsets="mean"), "regularisation=0.08", "factors=30", "regularisation=0.045")
    return (
        System("bias", "biases", "competitor", biases),
        System("als", "ALS", "competitor", als),
        System("pmf", "PMF", "competitor", pmf, fixed=("offsets",)),
    )


def _autorecs(scale: Scale) -> tuple[System, ...]:
    options = TrainingOptions(
        epochs=scale.epochs, learning_rate=0.002, weight_decay=3e-4, decay_biases=False, schedule="cosine", patience=8
    )
    steps = ("weight_decay=0.0005", "weight_decay=0.00015", "learning_rate=0.001")
    item, user = (candidates(AutoRec(side=side), *steps, options=options) for side in ("item", "user"))
    of_items, of_users = {"3-months": 0.9778, "full": 0.9364}, {"3-months": 0.9836, "full": 0.9647}
    return (
        System("i-autorec", "I-AutoRec", "competitor", item, published=of_items, fixed=("side",)),
        System("u-autorec", "U-AutoRec", "competitor", user, published=of_users, fixed=("side",)),
    )


def _rrn(scale: Scale) -> System:
    varied = candidates(RRN(epochs=min(RRN.epochs, scale.epochs)), "learning_rate=0.003", "regularisation=0.07", "factors=50")
    return System("rrn", "RRN", "competitor", varied, published={"3-months": 0.9427, "full": 0.9224}, needs_times=True)


def _paper_model() -> AutoEncoder:
    model = PRESETS["paper-full"].model
    assert isinstance(model, AutoEncoder)
    return model


def _of_the_paper(scale: Scale) -> tuple[System, ...]:
    wide, *narrower = (scale.widths(*paper) for paper in ((512, 512, 1024), (256, 256, 512), (128, 256, 256)))
    rate = scale.training(learning_rate=0.005, refeed_steps=0).learning_rate
    ranges: Space = {
        "encoder": OneOf((wide, *narrower)),  # deep throughout
        "weight_decay": Between(0.0, 0.003),  # the paper has none
        "learning_rate": Between(0.2 * rate, 4 * rate, log=True),  # of SGD
    }
    fixed = ("activation",)  # the last layer has it too, and a bounded one cannot reach the ratings

    def deep(refeed_steps: int) -> tuple[Candidate, ...]:
        options = scale.training(learning_rate=0.005, refeed_steps=refeed_steps)
        slower = f"learning_rate={0.2 * options.learning_rate:g}"
        return candidates(
            replace(_paper_model(), encoder=wide),
            "dropout=0.65",
            slower,
            "weight_decay=0.001 decay_biases=false",
            options=options,
        )

    published = {"3-months": 0.9373, "full": 0.9099, "6-months": 0.9207, "1-year": 0.9225}
    refed = System(
        "deep-refeed", "deep autoencoder with re-feeding", "paper", deep(1), published=published, fixed=fixed, ranges=ranges
    )
    return System("deep", "deep autoencoder", "paper", deep(0), fixed=fixed, ranges=ranges), refed


def _ours(scale: Scale) -> tuple[System, ...]:
    ready = PRESETS["autoencoder"]
    alone = candidates(
        ready.model,
        "weight_decay=0.006",
        "weight_decay=0.0015",
        "encoder=256",
        options=replace(ready.training, epochs=scale.epochs),
    )
    return (
        System("autoencoder", "autoencoder with L2", "ours", alone),
        System("default", "refeed default", "ours", candidates(PRESETS["default"].model)),
    )


def _references() -> tuple[System, ...]:
    biased_mf = candidates(PMF(), "regularisation=0.08", "factors=30", "regularisation=0.045")
    pca = candidates(Pca(), "regularisation=14", "regularisation=28", "factors=50")
    ease = candidates(Ease(), "regularisation=1500", "regularisation=6000", "regularisation=800")
    return (
        System("biased-mf", "biased MF", "reference", biased_mf),
        System("pca", "PCA (linear autoencoder)", "reference", pca),
        System("svd++", "SVD++", "reference", _svd_plus_plus(time_aware=False)),
        System("time-svd++", "time-SVD++", "reference", _svd_plus_plus(time_aware=True), needs_times=True),
        _bayesian(),
        System("ease", "EASE", "reference", ease, most_items=DENSE_ITEMS),
    )


def _bayesian() -> System:
    varied = candidates(BayesianFactorisation(), "session_minutes=none", "factors=16 choice_features=32", "factors=48")
    return System("bayesian", "Bayesian MF", "reference", varied)


def _svd_plus_plus(*, time_aware: bool) -> tuple[Candidate, ...]:
    return candidates(
        SvdPlusPlus(time_aware=time_aware),
        "regularisation=30 implicit_regularisation=30",
        "factors=20",
        "regularisation=10 implicit_regularisation=10",
    )


def _parse_change(spec: Spec, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The new values of the model and those of the training options."""
    of_spec = {option.name for option in fields(spec)}
    of_training = {option.name for option in fields(TrainingOptions)} if spec.uses_training_options else set()
    values = dict(map(parse_setting, text.split()))
    for name in values:
        if name not in of_spec | of_training:
            raise ConfigError(f"'{text}': {spec.kind} has no option '{name}'")
    return (
        {name: value for name, value in values.items() if name in of_spec},
        {name: value for name, value in values.items() if name not in of_spec},
    )
