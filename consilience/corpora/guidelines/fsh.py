"""FHIR shorthand (FSH) compiled to the resources it stands for, as far as recommendations need it.

Read are Alias, Instance and its rules with indentation, soft indices (`[+]`, `[=]`) and slices (`action[drug][+]`);
rule sets are not expanded, but the arguments of `insert name(a, b)` are kept, since projects put the canonical
address there. Profiles live outside the files, so a resource's type is told from the profile's name and its elements.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from consilience.corpora.textfiles import MAX_RATIO, refuse
from consilience.records import normal_space

MAX_MEMBER = 4 << 20
_MAX_MEMBERS = 20_000
_MAX_TOTAL = 256 << 20
_KEYWORD = re.compile(
    r"^(Alias|Instance|Profile|Extension|RuleSet|CodeSystem|ValueSet|Logical|Resource|Invariant|Mapping):[ \t]*(.*)$"
)
_SAID = re.compile(r"^(InstanceOf|Title|Description|Usage):[ \t]*(.*)$")
_RULE = re.compile(r"^( *)\* +(.*)$")
_STEP = re.compile(r"([A-Za-z][\w-]*)((?:\[[^\]]*\])*)")
_TOKEN = re.compile(r'"""(?:.|\n)*?"""|"(?:[^"\\]|\\.)*"|//[^\n]*|/\*(?:.|\n)*?\*/')
_CODE = re.compile(r'([$\w:/.\-|]*)#(?:"([^"]*)"|([^\s"]+))(?:\s+"((?:[^"\\]|\\.)*)")?$')
_QUANTITY = re.compile(r"(-?\d+(?:\.\d+)?)\s+'([^']*)'(?:\s+\"([^\"]*)\")?$")
_CALL = re.compile(r"(?:Canonical|Reference)\(\s*([^)]*?)\s*\)$")
_MAX_DEPTH = 24
_RESOURCES = frozenset("PlanDefinition ActivityDefinition EvidenceVariable ArtifactAssessment Evidence Citation Group "
                       "Composition Library Bundle ImplementationGuide".split())  # fmt: skip


def is_fsh(text: str) -> bool:
    """Whether a text has FSH's keywords at the beginning of a line."""
    return any(_KEYWORD.match(line) for line in text.split("\n")[:2000])


def members(path: Path) -> Iterator[str]:
    """The `.fsh` files of a tarball, in order of name; bounded, never written to disk."""
    found: dict[str, str] = {}
    allowed = min(_MAX_TOTAL, max(16 << 20, path.stat().st_size * MAX_RATIO))
    try:
        # A tarball's headers are read whole, so what is unpacked is counted before tarfile looks at it.
        with (
            gzip.open(path, "rb") as packed,
            tarfile.open(fileobj=cast(Any, _Bounded(packed, allowed)), mode="r|") as archive,
        ):
            for count, member in enumerate(archive):
                allowed -= member.size
                if count >= _MAX_MEMBERS or allowed < 0:
                    refuse(
                        path, f"{path.name} unpacks to far more than guidelines need", f"at most {_MAX_MEMBERS} files"
                    )
                if not member.isfile() or not member.name.endswith(".fsh"):
                    continue
                stream = archive.extractfile(member)
                data = stream.read(MAX_MEMBER + 1) if stream else b""
                if len(data) > MAX_MEMBER:
                    refuse(path, f"a file in {path.name} is too large", f"at most {MAX_MEMBER >> 20} MiB a file")
                found[member.name] = data.decode("utf-8-sig")
    except OverflowError:
        refuse(path, f"{path.name} unpacks to far more than guidelines need", f"at most {MAX_RATIO}:1")
    except (tarfile.TarError, zlib.error, EOFError, OSError, UnicodeDecodeError) as error:
        refuse(path, f"{path.name} is no sound gzipped tarball: {type(error).__name__}", "a .tar.gz with .fsh files")
    if not found:
        refuse(path, f"{path.name} holds no .fsh file", "a .tar.gz with FHIR shorthand")
    yield from (found[name] for name in sorted(found))


class _Bounded:
    """A stream that gives no more than so many bytes, and then an OverflowError."""

    def __init__(self, stream: gzip.GzipFile, allowed: int) -> None:
        self._stream, self._left = stream, allowed

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise OverflowError
        return data


def resources(text: str) -> list[dict[str, Any]]:
    """Every instance as a resource: `{"resourceType", "id", "meta": {"profile": [...]}, ...}`."""
    aliases: dict[str, str] = {}
    made: list[_Instance] = []
    current: _Instance | None = None
    for line in _logical_lines(text):
        if head := _KEYWORD.match(line):
            kind, rest = head.groups()
            current = None
            if kind == "Alias" and "=" in rest:
                name, _, address = rest.partition("=")
                aliases[name.strip()] = address.strip()
            elif kind == "Instance":
                current = _Instance(rest.strip(), aliases)
                made.append(current)
        elif current is not None:
            current.take(line)
    return [each.resource() for each in made]


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments; the breaks inside a string become blanks, so that a rule is one line."""

    def tidy(found: re.Match[str]) -> str:
        token = found[0]
        if token.startswith("/"):
            return "\n" * token.count("\n")
        if token.startswith('"""'):
            inner = " ".join(token[3:-3].split()).replace("\\", "\\\\").replace('"', '\\"')
            return f'"{inner}"'
        return token.replace("\n", " ")

    # `//` stands inside addresses too, but those are quoted or follow a colon.
    # The ends added close what is left open, which every later mark would otherwise look for anew.
    shielded = text.replace("://", ":\x00\x00") + '\n*/"""'
    yield from (line.replace(":\x00\x00", "://").rstrip() for line in _TOKEN.sub(tidy, shielded).split("\n"))


class _Instance:
    """One instance while its rules are read."""

    def __init__(self, name: str, aliases: dict[str, str]) -> None:
        self._aliases = aliases
        self._body: dict[str, Any] = {"id": name}
        self._said: dict[str, str] = {}
        self._inserts: list[dict[str, Any]] = []
        self._contexts: list[str] = []
        self._index: dict[tuple[str, str, str], int] = {}
        self._places: dict[tuple[str, str, str, int], int] = {}

    def take(self, line: str) -> None:
        """Read one line below `Instance:`."""
        if said := _SAID.match(line):
            self._said[said[1]] = _unquoted(said[2])
            return
        rule = _RULE.match(line)
        if not rule:
            return
        depth, text = min(len(rule[1]) // 2, len(self._contexts)), rule[2].strip()
        if text.startswith("insert "):
            self._insert(text.removeprefix("insert ").strip())
            return
        path, equals, value = (part.strip() for part in re.split(r"(\s=\s)", text, maxsplit=1)) if " = " in text else (
            text, "", "")  # fmt: skip
        path = path if not depth else f"{self._contexts[depth - 1]}.{path}"
        del self._contexts[depth:]
        if path.count(".") >= _MAX_DEPTH:
            return
        # Indices count on once: a context line moves `[+]`, the lines below it mean the same place.
        resolved = self._resolve(path)
        self._contexts.append(".".join(f"{base}[{slice_}][{index}]" if index is not None else base
                                       for base, slice_, index in resolved))  # fmt: skip
        if equals:
            self._put(resolved, self._value(value))

    def _insert(self, call: str) -> None:
        found = re.match(r"([\w-]+)(?:\((.*)\))?$", call)
        if found:
            arguments = [part.strip() for part in (found[2] or "").split(",") if part.strip()]
            self._inserts.append({"name": found[1], "arguments": arguments})

    def _resolve(self, path: str) -> list[tuple[str, str, int | None]]:
        steps: list[tuple[str, str, int | None]] = []
        prefix = ""
        for base, brackets in _STEP.findall(path):
            inside = re.findall(r"\[([^\]]*)\]", brackets)
            counts = [part for part in inside if part in ("+", "=") or part.isdecimal()]
            slice_ = "/".join(part for part in inside if part not in counts)
            index: int | None = None
            if inside:
                key = (prefix, base, slice_)
                mark = counts[-1] if counts else "0"
                last = self._index.get(key, -1)
                index = last + 1 if mark == "+" else max(last, 0) if mark == "=" else int(mark[:6])
                self._index[key] = index
            steps.append((base, slice_, index))
            prefix += f".{base}[{slice_}][{index}]"
        return steps

    def _put(self, steps: list[tuple[str, str, int | None]], value: Any) -> None:
        node, prefix = self._body, ""
        for number, (base, slice_, index) in enumerate(steps):
            last = number == len(steps) - 1
            if index is None:
                if last:
                    node[base] = value
                    return
                inner = node.setdefault(base, {})
                node = inner[-1] if isinstance(inner, list) and inner else inner
            else:
                held = node.setdefault(base, [])
                if not isinstance(held, list):
                    return
                key = (prefix, base, slice_, index)
                if key not in self._places:
                    self._places[key] = len(held)
                    held.append({"_slice": slice_} if slice_ else {})
                if last:
                    held[self._places[key]] = value
                    return
                node = held[self._places[key]]
            if not isinstance(node, dict):
                return
            prefix += f".{base}[{slice_}][{index}]"

    def _value(self, raw: str) -> Any:
        text = raw.strip()
        if text.startswith('"'):
            return _unquoted(text)
        if found := _QUANTITY.match(text):
            return {"value": found[1], "unit": found[3] or found[2]}
        if found := _CALL.match(text):
            return found[1]
        if found := _CODE.match(text):
            system, code = self._aliases.get(found[1], found[1]), found[2] or found[3]
            if not system and found[4] is None:
                return code
            return {"coding": [{"system": system, "code": code, "display": _escaped(found[4] or "")}]}
        return {"true": True, "false": False}.get(text, self._aliases.get(text, text))

    def resource(self) -> dict[str, Any]:
        """The resource, with the profile it claims and the inserts it was given."""
        profile = self._said.get("InstanceOf", "")
        titled = {"title": self._said["Title"]} if self._said.get("Title") else {}
        described = {"description": self._said["Description"]} if self._said.get("Description") else {}
        return {"resourceType": _type(profile, self._body), **titled, **described, **self._body,
                "meta": {"profile": [profile]}, "_insert": self._inserts}  # fmt: skip


def _type(profile: str, body: dict[str, Any]) -> str:
    if profile in _RESOURCES:
        return profile
    if re.search(r"eligibility|population|characteristic|variable", profile, re.IGNORECASE) or "characteristic" in body:
        return "EvidenceVariable"
    if re.search(r"assessment|justification|rating", profile, re.IGNORECASE):
        return "ArtifactAssessment"
    if re.search(r"recommendation|plan", profile, re.IGNORECASE):
        return "PlanDefinition"
    return "ActivityDefinition" if re.search(r"activity|action", profile, re.IGNORECASE) else ""


def _unquoted(text: str) -> str:
    text = text.strip()
    found = re.match(r'"((?:[^"\\]|\\.)*)"', text)
    return normal_space(_escaped(found[1] if found else text))


def _escaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t", "r": " "}.get(found[1], found[1]), text)
