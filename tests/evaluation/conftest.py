"""A small real engine: BM25 over a dozen invented texts, and an answerer that reads the best of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from rank_bm25 import BM25Okapi

from consilience.errors import BadInputError
from consilience.records import sha256

INVENTED = {
    "PMID:1": "Velorine lowered mortality after stroke in a randomised trial of 412 adults.",
    "PMID:2": "Velorine did not lower mortality after stroke in a registry of 3,000 adults.",
    "PMID:3": "Tamsidol improved sleep in children with eczema.",
    "PMID:4": "Tamsidol did not improve sleep in adults with eczema.",
    "PMID:5": "Bravexin reduced migraine days; 120 patients were followed for a year.",
    "PMID:6": "Bravexin did not change blood pressure in migraine.",
    "PMID:7": "Corlastat lowered cholesterol in older men.",
    "PMID:8": "Corlastat caused muscle pain in one patient in ten.",
    "PMID:9": "A garden programme improved mood in nursing homes.",
    "PMID:10": "Music did not improve mood in nursing homes.",
    "PMID:11": "Early walking shortened hospital stay after hip surgery.",
    "PMID:12": "Late walking did not shorten hospital stay after hip surgery.",
}


def split(text: str) -> list[str]:
    return text.lower().replace(".", " ").replace(",", " ").replace("?", " ").split()


class SmallEngine:
    """Search by BM25 (`dense` is not there), verdicts by the negations in what is found, quotes of whole texts."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.held = texts
        self.ids = list(texts)
        self.bm25 = BM25Okapi([split(text) for text in texts.values()])
        self.simulations = 0

    def search(self, query: str, *, top: int, retriever: str, as_of: str | None = None) -> dict[str, Any]:
        if retriever == "dense":
            raise BadInputError("There is no dense index.", where="retriever", expected="lexical")
        words = split(query) if retriever == "lexical" else split(query) * 2
        scores = self.bm25.get_scores(words)
        best = sorted(range(len(self.ids)), key=lambda place: (-scores[place], place))
        hits = [place for place in best if scores[place] > 0][:top]
        return {"query": query, "hits": [{"rank": r, "id": self.ids[p]} for r, p in enumerate(hits, start=1)]}

    def ask(
        self, question: str, *, as_of: str | None = None, chains: int | None = None, retriever: str = "hybrid"
    ) -> dict[str, Any]:
        hits = self.search(question, top=chains or 3, retriever=retriever)["hits"]
        if not hits:
            return self._abstained(question)
        against = sum("did not" in self.held[hit["id"]] for hit in hits) / len(hits)
        masses = {"yes": 1 - against, "no": against, "mixed": 0.0, "insufficient": 0.0}
        return {
            "question": question,
            "kind": "polar",
            "abstained": None,
            "verdict": max(masses, key=masses.__getitem__),
            "probabilities": masses,
            "sentences": [{"text": self.held[hits[0]["id"]], "citations": [0]}],
            "citations": [self._quoted(hit["id"]) for hit in hits],
            "provenance": {"snapshot": "s", "index": "bm25"},
        }

    def _abstained(self, question: str) -> dict[str, Any]:
        masses = {"yes": 0.0, "no": 0.0, "mixed": 0.0, "insufficient": 1.0}
        return {
            "question": question,
            "abstained": {"reason": "no_evidence", "detail": ""},
            "verdict": "insufficient",
            "probabilities": masses,
            "sentences": [],
            "citations": [],
        }

    def _quoted(self, document: str) -> dict[str, Any]:
        text = self.held[document]
        span = {"id": document, "version": "v", "field": "abstract", "start": 0, "end": len(text)}
        return {**span, "quote": text, "sha256": sha256(text)}

    def show(self, document_id: str, *, version: str | None = None) -> dict[str, Any]:
        return {"id": document_id, "fields": {"abstract": self.held[document_id]}}

    def texts(self) -> Iterator[tuple[str, str]]:
        yield from self.held.items()

    def simulate(
        self, path: Path, *, label: str, seed: int, stop: str, target: float, confidence: float
    ) -> dict[str, Any]:
        """Ranks the file by BM25 against one include chosen by seed, which is left out of every count."""
        self.simulations += 1
        records = [json.loads(line) for line in path.read_text().splitlines()]
        includes = [place for place, record in enumerate(records) if record[label]]
        prior = includes[seed % len(includes)]
        scores = BM25Okapi([split(record["title"]) for record in records]).get_scores(split(records[prior]["title"]))
        rest = sorted((p for p in range(len(records)) if p != prior), key=lambda p: (-scores[p], p))
        found = [records[place][label] for place in rest]
        n, r = len(found), sum(found)
        last = max(rank for rank, hit in enumerate(found, start=1) if hit)
        ranks = [rank for rank, hit in enumerate(found, start=1) if hit]
        return {
            "records": n,
            "includes": r,
            "wss@95": 1 - last / n - 0.05,
            "recall@10%": sum(found[: round(0.1 * n)]) / r,
            "atd": sum(ranks) / r,
            "loss": (r * (n - (r - 1) / 2) - sum(n - rank + 1 for rank in ranks)) / (r * (n - r)),
            "stop": {"rule": stop, "at": last, "recall": 1.0, "saved": 1 - last / n, "claim": ""},
        }


@contextmanager
def temporary(path: Path) -> Iterator[SmallEngine]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    yield SmallEngine({row.get("id") or f"PMID:{row['pmid']}": f"{row['title']} {row['abstract']}" for row in rows})


@pytest.fixture
def engine() -> SmallEngine:
    return SmallEngine(dict(INVENTED))


@pytest.fixture(name="temporary")
def temporary_factory() -> Any:
    return temporary


@pytest.fixture
def shelving(engine: SmallEngine) -> Any:
    """What retrieval suites search: the small engine itself, or one over the suite's own corpus."""
    return lambda path: temporary(path) if path else nullcontext(engine)


@pytest.fixture
def write_lines(tmp_path: Path) -> Any:
    def write(name: str, *rows: dict[str, Any]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write
