"""One file that holds what cannot be computed again, and the way back from it.

In it: the definitions of the four rooms; of `corpora/store` the facts (commits, records, texts, quarantine) and all
else that is no derived row: saved answers, searches, shortfalls, fetched files, what was forgotten; of `kg/store` the
evidence rows, since which claim which extractor once read is history. Left out: what `refresh` makes again from these
(rows per shard, snapshots, indexes, graph tables; also `current.json`, which would name a snapshot that is not there:
the manifest tells it instead) and `evaluation/runs`. Screening ledgers lie outside the home, beside their protocol.

The file is a tar packed with zstd. Its first member, `manifest.json`, tells path, size and SHA-256 of every other one,
in order; names, owners, times and modes are fixed, so the same state gives the same bytes. `restore` takes nothing on
trust: it reads no further than the manifest allows, checks every hash, and only then gives the files their names.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyarrow as pa

from consilience import home, refresh
from consilience.corpora import forget
from consilience.corpora.store import LAYOUT, Store, digest_of, layout_of
from consilience.errors import BadInputError, RefusedFileError
from consilience.home import ROOMS, STAGED, Rooms, publish, staging
from consilience.records import canonical_json

FORMAT = "consilience-backup/1"
MANIFEST = "manifest.json"
# What an archive may hold beside its files: its manifest, and between two files a header and padding.
_LONGEST_MANIFEST = 64 << 20
_SLACK = 1 << 20
_CHUNK = 1 << 20
_BUILT = re.compile(
    r"corpora/store/(snapshots/.*|[^/]+/[^/]+/[0-9]{2}/.*|current\.json)|kg/store/(?!evidence/).*|indexes/store/.*"
)
_NUMBERED = re.compile(r"corpora/store/(records|texts|quarantine)/([0-9]+)\.(parquet|arrow)")


@dataclass(frozen=True, slots=True)
class Archive:
    """One backup: its file, how much is in it, and the state it holds."""

    path: Path
    files: int
    bytes: int
    sha256: str
    commits: int
    snapshot: str | None

    def as_json(self) -> dict[str, Any]:
        """The object of the contract, less what the call adds."""
        told = {name: getattr(self, name) for name in self.__slots__ if name != "path"}
        return {"file": self.path.name, **told}


def backup(rooms: Rooms, path: Path) -> Archive:
    """Write all that cannot be computed again to one file, whole or not at all, under the writer's lock."""
    target = path.expanduser().resolve()
    if any(target.is_relative_to(each.resolve()) for each in (*(rooms.root / room for room in ROOMS), *rooms.stores)):
        raise BadInputError("a backup inside the home would hold itself", where=str(path), expected="another folder")
    if not target.parent.is_dir():
        raise BadInputError(
            "there is no folder for the backup", where=str(path), expected="a file in a folder that is there"
        )
    with rooms.writing():
        forget.finish(Store(rooms))
        found = dict(_members(rooms))
        manifest = _manifest(rooms, found)
        beside = target.with_name(f"{STAGED}{target.name}")
        try:
            _pack(beside, found, manifest)
            publish(beside, target)
        finally:
            beside.unlink(missing_ok=True)
    size = sum(each["size"] for each in manifest["files"])
    return Archive(target, len(found), size, digest_of(target), manifest["commits"], manifest["snapshot"])


def restore(path: Path, directory: Path) -> tuple[Rooms, Archive]:
    """Fill a new or empty folder, or a home that holds no facts, from a backup; nothing is there until all is checked.

    Definitions that somebody changed in such a home are not overwritten: the call is refused. `refresh` is due next.
    """
    root = directory.expanduser()
    if not path.is_file():
        raise BadInputError("there is no such backup", where=str(path), expected="a file made by consilience backup")
    _must_be_free(root)
    try:
        with staging(root, "restore") as scratch:
            manifest = _unpack(path, scratch)
            _must_be_ours(root, scratch)
            if any(_facts(root / ROOMS[0])):  # somebody loaded a file in the meantime
                raise BadInputError("this home holds facts already", where=str(root), expected="a new or empty folder")
            _publish(root, scratch)
    except BaseException:
        with contextlib.suppress(OSError):
            root.rmdir()  # only where nothing is in it
        raise
    sizes = [each["size"] for each in manifest["files"]]
    made = Archive(path, len(sizes), sum(sizes), digest_of(path), manifest["commits"], manifest["snapshot"])
    return Rooms(root.resolve()), made


# ---------------------------------------------------------------- what is kept


def _members(rooms: Rooms) -> Iterator[tuple[str, Path]]:
    """The files to keep, by path inside the home, sorted; of a commit under way nothing."""
    published = {int(p.stem) for p in (rooms.corpora / "commits").glob("[0-9]*.json")}
    found = {}
    for start in (rooms.root / room for room in ROOMS):
        for path in home.files_in(start):
            name = path.relative_to(rooms.root).as_posix()
            if path.is_file() and is_kept(name):
                number = _NUMBERED.fullmatch(name)
                if number is None or int(number[2]) in published:
                    found[name] = path
    yield from sorted(found.items())


def is_kept(name: str) -> bool:
    """Say whether a file of a home, by its path inside it, belongs in a backup."""
    parts = name.split("/")
    return (
        parts[0] in ROOMS and len(parts) > 1
        and not any(part in ("", "__pycache__") or part.startswith(".") or "\\" in part for part in parts)
        and parts[:2] != ["evaluation", "runs"]
        and not (parts[1:3] == ["store", "files"] and parts[-1].endswith((".part", ".note")))  # on their way here
        and not _BUILT.fullmatch(name)
    )  # fmt: skip


def _manifest(rooms: Rooms, found: Mapping[str, Path]) -> dict[str, Any]:
    pointer = refresh.current(rooms)
    files = [{"path": name, "size": path.stat().st_size, "sha256": digest_of(path)} for name, path in found.items()]
    commits = sum(name.startswith("corpora/store/commits/") for name in found)
    snapshot = pointer.snapshot if pointer else None
    return {"format": FORMAT, "layout": _layout(rooms), "commits": commits, "snapshot": snapshot, "files": files}


def _layout(rooms: Rooms) -> int:
    """The layout of the store, which may be an older one: a backup before a migration is a good thing."""
    first = next(iter(sorted((rooms.corpora / "commits").glob("[0-9]*.json"))), None)
    return layout_of(json.loads(first.read_text(encoding="utf-8"))) if first else LAYOUT


# ---------------------------------------------------------------- packing


def _pack(beside: Path, found: Mapping[str, Path], manifest: Mapping[str, Any]) -> None:
    body = (canonical_json(manifest) + "\n").encode()
    with (
        pa.CompressedOutputStream(str(beside), "zstd") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as tar,
    ):
        tar.addfile(_header(MANIFEST, len(body)), io.BytesIO(body))
        for each in manifest["files"]:
            with found[each["path"]].open("rb") as handle:
                reader = _Hashing(handle)
                tar.addfile(_header(each["path"], each["size"]), reader)
            if reader.digest.hexdigest() != each["sha256"]:
                raise RefusedFileError("it changed while it was copied", where=each["path"], expected="a second try")


def _header(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    return info


class _Hashing(io.RawIOBase):
    """A file being copied, with the hash of what was read so far."""

    def __init__(self, handle: IO[bytes]) -> None:
        self.handle, self.digest = handle, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.handle.read(size)
        self.digest.update(data)
        return data


# ---------------------------------------------------------------- unpacking


class _Bounded(io.RawIOBase):
    """An unpacked stream that ends with an error where it grows beyond what was allowed so far."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.left = stream, _LONGEST_MANIFEST + _SLACK

    def read(self, size: int = -1) -> bytes:
        data = bytes(self.stream.read(min(size, _CHUNK) if size >= 0 else _CHUNK))
        self.left -= len(data)
        if self.left < 0:
            raise RefusedFileError("there is more in it than it declares", expected="a file made by consilience backup")
        return data


def _unpack(path: Path, scratch: Path) -> dict[str, Any]:
    """Every member into `scratch`, each as the manifest tells it; a RefusedFileError for anything else."""
    try:
        with pa.CompressedInputStream(str(path), "zstd") as packed:
            bounded = _Bounded(packed)
            with tarfile.open(fileobj=bounded, mode="r|") as tar:
                manifest = _checked(_whole(tar, tar.next(), MANIFEST, _LONGEST_MANIFEST))
                _must_fit(scratch, manifest)
                for each in manifest["files"]:
                    bounded.left = _SLACK  # a header is read into memory
                    member = tar.next()
                    bounded.left = each["size"] + _SLACK
                    _extract(tar, member, each, scratch)
                bounded.left = _SLACK
                if tar.next() is not None:
                    raise _refused("there is more in it than its manifest tells")
    except RefusedFileError as error:
        raise RefusedFileError(error.message, where=error.where or path.name, expected=error.expected) from None
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename:
            raise
        raise _refused("it is damaged or no backup", path.name) from None
    return manifest


def _whole(tar: tarfile.TarFile, member: tarfile.TarInfo | None, name: str, longest: int) -> bytes:
    if member is None or not member.isreg() or member.name != name or member.size > longest:
        raise _refused("it does not begin with a manifest")
    handle = tar.extractfile(member)
    body = handle.read(member.size) if handle else b""
    if len(body) != member.size:
        raise _refused("it is cut off")
    return body


def _checked(body: bytes) -> dict[str, Any]:
    """The manifest, with every path inside the rooms, in order and once."""
    try:
        manifest: dict[str, Any] = json.loads(body)
        if manifest["format"] != FORMAT:
            raise _refused(f"it is of the format {str(manifest['format'])[:40]}")
        names = [each["path"] for each in manifest["files"]]
        if layout_of(manifest) > LAYOUT:
            raise _refused(f"it has layout {layout_of(manifest)}; this version reads {LAYOUT}")
        for each in manifest["files"]:
            if (
                not is_kept(each["path"])
                or str(PurePosixPath(each["path"])) != each["path"]
                or not each["path"].isprintable()
            ):
                raise _refused("a path in it leads elsewhere")
            if not (
                isinstance(each["size"], int) and each["size"] >= 0 and re.fullmatch(r"[0-9a-f]{64}", each["sha256"])
            ):
                raise _refused("its manifest tells no size or hash")
        if names != sorted(set(names)) or not isinstance(manifest["commits"], int):
            raise _refused("its manifest is out of order")
        return {**manifest, "snapshot": manifest["snapshot"] and str(manifest["snapshot"])}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise _refused("its manifest is unreadable") from None


def _must_fit(scratch: Path, manifest: Mapping[str, Any]) -> None:
    size = sum(each["size"] for each in manifest["files"])
    if size > (free := shutil.disk_usage(scratch).free):
        raise BadInputError(
            f"{size:,} bytes do not fit", where="into", expected=f"a disk with more than {free:,} bytes free"
        )


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo | None, each: Mapping[str, Any], scratch: Path) -> None:
    if member is None:
        raise _refused("it is cut off")
    if not member.isreg() or member.name != each["path"] or member.size != each["size"]:
        raise _refused("a file in it is not what its manifest tells")
    target = scratch / each["path"]
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    handle = tar.extractfile(member)
    with target.open("xb") as out:
        while handle is not None and (data := handle.read(_CHUNK)):
            digest.update(data)
            size += len(data)
            out.write(data)
    if (size, digest.hexdigest()) != (each["size"], each["sha256"]):
        raise _refused("a file in it does not agree with its hash")


def _refused(message: str, where: str = "") -> RefusedFileError:
    return RefusedFileError(message, where=where, expected="a whole file made by consilience backup")


# ---------------------------------------------------------------- putting it in place


def _must_be_free(root: Path) -> None:
    """Refuse what is neither new, nor empty, nor a home without facts."""
    if root.exists() and not root.is_dir():
        raise BadInputError("there is a file of that name", where=str(root), expected="a new or empty folder")
    inside = [p for p in root.iterdir() if not p.name.startswith(STAGED)] if root.exists() else []
    ours = (root / f"{STAGED}restore").is_dir()  # of a restore that was killed
    if inside and not home.has_rooms(root) and not ours:
        raise BadInputError("the folder is not empty", where=str(root), expected="a new or empty folder")
    if linked := next((room for room in ROOMS if (root / room / "store").is_symlink()), None):
        raise BadInputError("its store is a link", where=f"{linked}/store", expected="a new or empty folder")
    # Facts come last: what a killed restore left in another room's store is not yet a home's.
    if any(fact for room in (ROOMS[:1] if ours else ROOMS) for fact in _facts(root / room)):
        raise BadInputError("this home holds facts already", where=str(root), expected="a new or empty folder")


def _facts(room: Path) -> Iterator[Path]:
    yield from (path for path in home.files_in(room / "store") if not path.name.startswith("."))


def _must_be_ours(root: Path, scratch: Path) -> None:
    """Refuse to overwrite a definition that is neither as it came nor as the backup has it."""
    for path in sorted(scratch.rglob("*")):
        name = path.relative_to(scratch)
        there = root / name
        if path.is_file() and there.is_file():
            known = [path, home.packaged() / name]
            if not any(each.is_file() and each.read_bytes() == there.read_bytes() for each in known):
                raise BadInputError(
                    "a definition here differs from the backup's",
                    where=name.as_posix(),
                    expected="a new or empty folder",
                )


def _publish(root: Path, scratch: Path) -> None:
    """Definitions first, facts last: until then the home is one without facts, and the call can be made again."""
    stores = []
    for room in ROOMS:
        (root / room).mkdir(exist_ok=True)
        for path in sorted((scratch / room).rglob("*")):
            name = path.relative_to(scratch)
            if path.is_file() and name.parts[1] != "store":
                publish(path, root / name)
        if (scratch / room / "store").is_dir():
            stores.append(f"{room}/store")
    for store in sorted(stores, key=lambda name: name.startswith("corpora")):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(root / store)  # it holds no facts, only a lock
        publish(scratch / store, root / store)
