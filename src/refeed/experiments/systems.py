"""The systems of the benchmark, and what each of them is tuned over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from refeed.config import nearest, parse_setting
from refeed.data.ratings import Ratings
from refeed.errors import ConfigError
from refeed.experiments.presets import PRESETS
from refeed.experiments.scales import Scale
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
from refeed.training.options import TrainingOptions

Group = Literal["competitor", "paper", "ours", "reference"]

GROUPS: Mapping[Group, str] = {
    "competitor": "competitor",
    "paper": "the paper",
    "ours": "ours",
    "reference": "reference",
}
"""The groups of systems, for people: what the paper compares with, its own, refeed's, and further ones."""

TRIALS: Mapping[str, int] = {"tiny": 2, "small": 4, "paper": 12}
"""Number of settings that every system is tuned over, by the name of the scale: the first ones of its candidates."""

MOST_TRIALS = max(TRIALS.values())
DENSE_ITEMS = 20_000  # a model whose weights are items x items takes 10 GB while it is fitted


@dataclass(frozen=True)
class Candidate:
    """Settings that a system is tried with.

    Attributes:
        spec: the model.
        options: how it is trained, where it takes training options.
        change: what differs from the system's first candidate, as `key=value`; empty for the first itself.
    """

    spec: Spec
    options: TrainingOptions
    change: str = ""


@dataclass(frozen=True)
class System:
    """A system of the benchmark.

    Attributes:
        name: for files.
        title: for people.
        group: where it comes from.
        candidates: what it is tuned over, MOST_TRIALS, the best guess first; of an ensemble the one thing that it is, since it
            tries settings of its members itself.
        published: the paper's RMSE of it by Netflix split, where the paper has one.
        needs_times: whether it can do nothing without the times of ratings.
        most_items: it is left out where there are more items; None has no limit.
    """

    name: str
    title: str
    group: Group
    candidates: tuple[Candidate, ...]
    published: Mapping[str, float] = field(default_factory=dict)
    needs_times: bool = False
    most_items: int | None = None

    def __post_init__(self) -> None:
        expected = 1 if self.tunes_itself else MOST_TRIALS
        if len(self.candidates) != expected:
            raise ConfigError(f"system '{self.name}': expected {expected} candidates, got {len(self.candidates)}")

    @property
    def tunes_itself(self) -> bool:
        """Whether it chooses settings of its own on the validation part, as a part of its training."""
        return isinstance(self.candidates[0].spec, Ensemble)

    def trials(self, scale: Scale) -> tuple[Candidate, ...]:
        """The candidates that are tried at this scale: as many for every system that does not tune itself."""
        return self.candidates[: TRIALS[scale.name]]

    def reason_to_leave_out(self, train: Ratings) -> str:
        """Why these ratings are nothing for it; empty where they are."""
        if self.needs_times and train.timestamps is None:
            return "it needs the times of the ratings"
        if self.most_items is not None and train.num_items > self.most_items:
            return f"its weights are items x items, too many with {train.num_items:,} items"
        return ""


def candidates(spec: Spec, *changes: str, options: TrainingOptions | None = None) -> tuple[Candidate, ...]:
    """These settings, and each time the same with some changed.

    Args:
        spec: the model.
        changes: each one or more `key=value`, parted by spaces: new values of fields of the model or of the training options,
            which have no name in common.
        options: how it is trained, where it takes training options.

    Raises:
        ConfigError: a value that the model or the options do not take.
    """
    options = options or TrainingOptions()
    found = [Candidate(spec, options)]
    for text in changes:
        of_spec, of_options = _sorted_out(spec, text)
        found.append(Candidate(replace(spec, **of_spec), replace(options, **of_options), text))  # type: ignore[type-var]
    return tuple(found)


def systems(scale: Scale) -> tuple[System, ...]:
    """All systems, in the order of the tables."""
    return (*_competitors(), *_autorecs(scale), _rrn(scale), *_of_the_paper(scale), *_ours(scale), *_references())


def named_systems(scale: Scale, names: Sequence[str]) -> tuple[System, ...]:
    """Those of these names, in the order of the tables.

    Raises:
        ConfigError: there is no system of a name.
    """
    by_name = {one.name: one for one in systems(scale)}
    for name in names:
        if name not in by_name:
            raise ConfigError(f"systems: no '{name}'{nearest(name, by_name).replace('known keys', 'the systems')}")
    return tuple(one for name, one in by_name.items() if name in names)


def _competitors() -> tuple[System, ...]:
    biases = candidates(
        Bias(),
        "sweeps=1",
        "item_regularisation=5 user_regularisation=8",
        "item_regularisation=20 user_regularisation=25",
        "user_regularisation=8",
        "user_regularisation=30",
        "item_regularisation=5",
        "item_regularisation=25",
        "sweeps=1 item_regularisation=25 user_regularisation=10",
        "item_regularisation=2 user_regularisation=4",
        "item_regularisation=50 user_regularisation=50",
        "sweeps=30",
    )
    als = candidates(
        ALS(),
        "regularisation=0.06",
        "factors=20",
        "regularisation=0.11",
        "factors=100",
        "factors=20 regularisation=0.11",
        "factors=100 regularisation=0.11",
        "factors=20 regularisation=0.06",
        "offsets=bias",
        "regularisation=0.15",
        "weighted=false regularisation=8",
        "biased=false",
    )
    pmf = candidates(
        PMF(biased=False, offsets="mean"),
        "regularisation=0.08",
        "factors=30",
        "regularisation=0.045",
        "prior=adaptive factors=30 learning_rate=0.003",
        "factors=30 regularisation=0.08",
        "factors=30 regularisation=0.045",
        "learning_rate=0.005",
        "factors=200",
        "regularisation=0.11",
        "prior=fixed regularisation=8 factors=30",
        "factors=10",
    )
    return (
        System("bias", "biases", "competitor", biases),
        System("als", "ALS", "competitor", als),
        System("pmf", "PMF", "competitor", pmf),
    )


def _autorecs(scale: Scale) -> tuple[System, ...]:
    options = TrainingOptions(
        epochs=scale.epochs, learning_rate=0.002, weight_decay=3e-4, decay_biases=False, schedule="cosine", patience=8
    )
    steps = (
        "weight_decay=0.0005",
        "weight_decay=0.00015",
        "learning_rate=0.001",
        "weight_decay=0.001",
        "width=200",
        "learning_rate=0.005",
        "output=sigmoid",
        "learning_rate=0.001 weight_decay=0.0005",
        "weight_decay=0.00005",
        "hidden=identity",
        "width=1000",
    )
    item, user = (candidates(AutoRec(side=side), *steps, options=options) for side in ("item", "user"))
    return (
        System("i-autorec", "I-AutoRec", "competitor", item, published={"3-months": 0.9778, "full": 0.9364}),
        System("u-autorec", "U-AutoRec", "competitor", user, published={"3-months": 0.9836, "full": 0.9647}),
    )


def _rrn(scale: Scale) -> System:
    found = candidates(
        RRN(epochs=min(RRN.epochs, scale.epochs)),
        "learning_rate=0.003",
        "regularisation=0.07",
        "factors=50",
        "user_step_days=7",
        "item_step_days=7",
        "weight_decay=0.001",
        "regularisation=0.14",
        "state=40 units=80",
        "factors=15",
        "user_step_days=7 item_step_days=7",
        "factors=50 regularisation=0.14",
    )
    return System("rrn", "RRN", "competitor", found, published={"3-months": 0.9427, "full": 0.9224}, needs_times=True)


def _paper_model() -> AutoEncoder:
    model = PRESETS["paper-full"].model
    assert isinstance(model, AutoEncoder)
    return model


def _of_the_paper(scale: Scale) -> tuple[System, ...]:
    def deep(refeed_steps: int) -> tuple[Candidate, ...]:
        options = scale.training(learning_rate=0.005, refeed_steps=refeed_steps)
        slower = f"learning_rate={0.2 * options.learning_rate:g}"
        narrower, narrowest = (_widths(scale.widths(*paper)) for paper in ((256, 256, 512), (128, 256, 256)))
        return candidates(
            replace(_paper_model(), encoder=scale.widths(512, 512, 1024)),
            "dropout=0.65",
            slower,
            "weight_decay=0.001 decay_biases=false",
            narrower,
            f"{narrower} dropout=0.65",
            f"{narrowest} dropout=0.65",
            "dropout=0.5",
            "weight_decay=0.003 decay_biases=false",
            f"{slower} dropout=0.65",
            f"{slower} weight_decay=0.001 decay_biases=false",
            "activation_on_last_layer=false",
            options=options,
        )

    published = {"3-months": 0.9373, "full": 0.9099, "6-months": 0.9207, "1-year": 0.9225}
    return (
        System("deep", "deep autoencoder", "paper", deep(0)),
        System("deep-refeed", "deep autoencoder with re-feeding", "paper", deep(1), published=published),
    )


def _ours(scale: Scale) -> tuple[System, ...]:
    ready = PRESETS["autoencoder"]
    alone = candidates(
        ready.model,
        "weight_decay=0.006",
        "weight_decay=0.0015",
        "encoder=256",
        "dropout=0.5",
        "encoder=1024",
        "learning_rate=0.002",
        "weight_decay=0.01",
        "encoder=512,256",
        "activation=sigmoid learning_rate=0.003",
        "dropout=0.8",
        "batch_size=64",
        options=replace(ready.training, epochs=scale.epochs),
    )
    return (
        System("autoencoder", "autoencoder with L2", "ours", alone),
        System("default", "refeed default", "ours", candidates(PRESETS["default"].model)),
    )


def _references() -> tuple[System, ...]:
    biased_mf = candidates(
        PMF(),
        "regularisation=0.08",
        "factors=30",
        "regularisation=0.045",
        "factors=30 regularisation=0.08",
        "offsets=bias",
        "factors=30 regularisation=0.045",
        "learning_rate=0.005",
        "factors=200",
        "regularisation=0.11",
        "factors=10",
        "factors=200 regularisation=0.08",
    )
    pca = candidates(
        Pca(),
        "regularisation=14",
        "regularisation=28",
        "factors=50",
        "factors=15",
        "factors=15 regularisation=14",
        "factors=50 regularisation=28",
        "offsets=mean",
        "regularisation=40",
        "regularisation=10",
        "factors=10 regularisation=0",
        "factors=100",
    )
    strengths = (1500, 6000, 800, 10_000, 2000, 4500, 400, 15_000, 25_000, 200, 40_000)
    ease = candidates(Ease(), *(f"regularisation={strength}" for strength in strengths))
    return (
        System("biased-mf", "biased MF", "reference", biased_mf),
        System("pca", "PCA (linear autoencoder)", "reference", pca),
        System("svd++", "SVD++", "reference", _svd_plus_plus(time_aware=False)),
        System("time-svd++", "time-SVD++", "reference", _svd_plus_plus(time_aware=True), needs_times=True),
        _bayesian(),
        System("ease", "EASE", "reference", ease, most_items=DENSE_ITEMS),
    )


def _bayesian() -> System:
    found = candidates(
        BayesianFactorisation(),
        "factors=16 choice_features=32",
        "factors=48",
        "noise_strength=50",
        "factors=8 choice_features=16",
        "noise_strength=none",
        "choice_features=0",
        "choice_features=128",
        "factors=16",
        "factors=8",
        "noise_strength=8",
        "factors=16 noise_strength=50",
    )
    return System("bayesian", "Bayesian MF", "reference", found)


def _svd_plus_plus(*, time_aware: bool) -> tuple[Candidate, ...]:
    return candidates(
        SvdPlusPlus(time_aware=time_aware),
        "regularisation=30 implicit_regularisation=30",
        "factors=20",
        "regularisation=10 implicit_regularisation=10",
        "factors=100",
        "factors=20 regularisation=30 implicit_regularisation=30",
        "implicit_regularisation=50",
        "regularisation=10",
        "factors=20 regularisation=10",
        "learning_rate=0.01",
        "implicit_regularisation=5",
        "epochs=16 learning_rate=0.003",
    )


def _widths(widths: tuple[int, ...]) -> str:
    return "encoder=" + ",".join(map(str, widths))


def _sorted_out(spec: Spec, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The new values for the model and those for the training options."""
    own = {one.name for one in fields(spec)}  # type: ignore[arg-type]  # descriptions are dataclasses
    known = own | ({one.name for one in fields(TrainingOptions)} if spec.uses_training_options else set())
    values = dict(map(parse_setting, text.split()))
    for name in values:
        if name not in known:
            raise ConfigError(f"'{text}': {spec.kind} has no option '{name}'")
    return (
        {name: value for name, value in values.items() if name in own},
        {name: value for name, value in values.items() if name not in own},
    )
