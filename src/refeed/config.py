"""Frozen dataclasses to and from TOML, JSON and `key=value` texts; an unknown key fails and names the nearest known one."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any, TypeVar

from refeed.errors import ConfigError

T = TypeVar("T")


def to_dict(config: Any) -> dict[str, Any]:
    """The fields of a config dataclass as plain JSON values (tuples become lists)."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def from_dict(config_class: type[T], values: Mapping[str, Any], *, where: str) -> T:
    """Build `config_class` from `values`.

    Args:
        config_class: a dataclass whose fields all have types made of bool, int, float, str, tuples, literals, None, and
            classes that are read from a text by their `from_text`.
        values: field name to value, as JSON or TOML gives them.
        where: the source of the values, for messages (for example "run.toml [model]").

    Raises:
        ConfigError: no table of keys, an unknown or missing key, a value of the wrong type, or a value out of range (from the
            dataclass itself).
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where}: expected keys with values, got {values!r}")
    values = with_current_names(values)
    hints = typing.get_type_hints(config_class)
    fields = {field.name for field in dataclasses.fields(config_class)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise ConfigError(f"{where}: unknown key '{key}'{nearest(key, fields)}")
    for name in _required(config_class):
        if name not in values:
            raise ConfigError(f"{where}: '{name}' is missing, and it has no default")
    converted = {key: _convert(value, hints[key], f"{where}: '{key}'") for key, value in values.items()}
    return config_class(**converted)


RENAMED = {"sitting_minutes": "session_minutes"}
"""Options that had another name in settings files and model folders of before, and what they are called now."""


def with_current_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, options of before under the names that they have now."""
    return {RENAMED.get(key, key): value for key, value in values.items()}


def conform(config: Any) -> None:
    """Check the fields of a frozen config dataclass against their types; to be called first in its `__post_init__`.

    Lists become tuples and whole numbers floats, as in `from_dict`, so that settings given in Python are checked like those
    of a file.

    Raises:
        ConfigError: a field has a value of another type, or one that is not among its choices.
    """
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value = _convert(getattr(config, field.name), hints[field.name], field.name)
        object.__setattr__(config, field.name, value)


def require_ranges(config: Any, *, above_0: Sequence[str] = (), from_0: Sequence[str] = (), from_1: Sequence[str] = ()) -> None:
    """Check that fields hold finite numbers above 0, of at least 0, or of at least 1; those that are None pass.

    Raises:
        ConfigError: one is out of its range.
    """
    ranges: tuple[tuple[Sequence[str], str, Callable[[float], bool]], ...] = (
        (above_0, "above 0", lambda value: 0 < value < math.inf),
        (from_0, "at least 0", lambda value: 0 <= value < math.inf),
        (from_1, "at least 1", lambda value: 1 <= value < math.inf),
    )
    for names, expected, holds in ranges:
        for name in names:
            value = getattr(config, name)
            if value is not None and not holds(value):
                raise ConfigError(f"{name}: expected {expected}, got {value}")


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


def _required(config_class: Any) -> list[str]:
    """Names of the fields without a default."""
    missing = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(config_class) if f.default is missing and f.default_factory is missing]


def _plain(value: Any) -> Any:
    if hasattr(type(value), "from_text"):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _convert(value: Any, hint: Any, where: str) -> Any:
    """Check `value` against the type `hint`, turning lists into tuples and whole numbers into floats."""
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _convert_union(value, typing.get_args(hint), where)
    if origin is typing.Literal:
        return _convert_literal(value, typing.get_args(hint), where)
    if origin is tuple:
        inner = typing.get_args(hint)[0]
        if not isinstance(value, list | tuple):
            value = [value]
        return tuple(_convert(item, inner, where) for item in value)
    if hint is type(None) and value is None:
        return None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and hasattr(hint, "from_text"):
        return hint.from_text(value)
    if isinstance(hint, type) and isinstance(value, hint) and not (hint is not bool and isinstance(value, bool)):
        return value
    raise ConfigError(f"{where}: expected {_type_name(hint)}, got {value!r}")


def _convert_union(value: Any, choices: tuple[Any, ...], where: str) -> Any:
    if value == "none" and str not in choices and type(None) in choices:
        return None  # as a TOML file says it
    for choice in choices:
        try:
            return _convert(value, choice, where)
        except ConfigError:
            continue
    raise ConfigError(f"{where}: expected {' or '.join(_type_name(choice) for choice in choices)}, got {value!r}")


def _convert_literal(value: Any, choices: tuple[Any, ...], where: str) -> Any:
    if value in choices:
        return value
    hint = nearest(str(value), [str(choice) for choice in choices]).replace("known keys", "choices")
    raise ConfigError(f"{where}: {value!r} is not a choice{hint}")


def _type_name(hint: Any) -> str:
    if hint is type(None):
        return "none"
    if typing.get_origin(hint) is tuple:
        return f"a list of {_type_name(typing.get_args(hint)[0])}"
    if hasattr(hint, "from_text"):
        return "a text"
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(hint, str(hint))
