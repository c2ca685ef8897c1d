"""The synthetic data set of the figures at size, generated once: as files of the Netflix Prize, and as a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.children import Usage, refeed_command, run
from harness.workbench import Workbench
from refeed.data.store.store import HEADER
from refeed.data.synthetic.writing import NOTICE


@dataclass(frozen=True)
class World:
    """Sizes of the data set, default: those of the Netflix Prize."""

    users: int = 480_189
    items: int = 17_770
    ratings: int = 100_480_507

    def folder(self, bench: Workbench) -> Path:
        """Where its files are."""
        return bench.folder / f"netflix-{self.users}-{self.items}-{self.ratings}"

    def store(self, bench: Workbench) -> Path:
        """Where its store is."""
        return self.folder(bench).with_suffix(".store")


NETFLIX, SMALL_NETFLIX = World(), World(users=9_600, items=8_000, ratings=2_000_000)


def make_files(bench: Workbench, world: World) -> Usage | None:
    """Generate the files unless an earlier run has; None then."""
    if (world.folder(bench) / NOTICE).is_file():
        return None
    sizes = [f"--{name}={getattr(world, name)}" for name in ("users", "items", "ratings")]
    return run(refeed_command("synth", "-o", world.folder(bench), *sizes, "--overwrite"), threads=bench.threads)


def import_files(bench: Workbench, world: World) -> Usage:
    """Import the files into the store, replacing an older store."""
    make_files(bench, world)
    command = refeed_command("import", world.folder(bench), "-o", world.store(bench), "--overwrite")
    return run(command, threads=bench.threads)


def made_store(bench: Workbench, world: World) -> Path:
    """The store, made unless an earlier run has."""
    if not (world.store(bench) / HEADER).is_file():
        import_files(bench, world)
    return world.store(bench)
