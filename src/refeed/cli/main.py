"""The command line: `refeed COMMAND …`."""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from refeed.cli.commands.about import doctor, models, presets
from refeed.cli.commands.data.check import check
from refeed.cli.commands.data.import_ import import_
from refeed.cli.commands.data.split import split_command
from refeed.cli.commands.data.synth import synth
from refeed.cli.commands.demo import demo
from refeed.cli.commands.experiments.reproduce import reproduce
from refeed.cli.commands.experiments.tune import tune_command
from refeed.cli.commands.models.convert import convert
from refeed.cli.commands.models.evaluate import evaluate_command
from refeed.cli.commands.models.predict import predict
from refeed.cli.commands.models.recommend import recommend_command
from refeed.cli.commands.models.train import train_command
from refeed.cli.console import say
from refeed.errors import RefeedError
from refeed.runtime import BRIEF_SPIN
from refeed.version import __version__

INTERRUPTED = 130  # as shells have it for Ctrl-C

HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="refeed",
    help="Deep autoencoders for collaborative filtering: ratings in, a model, honest numbers and recommendations out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)
COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "check": check,
    "import": import_,
    "split": split_command,
    "train": train_command,
    "tune": tune_command,
    "evaluate": evaluate_command,
    "predict": predict,
    "recommend": recommend_command,
    "reproduce": reproduce,
    "presets": presets,
    "models": models,
    "convert": convert,
    "synth": synth,
    "doctor": doctor,
}


def _reporting(command: Callable[..., None]) -> Callable[..., None]:
    """The command with its errors as a line or two on standard error, and their exit status."""

    @functools.wraps(command)
    def reporting_command(**values: Any) -> None:
        try:
            command(**values)
        except RefeedError as error:
            say(f"{'interrupted' if error.exit_code == INTERRUPTED else 'error'}: {error}")
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            say("interrupted: nothing half-written was left behind")
            raise typer.Exit(INTERRUPTED) from error

    return reporting_command


for name, command in COMMANDS.items():
    app.command(name, context_settings=HELP)(_reporting(command))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Deep autoencoders for collaborative filtering."""


def main() -> None:
    """Run the command line; an error that refeed raises on purpose is printed in a line or two and sets the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a title that the terminal's encoding lacks is no reason to stop
    _command_line()(prog_name="refeed")


@functools.cache
def _command_line() -> Callable[..., object]:
    """All commands with their options, built from their signatures once: that takes longer than many of them."""
    return typer.main.get_command(app)


def program() -> None:
    """The console script: `main`, with threads that get along with other programs, and ended without waiting for them.

    OpenMP's threads wait for each other by spinning, which takes the processor from whoever is waited for when another
    program is busy; spinning only briefly makes a training step much shorter then, and on a quiet machine hardly longer. It has
    to be set before PyTorch is loaded.

    A reader that stopped at a bad line can leave a thread of Arrow's behind, on which the interpreter's end aborts or waits.
    """
    os.environ.setdefault(*BRIEF_SPIN)
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))
