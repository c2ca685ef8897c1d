"""The README tells the truth: its commands run, its Python runs, its names exist."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest

import refeed as package
from helpers.command_line import done
from refeed.cli.main import COMMANDS
from refeed.data.synthetic.in_memory import synthetic_ratings
from refeed.presets import PRESETS

README = Path(__file__).resolve().parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    """The code blocks of the README in a language."""
    return re.findall(rf"(?s)```{language}\n(.*?)```", README.read_text(encoding="utf-8"))


def commands() -> list[list[str]]:
    """The `refeed …` lines of the README's shell blocks, as arguments."""
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("refeed ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.fixture
def ratings_csv(tmp_path, monkeypatch) -> Path:
    """A folder to work in with the files that the README speaks of: user 42, items 296 and Heat are among them."""
    ratings = synthetic_ratings(300, 320, 6000, seed=1)
    rng = np.random.default_rng(0)
    users = ratings.users.decode(ratings.row_of_rating)
    items = ratings.items.decode(ratings.indices)
    times = 1_500_000_000 + rng.permutation(len(ratings))  # nobody is new for long, so that a split on time has a test part
    rows = [f"{u},{i},{v:g},{t}" for u, i, v, t in zip(users, items, ratings.values, times, strict=True)]
    (tmp_path / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    known = sorted(set(items) - {296})
    (tmp_path / "movies.csv").write_text(f"movieId,title\n296,Pulp Fiction (1994)\n{known[0]},Heat (1995)\n")
    (tmp_path / "pairs.csv").write_text(f"userId,movieId\n42,296\n1,{known[0]}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "ratings.csv"


@pytest.mark.usefixtures("ratings_csv")
def test_shell_commands_run_one_after_the_other_as_they_stand(tmp_path):
    ran = commands()
    assert [arguments[0] for arguments in ran] == ["check", "train", "evaluate", "recommend", "recommend", "predict"]
    for arguments in ran:
        quick = ["--preset", "autoencoder", "--set", "epochs=2", "--set", "encoder=8"] if arguments[0] == "train" else []
        done(*arguments, *quick)
    assert (tmp_path / "model" / "config.json").is_file()
    assert (tmp_path / "out.csv").read_text().count("\n") == 3


def run(code: str) -> list[str]:
    """The lines that a block of Python prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(code, str(README), "exec"), {})
    return output.getvalue().splitlines()


@pytest.mark.usefixtures("ratings_csv")
def test_five_lines_run_as_they_stand():
    code = blocks("python")[0]
    assert len([line for line in code.splitlines() if line]) == 5
    evaluation, recommendations = run(code)
    assert 0.5 < float(re.match(r"Evaluation\(test: RMSE (\d\.\d+)", evaluation)[1]) < 1.5
    assert recommendations.count("rank=") == 10


@pytest.mark.usefixtures("ratings_csv")
def test_program_runs_as_it_stands(tmp_path):
    rmse, *recommended = run(blocks("python")[1])
    low, high = re.fullmatch(r"RMSE (?:\d\.\d{4}), 95% interval (\d\.\d{4}) to (\d\.\d{4})", rmse).groups()
    assert float(low) < float(rmse.split()[1].rstrip(",")) < float(high)
    assert [int(line.split()[0]) for line in recommended] == [1, 2, 3, 4, 5]
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_names_in_the_python_blocks_are_public():
    few, program = blocks("python")
    used = [*re.findall(r"\brefeed\.(\w+)", few), *re.search(r"from refeed import (.*)", program)[1].split(", ")]
    assert len(set(used)) >= 8
    assert [name for name in used if name not in package.__all__ or not hasattr(package, name)] == []


def table() -> dict[str, str]:
    """The README's table of commands: what each does."""
    return dict(re.findall(r"(?m)^\| `refeed (\w+)` \| (.*) \|$", README.read_text(encoding="utf-8")))


def test_table_has_every_command():
    assert sorted(table()) == sorted(COMMANDS)


@pytest.mark.parametrize("command", [name for name, text in table().items() if re.search(r"`-", text) and name != "presets"])
def test_options_in_the_table_exist(command):
    out = done(command, "--help").out
    options = re.findall(r"`(--?[a-z][a-z-]*)", table()[command])
    assert options
    assert [option for option in options if not re.search(rf"(?m)(^|\s){option}\s", out)] == []


def test_reading_options_in_the_text_exist():
    spoken = re.search(r"`(--user [^`]*)`", README.read_text(encoding="utf-8"))[1].split()
    out = done("train", "--help").out
    assert spoken == ["--user", "--item", "--rating", "--time"]
    assert [option for option in spoken if f"{option} " not in out] == []


def test_presets_in_the_text_exist():
    named = set(re.findall(r"`(paper-[a-z0-9-]+)`", README.read_text(encoding="utf-8")))
    assert named == {name for name in PRESETS if name.startswith("paper")}


def test_files_in_the_text_exist():
    text = README.read_text(encoding="utf-8")
    linked = [*re.findall(r"\]\(([^):]+)\)", text), *re.findall(r"`(benchmarks/[\w.]+)`", text)]
    linked += re.findall(r"(?:src|srcset)=\"([^\"]+)\"", text)
    assert len(linked) >= 12
    assert [path for path in linked if not (README.parent / path).exists()] == []


def test_extras_in_the_text_exist():
    named = re.findall(r"pip install '\.\[(\w+)\]'", README.read_text(encoding="utf-8"))
    extras = tomllib.loads((README.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert len(named) >= 3
    assert [name for name in named if name not in extras] == []


def test_numbers_are_those_of_the_results():
    """Every row of the short table repeats the long one, and the picture shows what the tables say."""
    results = (README.parent / "docs" / "results.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"(?m)^\| [^|]+ \| \*\*([\d.]+)\*\* \| ([\d.–]+) \| (\w+ [\d.]+) \| (\w+ [\d.]+) \|$",
        README.read_text(encoding="utf-8"),
    )
    assert len(rows) == 5
    for error, interval, ours, others in rows:
        (systems,) = (line for line in results.splitlines() if f"| **{error}** | {interval} |" in line)
        (libraries,) = (line for line in results.splitlines() if f"| {error} | " in line and "**" not in line)
        assert ours in systems and others in libraries
