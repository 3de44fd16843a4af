"""Guidelines that mislead a careless reader: hidden and raised text, merged cells, drafts, doubled keys, refusals."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from consilience.corpora import guidelines
from consilience.corpora.guideline_changes import changes
from consilience.corpora.guidelines import direction_of
from consilience.errors import NotFoundError, RefusedFileError
from consilience.records import Quarantined, Record
from tests.making import TinyHome, clocks

FIXTURES = Path(__file__).parent / "fixtures" / "guidelines"


def read(path: Path, content: str | bytes) -> list[Record]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return guidelines.found(guidelines.read(path))


def page(body: str) -> str:
    return (
        '<html><head><link rel="canonical" href="https://www.nice.org.uk/guidance/ng999">'
        '<meta name="DCTERMS.issued" content="2021-05-03"><meta name="DC.title" content="Rest"></head>'
        f'<body><div class="chapter"><h3>1.1 Night</h3>{body}</div></body></html>'
    )


def article(body: str, *, title: str = "Rest guideline", year: str = "2020", doi: str = "", link: str = "") -> str:
    named = f'<article-id pub-id-type="doi">{doi}</article-id>' if doi else ""
    updated = (f'<related-article related-article-type="updated-article" ext-link-type="doi" xlink:href="{link}" '
               'xmlns:xlink="http://www.w3.org/1999/xlink"/>') if link else ""  # fmt: skip
    return (
        '<article article-type="guideline"><front><journal-meta><publisher><publisher-name>Sleep Body'
        f"</publisher-name></publisher></journal-meta><article-meta>{named}<title-group><article-title>{title}"
        f'</article-title></title-group><pub-date pub-type="epub"><year>{year}</year></pub-date>{updated}'
        f"</article-meta></front><body>{body}</body></article>"
    )


def texts(found: list[Record]) -> dict[str, str]:
    return {r.guideline["recommendation"]: r.fields["text"] for r in found}


# ---------------------------------------------------------------- the direction decides verdicts: never guessed


@pytest.mark.parametrize(
    "text",
    [
        "Consider not offering sedatives.",
        "Clinicians should never prescribe opioids.",
        "Don’t offer sedatives.",
        "Do not routinely offer sedatives.",
        "Sedatives must be avoided.",
        "Sedatives cannot be recommended.",
        "Sedatives are no longer recommended.",
        "We suggest not using sedatives.",
        "We recommend that sedatives not be used.",
    ],
)  # fmt: skip
def test_advice_against_is_told_in_all_its_usual_forms(text: str) -> None:
    assert direction_of(text) == "against"


@pytest.mark.parametrize(
    "text",
    [
        "Do not withhold oxygen.",
        "Antibiotics should not be withheld.",
        "Clinicians should not avoid anticoagulants.",
        "It is not recommended to avoid exercise.",
        "Offer velorine. Do not offer sedatives.",
        "Offer velorine, but do not use it in pregnancy.",
        "The usefulness of velorine is not well established.",
        "We discourage the use of sedatives.",
        "We do not make a recommendation on rest.",
        "The panel was unable to make a recommendation on rest.",
        "No patient should receive sedatives.",
        "Sedatives need not be given.",
        "There is no evidence to recommend velorine.",
        "Do n\u043et offer sedatives.",
    ],
)  # fmt: skip
def test_double_negatives_mixed_advice_and_abstentions_have_no_direction(text: str) -> None:
    assert direction_of(text) == "neither"


def test_not_only_and_a_course_that_ends_are_still_advice_for() -> None:
    assert direction_of("Clinicians should not only offer advice but also support.") == "for"
    assert direction_of("We recommend velorine. Stop after four weeks.") == "for"


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    "deleted",
    [
        "<del>60 mg</del>",
        "<s>60 mg</s>",
        '<span style="text-decoration: line-through">60 mg</span>',
        '<span class="msoDel">60 mg</span>',
        '<span class="fr-tracking-deleted">60 mg</span>',
        '<span role="deletion">60 mg</span>',
        '<span style="display:/**/none">60 mg</span>',
        '<span style="position:absolute; left:-9999px">60 mg</span>',
        '<span style="opacity: 0.0">60 mg</span>',
        '<suggestion-start name="deletion:1"></suggestion-start>60 <b>mg</b><suggestion-end name="deletion:1">'
        "</suggestion-end>",
    ],
)
def test_what_was_struck_out_or_hidden_is_no_advice(tmp_path: Path, deleted: str) -> None:
    body = {"name": "Rest", "publishDate": "2020", "sections": [
        {"recommendations": [{"text": f"<p>Give {deleted}<ins>45 mg</ins> at night.</p>"}]}]}  # fmt: skip
    (found,) = read(tmp_path / "g.json", json.dumps(body))
    assert found.fields["text"] == "Give 45 mg at night."


def test_a_raised_figure_changes_no_number_and_a_raised_link_is_no_text(tmp_path: Path) -> None:
    found = read(tmp_path / "g.html", page(
        "<p>1.1.1 Offer rest if neutrophils are below 0.5 × 10<sup>9</sup>/L.<sup><a href='#n'>1</a></sup></p>"
        "<p>1.1.2 Offer 45 mg<sup>1</sup> on the 1<sup>st</sup> day.</p>"))  # fmt: skip
    assert texts(found) == {"1.1.1": "Offer rest if neutrophils are below 0.5 × 10⁹/L.",
                            "1.1.2": "Offer 45 mg¹ on the 1st day."}  # fmt: skip
    (boxed,) = read(tmp_path / "g.xml", article("<p>Recommendation 1: Offer rest below 0.5 × 10<sup>9</sup>/l.</p>"))
    assert boxed.fields["text"] == "Offer rest below 0.5 × 10⁹/l."


def test_nothing_of_an_item_is_lost_around_its_inner_lists(tmp_path: Path) -> None:
    found = read(tmp_path / "g.html", page(
        "<p>1.1.1 Offer rest to:</p><ul><li>men <b>aged 50</b><ul><li>with gout</li></ul> but not in spring</li></ul>"
        "<div>1.1.2 Consider <i>rest</i> for<ul><li><b>women</b>:<ul><li>any</li></ul></li></ul>"
        " but only at night.</div>"
        "<h3>1.2 Day</h3><ol><li><b>Offer</b> a:<ul><li>b</li></ul> and c</li><li><p>Consider d.</p><p>e</p></li></ol>"
    ))  # fmt: skip
    assert texts(found) == {
        "1.1.1": "Offer rest to: men aged 50 with gout but not in spring",
        "1.1.2": "Consider rest for women: any but only at night.",
        "1.2.1": "Offer a: b and c", "1.2.2": "Consider d. e",
    }  # fmt: skip


def test_lettered_recommendations_are_their_own_and_what_a_page_adds_behind_them_is_not(tmp_path: Path) -> None:
    found = read(tmp_path / "g.html", page(
        "<p>1.1.1a Offer rest.</p><p>1.1.1b Do not offer naps.</p>"
        "<p>For a short explanation of why the committee made these recommendations, see below.</p>"
        '<div class="footnotes"><p>Off label.</p></div>'))  # fmt: skip
    assert texts(found) == {"1.1.1a": "Offer rest.", "1.1.1b": "Do not offer naps."}


def test_a_labelled_recommendation_goes_on_in_the_list_it_announces(tmp_path: Path) -> None:
    (found,) = read(tmp_path / "g.xml", article(
        "<p>Recommendation 3: Offer rest to people with:</p>"
        "<list><list-item><p>gout</p></list-item><list-item><p>asthma</p></list-item></list>"))  # fmt: skip
    assert found.fields["text"] == "Offer rest to people with: gout asthma"


# ---------------------------------------------------------------- grades


TABLE = """<table-wrap><table><tr><th colspan="3">Recommendations for rest</th></tr>
<tr><th>COR</th><th>LOE</th><th>Recommendation</th></tr>
<tr><td rowspan="2">IIa</td><td>B-R</td><td>1. Velorine can be useful at night.</td></tr>
<tr><td>C-LD</td><td>2. Velorine can be useful by day as well.</td></tr>
<tr><td colspan="3">Something that spans all of the columns</td></tr>
<tr><td>3: No Benefit</td><td>A</td><td>3. Sedatives are of no benefit in adults.</td></tr></table></table-wrap>"""


@pytest.mark.parametrize(("title", "levels"), [
    ("European Society of Cardiology rest guideline", ("moderate", "moderate", "moderate")),
    ("Rest guideline", ("ungraded", "ungraded", "ungraded")),
])  # fmt: skip
def test_rows_below_a_merged_cell_keep_its_class_and_no_level_becomes_anothers(
    tmp_path: Path, title: str, levels: tuple[str, ...]
) -> None:
    found = read(tmp_path / "g.xml", article(f"<p>We heard of GRADE.</p>{TABLE}", title=title))
    assert [(r.guideline["strength"], r.guideline["certainty"]) for r in found] == [
        ("IIa", "B-R"), ("IIa", "C-LD"), ("3: No Benefit", "A")]  # fmt: skip
    assert tuple(r.guideline["strength_norm"] for r in found) == levels
    assert {r.guideline["certainty_norm"] for r in found} == {"ungraded"}


def test_a_grade_for_either_option_has_no_direction_and_a_denied_one_is_none(tmp_path: Path) -> None:
    either, denied = read(tmp_path / "g.xml", article(
        "<p>We used GRADE.</p>"
        "<p>Recommendation 1: Rest or exercise (conditional recommendation for either rest or exercise).</p>"
        "<p>Recommendation 2: Naps at noon are possible (no strong recommendation).</p>"))  # fmt: skip
    assert (either.guideline["strength_norm"], either.guideline["direction"]) == ("weak", "neither")
    assert denied.guideline["strength_norm"] == "ungraded" and "strength" not in denied.guideline


# ---------------------------------------------------------------- status and supersession


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("This guidance has been updated and replaced by NG1.", "superseded"),
        ("This guideline is now withdrawn.", "withdrawn"),
        ("Draft guideline for consultation", "draft"),
    ],
)
def test_a_page_says_that_it_is_not_in_force(tmp_path: Path, said: str, status: str) -> None:
    (found,) = read(tmp_path / "g.html", page(f"<p>{said}</p><p>1.1.1 Offer rest.</p>"))
    assert found.guideline["status"] == status


def test_each_plan_of_a_bundle_keeps_its_own_status(tmp_path: Path) -> None:
    entries = [{"resource": {
        "resourceType": "PlanDefinition", "id": str(n), "url": f"http://x/rest/recommendation/{n}", "publisher": "B",
        "meta": {"profile": ["http://x/recommendation"]}, "status": status, "version": "1", "date": "2020-01-01",
        "name": f"R{n}", "description": f"Offer {n}."}}
        for n, status in enumerate(["active", "retired", "draft", ""])]  # fmt: skip
    path = tmp_path / "g.json"
    found = read(path, json.dumps({"resourceType": "Bundle", "entry": entries}))
    assert [r.guideline["status"] for r in found] == ["current", "withdrawn", "draft"]
    (bad,) = [each for each in guidelines.read(path) if isinstance(each, Quarantined)]
    assert bad.reason == "status is missing"


def home_of(tmp_path: Path, *files: tuple[str, str]) -> TinyHome:
    home = TinyHome.make(tmp_path / "home")
    for known, (name, content) in enumerate(files, start=1):
        home.load(f"{known}-{name}", *read(tmp_path / f"{known}-{name}", content), known=known, kind="guidelines")
    return home


def test_a_draft_is_in_force_on_no_day_until_it_is_published(tmp_path: Path) -> None:
    draft, final = page("<p>Draft for consultation</p><p>1.1.1 Offer naps.</p>"), page("<p>1.1.1 Offer naps.</p>")
    corpus = home_of(tmp_path, ("g.html", draft), ("g.html", final)).corpus()
    name = "GL:NICE/NG999/1.1.1@2021-05-03"
    for day in ("2021-06-01", "2024-01-01"):
        assert corpus.status(name, clocks(day, known=1)).name == "superseded"
        assert corpus.status(name, clocks(day, known=2)).name == "active"
    with pytest.raises(NotFoundError):
        changes(corpus, "NICE", "NG999", clocks("2024-01-01", known=1), from_version=None, to_version=None)


def test_a_guideline_under_another_title_replaces_the_article_it_updates(tmp_path: Path) -> None:
    said = "<p>Recommendation 1: {} rest to adults with insomnia.</p>"
    old = article(said.format("Offer"), title="Rest guideline", year="2010", doi="10.5555/Old")
    new = article(
        said.format("Consider"), title="Guidance on sleep", year="2020", doi="10.5555/new", link="10.5555/old"
    )
    corpus = home_of(tmp_path, ("g.xml", old), ("g.xml", new)).corpus()
    before, after = "GL:Sleep Body/rest-guideline/1@2010", "GL:Sleep Body/guidance-on-sleep/1@2020"
    assert [corpus.status(each, clocks("2024-01-01")).name for each in (before, after)] == ["superseded", "active"]
    assert corpus.status(before, clocks("2015-01-01")).name == "active"
    assert corpus.status(before, clocks("2024-01-01", known=1)).name == "active"


@pytest.mark.parametrize("turned", [False, True])
def test_the_order_in_which_versions_are_loaded_does_not_matter(tmp_path: Path, turned: bool) -> None:
    rows: list[dict[str, Any]] = [
        {"issuer": "B", "guideline": "Rest", "version": v, "status": s, "published": day, "recommendation": "1",
         "text": f"Offer rest {v}."}
        for v, s, day in (("2.9", "current", "2019-05-01"), ("2.10", "current", "2019-05-01"),
                          ("3.0-draft", "draft", "2020-01-01"), ("3.0", "withdrawn", "2021-01-01"))
    ]  # fmt: skip
    files = [("g.jsonl", json.dumps(row) + "\n") for row in (rows[::-1] if turned else rows)]
    corpus = home_of(tmp_path, *files).corpus()

    def named(day: str) -> dict[str, str]:
        return {v: corpus.status(f"GL:B/Rest/1@{v}", clocks(day)).name for v in ("2.9", "2.10", "3.0-draft")}

    assert named("2020-06-01") == {"2.9": "superseded", "2.10": "active", "3.0-draft": "superseded"}
    assert named("2022-01-01")["2.10"] == "superseded"
    assert corpus.status("GL:B/Rest/1@3.0", clocks("2022-01-01")).name == "superseded"


def test_editions_keep_one_name(tmp_path: Path) -> None:
    said = "<p>Recommendation 1: Offer rest to adults with insomnia.</p>"
    titles = ("Rest guideline, 3rd edition", "Rest guideline: fourth edition", "Rest guideline")
    found = [read(tmp_path / "g.xml", article(said, title=title))[0] for title in titles]
    assert {each.guideline["guideline"] for each in found} == {"rest-guideline"}


# ---------------------------------------------------------------- refusals


def test_a_key_that_stands_twice_is_refused_or_set_aside_and_named(tmp_path: Path) -> None:
    body = (
        '{"name": "A", "publishDate": "2020", "sections": [{"recommendations": [{"text": "Offer", "text": "Do not"}]}]}'
    )
    with pytest.raises(RefusedFileError, match="'text' stands twice"):
        read(tmp_path / "g.json", body)
    row = {"issuer": "I", "guideline": "G", "version": "1", "status": "current", "published": "2020",
           "recommendation": "1", "text": "Offer."}  # fmt: skip
    path = tmp_path / "g.jsonl"
    read(path, json.dumps(row) + "\n" + json.dumps(row)[:-1] + ', "text": "Do not offer."}\n')
    (bad,) = [each for each in guidelines.read(path) if isinstance(each, Quarantined)]
    assert "'text' stands twice" in bad.reason


@pytest.mark.parametrize("name", ["g.html", "g.json", "g.xml"])
def test_utf_16_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(RefusedFileError, match="not UTF-8"):
        read(tmp_path / name, page("<p>1.1.1 Offer rest.</p>").encode("utf-16"))


def test_a_tarball_with_links_and_climbing_names_is_read_without_them(tmp_path: Path) -> None:
    data, packed = (FIXTURES / "rest.fsh").read_bytes(), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        link = tarfile.TarInfo("../../etc.fsh")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hosts"
        archive.addfile(link)
        member = tarfile.TarInfo("../../rest.fsh")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    (found,) = read(tmp_path / "in.tar.gz", packed.getvalue())
    assert found.guideline["recommendation"] == "7b" and {p.name for p in tmp_path.iterdir()} == {"in.tar.gz"}


def test_a_tarball_whose_header_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with gzip.open(packed, "wb") as stream:
        header = tarfile.TarInfo("x")
        header.type, header.size = tarfile.XHDTYPE, 64 << 20
        stream.write(header.tobuf(tarfile.USTAR_FORMAT))
        stream.write(bytes(64 << 20))
    with pytest.raises(RefusedFileError, match="unpacks to far more"):
        read(tmp_path / "g.tar.gz", packed.getvalue())
