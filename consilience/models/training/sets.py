"""The labelled sets that train and measure entailment, as pairs of claim and evidence.

SciFact (CC BY 4.0), CliniFact (MIT), the CC BY / CC0 articles of Evidence Inference v2 (annotations MIT) and PubMedQA
(MIT) train; HealthVer never.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consilience.models.cues import read
from consilience.text import sentences

SEED = 13
# How many rationale sentences SciFact's annotators marked, out of 20 rationales.
_RATIONALE_LENGTHS = (1,) * 18 + (2, 3)


@dataclass(frozen=True, slots=True)
class Pair:
    """A labelled claim and evidence; pairs of one group stay on one side of a split."""

    claim: str
    evidence: str
    label: str
    group: str
    kind: str = "sentences"
    weight: float = 1.0


def scifact(data: Path) -> list[Pair]:
    """Claims against rationales and whole abstracts; a cited abstract without evidence is neutral."""
    corpus = {document["doc_id"]: document for document in lines_of(data, "scifact_corpus")}
    found: list[Pair] = []
    for row in lines_of(data, "scifact_claims"):
        claim, group = row["claim"], f"scifact:{row['id']}"
        for identifier in row["cited_doc_ids"]:
            document = corpus[identifier]
            marked = [one for one in row["evidence"] if one["doc_id"] == identifier]
            label = {"SUPPORT": "supports", "CONTRADICT": "refutes"}[marked[0]["label"]] if marked else "neutral"
            rationales = [" ".join(document["abstract"][i] for i in one["sentences"]) for one in marked]
            found.extend(Pair(claim, rationale, label, group) for rationale in rationales)
            if not marked:
                count = _RATIONALE_LENGTHS[(7 * row["id"] + identifier) % len(_RATIONALE_LENGTHS)]
                found.append(Pair(claim, _nearest(claim, document["abstract"], count), label, group))
            whole = " ".join([document["title"] + ".", *document["abstract"]])
            found.append(Pair(claim, whole, label, group, "abstract"))
    return found


def clinifact(data: Path, split: str = "train") -> list[Pair]:
    """Trial claims against abstracts, whole and shortened; a result that is not significant refutes superiority."""
    labels = {"evidence": "supports", "inconclusive": "refutes", "no_info": "neutral"}
    found: list[Pair] = []
    for row in lines_of(data, "clinifact"):
        if row["split"] != split:
            continue
        title, abstract, label = row["article_title"], row["article_abstract"], labels[row["label_name"]]
        parts = [abstract[start:end] for start, end in sentences(abstract)]
        short = " ".join([title, _nearest(row["claim"], parts[:-2], 2), *parts[-2:]])
        found.append(Pair(row["claim"], f"{title} {abstract}", label, row["nctId"], "abstract"))
        found.append(Pair(row["claim"], short, label, row["nctId"]))
    return found


_RISES = ("{i} increases {o} compared with {c}", "{o} is higher with {i} than with {c}", "Does {i} increase {o}?")
_FALLS = ("{i} reduces {o} compared with {c}", "{o} is lower with {i} than with {c}", "Does {i} decrease {o}?")
_SAME = ("{i} does not affect {o} compared with {c}", "There is no difference in {o} between {i} and {c}")
_DIFFERS = ("{i} affects {o} compared with {c}", "Does {i} affect {o} compared with {c}?")
# template family -> the finding that makes it true
_TRUE_OF = {_RISES: {"up"}, _FALLS: {"down"}, _SAME: {"none"}, _DIFFERS: {"up", "down"}}


def evidence_inference(data: Path) -> list[Pair]:
    """Sentences made of intervention, outcome and comparator, against the rationale; another article's is neutral."""
    free = {a["pmcid"] for a in lines_of(data, "evidence_inference_articles") if a["license_class"] in ("CC-by", "CC0")}
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for row in lines_of(data, "evidence_inference"):
        if row["pmcid"] in free and row["valid_label"] and row["valid_reasoning"] and row["evidence"].strip():
            kept.setdefault((row["prompt_id"], row["label"]), row)
    chosen = random.Random(SEED)  # noqa: S311 - sampling, not secrets
    rows = list(kept.values())
    return [pair for row in rows for pair in _prompted(row, chosen.choice(rows), chosen)]


def _prompted(row: Mapping[str, Any], other: Mapping[str, Any], chosen: random.Random) -> Iterator[Pair]:
    finding = {"increased": "up", "decreased": "down", "difference": "none"}[row["label"].split()[-1]]
    names = {"i": row["intervention"], "o": row["outcome"], "c": row["comparator"]}
    for family in (_RISES, _FALLS, chosen.choice((_SAME, _DIFFERS))):
        label = "supports" if finding in _TRUE_OF[family] else "refutes"
        yield Pair(chosen.choice(family).format(**names), row["evidence"], label, row["pmcid"])
    if other["pmcid"] != row["pmcid"]:
        claim = chosen.choice(_RISES + _FALLS + _DIFFERS).format(**names)
        yield Pair(claim, other["evidence"], "neutral", row["pmcid"])


def pubmedqa(data: Path) -> list[Pair]:
    """Questions against the authors' conclusion, and against the abstract without it; maybe is neutral."""
    labels = {"yes": "supports", "no": "refutes", "maybe": "neutral"}
    rows = list(lines_of(data, "pubmedqa", folder="qa"))
    conclusions = [Pair(r["question"], r["long_answer"], labels[r["final_decision"]], r["pmid"]) for r in rows]
    contexts = [
        Pair(r["question"], " ".join(r["contexts"]), labels[r["final_decision"]], r["pmid"], "abstract") for r in rows
    ]
    return conclusions + contexts


def healthver(data: Path) -> list[Pair]:
    """Claims about COVID-19 against evidence: for evaluation only."""
    labels = {"Supports": "supports", "Refutes": "refutes", "Neutral": "neutral"}
    return [Pair(r["claim"], r["evidence"], labels[r["label"]], r["id"]) for r in lines_of(data, "healthver")]


def _nearest(claim: str, parts: Sequence[str], count: int) -> str:
    wanted = read(claim).whole.content
    shared = [len(wanted & read(part).whole.content) for part in parts]
    best = sorted(range(len(parts)), key=lambda index: (-shared[index], index))[:count]
    return " ".join(parts[index] for index in sorted(best))


def lines_of(data: Path, name: str, folder: str = "evidence") -> Iterator[dict[str, Any]]:
    """The rows of one file of the data folder."""
    with gzip.open(data / folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
