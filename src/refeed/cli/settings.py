"""From --preset, --config and --set to a model description and training options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from refeed.config import RENAMED, from_dict, nearest, parse_setting, read_file, to_dict
from refeed.errors import ConfigError
from refeed.models import MODELS, Spec
from refeed.optim.options import TrainingOptions
from refeed.presets import preset, start_of

SECTIONS = ("model", "training")


def resolve(
    *,
    preset_name: str,
    config_file: Path | None,
    settings: Sequence[str],
    model_kind: str | None = None,
    default_preset: str = "default",
) -> tuple[Spec, TrainingOptions]:
    """The preset, changed by the config file, changed by the settings.

    Args:
        preset_name: where to start.
        config_file: TOML or JSON with the sections [model], where `kind` says which, and [training].
        settings: texts key=value; a key may be written section.key.
        model_kind: a model of `MODELS` other than the preset's; it starts from its own defaults, its training's among them.
        default_preset: the preset where none is given, which gives way to any kind of model.

    Raises:
        ConfigError: an unknown preset, section, model or key, a value that does not fit, or a preset (other than the
            default one) of another kind than the requested model.
    """
    start = preset(preset_name)
    of_file = {} if config_file is None else _sections(config_file)
    kind = _kind_of(of_file, model_kind, config_file) or start.model.kind
    if kind != start.model.kind:
        if preset_name != default_preset:
            raise ConfigError(
                f"preset: '{preset_name}' is of a model of kind '{start.model.kind}', but '{kind}' is requested; "
                "leave one of them out"
            )
        start = start_of(kind)
    model, training, model_class = start.model, start.training, type(start.model)
    changes = ((f"{config_file} ", of_file), ("--set ", _by_section(settings, model_class)))
    for where, sections in changes:
        if sections.get("training") and not model_class.uses_training_options:
            raise ConfigError(f"{where}[training]: '{model_class.kind}' takes no training options, only those in [model]")
        model = from_dict(model_class, {**to_dict(model), **sections.get("model", {})}, where=f"{where}[model]")
        training = from_dict(TrainingOptions, {**to_dict(training), **sections.get("training", {})}, where=f"{where}[training]")
    return model, training


def _kind_of(sections: dict[str, dict[str, Any]], requested: str | None, path: Path | None) -> str | None:
    """The requested kind of model, or the one that the file names (which is removed from its section); None without either.

    Raises:
        ConfigError: there is no such kind, or the two differ.
    """
    of_file = sections.get("model", {}).pop("kind", None)
    for kind, where in ((requested, "model"), (of_file, f"{path} [model] kind")):
        if kind is not None and kind not in MODELS:
            raise ConfigError(f"{where}: no '{kind}'{nearest(str(kind), MODELS).replace('known keys', 'the models')}")
    if requested is not None and of_file is not None and requested != of_file:
        raise ConfigError(
            f"{path} describes a model of kind '{of_file}', but '{requested}' is requested; leave one of them out"
        )
    return requested or of_file


def _sections(path: Path) -> dict[str, dict[str, Any]]:
    values = read_file(path)
    for name, section in values.items():
        if name not in SECTIONS:
            raise ConfigError(
                f"{path}: unknown section [{name}]{nearest(name, SECTIONS).replace('known keys', 'the sections')}"
            )
        if not isinstance(section, dict):
            raise ConfigError(f"{path}: '{name}' must be a section [{name}] with keys in it")
    return values


def _by_section(settings: Sequence[str], model_class: type[Spec]) -> dict[str, dict[str, Any]]:
    """Settings sorted into sections by who knows the key."""
    known = _keys_of(model_class)
    sections: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
    for key, value in map(parse_setting, settings):
        section, _, given = key.rpartition(".")
        name = RENAMED.get(given, given)
        if section and section not in SECTIONS:
            raise ConfigError(
                f"--set {key}: unknown section '{section}'{nearest(section, SECTIONS).replace('known keys', 'the sections')}"
            )
        homes = [home for home in ([section] if section else SECTIONS) if name in known[home]]
        if not homes:
            raise ConfigError(f"--set {key}: {_unknown(name, model_class)}")
        sections[homes[0]][name] = value
    return sections


def _keys_of(model_class: type[Spec]) -> dict[str, set[str]]:
    """The keys of each section that a kind of model takes."""
    return {
        "model": set(to_dict(model_class())),
        "training": set(to_dict(TrainingOptions())) if model_class.uses_training_options else set(),
    }


def _unknown(name: str, model_class: type[Spec]) -> str:
    """What to say of a key that this kind of model does not have: which kinds have it, or the nearest of its own."""
    others = [kind for kind, spec_class in MODELS.items() if name in set().union(*_keys_of(spec_class).values())]
    if others:
        return f"no option of '{model_class.kind}', but of --model {', '.join(others)}"
    return f"unknown key '{name}'{nearest(name, set().union(*_keys_of(model_class).values()))}"
