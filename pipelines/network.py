"""NLM's folders, cut for Dagster: listing them, fetching files by name, settling what is known of them.

The work is the library's `Mirror`; here it is only divided, so that files are partitions and loading is another step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from consilience.api import Home
from consilience.corpora import manifest, pubmed, shortfalls
from consilience.corpora.listing import PROVIDER
from consilience.corpora.manifest import Remote
from consilience.corpora.remote import REST, Mirror, lacking
from consilience.corpora.shortfalls import Shortfall
from consilience.corpora.web import Network, Policy, fetching

SUFFIX = ".xml.gz"
# Faults of the way there, which may be gone in a minute; a wrong checksum or an absent file is still wrong then.
TRANSIENT = frozenset({"timeout", "connection", "throttled", "outage", "unparsable"})
_FOLDERS = ("baseline", "updates", "numbers")


def source(home: Home) -> Remote | None:
    """What `corpora/pubmed.yaml` says of the network, if it is enabled there."""
    remote = manifest.remote(home.rooms)
    return remote if remote and remote.enabled else None


def hasty(network: Network) -> Network:
    """The same network for a sensor, whose tick has 60 s: one try, and no long one."""
    return replace(network, policy=Policy(tries=1, connect=5.0, read=15.0))


def listed(home: Home, remote: Remote, network: Network) -> Mirror:
    """What the folders list now: two pages read, nothing written."""
    return _mirror(home, remote, network, frozenset(), dry_run=True)


def missing(home: Home, names: Iterable[str]) -> list[str]:
    """The stems of listed files that are neither loaded nor lying here, in order."""
    loaded, local = _loaded(home), manifest.local_files(home.rooms)
    stems = (name.removesuffix(SUFFIX) for name in names if pubmed.order_key(name) not in loaded)
    return [stem for stem in stems if stem not in local]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of the files asked for: fetched now, found as they should be, or why not."""

    new: frozenset[str]
    faults: dict[str, Shortfall]
    shortfalls: tuple[Shortfall, ...]

    @property
    def may_pass(self) -> bool:
        """Say whether it is worth asking again."""
        return any(fault.kind in TRANSIENT for fault in self.faults.values())

    def told(self, stem: str) -> dict[str, str]:
        """What became of one file."""
        fault = self.faults.get(stem)
        return {"status": fault.kind if fault else "fetched" if stem in self.new else "here"}


def fetch(home: Home, remote: Remote, stems: Sequence[str]) -> Fetched:
    """Fetch these files, checksum first; what is here as published stays. Only one process of a home may."""
    with fetching(home.rooms):
        mirror = _mirror(home, remote, home.network, frozenset(f"{stem}{SUFFIX}" for stem in stems))
    outcome = mirror.outcome
    by_stem = {name.removesuffix(SUFFIX): short for short in outcome.shortfalls for name in short.ids}
    faults = {stem: by_stem[stem] for stem in stems if stem in by_stem}
    local, on_list = manifest.local_files(home.rooms), {name.removesuffix(SUFFIX) for name in mirror.generation.files}
    for stem in stems:
        # A file that was put here by hand need not be listed.
        if stem not in on_list and stem not in local:
            unlisted = lacking(f"{stem}{SUFFIX}", "unlisted", "it is listed no more")
            faults.setdefault(stem, next(iter(outcome.shortfalls), unlisted))
    new = frozenset(name.removesuffix(SUFFIX) for name in outcome.fetched) - faults.keys()
    _verified(home, mirror, on_list.intersection(stems) - faults.keys())
    return Fetched(new, faults, tuple(outcome.shortfalls))


def report(home: Home, found: Sequence[Shortfall]) -> None:
    """Write down what could not be had: answers warn of it until it is made good."""
    with home.rooms.writing():
        shortfalls.report(home.rooms, found, home.now())


def note_loaded(home: Home, lines: Iterable[dict[str, Any]], paths: Iterable[Path]) -> None:
    """After loading: a fetched file that was refused is a shortfall, and one newly loaded is none any more."""
    fetched = {path.name for path in paths if path.parent == manifest.fetched_folder(home.rooms)}
    mine = [line for line in lines if line["file"] in fetched]
    errors = {line["file"]: line["error"] for line in mine if line["status"] == "refused"}
    refused = [lacking(name, error["code"], error["message"]) for name, error in errors.items()]
    with home.rooms.writing():
        shortfalls.report(home.rooms, refused, home.now())
        loaded = [line["file"] for line in mine if line["status"] == "loaded"]
        shortfalls.resolve(home.rooms, PROVIDER, loaded, home.now())


def settle(home: Home, remote: Remote) -> Mirror:
    """List once more, declare a baseline that is loaded whole, and close what this run made good."""
    mirror = listed(home, remote, home.network)
    found = {each.source for each in mirror.outcome.shortfalls}
    loaded = _loaded(home)
    with home.rooms.writing():
        shortfalls.report(home.rooms, mirror.outcome.shortfalls, home.now())
        shortfalls.resolve(home.rooms, PROVIDER, [each for each in _FOLDERS if each not in found], home.now())
        open_now = [each for each in shortfalls.outstanding(home.rooms) if each["provider"] == PROVIDER]
        rest = [each["ids"] for each in open_now if each["source"] == REST]
        if rest and all(pubmed.order_key(name) in loaded for name in rest[0]):
            shortfalls.resolve(home.rooms, PROVIDER, [REST], home.now())
        # A baseline declared while one of its files is in doubt would delete what that file says.
        if not {each["source"] for each in open_now} & {*mirror.generation.whole, "baseline", REST}:
            mirror.declare(home.now())
    return mirror


def _mirror(home: Home, remote: Remote, network: Network, only: frozenset[str], *, dry_run: bool = False) -> Mirror:
    with network.web(remote.updates, remote.requests_per_second) as web:
        mirror = Mirror(home.store, remote, web, _later, dry_run=dry_run, only=only)
        mirror.run()
    return mirror


def _later(paths: Sequence[Path]) -> dict[str, Any]:
    """Load nothing: that is a step of its own."""
    return {"files": [], "warnings": []}


def _loaded(home: Home) -> set[tuple[int, int] | None]:
    return {commit.order for commit in home.store.commits() if commit.kind == "pubmed" and commit.order}


def _verified(home: Home, mirror: Mirror, stems: Iterable[str]) -> None:
    """Close the shortfalls of files that are loaded with the bytes just vouched for."""
    loaded = {f"{stem}{SUFFIX}" for stem in stems} - set(mirror.outcome.to_load)
    with home.rooms.writing():
        shortfalls.resolve(home.rooms, PROVIDER, loaded, home.now())
