"""Options that several commands share, alone or as dataclasses that a command takes whole."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="File, folder or store of ratings; or the name of a data set at hand, such as ml-latest-small."
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")]
Json = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Write JSON to this file, or - for it alone on standard output."),
]
Threads = Annotated[int | None, typer.Option("--threads", help="CPU threads; default: all cores.", min=1)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command have parameters whose type is a dataclass of options.

    Each field of such a dataclass is annotated as a Typer option and becomes an option of the command; the command itself gets
    the filled dataclass.
    """
    hints = typing.get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}
    parameters, annotations = [], {"return": None}
    for name, parameter in inspect.signature(command).parameters.items():
        expanded = _fields(groups[name]) if name in groups else [parameter.replace(annotation=hints[name])]
        parameters += [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in expanded]
    annotations |= {parameter.name: parameter.annotation for parameter in parameters}

    @functools.wraps(command)
    def expanded_command(**values: Any) -> None:
        for name, group in groups.items():
            fields = [field.name for field in dataclasses.fields(group)]
            values[name] = typing.cast(Any, group)(**{field: values.pop(field) for field in fields})
        command(**values)

    expanded_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    expanded_command.__annotations__ = annotations
    return expanded_command


def _fields(group: Any) -> list[inspect.Parameter]:
    hints = typing.get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name])
        for field in dataclasses.fields(group)
    ]
