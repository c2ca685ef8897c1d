"""The systems of the benchmark: equally many different candidates for each, what a search varies, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.small_worlds import random_ratings
from refeed.errors import ConfigError
from refeed.models import PMF, AutoEncoder, Bias
from refeed.optim.options import TrainingOptions
from refeed.reproduce.benchmark.systems import HAND_PICKED, System, candidates, systems
from refeed.reproduce.scales import SCALES
from refeed.tuning.proposals import Proposals
from refeed.tuning.search_spaces import changed, require_space


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_every_system_has_equally_many_different_candidates(scale):
    for system in systems(scale):
        if system.tunes_itself:
            assert len(system.candidates) == 1 and system.name == "default"
            continue
        assert len({(candidate.spec, candidate.options) for candidate in system.candidates}) == HAND_PICKED, system.name
        assert system.candidates[0].change == ""


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_what_a_search_may_propose_is_taken_by_the_model(scale):
    for system in systems(scale):
        if system.tunes_itself:
            continue
        first = system.candidates[0]
        require_space(system.space, first.spec, first.options)
        drawn = Proposals(system.space, sampler="random", seed=0)
        for _ in range(20):
            changed(first.spec, first.options, drawn.ask().values)


def test_search_does_not_vary_what_defines_a_system():
    spaces = {system.name: system.space for system in systems(SCALES["paper"]) if not system.tunes_itself}
    assert "side" not in spaces["i-autorec"] and "side" not in spaces["u-autorec"]
    assert "offsets" not in spaces["pmf"] and "offsets" in spaces["biased-mf"]
    for name in ("deep", "deep-refeed"):
        assert spaces[name]["encoder"].choices == ((512, 512, 1024), (256, 256, 512), (128, 256, 256))
        assert 0.0 in spaces[name]["weight_decay"]  # the paper's own, so that the search learns from the hand-picked candidates
    with pytest.raises(ConfigError, match="an ensemble is not tuned as a whole"):
        _ = next(system for system in systems(SCALES["paper"]) if system.tunes_itself).space


def test_the_papers_systems_and_stronger_ones_are_there():
    names = [system.name for system in systems(SCALES["small"])]
    assert len(set(names)) == len(names)
    assert {"bias", "als", "pmf", "i-autorec", "u-autorec", "rrn", "deep", "deep-refeed", "default"} <= set(names)
    assert {"svd++", "time-svd++", "bayesian", "ease", "pca", "biased-mf"} <= set(names)


def test_networks_train_for_the_epochs_of_the_scale():
    scale = SCALES["tiny"]
    for system in systems(scale):
        for candidate in system.candidates:
            assert not candidate.spec.uses_training_options or candidate.options.epochs == scale.epochs


def test_the_two_deep_networks_differ_in_refeeding_alone():
    deep, refed = (system for system in systems(SCALES["small"]) if system.group == "paper")
    for without, with_it in zip(deep.candidates, refed.candidates, strict=True):
        assert without.spec == with_it.spec
        assert (without.options.refeed_steps, with_it.options.refeed_steps) == (0, 1)
        assert replace(with_it.options, refeed_steps=0) == without.options


def test_changes_go_to_the_model_or_to_its_training():
    first, other, wide = candidates(
        AutoEncoder(encoder=(8,)), "dropout=0.5 epochs=7", "encoder=16,4", options=TrainingOptions(epochs=3)
    )
    assert (first.spec, first.options.epochs, first.change) == (AutoEncoder(encoder=(8,)), 3, "")
    assert (other.spec.dropout, other.options.epochs, other.change) == (0.5, 7, "dropout=0.5 epochs=7")
    assert wide.spec.encoder == (16, 4) and wide.options.epochs == 3


@pytest.mark.parametrize("change", ["factor=3", "epochs=3 schedule=cosine"])
def test_a_change_of_nothing_there_is_refused(change):
    with pytest.raises(ConfigError, match="pmf has no option"):
        candidates(PMF(), change)


def test_a_system_with_fewer_candidates_is_refused():
    with pytest.raises(ConfigError, match="'few': expected 4 candidates, got 1"):
        System("few", "few", "ours", candidates(Bias()))


def test_what_ratings_are_not_enough_for_is_said():
    ratings = random_ratings()
    by_name = {system.name: system for system in systems(SCALES["small"])}
    assert "needs the times" in by_name["rrn"].reason_to_leave_out(ratings)
    assert by_name["ease"].reason_to_leave_out(ratings) == ""
    assert "15 items" in replace(by_name["ease"], most_items=14).reason_to_leave_out(ratings)
