"""What a version is recognised by: folded title, names, place in its journal, trial numbers. Made once, in segments."""

from __future__ import annotations

import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consilience.corpora import segments, trials
from consilience.corpora.fold import VERSION as FOLD
from consilience.corpora.fold import history_path, touched_last
from consilience.corpora.store import Commit, Store

VERSION = "keys.2"
_MOST_AUTHORS = 50

KEYS = pa.schema([
    ("id", pa.string()), ("version", pa.string()), ("seq", pa.int32()), ("row", pa.int32()),
    ("pmid", pa.int64()), ("doi", pa.string()), ("year", pa.int16()), ("kind", pa.string()), ("title", pa.string()),
    ("authors", pa.list_(pa.string())), ("journal", pa.string()), ("volume", pa.string()), ("page", pa.string()),
    ("trials", pa.list_(pa.string())), ("acronyms", pa.list_(pa.string())), ("cue", pa.string()),
    ("targets", pa.list_(pa.string())),  # records it states to be of the same work: "<RefType> PMID:1"
    ("blocks", pa.list_(pa.int64())),  # two versions are compared only if they share one of these
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """One version as it is compared; missing values are "", 0 or empty."""

    id: str
    version: str
    seq: int
    row: int
    pmid: int
    doi: str
    year: int
    kind: str
    title: str
    authors: tuple[str, ...]
    journal: str
    volume: str
    page: str
    trials: tuple[str, ...]
    acronyms: tuple[str, ...]
    cue: str
    targets: tuple[str, ...]
    blocks: tuple[int, ...]

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> Key:
        """A row of the segments."""
        values: dict[str, Any] = {n: tuple(v) if isinstance(v := row[n], list) else v for n in KEYS.names}
        return Key(**values)


# ---------------------------------------------------------------- text

_TAG = re.compile(r"</?[a-zA-Z]{1,8}/?>")
_APOSTROPHE = re.compile(r"(?<=\w)['’`´](?=\w)")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
# Letters that do not decompose, and Greek as it is spelled out where the letter was lost.
_LETTERS = str.maketrans({
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "κ": "kappa", "λ": "lambda", "μ": "mu",
    "µ": "mu", "π": "pi", "σ": "sigma", "τ": "tau", "ω": "omega", "θ": "theta", "&": " and ",
})  # fmt: skip


def folded(text: str) -> str:
    """Lower-case words and numbers only: `[Die β-Blocker.]` -> `die beta blocker`; entities, tags, accents are gone."""
    if "&" in text:
        text = html.unescape(html.unescape(text))  # exports escape twice
    if "<" in text:
        text = _TAG.sub("", text)
    text = _APOSTROPHE.sub("", text).casefold()
    if not text.isascii():
        text = text.translate(_LETTERS)
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    elif "&" in text:
        text = text.replace("&", " and ")
    return _NOT_WORD.sub(" ", text).strip()


def squeezed(title: str) -> str:
    """A folded text without its blanks, so that hyphens and spacing count for nothing."""
    return title.replace(" ", "")


def _name(author: str) -> str:
    # Capitals in a row are initials: "Smith JA" -> "smith j a".
    return folded(re.sub(r"\b([A-Z])(?=[A-Z]{0,2}\b)", r"\1 ", author))


_VOLUME = re.compile(r"\d+")


def _page(raw: str) -> str:
    """The first page: `0123-8` -> `123`, `S12-20` -> `s12`."""
    return raw.lower().replace(" ", "").replace("–", "-").split("-")[0].split(",")[0].split(";")[0].lstrip("p.0")


_SUFFIX = re.compile(r"(/(full|pdf|abstract|epdf|meta)|\.pdf)+$|[?#].*$")


# ---------------------------------------------------------------- what sort of text it is

# Kinds that are kept apart as documents, by title (sources §5.5); NLM and journals put the word in front.
_KINDS = (
    ("retraction", r"^\W*(notice of )?retraction( (notice|note))?(\W*[:.]|\W+(to|for)\b)"),  # surgeons retract too
    ("erratum", r"^\W*((author |publisher )?correction( (to|for|notice))?|corrigend(um|a)|errat(um|a))\b\W*[:.\]]"
                r"|^\W*((author |publisher )?correction (to|for)|corrigendum (to|for)|erratum (to|for|in|:))"),
    ("comment", r"^\W*(comments?|commentary|(in )?reply|re|(authors?['’]?s?['’]? )?(reply|response)|letter"
                r"|letter to the editor|editorial( comment)?|invited commentary|discussion)\W{0,2}[:.\]]"
                r"|^\W*(comments?|commentary|reply|letter) (on|to|by) |^\W*response to (the )?(letter|comment|reply)"
                r"|[:.\-–(] ?((the )?(authors?['’]?s?['’]?|a) )?(reply|response|comment|commentary)\W*$"),
    ("conference", r"^\W*(conference |poster |oral )?abstract( no\.?)? ?[a-z]{0,3}-?\d+\W|^\W*[PSO]-?\d{2,4}[:.] "
                   r"|\W\W?(conference|meeting|poster) abstract\W*$"),
)  # fmt: skip
_KIND_CUES = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _KINDS)
_HEAD = re.compile("|".join(pattern for _, pattern in _KINDS), re.IGNORECASE)
_BY_TYPE = {"D016425": "erratum", "D016440": "retraction", "D000076942": "preprint", "D016420": "comment"}
_RIS_CONFERENCE = frozenset({"conf", "cpaper", "abst"})
_PREPRINTS = re.compile(
    r"^10\.(1101/(?!gad|gr\.|lm\.|cshperspect|sqb|pdb|mcs|rna)|48550/|21203/|20944/preprints|2139/ssrn|31234/|26434/)"
)
_PREPRINT_SERVERS = re.compile(r"\b(medrxiv|biorxiv|arxiv|research square|ssrn|preprints)\b", re.IGNORECASE)
# RefTypes that say two records are of one work; comments are of another.
_OF_ONE_WORK = frozenset(
    "ErratumIn ErratumFor UpdateIn UpdateOf RepublishedIn RepublishedFrom CorrectedandRepublishedIn "
    "CorrectedandRepublishedFrom RetractedandRepublishedIn RetractedandRepublishedFrom RetractionIn RetractionOf "
    "PartialRetractionIn PartialRetractionOf ExpressionOfConcernIn ExpressionOfConcernFor OriginalReportIn "
    "SummaryForPatientsIn PatientSummaryIn PatientSummaryOf ReprintIn ReprintOf".split()
)


_TAKEN_BACK = re.compile(r"^\W*(retracted|withdrawn)( (article|paper))?\W*:\s*", re.IGNORECASE)


def kind_of(title: str, meta: Mapping[str, Any]) -> str:
    """article | erratum | retraction | comment | conference | preprint: different kinds are never one document."""
    types = meta.get("publication_types", ())
    for ui in ("D016440", "D016425", "D000076942"):
        if any(each[1] == ui for each in types):
            return _BY_TYPE[ui]
    if _PREPRINTS.match(meta.get("doi", "")) or _PREPRINT_SERVERS.search(meta.get("journal", "")):
        return "preprint"
    for name, cue in _KIND_CUES:
        if cue.search(title):
            return name
    if any(each[1] == "D016420" for each in types):
        return "comment"
    ris = str(meta.get("extra", {}).get("ris_type", "")).lower()
    names = " ".join(each[0] for each in types).lower()
    conference = ris in _RIS_CONFERENCE or "meeting abstract" in names or "conference abstract" in names
    return "conference" if conference else "article"


def core_of(title: str) -> str:
    """The title a notice or reply is about: `Erratum to: A trial` -> `A trial`."""
    return _HEAD.sub(" ", title, count=1)


# ---------------------------------------------------------------- keys


def key_of(
    document: str, version: str, seq: int, row: int, *, title: str, abstract: str, meta: Mapping[str, Any]
) -> Key:
    """The key of one version from its texts and the rest of its record."""
    extra: Mapping[str, Any] = meta.get("extra") or {}
    # A journal that writes RETRACTED before a title must not part it from its copies at that very moment.
    title = _TAKEN_BACK.sub("", title)
    kind = kind_of(title, meta)
    name = folded(core_of(title) if kind in ("erratum", "retraction", "comment", "conference") else title)
    authors = tuple(n for a in _authors(meta, extra)[:_MOST_AUTHORS] if (n := _name(a)))
    digits = _VOLUME.search(str(extra.get("volume") or ""))
    volume = digits[0].lstrip("0") if digits else ""
    page = _page(str(extra.get("medline_pgn") or extra.get("pages") or extra.get("start_page") or ""))
    doi = _SUFFIX.sub("", meta.get("doi", ""))
    registered = " ".join(map(str, meta.get("registry_ids", ())))
    pmid = str(meta.get("pmid") or "")
    published = meta.get("published") or {}
    acronyms = trials.acronyms_in(title, abstract)
    return Key(
        id=document, version=version, seq=seq, row=row, pmid=int(pmid) if pmid.isdecimal() else 0, doi=doi,
        year=int(str(published.get("end", "0"))[:4]), kind=kind, title=name, authors=authors,
        journal=folded(str(meta.get("journal") or extra.get("medline_ta") or extra.get("journal") or "")),
        volume=volume, page=page, trials=trials.numbers_in(f"{registered} {title} {abstract}"),
        acronyms=acronyms, cue=trials.cue_in(title, abstract),
        targets=tuple(f"{c[0]} PMID:{c[1]}" for c in meta.get("corrections", ()) if c[0] in _OF_ONE_WORK and c[1]),
        blocks=_blocks(name, doi, authors, volume, page, abstract, acronyms),
    )  # fmt: skip


def _authors(meta: Mapping[str, Any], extra: Mapping[str, Any]) -> list[str]:
    given = meta.get("authors") or extra.get("authors") or extra.get("author") or []
    return [str(a) for a in given] if isinstance(given, list) else [a for a in str(given).split(";") if a.strip()]


_LONG_ENOUGH = 12


def _blocks(
    title: str, doi: str, authors: Sequence[str], volume: str, page: str, abstract: str, acronyms: Sequence[str]
) -> tuple[int, ...]:
    """Hashes of what two records of one document or trial have in common: each damage leaves one of them whole."""
    text, subject = squeezed(title), squeezed(trials.subject_of(title))
    opening = squeezed(folded(abstract[:120]))[:60]
    names = [f"d{doi}"] if doi else []
    if len(text) >= _LONG_ENOUGH:
        longest = sorted(sorted(set(title.split()), key=lambda w: (-len(w), w))[:3])
        names += [f"t{text[:20]}", f"u{subject[:20]}", f"s{text[-20:]}", f"l{' '.join(longest)}"]
    elif text:
        names.append(f"t{text}")
    if volume and page:
        first = authors[0].split() if authors else ["anonymous"]
        names += [f"p{volume} {page} {name}" for name in first if len(name) > 1]
    names += [f"c{acronym} {max(author.split(), key=len)}" for acronym in acronyms for author in authors]
    if len(opening) >= 40:
        names.append(f"a{opening}")
    return tuple(sorted({_hash(name) for name in names}))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


# ---------------------------------------------------------------- segments


def folder_of(store: Store, shard: int) -> Path:
    """Where one shard's keys lie."""
    return store.folder / "keys" / f"{FOLD}-{VERSION}" / f"{shard:02d}"


def build(store: Store, commits: Sequence[Commit], shards: Iterable[int]) -> list[int]:
    """Append the keys of versions not seen before, one segment a shard; return the shards written."""
    written = []
    for shard in shards:
        folder, last = folder_of(store, shard), touched_last(commits, shard)
        target = segments.due(folder, last)
        if target is not None:
            done = segments.values(folder, "id", "version")
            rows = list(_versions(store, history_path(store, shard, last), done))
            segments.write(target, _table(rows))
            written.append(shard)
    return written


def _table(rows: Sequence[Key]) -> pa.Table:
    return pa.table({f.name: pa.array([getattr(r, f.name) for r in rows], f.type) for f in KEYS}, schema=KEYS)


def _versions(store: Store, history: Path, done: set[tuple[str, str]]) -> Iterator[Key]:
    table = pq.read_table(history, columns=["seq", "row", "id", "version", "deleted", "guideline_version"])
    # A recommendation is no paper: its versions are told apart by its issuer.
    table = table.filter(pc.and_(pc.invert(table["deleted"]), pc.is_null(table["guideline_version"])))
    seen = set(done)
    for seq, row, document, version, *_ in zip(*(c.to_pylist() for c in table.columns), strict=True):
        if (document, version) not in seen:
            seen.add((document, version))
            texts = store.texts(seq)
            title, abstract, meta = (texts[name][row].as_py() for name in ("title", "abstract", "meta"))
            yield key_of(
                document, version, seq, row, title=title or "", abstract=abstract or "", meta=json.loads(meta or "{}")
            )


def read(store: Store, commits: Sequence[Commit], shards: Iterable[int]) -> pa.Table:
    """The keys of every version in these shards, schema `KEYS`."""
    tables = [t for shard in shards if touched_last(commits, shard)
              and (t := segments.read(folder_of(store, shard), KEYS)) is not None]  # fmt: skip
    return pa.concat_tables(tables) if tables else KEYS.empty_table()
