"""Settings from TOML, JSON and key=value."""

from __future__ import annotations

import math
import pickle
import tomllib
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.cli.settings import resolve
from refeed.config import (
    Config,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
    from_dict,
    nearest,
    parse_setting,
    read_file,
    to_dict,
    to_toml,
)
from refeed.data.splits.random import RandomSplit
from refeed.errors import ConfigError, SplitError
from refeed.models import AutoEncoder, BayesianFactorisation
from refeed.models.ensemble.members import Member
from refeed.optim.options import TrainingOptions


@dataclass(frozen=True)
class Inner(Config):
    level: int = 1


@dataclass(frozen=True)
class Example(Config):
    name: str
    rate: float = 0.5
    epochs: int = 3
    tied: bool = False
    widths: tuple[int, ...] = (4, 2)
    kind: Literal["user", "item"] = "user"
    limit: float | None = None
    hidden: tuple[int, ...] | None = None
    inner: Inner = field(default_factory=Inner)


def test_unknown_key_names_the_nearest_and_the_source():
    with pytest.raises(ConfigError, match=r"^run\.toml \[model\]: unknown key 'epoch'; did you mean 'epochs'\?$"):
        from_dict(Example, {"name": "x", "epoch": 3}, where="run.toml [model]")


def test_key_like_no_other_lists_all_of_them():
    with pytest.raises(ConfigError, match=r"unknown key 'zzzz'; known keys: epochs, hidden, inner, kind, limit, name, rate"):
        from_dict(Example, {"zzzz": 1}, where="here")
    assert nearest("q", ["b", "a"]) == "; known keys: a, b"


def test_missing_key_and_no_table_are_refused():
    with pytest.raises(ConfigError, match="here: 'name' is missing, and it has no default"):
        from_dict(Example, {"rate": 1.0}, where="here")
    with pytest.raises(ConfigError, match="here: expected keys with values, got 3"):
        from_dict(Example, 3, where="here")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("rate", 2, 2.0), ("epochs", 1e3, 1000), ("tied", True, True), ("widths", [8, 4], (8, 4)), ("widths", 8, (8,)),
        ("widths", [], ()), ("kind", "item", "item"), ("limit", None, None), ("limit", 1, 1.0), ("hidden", [3], (3,)),
        ("hidden", None, None), ("name", "", ""),
    ],
)  # fmt: skip
def test_value_becomes_what_its_type_says(key, value, expected):
    result = getattr(from_dict(Example, {"name": "x", key: value}, where="here"), key)
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rate", "fast", "rate: expected a number, got 'fast'"),
        ("rate", True, "rate: expected a number, got True"),
        ("epochs", 2.5, "epochs: expected a whole number, got 2.5"),
        ("epochs", True, "epochs: expected a whole number, got True"),
        ("epochs", "3", "epochs: expected a whole number, got '3'"),
        ("tied", 1, "tied: expected true or false, got 1"),
        ("name", 5, "name: expected a text, got 5"),
        ("widths", ["a"], "widths: expected a whole number, got 'a'"),
        ("kind", "users", "kind: 'users' is not a choice; did you mean 'user'"),
        ("kind", 7, "kind: 7 is not a choice; choices: item, user"),
        ("limit", "x", "limit: expected a number or none, got 'x'"),
        ("hidden", ["x"], r"hidden: expected a list of a whole number or none, got \['x'\]"),
    ],
)
def test_value_of_another_type_is_refused_with_what_was_expected(key, value, message):
    with pytest.raises(ConfigError, match=f"here: {message}"):
        from_dict(Example, {"name": "x", key: value}, where="here")


def test_settings_in_python_are_checked_like_those_of_a_file():
    made = Example("x", rate=1, widths=[3], epochs=2.0)
    assert (made.rate, made.widths, made.epochs) == (1.0, (3,), 2)
    assert isinstance(made.rate, float) and isinstance(made.epochs, int)
    with pytest.raises(ConfigError, match=r"^kind: 'itme' is not a choice; did you mean 'item'"):
        Example("x", kind="itme")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rate=0.005", 0.005), ("rate = .5", 0.5), ("rate=-.5", -0.5), ("rate=1e-3", 0.001), ("rate=5", 5), ("rate=05", 5.0),
        ("tied=true", True), ("tied=FALSE", False), ("limit=none", None), ("widths=512,256", [512, 256]),
        ("widths=512,", [512]), ("widths=[512, 256]", [512, 256]), ("names=a, b", ["a", "b"]),
        ("mixed=a,1,true", ["a", 1, True]),
        ("kind=item", "item"), ("kind='item'", "item"), ('name="a,b"', "a,b"), ("name=a=b", "a=b"), ("name=", ""),
        ("at=2005-12-01", "2005-12-01"), ("at=2005-12-01T10:00:00", "2005-12-01T10:00:00"), ("at=07:30:00", "07:30:00"),
        ("epochs=1_000", 1000), ("name=été", "été"),
    ],
)  # fmt: skip
def test_setting_is_read_as_toml_would_read_it(text, expected):
    _, value = parse_setting(text)
    assert value == expected and type(value) is type(expected)


def test_infinite_and_missing_numbers_are_numbers():
    assert parse_setting("rate=inf")[1] == math.inf
    assert math.isnan(parse_setting("rate=nan")[1])


@pytest.mark.parametrize("text", ["rate", "=5", " = 5", ""])
def test_setting_without_key_or_equals_sign_is_refused(text):
    with pytest.raises(ConfigError, match=r"expected key=value, for example learning_rate=0.005"):
        parse_setting(text)


def test_toml_round_trip_of_model_and_training():
    sections = {
        "model": AutoEncoder(encoder=(7, 3), decoder=(4,), dropout=0.65, side="item"),
        "training": TrainingOptions(learning_rate=1e-5, milestones=(2, 5), schedule="multistep", gradient_clip=0.1),
    }
    values = tomllib.loads(to_toml(sections))
    assert from_dict(AutoEncoder, values["model"], where="model") == sections["model"]
    assert from_dict(TrainingOptions, values["training"], where="training") == sections["training"]
    assert values["training"]["patience"] == "none"  # TOML knows no null


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f")),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_text_and_number_survive_the_way_through_toml(name, rate):
    made = Example(name, rate=rate, inner=Inner())
    values = tomllib.loads(to_toml({"one": Example2(name, rate)}))
    assert (values["one"]["name"], values["one"]["rate"]) == (made.name, made.rate)


@dataclass(frozen=True)
class Example2(Config):
    name: str
    rate: float


def test_plain_values_hold_lists_and_inner_settings():
    assert to_dict(Example("x", hidden=(1,))) == {
        "name": "x", "rate": 0.5, "epochs": 3, "tied": False, "widths": [4, 2], "kind": "user", "limit": None, "hidden": [1],
        "inner": {"level": 1},
    }  # fmt: skip


def test_toml_and_json_files_are_read(tmp_path):
    (tmp_path / "a.toml").write_text("[model]\nencoder = [4]\n")
    (tmp_path / "a.json").write_text('{"model": {"encoder": [4]}}')
    assert read_file(tmp_path / "a.toml") == read_file(str(tmp_path / "a.json")) == {"model": {"encoder": [4]}}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", b"", "a settings file ends in .toml or .json"),
        ("a.toml", b"x = ", "not valid TOML"),
        ("a.json", b"{", "not valid JSON"),
        ("a.toml", b"\xff\xfe", "not valid TOML"),
        ("a.json", b"[1]", "expected a table of sections, got list"),
        ("a.toml", None, "cannot be read .No such file"),
    ],
)
def test_file_that_cannot_be_used_is_named_with_the_reason(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=f"{name}: {message}"):
        read_file(tmp_path / name)


@dataclass(frozen=True)
class Bounded(Config):
    rate: PositiveFloat = 0.5
    penalty: NonNegativeFloat = 0.0
    epochs: PositiveInt | None = 1
    warm_up: NonNegativeInt = 0
    widths: tuple[PositiveInt, ...] = (4,)
    dropout: Probability = 0.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": 0.0}, "rate: expected above 0, got 0.0"),
        ({"rate": math.inf}, "rate: expected above 0, got inf"),
        ({"penalty": -1.0}, "penalty: expected at least 0, got -1.0"),
        ({"penalty": math.nan}, "penalty: expected at least 0, got nan"),
        ({"epochs": 0}, "epochs: expected at least 1 or none, got 0"),
        ({"epochs": "all"}, "epochs: expected a whole number or none, got 'all'"),
        ({"warm_up": -1}, "warm_up: expected at least 0, got -1"),
        ({"widths": (4, 0)}, "widths: expected at least 1, got 0"),
        ({"dropout": 1.0}, "dropout: expected 0 to below 1, got 1.0"),
    ],
)
def test_fields_out_of_their_bounds_are_named(values, message):
    with pytest.raises(ConfigError) as caught:
        Bounded(**values)
    assert str(caught.value) == message
    with pytest.raises(ConfigError, match=f"here: {message}"):
        from_dict(Bounded, values, where="here")


@pytest.mark.parametrize("values", [{}, {"epochs": None}, {"rate": 1e-9, "epochs": 7}, {"dropout": 0.99}])
def test_fields_within_their_bounds_or_none_pass(values):
    made = Bounded(**values)
    assert {name: getattr(made, name) for name in values} == values


def test_numbers_of_numpy_become_plain_ones():
    made = Bounded(rate=np.float32(0.5), epochs=np.int64(3))
    assert (made.rate, made.epochs) == (0.5, 3)
    assert type(made.rate) is float and type(made.epochs) is int


def test_config_is_picklable_and_its_repr_is_that_of_a_dataclass():
    made = Inner(level=2)
    assert pickle.loads(pickle.dumps(made)) == made
    assert repr(made) == "Inner(level=2)"


def test_class_may_name_its_own_error():
    with pytest.raises(SplitError, match="valid: expected a share between 0 and 1, got 2"):
        RandomSplit(valid=2.0)
    with pytest.raises(SplitError, match="split: valid: expected a share between 0 and 1, got 2"):
        from_dict(RandomSplit, {"valid": 2.0}, where="split")


def test_options_are_known_by_their_former_names_too():
    assert from_dict(BayesianFactorisation, {"sitting_minutes": 5}, where="") == BayesianFactorisation(session_minutes=5.0)
    (variant,) = Member("bayesian sitting_minutes=none").variants
    assert variant.spec == BayesianFactorisation(session_minutes=None)
    spec, _ = resolve(preset_name="default", config_file=None, settings=["sitting_minutes=5"], model_kind="bayesian")
    assert spec == BayesianFactorisation(session_minutes=5.0)
