"""The command line as a whole."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

import refeed as package
from helpers.command_line import done, refeed, squeezed
from refeed.cli import main as command_line
from refeed.cli.main import COMMANDS


def test_version_is_that_of_the_package():
    assert done("--version").out == f"{package.__version__}\n"


@pytest.mark.parametrize("command", [(), ("train",), ("recommend",)])
def test_short_option_shows_the_help(command):
    assert done(*command, "-h").out == done(*command, "--help").out


def test_help_lists_every_command():
    out = done("--help").out
    assert [name for name in COMMANDS if f" {name} " not in out] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_help_text_for_every_option(name):
    out = done(name, "--help").out
    assert f"Usage: refeed {name}" in out
    assert "--no-overwrite" not in out


def test_section_names_survive_in_the_help():
    assert "TOML or JSON with the sections model and training" in squeezed(done("train", "--help").out.replace("│", " "))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trane",), "No such command 'trane'"),
        (("train",), "Missing argument 'DATA'"),
        (("train", "a.csv"), "Missing option '--output'"),
        (("train", "a.csv", "-o", "model", "--epochs", "3"), "No such option: --epochs"),
        (("train", "a.csv", "-o", "model", "--seed", "x"), "Invalid value for '--seed'"),
        (("split", "a.csv", "--split", "tme"), "'tme' is not one of"),
    ],
)
def test_a_wrong_usage_exits_with_2_and_says_what_is_wrong(arguments, words):
    run = refeed(*arguments)
    assert (run.status, run.out) == (2, "")
    assert words in squeezed(run.err.replace("│", " "))


def test_titles_that_the_terminal_cannot_show_are_no_reason_to_stop(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "argv", ["refeed", "presets"])
    with pytest.raises(SystemExit):
        command_line.main()
    terminal.write("Amélie")
    terminal.flush()
    assert terminal.buffer.getvalue().decode("ascii").endswith("Am?lie")


def test_brackets_and_colons_in_names_are_no_markup(tmp_path):
    (tmp_path / "[bold]:smile:.csv").write_text("user,item,rating\n1,1,3\n")
    run = done("import", tmp_path / "[bold]:smile:.csv", "-o", tmp_path / "[/x]:heart:")
    assert "[/x]:heart:: 1 ratings" in run.out
    assert "[bold]:smile:.csv: 1 ratings" in run.err


def test_program_runs_as_a_process_of_its_own(tmp_path):
    command = [sys.executable, "-c", "from refeed.cli.main import main; main()", "check", str(tmp_path / "absent.csv")]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout) == (3, "")
    assert process.stderr == f"error: {tmp_path / 'absent.csv'}: there is no such file or folder\n  Check the path.\n"


def test_console_script_flushes_and_ends_with_the_status_of_the_command(tmp_path):
    (tmp_path / "bad.csv").write_text("user,item,rating\n1,2,3\n1,2\n")
    command = [sys.executable, "-c", "from refeed.cli.main import program; program()", "check", str(tmp_path / "bad.csv")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert "line 3" in ended.stderr
    assert "terminate" not in ended.stderr
