"""All of it in one go, in this process, through Dagster: `python -m pipelines.run --home my-home`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import dagster as dg
import typer

from consilience.corpora import manifest
from pipelines import network
from pipelines.defs import changes, corpora, indexes, kg, remote
from pipelines.defs.partitions import FIRST_SHARD, LAST_SHARD, pubmed_files
from pipelines.defs.resources import HomeResource

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PUBLISHED = dg.AssetSelection.assets(["corpora", "pubmed_files"])
FILES = dg.AssetSelection.assets(["corpora", "pubmed_records"])


def materialize_all(home: Path, instance: dg.DagsterInstance, *, now: str | None = None) -> bool:
    """Fetch and load every file the home names, refresh it, check it, publish it; say whether all of it went well.

    What is done already is not done again. Two runs or more: over the files, then over all shards and the rest.
    """
    return refresh_all(HomeResource(path=str(home), now=now), instance)


def refresh_all(home: HomeResource, instance: dg.DagsterInstance) -> bool:
    """The same, for a home as assets get it."""
    done = _over_files(instance, home, PUBLISHED, _listed(home))
    # One file that is not to be had, or is refused, does not keep the others from being seen.
    done += _over_files(instance, home, FILES, manifest.local_files(home.rooms()))
    done.append(_run(instance, home, dg.AssetSelection.all() - FILES - PUBLISHED, FIRST_SHARD, LAST_SHARD))
    return all(done)


def _listed(home: HomeResource) -> list[str]:
    """The stems of all files NLM lists, if it is to be asked; what it does not tell, corpora/latest_update notes."""
    opened = home.open()
    remote = network.source(opened)
    names = network.listed(opened, remote, opened.network).generation.files if remote else ()
    return [name.removesuffix(network.SUFFIX) for name in names]


def _over_files(
    instance: dg.DagsterInstance, home: HomeResource, what: dg.AssetSelection, stems: Iterable[str]
) -> list[bool]:
    wanted = list(stems)
    instance.add_dynamic_partitions(str(pubmed_files.name), wanted)
    return [_run(instance, home, what, *ends) for ends in _ranges(instance, wanted)]


def _ranges(instance: dg.DagsterInstance, stems: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The unbroken stretches of keys: other homes may have added theirs between ours."""
    keys = list(instance.get_dynamic_partitions(str(pubmed_files.name)))
    wanted = sorted(keys.index(stem) for stem in stems)
    starts = [at for at in wanted if at - 1 not in wanted]
    ends = [at for at in wanted if at + 1 not in wanted]
    return ((keys[start], keys[end]) for start, end in zip(starts, ends, strict=True))


def _run(instance: dg.DagsterInstance, home: HomeResource, what: dg.AssetSelection, first: str, last: str) -> bool:
    modules = [remote, corpora, indexes, kg, changes]
    found = [*dg.load_assets_from_modules(modules), *dg.load_asset_checks_from_modules(modules)]
    return dg.materialize(
        [each for each in found if isinstance(each, dg.AssetsDefinition)],
        selection=what,
        instance=instance,
        resources={"home": home},
        tags={START: first, END: last},
        run_config={"loggers": {"console": {"config": {"log_level": "INFO"}}}},
        raise_on_error=False,
    ).success


def main(
    home: Annotated[Path | None, typer.Option(help="The home; else as the command line finds it.")] = None,
) -> None:
    """Load, refresh, check and publish a home through Dagster, telling each step."""
    root = HomeResource(path=str(home) if home else None).rooms().root
    kept = os.environ.get("DAGSTER_HOME")
    with dg.DagsterInstance.get() if kept else dg.DagsterInstance.ephemeral() as instance:
        done = materialize_all(root, instance)
    raise typer.Exit(0 if done else 1)


if __name__ == "__main__":
    typer.run(main)
