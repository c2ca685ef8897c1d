"""Search spaces: the options of each kind of model that `tune` varies, and their values."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

from refeed.config import Config, nearest, parse_setting
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

LOG = ":log"


def value_text(value: Any) -> str:
    """Write a value as in `key=value`."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(map(value_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Between(Config):
    """A number from `low` to `high`, an integer where both ends are integers.

    Attributes:
        low: the smallest value.
        high: the largest value, above `low`.
        log: whether it is log-uniform instead of uniform; `low` is then above 0.

    Raises:
        ConfigError: the ends are not finite numbers in this order, or not above 0 with `log`.
    """

    low: int | float
    high: int | float
    log: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -math.inf < self.low < self.high < math.inf:
            raise ConfigError(f"range {self.low}..{self.high}: expected a number and a larger one, both finite")
        if self.log and self.low <= 0:
            raise ConfigError(f"range {self.low}..{self.high}{LOG}: expected ends above 0, since only they have a logarithm")

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    @property
    def is_whole(self) -> bool:
        """Whether the values are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def widened(self, value: Any) -> Between:
        """Return the range widened to `value` where that is a number outside of it (above 0 with `log`); else as it is."""
        if value in self or not isinstance(value, int | float) or (self.log and value <= 0):
            return self
        return replace(self, low=min(self.low, value), high=max(self.high, value))

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}{LOG if self.log else ''}"


@dataclass(frozen=True)
class OneOf:
    """One of several values.

    Attributes:
        choices: at least two, all different.

    Raises:
        ConfigError: fewer than two, or a value occurs twice.
    """

    choices: tuple[Any, ...]

    def __post_init__(self) -> None:
        texts = list(map(value_text, self.choices))
        if len(texts) < 2 or len(set(texts)) < len(texts):
            raise ConfigError(f"choices {self}: expected at least two different values")

    def __contains__(self, value: object) -> bool:
        return value_text(value) in map(value_text, self.choices)

    def widened(self, value: Any) -> OneOf:
        """Return the choices and `value`."""
        return self if value in self else OneOf((*self.choices, value))

    def __str__(self) -> str:
        return "|".join(map(value_text, self.choices))


Range: TypeAlias = Between | OneOf
Space: TypeAlias = Mapping[str, Range]

SPACES: Mapping[str, Space] = {
    AutoEncoder.kind: {
        "encoder": OneOf(((128,), (256,), (512,), (1024,), (512, 256))),
        "dropout": Between(0.0, 0.9),
        "weight_decay": Between(3e-4, 3e-2, log=True),
        "learning_rate": Between(3e-4, 5e-3, log=True),
        "batch_size": OneOf((32, 64, 128, 256)),
        "activation": OneOf(("selu", "elu", "tanh", "sigmoid")),
    },
    AutoRec.kind: {
        "width": Between(50, 1000, log=True),
        "weight_decay": Between(5e-5, 5e-3, log=True),
        "learning_rate": Between(5e-4, 5e-3, log=True),
        "batch_size": OneOf((32, 64, 128, 256)),
        "hidden": OneOf(("identity", "sigmoid")),
        "side": OneOf(("item", "user")),
    },
    ALS.kind: {
        "factors": Between(5, 150, log=True),
        "regularisation": Between(0.02, 0.4, log=True),
        "offsets": OneOf(("mean", "bias")),
    },
    PMF.kind: {
        "factors": Between(5, 200, log=True),
        "regularisation": Between(0.02, 0.2, log=True),
        "learning_rate": Between(2e-3, 3e-2, log=True),
        "offsets": OneOf(("mean", "bias")),
    },
    Bias.kind: {
        "item_regularisation": Between(0.5, 50.0, log=True),
        "user_regularisation": Between(0.5, 50.0, log=True),
    },
    Ease.kind: {
        "regularisation": Between(100.0, 50_000.0, log=True),
        "item_regularisation": Between(0.5, 50.0, log=True),
        "user_regularisation": Between(0.5, 50.0, log=True),
    },
    Pca.kind: {
        "factors": Between(5, 100, log=True),
        "regularisation": Between(3.0, 100.0, log=True),
        "offsets": OneOf(("mean", "bias")),
    },
    SvdPlusPlus.kind: {
        "factors": Between(5, 150, log=True),
        "regularisation": Between(3.0, 100.0, log=True),
        "implicit_regularisation": Between(3.0, 100.0, log=True),
        "learning_rate": Between(2e-3, 2e-2, log=True),
    },
    BayesianFactorisation.kind: {
        "factors": Between(4, 64, log=True),
        "choice_features": OneOf((0, 16, 32, 64, 128)),
        "noise_strength": OneOf((None, 8.0, 20.0, 50.0)),
    },
    RRN.kind: {
        "regularisation": Between(0.03, 0.3, log=True),
        "learning_rate": Between(5e-4, 5e-3, log=True),
        "factors": Between(10, 60, log=True),
        "weight_decay": Between(1e-5, 1e-3, log=True),
        "user_step_days": OneOf((1.0, 3.0, 7.0)),
        "item_step_days": OneOf((7.0, 30.0, 90.0)),
    },
}
"""The default search space of each kind of model."""


def ready_space(spec: Spec, options: TrainingOptions) -> Space:
    """Return the default space of the model's kind, widened to contain its values.

    Raises:
        ConfigError: there is none, as for ensembles and for registered kinds.
    """
    require_tunable(spec)
    if spec.kind not in SPACES:
        raise ConfigError(f"there is no search space for the kind '{spec.kind}'; say what to vary (--vary key=low..high)")
    values = option_values(spec, options)
    return {name: choice.widened(values[name]) for name, choice in SPACES[spec.kind].items()}


def parse_space(texts: Iterable[str], spec: Spec, options: TrainingOptions) -> Space:
    """Parse a space.

    Args:
        texts: `key=low..high`, `key=low..high:log` or `key=a|b|c`; choices are written as in `key=value`.
        spec: the model that has the options.
        options: its training options, where it has them.

    Raises:
        ConfigError: an unknown option, a text of another form, an option twice, or ends out of order.
    """
    known = option_types(spec)
    space: dict[str, Range] = {}
    for text in texts:
        name, separator, values = (part.strip() for part in text.partition("="))
        if not separator or not name:
            raise ConfigError(f"'{text}': expected key=low..high, key=low..high{LOG} or key=a|b|c")
        if name not in known:
            raise ConfigError(f"'{text}': {spec.kind} has no option '{name}'{nearest(name, known)}")
        if name in space:
            raise ConfigError(f"'{text}': '{name}' is given twice; give all its values at once")
        space[name] = _parse_range(text, values, known[name])
    require_space(space, spec, options)
    return space


def change_text(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Write the options of `after` with another value in `before`, as `key=value` separated by spaces."""
    texts = ((name, value_text(value)) for name, value in after.items())
    return " ".join(f"{name}={text}" for name, text in texts if text != value_text(before[name]))


def require_tunable(spec: Spec) -> None:
    """Check that the model can be tuned.

    Raises:
        ConfigError: it is an ensemble.
    """
    if isinstance(spec, Ensemble):
        kinds = ", ".join(sorted(SPACES))
        raise ConfigError(f"an ensemble is not tuned as a whole; tune its members, each by its own kind ({kinds})")


def require_space(space: Space, spec: Spec, options: TrainingOptions) -> None:
    """Check that the model has all options of a space, and accepts their choices and the ends of their ranges.

    Raises:
        ConfigError: it does not; every value is tried alone, with the current values of all other options.
    """
    if not space:
        raise ConfigError("there is nothing to vary: expected at least one option, as key=low..high or key=a|b|c")
    for name, choice in space.items():
        for value in choice.choices if isinstance(choice, OneOf) else (choice.low, choice.high):
            try:
                changed(spec, options, {name: value})
            except ConfigError as error:
                raise ConfigError(f"{name}={choice}: {value_text(value)} is not possible: {error}") from error


def changed(spec: Spec, options: TrainingOptions, values: Mapping[str, Any]) -> tuple[Spec, TrainingOptions]:
    """Return the model and its training options with new values; no option of one has the name of an option of the other.

    Raises:
        ConfigError: the model has no such option, or does not accept a value.
    """
    known = option_types(spec)
    for name in values:
        if name not in known:
            raise ConfigError(f"{spec.kind} has no option '{name}'{nearest(name, known)}")
    own = {field.name for field in fields(spec)}
    of_spec = {name: value for name, value in values.items() if name in own}
    of_options = {name: value for name, value in values.items() if name not in own}
    return replace(spec, **of_spec), replace(options, **of_options)


def option_types(spec: Spec) -> dict[str, Any]:
    """Name to type of all options: those of the model, and its training options where it has them."""
    training = typing.get_type_hints(TrainingOptions) if spec.uses_training_options else {}
    own = typing.get_type_hints(type(spec))
    return {**training, **{field.name: own[field.name] for field in fields(spec)}}


def option_values(spec: Spec, options: TrainingOptions) -> dict[str, Any]:
    """Name to value of all options."""
    return {name: getattr(spec if hasattr(spec, name) else options, name) for name in option_types(spec)}


def _parse_range(text: str, values: str, hint: Any) -> Range:
    if ".." not in values:
        return OneOf(tuple(_plain(parse_setting(f"choice={choice}")[1]) for choice in values.split("|")))
    low, _, high = values.removesuffix(LOG).partition("..")
    number = float if float in (hint, *typing.get_args(hint)) else int
    try:
        ends = number(low), number(high)
    except ValueError:
        expected = "two numbers" if number is float else "two whole numbers"
        raise ConfigError(f"'{text}': expected {expected} as low..high, got '{low}' and '{high}'") from None
    return Between(*ends, log=values.endswith(LOG))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
