"""The members of an ensemble as values, and the only place that reads them from text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from refeed.config import from_dict, nearest, parse_setting, to_dict, with_current_names
from refeed.errors import ConfigError
from refeed.models.base import Spec
from refeed.models.bayesian.spec import BayesianFactorisation
from refeed.models.registry import KINDS
from refeed.optim.options import TrainingOptions


@dataclass(frozen=True)
class Variant:
    """One setting of a member.

    Attributes:
        text: "KIND key=value …", each key with one value.
        spec: the model's description.
        training: how it is trained, where its kind takes training options.
    """

    text: str
    spec: Spec
    training: TrainingOptions


@dataclass(frozen=True)
class Member:
    """A model of an ensemble, in one or more settings of which the best on the validation set is kept.

    Args:
        text: "KIND key=value …", with options of that kind and of its training. "key=a|b" stands for two settings; several such
            keys stand for all combinations of their values, those of the last key first.

    Attributes:
        variants: the settings that the text stands for.

    Raises:
        ConfigError: an unknown kind, a key that neither the kind nor (where it takes them) the training options have, a value
            out of its range, or no value before, between or after the bars.

    Examples:
        >>> [variant.spec.sweeps for variant in Member("bias sweeps=1|2").variants]
        [1, 2]
    """

    text: str
    variants: tuple[Variant, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "variants", tuple(map(_variant, _combinations(self.text))))

    def __str__(self) -> str:
        return self.text

    @classmethod
    def from_text(cls, text: str) -> Member:
        """The member that a settings file or the command line describes."""
        return cls(text)

    def distinct_variants(self, *, timed: bool) -> list[Variant]:
        """The variants that differ on ratings with or without times: without any, sessions make no difference."""
        found: dict[tuple[Spec, TrainingOptions], Variant] = {}
        for variant in self.variants:
            spec = variant.spec
            if not timed and isinstance(spec, BayesianFactorisation):
                spec = replace(spec, session_minutes=None)
            found.setdefault((spec, variant.training), variant)
        return list(found.values())

    def summary(self, num_users: int, num_items: int) -> str:
        """What it is, in a few words for people."""
        first = self.variants[0].spec.summary(num_users, num_items)
        return first if len(self.variants) == 1 else f"{first}, the best of {len(self.variants)} settings"


def _combinations(text: str) -> list[str]:
    """The texts with one value for each key that a text with bars stands for."""
    choices = []
    for word in text.split() or [""]:
        key, equals, values = word.partition("=")
        alternatives = values.split("|")
        if len(alternatives) > 1 and not all(alternatives):
            raise ConfigError(f"members: '{text}': expected a value on either side of each bar in '{word}'")
        choices.append([f"{key}{equals}{value}" for value in alternatives])
    return [" ".join(words) for words in product(*choices)]


def _variant(text: str) -> Variant:
    kind, *settings = text.split() or [""]
    if kind not in KINDS:
        raise ConfigError(f"members: no '{kind}'{nearest(kind, KINDS).replace('known keys', 'the models')}")
    spec_class = KINDS[kind].spec
    known = to_dict(spec_class())
    values = with_current_names(dict(map(parse_setting, settings)))
    unknown = [key for key in values if key not in known]
    if unknown and not spec_class.uses_training_options:
        raise ConfigError(f"members: '{text}': unknown key '{unknown[0]}'{nearest(unknown[0], known)}")
    spec = from_dict(spec_class, {key: value for key, value in values.items() if key in known}, where=f"members: '{text}'")
    training: Mapping[str, Any] = {key: values[key] for key in unknown}
    return Variant(text, spec, from_dict(TrainingOptions, training, where=f"members: '{text}'"))
