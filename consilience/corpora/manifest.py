"""Which files a home reads: `corpora/pubmed.yaml` and `corpora/guidelines.yaml`, validated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consilience.corpora import guidelines, pubmed
from consilience.errors import BadInputError
from consilience.home import Rooms

PUBMED_SUFFIXES = (".xml", ".xml.gz")
# What may name a file everywhere it is named: in a commit, a partition, a path.
_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_Https = Annotated[str, Field(pattern=r"^https://")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Remote(_Strict):
    """Where a source publishes its files, and the limits to keep; fetching is not in this version."""

    enabled: Literal[False] = False
    baseline: _Https
    updates: _Https
    requests_per_second: float = Field(default=2, gt=0, le=10)
    longest_file: int = Field(default=500_000_000, gt=0)


class GuidelineManifest(_Strict):
    """The guideline files of a home."""

    files: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class PubmedManifest(GuidelineManifest):
    """The PubMed files of a home, and where more are to be had."""

    remote: Remote | None = None


_Manifest = TypeVar("_Manifest", bound=GuidelineManifest)


def local_files(rooms: Rooms) -> dict[str, Path]:
    """The PubMed files a home names, by stem, in the order they are to be loaded: `{"pubmed26n0001": …}`."""
    paths = _found(rooms, _load(rooms, "pubmed", PubmedManifest), "pubmed", PUBMED_SUFFIXES)
    ordered = sorted(paths, key=lambda path: (pubmed.order_key(path.name) or (0, 0), path.name))
    return _by_stem(ordered, "pubmed", PUBMED_SUFFIXES)


def guideline_files(rooms: Rooms) -> dict[str, Path]:
    """The guideline files a home names, by stem, in order of name."""
    paths = _found(rooms, _load(rooms, "guidelines", GuidelineManifest), "guidelines", guidelines.SUFFIXES)
    return _by_stem(sorted(paths, key=lambda path: path.name), "guidelines", guidelines.SUFFIXES)


def _load(rooms: Rooms, name: str, model: type[_Manifest]) -> _Manifest:
    try:
        return model.model_validate(rooms.definition("corpora", name))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refused(name, f"{place}: {first['msg']}", ", ".join(model.model_fields)) from None


def _found(rooms: Rooms, manifest: GuidelineManifest, name: str, suffixes: tuple[str, ...]) -> set[Path]:
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
