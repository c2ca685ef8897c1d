"""The suite as a program, and the page that is made of its results."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

import performance_page
import suite
from harness.phase_clock import PHASES
from harness.results import Figure, Outcome, Spread
from harness.workbench import Found
from refeed.errors import ConfigError, DataError

MACHINE = {
    "processor": "Abacus", "cpus": 2, "threads": 2, "flags": ["beads"], "memory_gb": 8.0, "system": "Linux", "python": "3.11.1",
    "torch": "2.9", "refeed": "1.0", "gemm_gflops": 150.0, "copy_gb_per_s": 30.0,
}  # fmt: skip


@pytest.fixture
def benchmark(monkeypatch):
    """A suite of one benchmark that tells its extent as a figure."""

    def measure(bench, extent):
        assert bench.folder.is_dir() and bench.machine is MACHINE
        if extent < 0:
            raise ConfigError("cannot run here")
        return Found((Figure("speed", "times", Spread.of([extent]), goal=10),), {"line": [1, 2]}, ("Remark.",))

    module = SimpleNamespace(FULL=20.0, SMALL=2.0, measure=measure)
    monkeypatch.setattr(suite, "wait_until_quiet", lambda: 0.0)
    monkeypatch.setattr(suite.machine, "describe", lambda **_: MACHINE)
    return module


def run(benchmark, *words, **options) -> int:
    return suite.main([*map(str, words)], benchmarks={"only": benchmark}, **options)


def test_outcomes_are_shown_and_written(benchmark, tmp_path, capsys):
    file = tmp_path / "all.json"
    assert run(benchmark, "--size", "small", "--results", tmp_path, "--json", file, "--threads", 1) == 0
    assert "2.00 times" in capsys.readouterr().out
    written = Outcome.from_json((tmp_path / "only.json").read_text(), where="only.json")
    assert (written.size, written.remarks, written.series) == ("small", ("Remark.",), {"line": [1, 2]})
    assert json.loads(file.read_text())[0]["figures"][0]["met"] is False


def test_full_size_goes_to_the_default_folder_of_results(benchmark, tmp_path, capsys):
    assert run(benchmark, "only", "--work", tmp_path / "work", default_results=tmp_path) == 0
    assert (tmp_path / "only.json").is_file() and (tmp_path / "work").is_dir()
    assert run(benchmark, "only", "--size", "small", default_results=tmp_path) == 0
    assert json.loads((tmp_path / "only.json").read_text())["size"] == "full"
    capsys.readouterr()


def test_benchmark_that_cannot_run_is_named_with_the_reason(benchmark, capsys):
    benchmark.SMALL = -1.0
    assert run(benchmark, "--size", "small") == 1
    assert "only: cannot run here" in capsys.readouterr().err


def test_unknown_name_is_refused_before_any_work(capsys):
    with pytest.raises(SystemExit):
        suite.main(["step_sped"])
    assert "no benchmark 'step_sped'; expected step_speed" in capsys.readouterr().err


def test_every_benchmark_has_its_place_on_the_page_and_both_sizes():
    assert set(performance_page.ORDER) == set(suite.BENCHMARKS)
    for module in suite.BENCHMARKS.values():
        assert type(module.FULL) is type(module.SMALL) is module.Extent


def outcomes() -> dict[str, Outcome]:
    """One of each that has a picture, and one without."""
    ms = dict.fromkeys(PHASES, 1.0)
    dense = Figure("supervised step, batch 1,024: dense reference", "ms", Spread.of([6.0]))
    series = {
        "step_speed": {},
        "refeeding_speed": {
            "users_per_second": {"linear last layer": {"refeed": {"64": 10.0, "128": 15.0}, "dense": {"64": 1.0}}}
        },
        "cost_growth": {"epochs": [{"ratings": 10**6, "seconds": 2.0}, {"ratings": 10**7, "seconds": 21.0}]},
        "gemm_share": {"phases": [{"step": "supervised step, batch 1,024", "ms": ms, "limit_ms": {"optimiser": 0.5}}]},
        "time_to_rmse": {
            "curves": {name: {"seconds": [1.0, 2.0], "rmse": [1.0, 0.9]} for name in ("dense reference", "refeed")}
        },
    }
    figure = Figure("speed", "times", Spread(15.0, 14.0, 16.0, 7), goal=12)
    return {name: Outcome(name, "full", (figure, dense), MACHINE, 0.02, one, ("Remark.",)) for name, one in series.items()}


PAGE = "# Page\n" + "".join(f"\nText.\n<!-- {name}: begin -->\nold\n<!-- {name}: end -->\n" for name in performance_page.BLOCKS)


def test_blocks_are_replaced_and_all_else_stays():
    page = performance_page.rendered(PAGE, outcomes())
    assert page.startswith("# Page\n\nText.\n<!-- machine: begin -->\n\n- Abacus, 2 CPUs") and "old" not in page
    assert "| speed | 15.0 times | 14.0 to 16.0 (7) | at least 12 | yes |" in page
    assert "| optimiser | 1.00 (0.500) |" in page and "| together | 9.00 (0.500) |" in page
    assert "takes 6.00 ms" in page and "need 0.500 ms, and so be 12.0 times as fast" in page
    assert performance_page.rendered(page, outcomes()) == page


def test_machines_are_told_apart():
    found = outcomes()
    found["step_speed"] = Outcome("step_speed", "full", (), MACHINE | {"processor": "Slide rule", "gemm_gflops": 1.0})
    found["cost_growth"] = Outcome("cost_growth", "full", (), MACHINE | {"gemm_gflops": 160.0})
    block = performance_page.machine_block(found)
    assert "- `step_speed`: Slide rule" in block and "peak 1.00 GFLOP/s" in block
    assert "- `refeeding_speed`, `cost_growth`, `gemm_share`, `time_to_rmse`: Abacus" in block
    assert "peak 150 to 160 GFLOP/s, copying 30.0 GB/s" in block


def test_page_without_markers_is_refused():
    with pytest.raises(DataError, match="no markers <!-- limit: begin -->"):
        performance_page.rendered(PAGE.replace("limit: begin", "limits: begin"), outcomes())


def test_page_is_written_with_its_pictures_and_checked(tmp_path, capsys):
    from harness.results import write

    page = tmp_path / "page.md"
    page.write_text(PAGE)
    for outcome in outcomes().values():
        write(outcome, tmp_path / "results")
    asked = ["--results", str(tmp_path / "results"), "--page", str(page)]
    assert performance_page.main([*asked, "--check"]) == 1
    assert performance_page.main(asked) == 0
    assert performance_page.main([*asked, "--check"]) == 0
    assert sorted(path.name for path in (tmp_path / "page").iterdir()) == sorted(performance_page.PICTURES)
    capsys.readouterr()


def test_committed_page_is_that_of_the_committed_results(capsys):
    assert performance_page.main(["--check"]) == 0, capsys.readouterr().out
