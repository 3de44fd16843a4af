"""Paraphrases: nothing gets out that its quotations do not say, whatever is put in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consilience.corpora.corpus import Document
from consilience.models import Judgement
from consilience.models.perturbations import mutants
from consilience.reasoning import Ground
from consilience.reasoning.cite import Citations, holds, is_tight
from consilience.reasoning.evidence import Finding
from tests.making import clocks, paper
from tests.models.test_verifier import Credulous

GroundOf = Callable[..., Ground]
SENTENCE = "In 412 adults, velorine 20 mg daily reduced attacks of asthma by 31%."
OTHER = "It was not safe in children."
TEXT = f"{SENTENCE} {OTHER}"
GONE = paper(2, abstract=SENTENCE, links=[("RetractionIn", "9", "J Synth. 2015 Mar 2;1(1):1")])


def finding(cited: Citations, number: int = 1, start: int = 0, end: int = len(SENTENCE)) -> Finding:
    judged, name = Judgement(0.9, 0.05, 0.05), f"PMID:{number}"
    row = cited.corpus.row_of(name, cited.clocks)
    return Finding("passage", row, name, name, "rct", "abstract", start, end, judged, 1, 2010, 0.9, 1.0)


def source(cited: Citations) -> Document:
    return cited.corpus.document(cited.corpus.row_of("PMID:1", cited.clocks))


@pytest.fixture
def cited(ground_of: GroundOf) -> Citations:
    ground = ground_of(paper(1, abstract=TEXT), GONE)
    return Citations(ground.corpus, clocks(), entailment=Credulous(), names=ground.linker)


def test_a_tight_paraphrase_stands_with_its_citations(cited: Citations) -> None:
    said = cited.paraphrase("Velorine reduced  attacks of asthma by 31%.", [finding(cited), finding(cited)])
    assert said == {"text": "Velorine reduced attacks of asthma by 31%.", "citations": [0]}
    assert holds(cited.rows[0], source(cited))


def test_a_whole_quotation_stands_as_it_is(cited: Citations) -> None:
    quoted = Citations(cited.corpus, cited.clocks)
    assert quoted.paraphrase(SENTENCE, [finding(cited)]) == {"text": SENTENCE, "citations": [0]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Velorine reduced attacks of asthma by 30%.",
        "Velorine did not reduce attacks of asthma.",
        "Velorine increased attacks of asthma.",
        "Velorine reduced attacks of asthma in children.",
        "Velorine reduced attacks of gout.",
        "Velorine reduced attacks of zelopathy.",
        "Velorine reduced attacks of asthma (PMID 12345678).",
        "Velorine reduced attacks of asthma, see 10.5555/made.up.",
        "Velorine reduced attacks of asthma [3].",
        "Velorine reduced attacks of asthma as Smith et al found.",
        "Velorine reduced attacks of asthma. It is safe.",
        "Patients everywhere should therefore start velorine without delay.",
        "Velorine reduced attacks " * 40 + ".",
    ],
)
def test_what_the_quotation_does_not_say_is_not_said_and_cites_nothing(cited: Citations, text: str) -> None:
    assert cited.paraphrase(text, [finding(cited)]) is None
    assert cited.rows == []


def test_without_a_judge_or_a_quotation_there_is_no_paraphrase(cited: Citations) -> None:
    text = "Velorine reduced attacks of asthma by 31%."
    assert Citations(cited.corpus, cited.clocks).paraphrase(text, [finding(cited)]) is None
    assert cited.paraphrase(text, []) is None


def test_one_retracted_source_takes_the_paraphrase_with_it(cited: Citations) -> None:
    assert cited.paraphrase("Velorine reduced attacks of asthma by 31%.", [finding(cited), finding(cited, 2)]) is None
    assert cited.rows == []


@pytest.mark.parametrize("seed", range(5))
def test_every_mutant_of_a_quotation_is_refused(cited: Citations, seed: int) -> None:
    made = [mutant for mutant in mutants(SENTENCE, seed=seed, each=5) if mutant.kind != "negation"]
    assert len(made) >= 5
    for mutant in made:
        assert cited.paraphrase(mutant.text, [finding(cited)]) is None, mutant


PIECES = st.sampled_from(["velorine", "reduced", "not", "attacks", "asthma", "31%", "13%", "PMID:1", "[0]", "children",
                          "20 mg", "20 g", "10.5555/x", "no", ".", "increased", "by", "of", "adults"])  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(PIECES, max_size=12), start=st.integers(0, len(TEXT)), length=st.integers(0, 90))
def test_no_made_up_number_name_or_quotation_gets_out(
    cited: Citations, words: list[str], start: int, length: int
) -> None:
    text, end = " ".join(words), min(len(TEXT), start + length)
    fresh = Citations(cited.corpus, cited.clocks, entailment=Credulous(), names=cited.names)
    if start == end:
        return
    said = fresh.paraphrase(text, [finding(cited, 1, start, end)])
    quote = TEXT[start:end]
    assert all(holds(row, source(cited)) and row["quote"] in TEXT for row in fresh.rows)
    assert (said is None) == (fresh.rows == [])
    if said is not None and said["text"] != quote:
        assert is_tight(said["text"], quote, TEXT)
        assert not {"13%", "PMID:1", "[0]", "10.5555/x", "20 g"} & set(said["text"].split())
