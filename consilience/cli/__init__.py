"""The command line: a thin shadow of `consilience.api`, one command for each of its methods."""

from consilience.cli.entry import main, run

__all__ = ["main", "run"]
