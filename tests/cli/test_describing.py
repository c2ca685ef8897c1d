"""What is said before a model is trained."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from helpers.small_worlds import random_split
from refeed.cli.describing import advise_loops, describe_patience, describe_run
from refeed.models import AutoEncoder, AutoRec, Bias, Ensemble
from refeed.models.autoencoder.compiled import supervision as compiled_supervision
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime


def test_ensemble_on_many_ratings_names_the_quick_way():
    many = SimpleNamespace(train=range(24_600_000))
    assert "here are 25 million; --preset autoencoder trains one network" in describe_patience(Ensemble(), many)
    assert describe_patience(Bias(), many) == ""
    assert describe_patience(Ensemble(), random_split()) == ""


SGD = TrainingOptions(optimizer="sgd")


def test_compiled_loops_are_told_where_they_run():
    parts, spec, cpu = random_split(), AutoEncoder(encoder=(4,)), Runtime()
    assert describe_run(spec, SGD, parts, replace(cpu, loops="compiled")).endswith("(cpu, 1 threads, seed 0, compiled loops)")
    assert describe_run(spec, SGD, parts, cpu).endswith("(cpu, 1 threads, seed 0)")


def test_extra_is_advised_where_it_is_absent_and_would_help(monkeypatch):
    parts, spec, cpu = random_split(), AutoEncoder(encoder=(4,)), Runtime()
    monkeypatch.setattr(compiled_supervision, "WORTHWHILE", 1)
    assert advise_loops(spec, SGD, parts, cpu) == ""
    monkeypatch.setattr(compiled_supervision, "obstacle_to_numba", lambda: "Numba is installed but cannot be used (OSError: -)")
    assert advise_loops(spec, SGD, parts, cpu) == (
        "Trained without compiled loops: Numba is installed but cannot be used (OSError: -)."
    )
    monkeypatch.setattr(compiled_supervision, "obstacle_to_numba", lambda: f"they need Numba: {compiled_supervision.INSTALL}")
    for network in (spec, AutoRec(width=4)):
        assert advise_loops(network, SGD, parts, cpu).startswith("pip install 'refeed[fast]' ")
    for other in (replace(cpu, loops="pytorch"), replace(cpu, device="cuda")):
        assert advise_loops(spec, SGD, parts, other) == ""
    assert advise_loops(Bias(), SGD, parts, cpu) == advise_loops(spec, TrainingOptions(), parts, cpu) == ""
    monkeypatch.setattr(compiled_supervision, "WORTHWHILE", 10**9)
    assert advise_loops(spec, SGD, parts, cpu) == ""
