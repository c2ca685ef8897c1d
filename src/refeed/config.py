"""Frozen dataclasses of settings, checked when they are made; to and from TOML, JSON and `key=value` texts."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import math
import numbers
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from refeed.errors import ConfigError, RefeedError


@dataclass(frozen=True)
class Bound:
    """What a value must hold beyond its type, as metadata of `Annotated`.

    Attributes:
        expected: the values that are allowed, for messages ("at least 1").
        holds: whether a value is one of them.
    """

    expected: str
    holds: Callable[[Any], bool]


PositiveInt = Annotated[int, Bound("at least 1", lambda value: value >= 1)]
NonNegativeInt = Annotated[int, Bound("at least 0", lambda value: value >= 0)]
PositiveFloat = Annotated[float, Bound("above 0", lambda value: 0 < value < math.inf)]
NonNegativeFloat = Annotated[float, Bound("at least 0", lambda value: 0 <= value < math.inf)]
Probability = Annotated[float, Bound("0 to below 1", lambda value: 0 <= value < 1)]


class Config:
    """Base of the frozen dataclasses of settings: checks the fields against their types and bounds when one is made.

    Types are bool, int, float, str, tuples of them, literals, None, and classes that are read from a text by their `from_text`;
    each may have a `Bound`. Lists become tuples and whole numbers floats (or the other way round), so that settings given in
    Python are checked like those of a file. A rule on several fields together goes into `__post_init__` of the subclass, which
    calls this one first.

    Raises:
        ConfigError: a field has a value of another type, not among its choices, or out of its bounds (a subclass may raise
            another error in that case, `out_of_bounds`).
    """

    out_of_bounds: ClassVar[type[RefeedError]] = ConfigError

    def __post_init__(self) -> None:
        hints = field_types(type(self))  # type: ignore[arg-type]  # classes are hashable
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            try:
                value = _convert(getattr(self, field.name), hints[field.name])
            except _OutOfBoundsError as error:
                raise self.out_of_bounds(f"{field.name}: {error}") from None
            except ConfigError as error:
                raise ConfigError(f"{field.name}: {error}") from None
            object.__setattr__(self, field.name, value)


T = TypeVar("T", bound=Config)


def to_dict(config: Any) -> dict[str, Any]:
    """The fields of a config dataclass as plain JSON values (tuples become lists)."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def from_dict(config_class: type[T], values: Mapping[str, Any], *, where: str) -> T:
    """Build `config_class` from `values`.

    Args:
        config_class: what to build.
        values: field name to value, as JSON or TOML gives them.
        where: the source of the values, for messages (for example "run.toml [model]").

    Raises:
        ConfigError: no table of keys, or an unknown or missing key.
        RefeedError: as the class itself raises it, with `where` before it.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where}: expected keys with values, got {values!r}")
    values = with_current_names(values)
    fields = {field.name: field for field in dataclasses.fields(config_class)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise ConfigError(f"{where}: unknown key '{key}'{nearest(key, fields)}")
    for name, field in fields.items():
        if name not in values and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{where}: '{name}' is missing, and it has no default")
    try:
        return config_class(**values)
    except RefeedError as error:
        raise type(error)(f"{where}: {error}") from None


RENAMED = {"sitting_minutes": "session_minutes"}
"""Options that had another name in settings files and model folders of before, and what they are called now."""


def with_current_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, options of before under the names that they have now."""
    return {RENAMED.get(key, key): value for key, value in values.items()}


@functools.cache
def field_types(config_class: type) -> Mapping[str, Any]:
    """Name to type of the fields, `Annotated` included."""
    return typing.get_type_hints(config_class, include_extras=True)


def nearest(key: str, known: Iterable[str]) -> str:
    """A hint for a mistyped key: the closest known one, or all of them, as the end of a message."""
    names = sorted(known)
    matches = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    return f"; did you mean '{matches[0]}'?" if matches else f"; known keys: {', '.join(names)}"


def read_file(path: str | Path) -> dict[str, Any]:
    """Read a TOML or JSON file of settings.

    Raises:
        ConfigError: no such file, an unknown ending, or text that does not parse.
    """
    path = Path(path)
    if path.suffix not in {".toml", ".json"}:
        raise ConfigError(f"{path}: a settings file ends in .toml or .json")
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid {path.suffix[1:].upper()}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a table of sections, got {type(values).__name__}")
    return values


def to_toml(sections: Mapping[str, Any]) -> str:
    """Config dataclasses as a TOML text, one section each; None, which TOML does not know, becomes the text "none"."""
    blocks = []
    for name, config in sections.items():
        values = {key: "none" if value is None else value for key, value in to_dict(config).items()}
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
        blocks.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(blocks) + "\n"


def parse_setting(text: str) -> tuple[str, Any]:
    """Split `key=value` and read the value as TOML would (a bare word or a date is a text, `a,b,c` a list).

    Raises:
        ConfigError: there is no `=`.
    """
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise ConfigError(f"'{text}': expected key=value, for example learning_rate=0.005")
    return key.strip(), _parse_value(value.strip())


def _parse_value(text: str) -> Any:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if text.lower() == "none":
        return None
    if "," in text and not text.startswith(("[", '"', "'")):
        return [_parse_value(part.strip()) for part in text.split(",") if part.strip()]
    candidate = f"0{text}" if text.startswith(".") else text
    try:
        value = tomllib.loads(f"value = {candidate}")["value"]
        return text if isinstance(value, date | time) else value
    except tomllib.TOMLDecodeError:
        try:
            return float(text)
        except ValueError:
            return text


def _plain(value: Any) -> Any:
    if hasattr(type(value), "from_text"):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


class _OutOfBoundsError(ConfigError):
    """A value of the right type that is not allowed."""

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__(f"expected {expected}, got {value!r}")
        self.expected, self.value = expected, value


def _convert(value: Any, hint: Any) -> Any:
    """Check `value` against the type `hint`, turning lists into tuples and whole numbers into floats."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _convert_union(value, arguments)
    if origin is typing.Literal:
        return _convert_literal(value, arguments)
    if origin is Annotated:
        return _convert_bounded(value, *arguments)
    if origin is tuple:
        return tuple(_convert(item, arguments[0]) for item in (value if isinstance(value, list | tuple) else [value]))
    if not isinstance(value, bool):
        if hint is float and isinstance(value, numbers.Real):
            return float(value)
        if hint is int and (isinstance(value, numbers.Integral) or (isinstance(value, float) and value.is_integer())):
            return int(value)
    if isinstance(value, str) and hasattr(hint, "from_text"):
        return hint.from_text(value)
    if isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise _unexpected(hint, value)


def _convert_union(value: Any, choices: tuple[Any, ...]) -> Any:
    if value == "none" and str not in choices and types.NoneType in choices:
        return None  # as a TOML file says it
    for choice in choices:
        try:
            return _convert(value, choice)
        except _OutOfBoundsError as error:
            if types.NoneType not in choices or error.value != value:  # or it is an item of the value
                raise
            raise _OutOfBoundsError(f"{error.expected} or none", value) from None
        except ConfigError:
            continue
    raise _unexpected(typing.Union[choices], value)  # noqa: UP007  # made of values


def _convert_literal(value: Any, choices: tuple[Any, ...]) -> Any:
    if value in choices:
        return value
    hint = nearest(str(value), [str(choice) for choice in choices]).replace("known keys", "choices")
    raise ConfigError(f"{value!r} is not a choice{hint}")


def _convert_bounded(value: Any, hint: Any, *bounds: Bound) -> Any:
    converted = _convert(value, hint)
    for bound in bounds:
        if not bound.holds(converted):
            raise _OutOfBoundsError(bound.expected, converted)
    return converted


def _unexpected(hint: Any, value: Any) -> ConfigError:
    return ConfigError(f"expected {_type_name(hint)}, got {value!r}")


def _type_name(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_type_name, arguments))
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is tuple:
        return f"a list of {_type_name(arguments[0])}"
    if hasattr(hint, "from_text"):
        return "a text"
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", types.NoneType: "none"}
    return names.get(hint, str(hint))
