"""The exceptions that users meet.

Every message says what is wrong, where (file, line, column or field), what was expected, and what to do. The command
line prints the message alone and exits with `exit_code`.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class RefeedError(Exception):
    """Base of all errors that refeed raises on purpose.

    Examples:
        >>> from refeed import RefeedError, Runtime
        >>> try:
        ...     Runtime(threads=0)
        ... except RefeedError as error:
        ...     print(type(error).__name__, error.exit_code, error)
        ConfigError 4 threads: expected at least 1, got 0
    """

    exit_code: ClassVar[int] = 1


class DataError(RefeedError):
    """Ratings, ids or other input data that cannot be used.

    Args:
        problem: what is wrong and what was expected, one sentence without a full stop.
        path: file (or other source) of the problem.
        line: line of that file, from 1, counting the header.
        column: name of the column.
        fix: how to solve it, one or more sentences.

    Examples:
        >>> from refeed import DataError, Ratings
        >>> try:
        ...     Ratings.from_columns(["ann", "ann"], ["Heat", "Heat"], [3, 5])
        ... except DataError as error:
        ...     print(error.problem.partition(" (")[0])
        user 'ann' rated item 'Heat' more than once
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
        where = ", ".join(
            part
            for part in (
                str(path) if path is not None else "",
                f"line {line:,}" if line is not None else "",
                f"column '{column}'" if column is not None else "",
            )
            if part
        )
        message = f"{where}: {problem}" if where else problem
        super().__init__(f"{message}\n  {fix}" if fix else message)


class SplitError(DataError):
    """A split that these ratings do not allow (a set without ratings, no timestamps, an unknown label).

    Examples:
        >>> from refeed import RandomSplit, SplitError
        >>> try:
        ...     RandomSplit(test=1.5)
        ... except SplitError as error:
        ...     print(error)
        test: expected a share between 0 and 1, got 1.5
    """


class ConfigError(RefeedError):
    """A setting that does not exist, has the wrong type, or is out of its range.

    Examples:
        >>> from refeed import ConfigError, TrainingOptions
        >>> try:
        ...     TrainingOptions(epochs=0)
        ... except ConfigError as error:
        ...     print(error)
        epochs: expected at least 1, got 0
    """

    exit_code: ClassVar[int] = 4


class BundleError(RefeedError):
    """A model folder or ratings store that is damaged, foreign, or of an unknown version.

    Examples:
        >>> from refeed import BundleError, load
        >>> try:
        ...     load("nowhere")
        ... except BundleError as error:
        ...     print(error)
        nowhere: there is no such model folder
    """

    exit_code: ClassVar[int] = 5


class TrainingError(RefeedError):
    """Training that cannot continue (for example: the loss is not a number).

    Examples:
        >>> import numpy as np
        >>> from refeed import AutoEncoder, RandomSplit, Ratings, TrainingError, TrainingOptions, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> try:
        ...     train(AutoEncoder(), RandomSplit().apply(ratings), TrainingOptions(optimizer="sgd", learning_rate=1e9))
        ... except TrainingError as error:
        ...     print(error.exit_code)
        6
    """

    exit_code: ClassVar[int] = 6


class InterruptedTrainingError(TrainingError):
    """Training that was stopped by Ctrl-C or SIGTERM; it resumes from its checkpoint folder where it has one.

    Examples:
        >>> from refeed import InterruptedTrainingError, TrainingError
        >>> issubclass(InterruptedTrainingError, TrainingError), InterruptedTrainingError.exit_code
        (True, 130)
    """

    exit_code: ClassVar[int] = 130  # as shells report a program that Ctrl-C ended


class StorageError(RefeedError):
    """A file or folder that cannot be written (exists already, no permission, disk full).

    Examples:
        >>> from pathlib import Path
        >>> from refeed import Ratings, StorageError, write_store
        >>> Path("taken").mkdir()
        >>> try:
        ...     write_store(Ratings.from_columns([1], [2], [3.5]), "taken")
        ... except StorageError as error:
        ...     print(error.exit_code)
        7
    """

    exit_code: ClassVar[int] = 7


def shown(value: object, limit: int = 60) -> str:
    """A value as a message shows it: quoted, and cut where it is long."""
    text = str(value)
    return f"'{text}'" if len(text) <= limit else f"'{text[:limit]}…' ({len(text):,} characters)"
