"""Five papers of one trial are one unit of evidence; reviews, comments and other trials are their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from consilience import open_home
from consilience.contract import validated
from consilience.corpora.corpus import Corpus
from consilience.corpora.trials import acronyms_in, cue_in, numbers_in, registry_of
from consilience.corpora.units import is_registration
from consilience.records import Record
from tests.making import TinyHome, clocks, paper

PEOPLE = ("Nordal Kari", "Ozeki Taro M", "Quint Ana")
RCT = ("D016449",)


@pytest.fixture
def home(tmp_path: Path) -> TinyHome:
    return TinyHome.make(tmp_path / "home")


def loaded(home: TinyHome, *records: Record) -> Corpus:
    home.load("a.xml", *records, known=0)
    return home.corpus()


def unit(corpus: Corpus, number: int, **on: Any) -> str:
    return corpus.study_of(f"PMID:{number}", clocks(**on))


# ---------------------------------------------------------------- registry numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("ClinicalTrials.gov number, NCT01234567.", "NCT01234567"), ("(nct 01234567)", "NCT01234567"),
        ("NCT-01234567", "NCT01234567"), ("ISRCTN 12345678", "ISRCTN12345678"), ("ISRCTN12345678)", "ISRCTN12345678"),
        ("EudraCT 2004-000446-20", "2004-000446-20"), ("EU CT 2022-501234-12-00", "2022-501234-12"),
        ("ACTRN12606000123456", "ACTRN12606000123456"), ("ChiCTR-TRC-10001234", "CHICTR10001234"),
        ("ChiCTR2000029308", "CHICTR2000029308"), ("CTRI/2009/091/000123", "CTRI/2009/091/000123"),
        ("UMIN-CTR 000001234", "UMIN000001234"), ("UMIN ID: C000000012", "UMIN000000012"),
        ("jRCTs031180001", "JRCTS031180001"), ("DRKS00001234", "DRKS00001234"), ("NTR 1234", "NTR1234"),
        ("Netherlands Trial Register NTR2345", "NTR2345"), ("IRCT20080901001157N13", "IRCT20080901001157N13"),
        ("PACTR201012000123456", "PACTR201012000123456"), ("KCT0001234", "KCT0001234"),
    ],
)  # fmt: skip
def test_a_number_is_read_however_authors_write_it(text: str, number: str) -> None:
    assert numbers_in(f"Registered as {text}") == (number,)
    assert registry_of(number) and is_registration(number if registry_of(number) != "NCT" else f"NCT:{number}")


@pytest.mark.parametrize(
    "text", ["NCT0123456", "NCT012345678", "NCT00000000", "function 12345678", "PMID:12345678", "A12", "NTR-like", ""]
)
def test_other_numbers_are_no_registrations(text: str) -> None:
    assert numbers_in(text) == () and not is_registration(text)


# ---------------------------------------------------------------- links


def test_papers_that_report_one_registration_are_one_unit(home: TinyHome) -> None:
    told = "ClinicalTrials.gov NCT01234567."
    corpus = loaded(
        home,
        paper(1, "Velorine in fever", types=RCT, registry_ids=("NCT01234567",)),
        paper(2, "Costs of velorine", abstract=f"Costs in a cohort. {told}"),
        paper(3, "Another trial", types=RCT, abstract="NCT 07654321"),
        paper(4, "Velorine: a meta-analysis", types=("D017418",), abstract=told),
        paper(5, "Velorine: pooled patients", abstract=f"Patients of {told} and NCT07654321."),
        paper(6, "Editorial on velorine", types=("D016421",), abstract=told),
    )
    assert unit(corpus, 1) == unit(corpus, 2) == "NCT:NCT01234567" and unit(corpus, 3) == "NCT:NCT07654321"
    assert [unit(corpus, n) for n in (4, 5, 6)] == ["PMID:4", "PMID:5", "PMID:6"]
    assert corpus.units(clocks()).study_members("PMID:1") == [("PMID:2", "reports NCT01234567, with NCT:NCT01234567")]


def test_a_trial_registered_twice_is_one_and_two_of_one_registry_are_not(home: TinyHome) -> None:
    corpus = loaded(
        home,
        paper(1, "Velorine", types=RCT, registry_ids=("NCT01234567", "2004-000446-20")),
        paper(2, "Velorine later", abstract="A cohort of EudraCT 2004-000446-20"),
        paper(3, "Two trials", types=RCT, registry_ids=("NCT01234567", "NCT07654321")),
    )
    assert unit(corpus, 1) == unit(corpus, 2) == "NCT:NCT01234567" and unit(corpus, 3) == "PMID:3"


def test_notices_and_preprints_are_of_the_study_they_are_about_and_comments_are_not(home: TinyHome) -> None:
    title = "Velorine against placebo in adults with brevital fever"
    corpus = loaded(
        home,
        paper(1, title, authors=PEOPLE, abstract="A randomised trial."),
        paper(2, f"Erratum: {title}", types=("D016425",), links=[("ErratumFor", "1", "")]),
        paper(3, f"Correction to: {title}", authors=PEOPLE),
        paper(4, title, authors=PEOPLE, types=("D000076942",), published="2009-01-01"),
        paper(5, f"Comment on: {title}", types=("D016420",), links=[("CommentOn", "1", "")]),
        paper(6, f"Reply: {title}", authors=PEOPLE),
        paper(7, "Velorine summarised", links=[("OriginalReportIn", "1", "")]),
    )
    assert {unit(corpus, n) for n in (1, 2, 3, 4, 7)} == {"PMID:1"}
    assert unit(corpus, 5) == "PMID:5" and unit(corpus, 6) == "PMID:6"
    assert corpus.units(clocks()).duplicates() == [], "they are one study and still several documents"


def test_companions_of_a_named_trial_need_people_in_common(home: TinyHome) -> None:
    corpus = loaded(
        home,
        paper(1, "Velorine in brevital fever: the VELO-1 randomised trial", authors=PEOPLE),
        paper(2, "Ten-year follow-up of the VELO-1 trial", authors=PEOPLE[:2], published="2018"),
        paper(3, "Renal outcomes in the VELO-1 study", authors=("Zimmer Paul", "Yates Ida")),
        paper(4, "Velorine again: the VELO-2 trial", authors=PEOPLE),
        paper(5, "Velorine reviewed: the VELO-1 trial and others", authors=PEOPLE, types=("D017418",)),
        paper(6, "The VELO-1 trial in another registry", authors=PEOPLE, abstract="NCT01234567"),
    )
    assert unit(corpus, 1) == unit(corpus, 2) == unit(corpus, 6) == "NCT:NCT01234567"
    assert [unit(corpus, n) for n in (3, 4, 5)] == ["PMID:3", "PMID:4", "PMID:5"]


def test_a_protocol_is_of_the_study_whose_results_bear_its_title(home: TinyHome) -> None:
    corpus = loaded(
        home,
        paper(1, "Velorine against placebo for brevital fever: protocol of a randomised trial", authors=PEOPLE),
        paper(2, "Velorine against placebo for brevital fever: a randomised trial", authors=PEOPLE, published="2014"),
        paper(3, "Velorine against placebo for tremor: a randomised trial", authors=PEOPLE, published="2014"),
    )
    assert unit(corpus, 1) == unit(corpus, 2) == "PMID:1" and unit(corpus, 3) == "PMID:3"


def test_two_trials_are_not_joined_by_a_weak_link_between_them(home: TinyHome) -> None:
    corpus = loaded(
        home,
        paper(1, "First: the VELO trial", authors=PEOPLE, abstract="NCT01234567"),
        paper(2, "Second: the VELO trial", authors=PEOPLE, abstract="NCT07654321"),
        paper(3, "Costs in the VELO trial", authors=PEOPLE),
    )
    assert unit(corpus, 1) != unit(corpus, 2)
    assert unit(corpus, 3) in (unit(corpus, 1), unit(corpus, 2))


def test_a_unit_is_only_what_was_known_and_published(home: TinyHome) -> None:
    title = "Velorine against placebo in brevital fever"
    home.load("a.xml", paper(1, f"{title}: the VELO trial", authors=PEOPLE, published="2010-01-01"), known=0)
    later = paper(2, "Long-term results of the VELO trial", authors=PEOPLE, published="2015-01-01",
                  abstract="A cohort, NCT01234567.")  # fmt: skip
    home.load("b.xml", later, known=3)
    corpus = home.corpus()
    assert unit(corpus, 1, known=2) == "PMID:1" and unit(corpus, 1, known=3) == "NCT:NCT01234567"
    assert unit(corpus, 1, as_of="2014-12-31") == "PMID:1", "the number was not yet published"


def test_people_may_part_a_paper_from_its_trial(home: TinyHome) -> None:
    records = (paper(1, "One", types=RCT, abstract="NCT01234567"), paper(2, "Two", types=RCT, abstract="NCT01234567"))
    said = "apart_study: [[PMID:2, 'NCT:NCT01234567']]\nsame_study: [[PMID:2, PMID:3]]\n"
    (home.rooms.root / "corpora" / "duplicates.yaml").write_text(said)
    corpus = loaded(home, *records, paper(3, "Three"))
    assert [unit(corpus, n) for n in (1, 2, 3)] == ["NCT:NCT01234567", "PMID:2", "PMID:2"]


@pytest.mark.parametrize(
    ("title", "abstract", "names"),
    [
        ("Velorine: the HOPE-3 trial", "", ("HOPE-3",)), ("Results of PROactive Study", "", ("PROACTIVE",)),
        ("The HIV study", "", ()), ("A trial", "We ran the ALLHAT trial.", ("ALLHAT",)),
        ("A trial", "The ALLHAT trial and the SPRINT trial differ.", ()), ("The Trial of a DRUG", "", ()),
        ("A study (RE-LY)", "", ("RE-LY",)),
    ],
)  # fmt: skip
def test_a_paper_has_the_name_it_calls_its_own(title: str, abstract: str, names: tuple[str, ...]) -> None:
    assert acronyms_in(title, abstract) == names


def test_cues_tell_companions() -> None:
    assert cue_in("Velorine: study protocol", "") == "protocol" and cue_in("Velorine", "") == ""
    assert cue_in("Velorine", "This is a post hoc analysis of a trial.") == "secondary"
    assert cue_in("Five years on: a 5-year follow-up", "") == "follow-up"


# ---------------------------------------------------------------- as users see it


def test_the_sample_home_tells_of_its_units(sample_home: Path) -> None:
    opened = open_home(sample_home, now="2026-03-01")
    told = validated("duplicates", opened.duplicates())
    for cluster in (*told["duplicates"], *told["studies"]):
        assert len(cluster["members"]) > 1 and cluster["links"]
        for member in cluster["members"]:
            shown = validated("show", opened.show(member["id"]))
            assert shown["study"] and {m["id"] for m in shown["study_members"]} >= {
                m["id"] for m in cluster["members"]
            } - {member["id"]}
    before = opened.duplicates(known_at="2025-01-01")
    assert before["duplicates"] == before["studies"] == []
