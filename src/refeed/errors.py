"""The exceptions that users meet.

Every message says what is wrong, where (file, line, column or field), what was expected, and what to do. The command
line prints the message alone and exits with `exit_code`.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class RefeedError(Exception):
    """Base of all errors that refeed raises on purpose."""

    exit_code: ClassVar[int] = 1


class DataError(RefeedError):
    """A source of ratings that cannot be used as it is.

    Args:
        problem: what is wrong and what was expected, one sentence without a full stop.
        path: the file (or other source) it was found in.
        line: 1-based line of that file, counting the header.
        column: name of the column.
        fix: what the person can do about it.
    """

    exit_code: ClassVar[int] = 3

    def __init__(
        self,
        problem: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        column: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.problem, self.path, self.line, self.column, self.fix = problem, path, line, column, fix
        place = ", ".join(
            part
            for part in (
                str(path) if path is not None else "",
                f"line {line:,}" if line is not None else "",
                f"column '{column}'" if column is not None else "",
            )
            if part
        )
        message = f"{place}: {problem}" if place else problem
        super().__init__(f"{message}\n  {fix}" if fix else message)


class SplitError(DataError):
    """A split that these ratings do not allow (a side without ratings, no timestamps, an unknown label)."""


class ConfigError(RefeedError):
    """A setting that does not exist, has the wrong type, or is out of its range."""

    exit_code: ClassVar[int] = 4


class BundleError(RefeedError):
    """A model folder or ratings store that is damaged, foreign, or of an unknown version."""

    exit_code: ClassVar[int] = 5


class TrainingError(RefeedError):
    """Training that cannot go on (for example: the loss is not a number)."""

    exit_code: ClassVar[int] = 6


class InterruptedTrainingError(TrainingError):
    """Training that was stopped by Ctrl-C or SIGTERM; it resumes from its checkpoint folder where it has one."""

    exit_code: ClassVar[int] = 130  # as shells report a program that Ctrl-C ended


class StorageError(RefeedError):
    """A file or folder that cannot be written (exists already, no permission, disk full)."""

    exit_code: ClassVar[int] = 7
