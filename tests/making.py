"""Tiny homes made by hand: every file is loaded at an instant the test names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from consilience import home
from consilience.corpora.corpus import Clocks, Corpus
from consilience.corpora.dates import parse_date
from consilience.corpora.pubmed import order_key
from consilience.corpora.store import Commit, Item, Store
from consilience.home import Rooms
from consilience.indexes import Index
from consilience.records import Correction, PublicationEvent, PublicationType, Record, guideline_curie, sha256
from consilience.refresh import Refresh


def at(number: int) -> datetime:
    """Noon of the day `number` days after New Year 2020: instants of knowing."""
    return datetime(2020, 1, 1, 12, tzinfo=UTC) + timedelta(days=number)


def clocks(as_of: str | date | None = None, known: int = 10_000) -> Clocks:
    """The two clocks; without a day, all that was published by 2100."""
    if as_of is None:
        return Clocks(date(2100, 1, 1), at(known), explicit=False)
    return Clocks(date.fromisoformat(as_of) if isinstance(as_of, str) else as_of, at(known), explicit=True)


def paper(
    pmid: int, title: str = "A trial of velorine", *, published: str | None = "2010-01-01", revised: str = "",
    links: Sequence[tuple[str, ...]] = (), types: Sequence[str] = (), abstract: str = "", **more: Any,
) -> Record:  # fmt: skip
    """One citation; `links` are CommentsCorrections as (kind, pmid, source), `types` UIs of publication types."""
    when = parse_date(published) if published else None
    fields = {"title": title, **({"abstract": abstract} if abstract else {})}
    return Record(**{
        "id": f"PMID:{pmid}", "source": "pubmed", "fields": fields, "pmid": str(pmid), "source_version": "1",
        "events": (PublicationEvent("ppub", when),) if when else (),
        "revised": date.fromisoformat(revised) if revised else None,
        "corrections": tuple(Correction(*link) for link in links),
        "publication_types": tuple(PublicationType("", ui) for ui in types), **more,
    })  # fmt: skip


def advice(version: str, published: str, number: str = "1", status: str = "current", **more: Any) -> Record:
    """One recommendation of the guideline Rest of Sleep Body."""
    when = parse_date(published)
    said = {"issuer": "Sleep Body", "guideline": "Rest", "version": version, "status": status, **more}
    return Record(
        id=guideline_curie("Sleep Body", "Rest", number, version), source="guidelines", guideline=said,
        fields={"title": "Rest", "text": f"Rest {number} hours, says {version}."},
        events=(PublicationEvent("published", when),) if when else (),
    )  # fmt: skip


@dataclass
class TinyHome:
    """A home whose files are lists of records."""

    rooms: Rooms
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.rooms)

    @classmethod
    def make(cls, folder: Path) -> TinyHome:
        """A new home with vectors that need no model."""
        made = cls(home.init(folder))
        profile = made.rooms.root / "indexes" / "exact.yaml"
        profile.write_text(profile.read_text().replace("embedding: minilm", "embedding: hashed"))
        return made

    def load(self, file: str, *items: Item, known: int, kind: str = "pubmed") -> Commit:
        """Load one file; one called `pubmed26n0001.xml` has its number for an order."""
        return self.store.commit(
            kind, Path(file), items, known_at=at(known), order=order_key(file) if kind == "pubmed" else None,
            reader="test.1", digest=sha256(repr(items)),
        )  # fmt: skip

    def corpus(self) -> Corpus:
        """The snapshot of all that was loaded."""
        now = Refresh.of(self.rooms)
        now.citations()
        now.passages()
        return now.snapshot()

    def index(self) -> Index:
        """The index of all that was loaded."""
        corpus = self.corpus()
        now = Refresh.of(self.rooms)
        now.embeddings()
        now.index()
        return Index(corpus, now.profile, now.embedding)


def ids(corpus: Corpus, rows: Iterable[int]) -> list[str]:
    """The documents of these rows."""
    return [corpus.table["id"][row].as_py() for row in rows]


def in_sight(corpus: Corpus, on: Clocks) -> set[str]:
    """The documents visible on two clocks."""
    return set(ids(corpus, corpus.visible(on).nonzero()[0].tolist()))


nbib = partial(paper, source="nbib", source_version="")
record = partial(paper, source="records", source_version="")
