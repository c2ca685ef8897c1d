"""What is varied: ranges in words, ready ones for each kind of model, and settings changed by them."""

from __future__ import annotations

import pytest

from refeed.errors import ConfigError
from refeed.models import ALS, MODELS, AutoEncoder, BayesianFactorisation, Bias, Ensemble, Popularity
from refeed.optim.options import TrainingOptions
from refeed.tuning.search_spaces import (
    SPACES,
    Between,
    OneOf,
    change_text,
    changed,
    option_values,
    parse_space,
    ready_space,
    require_space,
    value_text,
)

OPTIONS = TrainingOptions()


def test_every_kind_that_predicts_ratings_has_a_space_that_its_models_take():
    assert set(SPACES) == set(MODELS) - {Ensemble.kind, Popularity.kind}
    for kind, space in SPACES.items():
        require_space(space, MODELS[kind](), OPTIONS)


def test_kind_without_a_space_asks_what_to_vary():
    with pytest.raises(ConfigError, match=r"no search space for the kind 'popularity'; say what to vary"):
        ready_space(Popularity(), OPTIONS)
    assert list(parse_space(["user_regularisation=1..9"], Popularity(), OPTIONS)) == ["user_regularisation"]


@pytest.mark.parametrize("kind", [kind for kind in SPACES if kind != AutoEncoder.kind])
def test_defaults_lie_in_the_ready_space(kind):
    values = option_values(MODELS[kind](), TrainingOptions(learning_rate=0.001, weight_decay=4e-4))
    assert {name: values[name] for name, choice in SPACES[kind].items() if values[name] not in choice} == {}


def test_ready_space_is_widened_to_where_the_search_starts():
    space = ready_space(AutoEncoder(encoder=(7, 3)), TrainingOptions(weight_decay=0.5, learning_rate=0.001))
    assert space["encoder"].choices[-1] == (7, 3)
    assert space["weight_decay"] == Between(3e-4, 0.5, log=True)
    assert space["learning_rate"] == SPACES["autoencoder"]["learning_rate"]
    without = ready_space(AutoEncoder(), TrainingOptions(weight_decay=0.0))
    assert without["weight_decay"] == SPACES["autoencoder"]["weight_decay"]  # 0 has no place on a logarithmic scale


def test_ranges_and_choices_are_read_from_words():
    space = parse_space(
        ["dropout=0..0.9", "weight_decay=1e-4..1e-2:log", "batch_size=16..64", "encoder=8|16,4", "tied = true|false"],
        AutoEncoder(),
        OPTIONS,
    )
    assert space == {
        "dropout": Between(0.0, 0.9),
        "weight_decay": Between(1e-4, 1e-2, log=True),
        "batch_size": Between(16, 64),
        "encoder": OneOf((8, (16, 4))),
        "tied": OneOf((True, False)),
    }
    assert [space[name].is_whole for name in ("dropout", "batch_size")] == [False, True]
    assert [str(choice) for choice in space.values()] == ["0..0.9", "0.0001..0.01:log", "16..64", "8|16,4", "true|false"]


def test_none_is_a_choice():
    space = parse_space(["noise_strength=none|8"], BayesianFactorisation(), OPTIONS)
    assert space == {"noise_strength": OneOf((None, 8))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dropout", "expected key=low..high"),
        ("=0..1", "expected key=low..high"),
        ("dropuot=0..0.5", "autoencoder has no option 'dropuot'; did you mean 'dropout'?"),
        ("dropout=0..much", "expected two numbers as low..high, got '0' and 'much'"),
        ("batch_size=1..2.5", "expected two whole numbers as low..high, got '1' and '2.5'"),
        ("dropout=0.5..0.5", "expected a number and a larger one"),
        ("dropout=0..inf", "both finite"),
        ("dropout=0..0.5:log", "expected ends above 0"),
        ("dropout=0.5", "expected at least two different values"),
        ("batch_size=16|16", "expected at least two different values"),
        ("dropout=0..1.5", r"dropout=0..1.5: 1.5 is not possible: dropout: expected 0 to below 1"),
        ("optimizer=adam|adm", "adm is not possible: .*did you mean 'adam'"),
    ],
)
def test_words_that_make_no_space_are_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_space([text], AutoEncoder(), OPTIONS)


def test_option_given_twice_and_nothing_at_all_are_refused():
    with pytest.raises(ConfigError, match="'dropout' is given twice"):
        parse_space(["dropout=0..0.5", "dropout=0.6|0.7"], AutoEncoder(), OPTIONS)
    with pytest.raises(ConfigError, match="there is nothing to vary"):
        parse_space([], AutoEncoder(), OPTIONS)


def test_ensemble_is_refused_with_the_kinds_that_can_be_tuned():
    with pytest.raises(ConfigError, match=r"an ensemble is not tuned as a whole; tune its members.*als, autoencoder"):
        ready_space(Ensemble(), OPTIONS)


def test_values_go_to_the_model_or_to_its_training():
    spec, options = changed(AutoEncoder(), OPTIONS, {"dropout": 0.25, "epochs": 3})
    assert (spec, options) == (AutoEncoder(dropout=0.25), TrainingOptions(epochs=3))
    spec, options = changed(ALS(), OPTIONS, {"epochs": 3})
    assert (spec, options) == (ALS(epochs=3), OPTIONS)


def test_training_options_are_none_of_a_model_that_takes_none():
    assert "weight_decay" not in option_values(Bias(), OPTIONS)
    with pytest.raises(ConfigError, match="bias has no option 'weight_decay'"):
        changed(Bias(), OPTIONS, {"weight_decay": 0.1})


@pytest.mark.parametrize(
    ("value", "text"), [(None, "none"), (True, "true"), ((512, 256), "512,256"), (0.001, "0.001"), (30, "30"), ("selu", "selu")]
)
def test_values_read_as_key_value_has_them(value, text):
    assert value_text(value) == text


def test_changes_are_told_as_key_value():
    before = {"encoder": (8,), "dropout": 0.5, "noise": None, "epochs": 3}
    assert change_text(before, {"encoder": (16, 4), "dropout": 0.5, "noise": 8.0}) == "encoder=16,4 noise=8"
    assert change_text(before, before) == ""


def test_ranges_hold_numbers_alone():
    assert 0.5 in Between(0.0, 1.0)
    assert [value in Between(0, 1) for value in (2, True, "1", None)] == [False] * 4
    assert Between(0, 1).widened("x") == Between(0, 1)
    assert OneOf((1, 2)).widened(2) == OneOf((1, 2))
