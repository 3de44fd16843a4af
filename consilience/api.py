"""One home, opened: what the command line does, as Python. Every method returns the contract's object as a dict."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from consilience import clocks as clock_of
from consilience import home, reasoning, refresh
from consilience.clocks import instant_text, parse_day, parse_instant
from consilience.corpora import guidelines, pubmed, recordfiles, retractions
from consilience.corpora.corpus import Clocks, Corpus, Document
from consilience.corpora.store import Item, Store, load
from consilience.errors import BadInputError, NotFoundError, StoreDamagedError
from consilience.home import Rooms
from consilience.indexes import RETRIEVERS, Hit
from consilience.reasoning.cite import described
from consilience.reasoning.evidence import DESIGNS, Reader
from consilience.records import normal_space, sha256
from consilience.view import View

Day = str | date | None
Instant = str | datetime | None


def open_home(path: str | Path | None = None, *, now: datetime | str | Callable[[], datetime] | None = None) -> Home:
    """Open the home at `path`, else the one found as contract §2 says; `now` is the clock, injected.

    >>> home = open_home("my-home")            # doctest: +SKIP
    >>> home.ask("Does aspirin prevent stroke?")["verdict"]    # doctest: +SKIP
    """
    return Home(home.find(path), clock_of.clock(now))


def init_home(directory: str | Path) -> dict[str, Any]:
    """Make a new home in an empty folder."""
    made = home.init(Path(directory))
    files = sum(1 for path in made.root.rglob("*") if path.is_file())
    return {"home": str(directory), "rooms": list(home.ROOMS), "files": files}


class Home:
    """One home on one clock. Safe to use from several threads; a refresh elsewhere is seen at the next question."""

    def __init__(self, rooms: Rooms, now: Callable[[], datetime]) -> None:
        self.rooms = rooms
        # A clock of the caller's may tell naive or local time; in here every instant is UTC.
        self.now: Callable[[], datetime] = lambda: parse_instant(now(), where="now")
        self.store = Store(rooms)
        self._view: View | None = None

    # ---------------------------------------------------------------- loading

    def ingest_pubmed(self, files: Sequence[str | Path]) -> dict[str, Any]:
        """Load PubMed XML files, baseline or update, in order of year and number."""
        paths = sorted(map(Path, files), key=lambda p: (pubmed.order_key(p.name) or (0, 0), p.name))
        return self._ingest("pubmed", paths, pubmed.read, pubmed.VERSION)

    def ingest_records(self, files: Sequence[str | Path]) -> dict[str, Any]:
        """Load NBIB, RIS, CSV, TSV or JSONL files of records."""
        return self._ingest("records", list(map(Path, files)), recordfiles.read, recordfiles.VERSION)

    def ingest_guidelines(self, files: Sequence[str | Path]) -> dict[str, Any]:
        """Load guideline recommendations."""
        return self._ingest("guidelines", list(map(Path, files)), guidelines.read, guidelines.VERSION)

    def ingest_retractions(self, files: Sequence[str | Path]) -> dict[str, Any]:
        """Load lists of retractions, concerns and corrections."""
        return self._ingest("retractions", list(map(Path, files)), retractions.read, retractions.VERSION)

    def _ingest(
        self, kind: str, paths: Sequence[Path], read: Callable[[Path], Iterator[Item]], reader: str
    ) -> dict[str, Any]:
        if not paths:
            raise BadInputError("no file was given", where="files", expected="at least one file")
        started = time.perf_counter()
        for path in paths:
            if not path.is_file():
                raise BadInputError(f"there is no file {path}", where=str(path), expected="a readable file")
        with self.rooms.writing():
            self.store.clear_leftovers()
            lines = [
                load(self.store, kind, path, read, known_at=self.now(), reader=reader,
                     order=pubmed.order_key(path.name) if kind == "pubmed" else None)
                for path in paths
            ]  # fmt: skip
            commits = len(self.store.commits())
        total = {name: sum(line[name] for line in lines) for name in ("records", "deletions", "quarantined")}
        warnings = [f"{line['file']}: {line['quarantined']} unusable records are in quarantine" for line in lines
                    if line["quarantined"]]  # fmt: skip
        return {"files": lines, **total, "commit": commits or None, "warnings": warnings, "usage": _usage(started)}

    def refresh(
        self, *, offline: bool = False, dry_run: bool = False, progress: refresh.Progress | None = None
    ) -> dict[str, Any]:
        """Bring indexes and graph up to what was loaded; a second call writes nothing.

        No remote source is enabled in this version, so `offline` changes nothing yet.
        """
        del offline
        started = time.perf_counter()
        if dry_run:
            return {"pending": self._pending(), "dry_run": True, "warnings": [], "usage": _usage(started)}
        before = refresh.current(self.rooms)
        if not self.rooms.writable and before is None:
            raise BadInputError("the packaged home is read-only", where="home", expected="run consilience init DIR")
        pointer, changed = refresh.run(self.rooms, self.now(), progress)
        counts = self.status()
        return {
            "snapshot": pointer.snapshot, "index": pointer.index, "kg": pointer.kg,
            "refreshed_at": pointer.refreshed_at, "documents": counts["documents"],
            "passages": counts["passages"], "claims": counts["claims"], "entities": counts["entities"],
            "changed": changed,
            "written": pointer.commits - (before.commits if before else 0) if changed else 0,
            "warnings": [], "usage": _usage(started),
        }  # fmt: skip

    def _pending(self) -> int:
        pointer = refresh.current(self.rooms)
        return len(self.store.commits()) - (pointer.commits if pointer else 0)

    # ---------------------------------------------------------------- looking

    @property
    def view(self) -> View:
        """What questions see now: the last completed refresh, opened."""
        pointer = refresh.current(self.rooms)
        if self._view is None or self._view.pointer != pointer:
            self._view = View(self.rooms, self.store, pointer)
        return self._view

    def status(self) -> dict[str, Any]:
        """Counts of documents by status, of passages, claims and entities, and how much is pending."""
        view, clocks = self.view, self._clocks(None, None)
        counts = dict.fromkeys(("active", "retracted", "superseded", "concern", "corrected", "deleted"), 0)
        body: dict[str, Any] = {"documents": counts, "passages": 0, "claims": 0, "entities": 0}
        if view.pointer:
            corpus = view.corpus
            known = (corpus.known_from <= clocks.instant) & (clocks.instant < corpus.known_until)
            counts["deleted"] = int((known & ~corpus.alive).sum())
            for document in corpus.marks:
                rows = corpus.rows_by_id.get(document, [])
                if any(known[r] and corpus.alive[r] for r in rows):
                    counts[corpus.status(document, clocks).name] += 1
            # What no mark names is active; so is what is marked only for a day still to come.
            marked = sum(counts[name] for name in counts if name not in ("active", "deleted"))
            counts["active"] = int((known & corpus.alive).sum()) - marked
            body.update(passages=corpus.passages.num_rows, **view.counts)
        pointer = view.pointer
        return {
            **body,
            "snapshot": pointer.snapshot if pointer else None, "index": pointer.index if pointer else None,
            "kg": pointer.kg if pointer else None, "refreshed_at": pointer.refreshed_at if pointer else None,
            "pending": self._pending(), "shortfalls": [],
            "quarantined": sum(c.quarantined for c in self.store.commits()),
        }  # fmt: skip

    def show(
        self, id: str, *, version: str | None = None, as_of: Day = None, known_at: Instant = None
    ) -> dict[str, Any]:
        """One document as it stood on the clocks, with its versions."""
        clocks = self._clocks(as_of, known_at)
        corpus = self.view.corpus
        document = corpus.document(corpus.row_of(id.strip(), clocks, version))
        document = replace(document, deleted=_is_deleted(corpus, document.id, clocks))
        about = described(corpus, document, clocks)
        body = {
            "id": document.id, "version": document.version, "status": about["status"], "preprint": document.preprint,
            "published": about["published"], "design": document.design, "fields": dict(document.fields),
            "sha256": {name: sha256(text) for name, text in document.fields.items()},
            "versions": corpus.versions(document.id, clocks), "study": document.study,
            "record": dict(document.meta),
        }  # fmt: skip
        optional = {"source_version": document.source_version, "license": document.meta.get("license"),
                    "retracted_since": about.get("retracted_since")}  # fmt: skip
        return {**body, **{name: value for name, value in optional.items() if value}}

    def search(
        self, query: str, *, top: int = 10, passages: bool = False, as_of: Day = None, known_at: Instant = None,
        design: Sequence[str] = (), retriever: str = "hybrid",
    ) -> dict[str, Any]:  # fmt: skip
        """The best documents (or passages) for a query, on both clocks."""
        started = time.perf_counter()
        asked = reasoning.checked_question(query, "query")
        if not 1 <= top <= 1000:
            raise BadInputError(f"top is {top}", where="top", expected="1 to 1000")
        _check_retriever(retriever)
        if unknown := [name for name in design if name not in DESIGNS]:
            raise BadInputError(f"no design {unknown[0]!r}", where="design", expected=", ".join(DESIGNS))
        clocks = self._clocks(as_of, known_at)
        view = self.view
        hits: list[dict[str, Any]] = []
        if view.pointer:
            found = view.index.search(asked, top=top, clocks=clocks, retriever=retriever, designs=design)
            reader = Reader(asked, view.corpus, view.index, view.entailment, clocks)
            hits = [row for hit in found for row in _hits(view, hit, reader, passages)][:top]
        return {
            "query": asked, **_told(clocks), "retriever": retriever,
            "hits": [{"rank": rank, **hit} for rank, hit in enumerate(hits, start=1)],
            "warnings": self._warnings(clocks), "usage": _usage(started),
        }  # fmt: skip

    # ---------------------------------------------------------------- asking

    def ask(
        self, question: str, *, as_of: Day = None, known_at: Instant = None, chains: int | None = None,
        model: str | None = None, trace: bool = False, retriever: str = "hybrid",
    ) -> dict[str, Any]:  # fmt: skip
        """Answer a question by several chains, every sentence a checked quotation, or abstain and say why."""
        started = time.perf_counter()
        if model is not None:
            raise BadInputError(
                f"no language model {model!r}", where="model", expected="no model: none is built in yet"
            )
        _check_retriever(retriever)
        reasoning.checked_number(chains)
        clocks = self._clocks(as_of, known_at)
        view = self.view
        asked = reasoning.checked_question(question)
        body = (
            reasoning.ask(asked, view.ground(clocks, retriever), number=chains, trace=trace)
            if view.pointer
            else reasoning.nothing_loaded(asked)
        )
        return {**body, **_told(clocks), "warnings": self._warnings(clocks),
                "provenance": view.provenance(chains, retriever),
                "usage": {**_usage(started), "tokens": 0, "cost": 0.0}}  # fmt: skip

    def verify(
        self, claim: str, *, against: Sequence[str] = (), evidence_text: str | None = None, as_of: Day = None,
        known_at: Instant = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Judge whether the evidence supports a claim: all of it, that of named documents, or a text that is given."""
        started = time.perf_counter()
        statement = reasoning.checked_question(claim, "claim")
        if against and evidence_text is not None:
            raise BadInputError("both against and evidence_text", where="against", expected="one of the two")
        clocks = self._clocks(as_of, known_at)
        view = self.view
        if evidence_text is not None:
            body = reasoning.verify_text(statement, evidence_text, view.entailment)
        elif view.pointer:
            body = reasoning.verify_claim(statement, view.ground(clocks, "hybrid"), against=against)
        elif against:
            raise NotFoundError(
                f"no document {against[0]}", where=against[0], expected="consilience ingest, then refresh"
            )
        else:
            body = {"claim": statement, "verdict": "insufficient", "citations": [],
                    "probabilities": {"supported": 0.0, "refuted": 0.0, "insufficient": 1.0}}  # fmt: skip
        return {**body, **_told(clocks), "warnings": [*body.get("warnings", ()), *self._warnings(clocks)],
                "provenance": view.provenance(None, "hybrid"), "usage": _usage(started)}  # fmt: skip

    def extract(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Entities and relations of documents that need not be loaded, a line each."""
        from consilience.kg.extract import Source, as_contract, extract

        for line in lines:
            name = line.get("id") or (f"PMID:{line['pmid']}" if line.get("pmid") else "")
            if not name:
                raise BadInputError("a document has neither id nor pmid", where="line", expected="id or pmid")
            texts = {field: normal_space(str(line.get(field) or "")) for field in ("title", "abstract", "text")}
            source = Source(str(name), **texts)
            yield as_contract(extract(source, self.view.linker), source, sha256("\n".join(texts.values()))[:12])

    # ---------------------------------------------------------------- the graph

    def graph_about(
        self, entity: str, *, as_of: Day = None, known_at: Instant = None, limit: int = 100
    ) -> dict[str, Any]:
        """The edges round one entity."""
        return self._graph(lambda graph, **on: graph.about(self._entity(entity), limit=limit, **on), as_of, known_at)

    def graph_history(
        self, subject: str, predicate: str | None = None, object: str | None = None, *, as_of: Day = None,
        known_at: Instant = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Edges of a subject with the course of their belief."""
        other = self._entity(object) if object else None
        return self._graph(
            lambda graph, **on: graph.history(self._entity(subject), predicate, other, **on), as_of, known_at
        )

    def graph_paths(
        self, a: str, b: str, *, as_of: Day = None, known_at: Instant = None, limit: int = 5
    ) -> dict[str, Any]:
        """The most believed paths between two entities."""
        return self._graph(
            lambda graph, **on: graph.paths(self._entity(a), self._entity(b), limit=limit, **on), as_of, known_at
        )

    def graph_conflicts(self, *, as_of: Day = None, known_at: Instant = None, limit: int = 100) -> dict[str, Any]:
        """Edges on which independent studies disagree."""
        return self._graph(lambda graph, **on: graph.conflicts(limit=limit, **on), as_of, known_at)

    def _graph(self, ask: Callable[..., list[dict[str, Any]]], as_of: Day, known_at: Instant) -> dict[str, Any]:
        clocks = self._clocks(as_of, known_at)
        rows = ask(self.view.graph, as_of=clocks.as_of, known_at=clocks.known_at) if self.view.pointer else []
        return {"rows": rows, **_told(clocks), "warnings": self._warnings(clocks)}

    def _entity(self, name: str) -> str:
        found = self.view.linker.link_name(reasoning.checked_question(name, "entity"))
        if found is None:
            raise NotFoundError(
                f"no entity is called {name!r}", where=name, expected="a name or an identifier such as MESH:D006973"
            )
        return found.identifier

    # ---------------------------------------------------------------- screening and evaluation

    def simulate(
        self, path: str | Path, *, label: str = "label_included", seed: int = 0, prior_ids: Sequence[str] | None = None,
        stop: str = "buscar", target: float = 0.95, confidence: float = 0.95,
    ) -> dict[str, Any]:  # fmt: skip
        """Replay a labelled review as if it were screened in our order, with a stop rule."""
        from consilience import screening

        records = screening.read_labelled(Path(path))
        return screening.simulate(
            records, label=label, seed=seed, prior_ids=prior_ids, stop=stop, target=target, confidence=confidence
        )

    def evaluate(self, suite: str, *, data: str | Path | None = None) -> dict[str, Any]:
        """Run one suite of evaluation/ and report its measures beside its baselines."""
        from consilience.evaluation import run, suites

        path = self.rooms.evaluation / f"{suite}.yaml"
        if suite not in suites(self.rooms.evaluation):
            known = ", ".join(suites(self.rooms.evaluation))
            raise BadInputError(f"no suite {suite!r}", where="suite", expected=known)
        runs = self.rooms.evaluation / "runs"
        result = run(path, self, data=Path(data) if data else None, temporary=self.temporary, runs=runs)
        # Told as the home sees it: a path of this machine is nobody else's business.
        return {**result, "report": Path(result["report"]).relative_to(self.rooms.root).as_posix()}

    def temporary(self, corpus: Path) -> AbstractContextManager[Home]:
        """A throw-away home filled from one file of records: how a suite runs on a corpus of its own."""
        return _temporary(corpus, self.now)

    def doctor(self) -> dict[str, Any]:
        """Look at stores and installed parts; every fault comes with its repair."""
        checks = [*self._check_stores(), *_check_packages()]
        return {"ok": all(check["ok"] for check in checks), "checks": checks}

    def _check_stores(self) -> Iterator[dict[str, Any]]:
        def check(name: str, act: Callable[[], str], repair: str) -> dict[str, Any]:
            try:
                return {"name": name, "ok": True, "detail": act()}
            except StoreDamagedError as error:
                return {"name": name, "ok": False, "detail": error.message, "repair": error.expected or repair}
            except ValueError as error:
                return {"name": name, "ok": False, "detail": str(error), "repair": repair}
            except OSError as error:  # its text would tell paths
                return {"name": name, "ok": False, "detail": error.strerror or "unreadable", "repair": repair}

        yield check("commits", self._commits_are_whole, "restore corpora/store from a backup")
        yield check("snapshot", self._view_opens, "run consilience refresh")

    def _commits_are_whole(self) -> str:
        for commit in self.store.commits():
            if not self.store.rows_path(commit.seq).exists():
                raise StoreDamagedError(f"the facts of commit {commit.seq} are missing")
            self.store.texts(commit.seq)
        return f"{len(self.store.commits())} commits, all there"

    def _view_opens(self) -> str:
        view = self.view
        if view.pointer is None:
            return "nothing has been refreshed yet"
        _ = view.index.lexical, view.index.dense, view.graph
        return f"{view.corpus.table.num_rows} document versions, {view.counts['claims']} claims"

    # ---------------------------------------------------------------- clocks

    def _clocks(self, as_of: Day, known_at: Instant) -> Clocks:
        now = self.now()
        return Clocks(
            as_of=parse_day(as_of) if as_of is not None else now.date(),
            known_at=parse_instant(known_at) if known_at is not None else now,
            explicit=as_of is not None,
        )

    def _warnings(self, clocks: Clocks) -> list[str]:
        if self.view.pointer is None:
            return ["nothing has been refreshed yet: run consilience ingest, then consilience refresh"]
        undated, later = self.view.corpus.hidden(clocks)
        told = [f"{undated} undated documents are hidden under an explicit date"] if undated else []
        if later and not clocks.explicit:
            told.append(f"{later} documents are dated after today (a coarse date counts from its end) and are hidden")
        pending = self._pending()
        return [*told, *([f"{pending} loaded files wait for consilience refresh"] if pending else [])]


@contextmanager
def _temporary(corpus: Path, now: Callable[[], datetime]) -> Iterator[Home]:
    with TemporaryDirectory(prefix="consilience-") as folder:
        opened = Home(home.init(Path(folder) / "home"), now)
        report = opened.ingest_records([corpus])
        if refused := [line for line in report["files"] if line["status"] == "refused"]:
            raise BadInputError(f"the corpus cannot be read: {refused[0]['error']['message']}", where=corpus.name)
        opened.refresh()
        yield opened


def _hits(view: View, hit: Hit, reader: Reader, passages: bool) -> Iterator[dict[str, Any]]:
    """The rows of one hit, read from the view that found it: a refresh meanwhile gives rows other numbers."""
    document = view.corpus.document(hit.row)
    about = described(view.corpus, document, reader.clocks)
    best = reader.sentences(document) or reader.best(document)
    places = [(s.field, s.start, s.end) for s in best[: 3 if passages else 1]]
    if hit.passage is not None and not passages and not places:
        places = [view.passage_span(hit.passage)]
    for place in places:
        yield {
            "id": document.id, "version": document.version, **about, "score": round(hit.score, 6),
            "parts": {name: round(value, 6) for name, value in hit.parts.items()},
            "span": document.span(*place).as_json(),
        }  # fmt: skip


def _is_deleted(corpus: Corpus, document: str, clocks: Clocks) -> bool:
    """Say whether a document is deleted by then; an older version asked for by name is deleted with it."""
    rows = corpus.rows_by_id[document]
    return any(not corpus.alive[r] and corpus.known_from[r] <= clocks.instant < corpus.known_until[r] for r in rows)


def _check_retriever(name: str) -> None:
    if name not in RETRIEVERS:
        raise BadInputError(f"no retriever {name!r}", where="retriever", expected=", ".join(RETRIEVERS))


def _told(clocks: Clocks) -> dict[str, str]:
    return {"as_of": clocks.as_of.isoformat(), "known_at": instant_text(clocks.known_at)}


def _usage(started: float) -> dict[str, Any]:
    return {"seconds": round(time.perf_counter() - started, 6)}


def _check_packages() -> Iterator[dict[str, Any]]:
    yield {"name": "python", "ok": True, "detail": f"{platform.python_version()}, {os.cpu_count()} cores"}
    for name, repair in (("faiss-cpu", "install the cpu extra"), ("openvino", "install the models extra")):
        try:
            yield {"name": name, "ok": True, "detail": installed_version(name)}
        except ModuleNotFoundError:
            yield {"name": name, "ok": False, "detail": "not installed", "repair": repair}


__all__ = ["Document", "Home", "View", "init_home", "open_home"]
