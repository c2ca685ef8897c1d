"""The grids of the paper's ablations, and running them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.one_process import OneProcess
from helpers.small_worlds import random_split
from refeed.presets import PRESETS
from refeed.reproduce.ablations.ablations import EXPERIMENTS, run_experiments
from refeed.reproduce.scales import SCALES
from refeed.runs import queue as run_queue
from refeed.runs.run import num_parameters

PAPER, SMALL = SCALES["paper"], SCALES["small"]
DEPTH_PARAMETERS = {2: 4_566_504, 12: 4_731_624}  # table 2: parameters by number of layers, for the 17,768 items of Netflix


def settings_of(name, scale=PAPER, seeds=(0,)):
    return {setting.label: setting for setting in EXPERIMENTS[name].grid(scale, seeds)}


def spec_of(setting):
    return setting.runs[0].spec


def options_of(setting):
    return setting.runs[0].options


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_every_setting_has_a_name_of_its_own_a_run_a_seed_and_leaves_the_test_part_alone(name, scale):
    settings = EXPERIMENTS[name].grid(scale, (0, 1, 2))
    assert len({setting.label for setting in settings}) == len(settings)
    for setting in settings:
        assert [run.seed for run in setting.runs] == [0, 1, 2]
        assert [run.name for run in setting.runs] == [f"{name}/{setting.label}/{seed}" for seed in (0, 1, 2)]
        assert not any(run.reads_test for run in setting.runs)
        assert {run.epochs for run in setting.runs} == {scale.epochs}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_settings_differ_and_controls_name_a_setting_of_the_paper(name):
    settings = settings_of(name)
    assert len({setting.runs[0].fingerprint("s") for setting in settings.values()}) == len(settings)
    for setting in settings.values():
        assert bool(setting.published) != setting.is_control
        if setting.is_control:
            assert not settings[setting.control_of].is_control
    measures = set(EXPERIMENTS[name].measures)
    assert all(set(setting.published) <= measures for setting in settings.values())


def test_training_of_the_paper_is_that_of_its_preset_but_for_the_rate():
    expected = replace(PRESETS["paper-full"].training, learning_rate=0.001, refeed_steps=0)
    assert options_of(settings_of("width")["width 128"]) == expected
    best = settings_of("refeeding")["rate 0.005, re-feeding"]
    assert options_of(best) == PRESETS["paper-full"].training
    assert spec_of(best) == PRESETS["paper-full"].model


def test_activations_reach_the_last_layer_but_bounded_ones_and_controls():
    last = {label: spec_of(setting).activation_on_last_layer for label, setting in settings_of("activations").items()}
    assert last == {
        "SELU": True,
        "ELU": True,
        "leaky ReLU": True,
        "tanh": False,
        "sigmoid": False,
        "ReLU": True,
        "ReLU6": True,
        "ReLU, linear last layer": False,
        "ReLU6, linear last layer": False,
    }
    assert {spec_of(setting).encoder for setting in settings_of("activations").values()} == {(128, 128)}


def test_widths_and_their_tied_controls():
    shapes = [(spec_of(setting).encoder, spec_of(setting).tied, setting.x) for setting in settings_of("width").values()]
    widths = (128, 256, 512, 1024)
    assert shapes == [((width,), tied, width) for tied in (False, True) for width in widths]
    assert next(iter(settings_of("width", SMALL))) == "width 32 (128 in the paper)"


def test_depth_has_the_number_of_weights_of_the_papers_table():
    settings = settings_of("depth")
    for layers, expected in DEPTH_PARAMETERS.items():
        assert num_parameters(spec_of(settings[f"{layers} layers"]), 480_189, 17_768) == expected
    assert [setting.x for setting in settings.values() if not setting.is_control] == [2, 4, 6, 8, 10, 12]


def test_shallow_controls_are_the_shallow_nets_with_a_penalty():
    settings = settings_of("depth")
    controls = [setting for setting in settings.values() if setting.is_control]
    assert len(controls) == 6
    for setting in controls:
        base = settings[setting.control_of]
        assert spec_of(setting) == spec_of(base)
        penalty = options_of(setting).weight_decay
        assert setting.label == f"{base.label}, L2 {penalty:g}"
        assert replace(options_of(setting), weight_decay=0.0, decay_biases=True) == options_of(base)


def test_dropout_is_on_the_code_layer_of_the_papers_net():
    nets = [(spec_of(setting).encoder, spec_of(setting).dropout, setting.x) for setting in settings_of("dropout").values()]
    assert nets == [((512, 512, 1024), share, share) for share in (0.0, 0.5, 0.65, 0.8)]


def test_refeeding_has_its_rates_labels_and_the_same_number_of_steps_without():
    described = {
        label: (o.learning_rate, o.refeed_steps, o.refeed_label, o.steps_per_batch)
        for label, setting in settings_of("refeeding").items()
        for o in [options_of(setting)]
    }
    assert described == {
        "rate 0.001, without": (0.001, 0, "output", 1),
        "rate 0.001, re-feeding": (0.001, 1, "output", 1),
        "rate 0.005, without": (0.005, 0, "output", 1),
        "rate 0.005, re-feeding": (0.005, 1, "output", 1),
        "rate 0.001, two steps per batch": (0.001, 0, "output", 2),
        "rate 0.005, two steps per batch": (0.005, 0, "output", 2),
        "rate 0.005, re-feeding to the ratings": (0.005, 1, "ratings", 1),
        "rate 0.005, re-feeding, joint loss": (0.005, 1, "joint", 1),
    }


def test_experiments_share_the_runs_that_are_the_same():
    def fingerprint(name, label):
        return settings_of(name)[label].runs[0].fingerprint("s")

    assert fingerprint("depth", "2 layers") == fingerprint("width", "width 128")
    assert fingerprint("depth", "4 layers") == fingerprint("activations", "SELU")
    assert fingerprint("refeeding", "rate 0.001, without") == fingerprint("dropout", "dropout 0.8")


def test_outcomes_belong_to_their_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(run_queue, "WorkerPool", OneProcess)
    OneProcess.done.clear()
    experiments, scale = [EXPERIMENTS["width"], EXPERIMENTS["dropout"]], replace(SCALES["tiny"], epochs=1)
    results = run_experiments(experiments, random_split(), scale, (0, 1), tmp_path, workers=1, threads=1)
    assert [result.experiment for result in results] == experiments
    for result in results:
        assert [row.setting for row in result.rows] == result.experiment.grid(scale, (0, 1))
        for row in result.rows:
            assert tuple(outcome.run for outcome in row.outcomes) == row.setting.runs
    assert len(OneProcess.done) == len(set(OneProcess.done)) == 24
