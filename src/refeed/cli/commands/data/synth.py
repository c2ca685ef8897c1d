"""`refeed synth`: synthetic ratings of any size."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from refeed.cli.console import remarks, results
from refeed.cli.option_groups import Overwrite
from refeed.cli.outputs import require_file, require_folder
from refeed.errors import ConfigError
from refeed.progress import ConsoleProgress, tracked


class Layout(StrEnum):
    """What is written."""

    netflix = "netflix"
    parquet = "parquet"


LAYOUT_OF_SUFFIX = {"": Layout.netflix, ".parquet": Layout.parquet}


def synth(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder, or .parquet file, to write.")],
    like: Annotated[
        str | None, typer.Option(metavar="NAME", help="Take the sizes of netflix, ml-100k, ml-1m, ml-10m or ml-20m.")
    ] = None,
    users: Annotated[int | None, typer.Option(help="Number of users, each with at least one rating.")] = None,
    items: Annotated[int | None, typer.Option(help="Number of items.")] = None,
    ratings: Annotated[int | None, typer.Option(help="Number of ratings.")] = None,
    layout: Annotated[
        Layout | None, typer.Option(help="Netflix Prize files or one Parquet file; default: by the name of the output.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The ratings are a function of the sizes and this.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Generate synthetic ratings like those of the Netflix Prize: long tails, biases, drifting taste, dates, 1 to 5 stars."""
    from refeed.data.synthetic.world import synthetic_world
    from refeed.data.synthetic.writing import DAY, DAYS, NOTICE, notice, write_netflix, write_parquet

    size = _size(like, users, items, ratings)
    to_parquet = _layout(output, layout) is Layout.parquet
    if to_parquet:
        require_file(output, overwrite=overwrite)
    else:
        require_folder(output, overwrite=overwrite, marker=NOTICE)
    began = time.perf_counter()
    world = synthetic_world(*size, seed=seed, span=DAYS * DAY)
    write = write_parquet if to_parquet else write_netflix
    with tracked(ConsoleProgress(remarks()), "generating", total=world.num_ratings, unit="ratings") as advance:
        write(world, output, overwrite=overwrite, progress=advance)
    written = sum(path.stat().st_size for path in (output, *output.rglob("*")) if path.is_file())
    results().print(f"{output}: {written / 1e6:,.1f} MB in {time.perf_counter() - began:.1f} s\n{notice(world)}")


def _size(like: str | None, users: int | None, items: int | None, ratings: int | None) -> tuple[int, int, int]:
    """Users, items and ratings, as given or of a published data set."""
    from refeed.config import nearest
    from refeed.data.synthetic.world import SIZES

    if like is None and users is not None and items is not None and ratings is not None:
        return users, items, ratings
    if like is None or (users, items, ratings) != (None, None, None):
        raise ConfigError("give all of --users, --items and --ratings, or --like alone, for example --like netflix")
    if like not in SIZES:
        raise ConfigError(f"--like: '{like}' is unknown{nearest(like, SIZES)}; expected one of {', '.join(SIZES)}")
    return SIZES[like]


def _layout(output: Path, given: Layout | None) -> Layout:
    if given is None and output.suffix not in LAYOUT_OF_SUFFIX:
        raise ConfigError(
            f"{output}: expected the name of a folder or of a .parquet file; "
            "for another ending say which it is: --layout netflix (a folder) or --layout parquet (a file)"
        )
    return given or LAYOUT_OF_SUFFIX[output.suffix]
