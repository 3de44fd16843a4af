"""Where definitions and stores lie, and how anything is written there: whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from consilience.errors import BadInputError, BusyError
from consilience.records import canonical_json

ROOMS = ("corpora", "indexes", "kg", "evaluation")


@dataclass(frozen=True, slots=True)
class Rooms:
    """The four rooms of one home; each has definitions in it and a git-ignored `store/`."""

    root: Path
    writable: bool = True

    @property
    def corpora(self) -> Path:
        """What we read: facts, citations, passages, snapshots."""
        return self.root / "corpora" / "store"

    @property
    def indexes(self) -> Path:
        """How we find: vectors and the built indexes."""
        return self.root / "indexes" / "store"

    @property
    def kg(self) -> Path:
        """What is claimed: evidence rows and the graph's table."""
        return self.root / "kg" / "store"

    @property
    def evaluation(self) -> Path:
        """How good it is: suites and runs."""
        return self.root / "evaluation"

    def definition(self, room: str, name: str) -> dict[str, object]:
        """One YAML definition of a room, e.g. `("indexes", "exact")`."""
        path = self.root / room / f"{name}.yaml"
        if not path.exists():
            known = ", ".join(sorted(p.stem for p in (self.root / room).glob("*.yaml")))
            raise BadInputError(f"no definition {name!r} in {room}/", where=f"{room}/{name}.yaml", expected=known)
        try:
            loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            loaded = None
        if not isinstance(loaded, dict):
            raise BadInputError("a definition is a YAML mapping", where=f"{room}/{name}.yaml", expected="key: value")
        return loaded

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one writer's lock of this home; readers never need it."""
        if not self.writable:
            raise BadInputError(
                "the packaged home is read-only", where=str(self.root.name), expected="run consilience init DIR"
            )
        self.corpora.mkdir(parents=True, exist_ok=True)
        with (self.corpora / ".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise BusyError(
                    "another process is writing to this home", expected="try again when it is done"
                ) from None
            yield


def has_rooms(directory: Path) -> bool:
    """Say whether all four rooms are there, with their definitions.

    A definition must be there too: any folder called `kg` would do otherwise.
    """
    return all((directory / room).is_dir() for room in ROOMS) and (directory / "indexes" / "exact.yaml").is_file()


def packaged() -> Path:
    """The definitions that came with the package: in the wheel, else the checkout around it."""
    package = Path(__file__).parent
    return package / "_home" if (package / "_home").is_dir() else package.parent


def find(given: str | Path | None = None) -> Rooms:
    """The home to use: the one given, `CONSILIENCE_HOME`, the nearest parent with all rooms, the packaged one."""
    named = given or os.environ.get("CONSILIENCE_HOME")
    if named:
        root = Path(named).expanduser().resolve()
        if not has_rooms(root):
            raise BadInputError(
                f"no home at {named}",
                where=str(named),
                expected=f"a folder made by consilience init, with {', '.join(ROOMS)}",
            )
        return Rooms(root)
    here = Path.cwd()
    for directory in (here, *here.parents):
        if has_rooms(directory):
            return Rooms(directory)
    return Rooms(packaged(), writable=False)


def init(directory: Path) -> Rooms:
    """Make a home: copy the packaged definitions, sample corpus included, never a built artefact."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BadInputError(
            f"{directory} is not an empty folder", where=str(directory), expected="a new or empty folder"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(
            f"no home can be made at {directory}: {error.strerror}",
            where=str(directory),
            expected="a folder you may write",
        ) from None
    for room in ROOMS:
        shutil.copytree(
            packaged() / room, directory / room, ignore=shutil.ignore_patterns("store", "runs", "__pycache__", "*.py")
        )
    return Rooms(directory.resolve())


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside, flush to disk, rename: a reader sees the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as handle:
        handle.write(data)
    publish(beside, path)


def publish(staged: Path, path: Path) -> None:
    """Rename a finished file or folder into place; its bytes are on disk before its name is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for part in (staged, *staged.rglob("*")) if staged.is_dir() else (staged,):
        _sync(part)
    staged.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def staging(parent: Path, name: str) -> Iterator[Path]:
    """A scratch folder inside a store, for one writer; leftovers of a killed run are cleared first."""
    folder = parent / f".staging-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fingerprint(value: object) -> str:
    """The first 12 hex digits of the SHA-256 of a value's canonical JSON: the name of what it makes."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:12]
