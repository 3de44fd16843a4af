"""Which files a home reads: the manifests of corpora/ for PubMed, guidelines, records and retractions, validated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from consilience.corpora import guidelines, pubmed, recordfiles, retractions
from consilience.corpora.web import safe_url
from consilience.errors import BadInputError, first_problem
from consilience.home import Rooms

PUBMED_SUFFIXES = (".xml", ".xml.gz")
# What may name a file everywhere it is named: in a commit, a partition, a path.
_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _address(url: str) -> str:
    try:
        return safe_url(url)
    except BadInputError as error:
        raise ValueError(f"{error.message}; expected {error.expected}") from None


Url = Annotated[str, AfterValidator(_address)]


class Remote(_Strict):
    """Where NLM publishes, off until enabled, and the limits to keep."""

    enabled: bool = False
    baseline: Url | None = None  # None: only updates are wanted
    updates: Url
    eutils: Url = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"
    requests_per_second: float = Field(default=2, gt=0, le=10)
    longest_file: int = Field(default=500_000_000, gt=0)
    longest_search: int = Field(default=100_000, gt=0)


class FileManifest(_Strict):
    """The files of one kind that a home names."""

    files: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class PubmedManifest(FileManifest):
    """The PubMed files of a home, and where more are to be had."""

    remote: Remote | None = None


_Manifest = TypeVar("_Manifest", bound=FileManifest)


def local_files(rooms: Rooms) -> dict[str, Path]:
    """The PubMed files a home names or fetched, by stem, in the order they are to be loaded: `{"pubmed26n0001": …}`.

    A fetched file, whose checksum NLM vouches for, comes before one of the same name that lies in a named folder.
    """
    named = _found(rooms, _load(rooms, "pubmed", PubmedManifest), "pubmed", PUBMED_SUFFIXES)
    fetched = {path.name.partition(".")[0]: path for path in fetched_folder(rooms).glob("pubmed*.xml.gz")}
    found = {**_by_stem(sorted(named), "pubmed", PUBMED_SUFFIXES), **fetched}
    return dict(sorted(found.items(), key=lambda item: (pubmed.order_key(item[1].name) or (0, 0), item[0])))


def fetched_folder(rooms: Rooms) -> Path:
    """Where fetched files lie, each with a note of what it is beside it."""
    return rooms.corpora / "files"


def remote(rooms: Rooms) -> Remote | None:
    """What a home says of the network, enabled or not; None when it says nothing."""
    if not (rooms.root / "corpora" / "pubmed.yaml").exists():
        return None
    return _load(rooms, "pubmed", PubmedManifest).remote


def guideline_files(rooms: Rooms) -> dict[str, Path]:
    """The guideline files a home names, by stem, in order of name."""
    return _named(rooms, "guidelines", guidelines.SUFFIXES)


def record_files(rooms: Rooms) -> dict[str, Path]:
    """The files of records a home names, by stem, in order of name; none where it has no such manifest."""
    return _named(rooms, "records", recordfiles.SUFFIXES) if _has(rooms, "records") else {}


def retraction_files(rooms: Rooms) -> dict[str, Path]:
    """The lists of retractions a home names, by stem, in order of name; none where it has no such manifest."""
    return _named(rooms, "retractions", retractions.SUFFIXES) if _has(rooms, "retractions") else {}


def _has(rooms: Rooms, name: str) -> bool:
    """Say whether a home made by an earlier version has this manifest too."""
    return (rooms.root / "corpora" / f"{name}.yaml").exists()


def _named(rooms: Rooms, name: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    paths = _found(rooms, _load(rooms, name, FileManifest), name, suffixes)
    return _by_stem(sorted(paths, key=lambda path: path.name), name, suffixes)


def _load(rooms: Rooms, name: str, model: type[_Manifest]) -> _Manifest:
    try:
        return model.model_validate(rooms.definition("corpora", name))
    except ValidationError as error:
        raise _refused(name, first_problem(error), ", ".join(model.model_fields)) from None


def _found(rooms: Rooms, manifest: FileManifest, name: str, suffixes: tuple[str, ...]) -> set[Path]:
    """A named path may match nothing yet: files arrive."""
    room = rooms.root / "corpora"
    return {
        path for pattern in manifest.files for path in _matches(room, pattern, name) if path.name.endswith(suffixes)
    }


def _matches(room: Path, pattern: str, name: str) -> Iterator[Path]:
    whole = room / Path(pattern).expanduser()
    folder, last = (whole, "*") if whole.is_dir() else (whole.parent, whole.name)
    if any(sign in str(Path(pattern).parent) for sign in "*?["):
        raise _refused(name, f"{pattern}: only the last part may hold *", "a folder, or folder/*.xml.gz")
    yield from (path for path in folder.glob(last) if path.is_file() and not path.name.startswith("."))


def _by_stem(paths: list[Path], name: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        # The longest suffix goes: `.xml.gz` before `.xml`.
        stem = path.name.removesuffix(max((s for s in suffixes if path.name.endswith(s)), key=len))
        if not _STEM.fullmatch(stem):
            raise _refused(name, f"{path.name!r} cannot name a partition", "letters, digits, _, - and .")
        if stem in found:
            raise _refused(name, f"{stem} is there twice: {found[stem]} and {path}", "one file a name")
        found[stem] = path
    return found


def _refused(name: str, message: str, expected: str) -> BadInputError:
    return BadInputError(message, where=f"corpora/{name}.yaml", expected=expected)
