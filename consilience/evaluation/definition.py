"""The definitions under evaluation/*.yaml, as data: unknown keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from consilience.errors import BadInputError
from consilience.evaluation.measures import RANKING

MAX_DEFINITION = 256 * 1024

QuestionForm = Literal["plain", "scifact", "pubmedqa", "bioasq"]
CorpusForm = Literal["records", "scifact", "pubmedqa", "bioasq"]
RetrievalSystem = Literal["hybrid", "lexical", "dense", "rank_bm25"]
AnsweringSystem = Literal["all_chains", "one_chain", "bm25_only", "majority"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bootstrap(_Strict):
    """How the intervals are drawn."""

    resamples: int = Field(default=1000, ge=100, le=100_000)
    seed: int = Field(default=0, ge=0)


class Sample(_Strict):
    """A quick run over `n` questions drawn without replacement by this seed."""

    n: int = Field(ge=1)
    seed: int = Field(default=0, ge=0)


class CorpusFile(_Strict):
    """One file of the throw-away corpus a suite runs on, in its own form."""

    path: str = Field(min_length=1)
    format: CorpusForm = "records"


def _as_files(value: object) -> object:
    items = value if isinstance(value, list) else [value]
    return [{"path": item} if isinstance(item, str) else item for item in items]


class _Suite(_Strict):
    description: str = ""
    data: str = Field(min_length=1)
    bootstrap: Bootstrap = Bootstrap()


class _Questions(_Suite):
    format: QuestionForm | None = None
    corpus: Annotated[tuple[CorpusFile, ...], BeforeValidator(_as_files)] = ()
    as_of: str | None = Field(default=None, pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    sample: Sample | None = None


class RetrievalSuite(_Questions):
    """Rankings of several retrievers against the documents known to be relevant."""

    kind: Literal["retrieval"]
    systems: tuple[RetrievalSystem, ...] = Field(default=("hybrid", "lexical", "dense", "rank_bm25"), min_length=1)
    measures: tuple[str, ...] = Field(default=RANKING, min_length=1)
    top: int = Field(default=100, ge=1, le=1000)
    reference_cap: int = Field(default=50_000, ge=1)

    @field_validator("measures")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        import ir_measures

        for name in names:
            try:
                ir_measures.parse_measure(name)
            except (NameError, SyntaxError, ValueError) as failure:
                raise ValueError(f"{name!r} is no measure of ir_measures, e.g. nDCG@10") from failure
        return names


class AnsweringSuite(_Questions):
    """Verdicts on yes/no questions, with all chains, one chain, plain BM25 and the majority class."""

    kind: Literal["answering"]
    systems: tuple[AnsweringSystem, ...] = Field(
        default=("all_chains", "one_chain", "bm25_only", "majority"), min_length=1
    )
    answers: Literal["yes/no/maybe", "yes/no", "verdict"] | None = None


class ScreeningSuite(_Suite):
    """Simulated screening of labelled files over several seeds."""

    kind: Literal["screening"]
    label: str = "label_included"
    group: str | None = None
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=tuple(range(10)), min_length=1)
    stop: str = "buscar"
    target: float = Field(default=0.95, gt=0, le=1)
    confidence: float = Field(default=0.95, gt=0, lt=1)


class LinkingSuite(_Suite):
    """Damaged copies and near neighbours of real records: which are one document, which one study.

    `half` keeps development and final records apart; `also` names further files, each a pool of its own.
    """

    kind: Literal["linking"]
    also: tuple[str, ...] = ()
    half: Literal["development", "final"] = "final"
    seed: int = Field(default=0, ge=0)
    records: int = Field(default=10_000, ge=10)
    copies: int = Field(default=2_000, ge=1)
    neighbours: int = Field(default=1_200, ge=0)
    shortest_title: int = Field(default=30, ge=1)


class GuidelineChangesSuite(_Suite):
    """Changes of known kinds made by rule in the recommendations of a guideline file: what are they taken for?"""

    kind: Literal["guideline_changes"]


class Hold(_Strict):
    """A figure that must not get worse than by its tolerance, over all `n` questions of its suite."""

    suite: str
    system: str
    measure: str
    n: int = Field(ge=1)
    value: float
    tolerance: float = Field(ge=0)
    source: str = ""


class Baselines(_Strict):
    """The numbers to hold."""

    kind: Literal["baselines"]
    holds: tuple[Hold, ...] = ()


Suite = RetrievalSuite | AnsweringSuite | ScreeningSuite | LinkingSuite | GuidelineChangesSuite

_SUITE: TypeAdapter[Suite] = TypeAdapter(Annotated[Suite, Field(discriminator="kind")])
_BASELINES: TypeAdapter[Baselines] = TypeAdapter(Baselines)
_T = TypeVar("_T")


def load_suite(path: Path) -> Suite:
    """The suite a YAML file defines."""
    return _load(path, _SUITE)


def load_baselines(path: Path) -> Baselines:
    """The numbers to hold that a YAML file lists."""
    return _load(path, _BASELINES)


def _load(path: Path, adapter: TypeAdapter[_T]) -> _T:
    try:
        return adapter.validate_python(_yaml(path))
    except ValidationError as failure:
        problem = failure.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise BadInputError(
            f"{place}: {problem['msg']}" if place else problem["msg"],
            where=path.name,
            expected="the keys named in evaluation/README.md",
        ) from None


def _yaml(path: Path) -> object:
    if not path.is_file():
        raise BadInputError("There is no such definition.", where=path.name, expected="a YAML file in evaluation/")
    if path.stat().st_size > MAX_DEFINITION:
        raise BadInputError("The definition is too long.", where=path.name, expected=f"at most {MAX_DEFINITION} bytes")
    try:
        text = path.read_text(encoding="utf-8")
        # A few aliases can stand for gigabytes; no definition of ours needs one.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise BadInputError("YAML aliases are not read.", where=path.name, expected="plain YAML")
        return yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as failure:
        raise BadInputError("The definition is not YAML.", where=path.name, expected="plain YAML") from failure
