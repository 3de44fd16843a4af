"""The one lawful erasure: text gone from every file, hash and reason kept, whatever is killed or loaded again."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consilience import Home, contract
from consilience.cli import run
from consilience.corpora import forget as forgetting
from consilience.corpora.store import Store
from consilience.errors import BadInputError, NotFoundError, StoreDamagedError
from consilience.home import Rooms
from consilience.records import Quarantined, canonical_json, sha256, shard_of
from consilience.refresh import Refresh
from tests import yearfiles
from tests.making import TinyHome, at, paper

RARE = "zuglithran"
TITLE = f"Aspirin and {RARE} for sore heads"
SENTENCE = f"Aspirin reduced headache in patients whom {RARE} had not helped."
REASON = "a patient could be recognised"
OTHERS = {n: paper(n, f"Aspirin trial {n}", abstract=f"Aspirin reduced pain {n} times.") for n in range(2, 40)}


def subject(sentence: str = SENTENCE, **more: Any) -> Any:
    abstract = f"RESULTS: {sentence} It was given daily."
    return paper(1, TITLE, abstract=abstract, doi="10.5555/one", **more)


def opened(tiny: TinyHome) -> Home:
    return Home(tiny.rooms, lambda: at(5))


def contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what they hold once unpacked."""
    raw = path.read_bytes()
    yield raw
    if path.suffix == ".gz":
        yield gzip.decompress(raw)
    if path.suffix == ".parquet":
        yield str(pq.read_table(path).to_pydict()).encode()
        yield str([pq.read_metadata(path).row_group(g).to_dict() for g in range(pq.read_metadata(path).num_row_groups)]).encode()  # fmt: skip  # noqa: E501
    if path.suffix == ".arrow":
        yield str(pa.ipc.open_file(pa.memory_map(str(path))).read_all().to_pydict()).encode()


def holders(root: Path, word: str = RARE) -> set[str]:
    """The files of a home that hold a word anywhere."""
    return {str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file()
            and any(word.encode() in text for text in contents(path))}  # fmt: skip


def write(tiny: TinyHome, name: str, data: bytes) -> Path:
    path = tiny.rooms.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that answered, saved an answer, ran a suite and fetched files."""
    made = TinyHome.make(tmp_path_factory.mktemp("forget") / "home")
    bad = Quarantined(7, f"no title in {RARE}", f"<PMID>1</PMID><AbstractText>{SENTENCE}")
    made.load("pubmed26n0001.xml", *list(OTHERS.values())[:20], subject(), bad, known=0)
    made.load("pubmed26n0002.xml", *list(OTHERS.values())[20:], known=1)
    made.load("pubmed26n0003.xml", subject(SENTENCE + " Always."), Quarantined(1, "none", "<PMID>11</PMID>"), known=2)
    twin = replace(paper(50, "Another title", doi="10.5555/one"), source="records", id="DOI:10.5555/one", pmid="")
    made.load("twin.jsonl", twin, known=3, kind="records")
    home = opened(made)
    home.refresh()
    answer = contract.validated("verify", home.verify("Aspirin reduces headache", against=["PMID:1", "PMID:2"]))
    assert RARE in json.dumps(answer)
    write(made, "corpora/store/questions/q/000001.json", canonical_json(answer).encode())
    write(made, "evaluation/runs/x/details.jsonl", f'{{"a":1}}\n{{"said":"{SENTENCE}"}}\n'.encode())
    write(made, "evaluation/runs/x/report.md", f"# Report\n> {SENTENCE}\n".encode())
    write(made, "corpora/store/files/pubmed26n0001.xml", SENTENCE.encode())
    write(made, "corpora/store/files/pubmed26n0002.xml", b"<PMID>2</PMID>")
    write(made, "corpora/store/files/other.xml.gz", gzip.compress(f"<PMID>1</PMID>{SENTENCE}".encode()))
    return made.rooms.root


@pytest.fixture
def tiny(template: Path, tmp_path: Path) -> TinyHome:
    shutil.copytree(template, tmp_path / "home")
    return TinyHome(Rooms(tmp_path / "home"))


def test_a_forgotten_sentence_is_in_no_file_of_the_home_before_and_after_the_next_refresh(tiny: TinyHome) -> None:
    home = opened(tiny)
    before = {
        path.partition("/store/")[2].partition("/")[0] or path.partition("/")[0] for path in holders(tiny.rooms.root)
    }
    assert before >= {"records", "texts", "quarantine", "files", "questions", "evidence", "evaluation"}
    said = contract.validated("forget", home.forget("PMID:1", reason=REASON))
    assert said["changed"] and said["files"] == ["pubmed26n0001.xml", "pubmed26n0003.xml"]
    assert any("DOI:10.5555/one" in warning for warning in said["warnings"])
    assert holders(tiny.rooms.root) == set()
    home.refresh()
    assert holders(tiny.rooms.root) == set()
    assert [hit["id"] for hit in home.search(RARE, retriever="lexical")["hits"]] == []
    assert home.status()["documents"]["active"] == len(OTHERS) + 1
    assert (tiny.store.folder / "files" / "pubmed26n0002.xml").exists()


def test_what_is_kept_proves_what_was_there(tiny: TinyHome) -> None:
    version = tiny.store.rows(1, ["version"])["version"][20].as_py()
    opened(tiny).forget("PMID:1", reason=REASON)
    kept = json.loads((tiny.store.folder / "forgotten" / "000001.json").read_text())
    assert (kept["id"], kept["reason"], kept["versions"][0]["version"]) == ("PMID:1", REASON, version)
    assert kept["versions"][0]["sha256"]["title"] == sha256(TITLE) and len(kept["versions"]) == 2
    row = tiny.store.rows(1, ["op", "id", "version", "title", "meta", "doi"]).to_pylist()[20]
    assert row == {"op": "forgotten", "id": "PMID:1", "version": version, "title": None, "meta": None, "doi": None}
    assert sorted(p.name for p in (tiny.store.folder / "forgotten").iterdir()) == ["000001.json"]


def test_the_other_documents_keep_rows_texts_vectors_and_claims(tiny: TinyHome) -> None:
    home = opened(tiny)
    numbers = ["id", "version", "title", "abstract", "meta"]
    rows = tiny.store.rows(1, numbers).to_pylist()
    vectors = {key for path in tiny.rooms.indexes.glob("vectors/*/*/*.parquet")
               for key in pq.read_table(path)["embedded"].to_pylist()}  # fmt: skip
    hits = [
        hit["id"] for hit in home.search("aspirin pain", top=100, retriever="dense")["hits"] if hit["id"] != "PMID:1"
    ]
    home.forget("PMID:1", reason=REASON)
    assert [row for n, row in enumerate(tiny.store.rows(1, numbers).to_pylist()) if n != 20] == rows[:20] + rows[21:]
    kept = {key for path in tiny.rooms.indexes.glob("vectors/*/*/*.parquet")
            for key in pq.read_table(path)["embedded"].to_pylist()}  # fmt: skip
    assert len(vectors - kept) == 2 and kept < vectors
    home.refresh()
    assert [hit["id"] for hit in home.search("aspirin pain", top=100, retriever="dense")["hits"]] == hits
    assert tiny.store.texts(1).num_rows == len(rows)


def test_a_saved_answer_still_is_of_the_contract_with_the_words_blacked_out(tiny: TinyHome) -> None:
    home = opened(tiny)
    path = tiny.store.folder / "questions" / "q" / "000001.json"
    before = json.loads(path.read_text())
    home.forget("PMID:1", reason=REASON)
    after = contract.validated("verify", json.loads(path.read_text()))
    assert [c["id"] for c in after["citations"]] == [c["id"] for c in before["citations"]]
    assert {c["id"] for c in before["citations"]} == {"PMID:1", "PMID:2"}
    for old, new in zip(before["citations"], after["citations"], strict=True):
        assert (
            (new == old) if old["id"] != "PMID:1" else (set(new["quote"]) == {"█"} and new["sha256"] == old["sha256"])
        )
    assert (tiny.rooms.evaluation / "runs" / "x" / "details.jsonl").read_text().startswith('{"a":1}\n')


def test_no_vector_of_a_suites_own_corpus_outlives_it(tiny: TinyHome) -> None:
    corpus = write(tiny, "corpus.jsonl", json.dumps({"id": "PMID:1", "title": TITLE, "abstract": SENTENCE}).encode())
    home = opened(tiny)
    with home.shelf(corpus):
        assert [*tiny.rooms.remembered.rglob("*.parquet")]
    home.forget("PMID:1", reason=REASON)
    assert not tiny.rooms.remembered.exists()


def test_show_tells_when_and_why_before_and_after_the_refresh(
    tiny: TinyHome, capsys: pytest.CaptureFixture[str]
) -> None:
    home = opened(tiny)
    root = str(tiny.rooms.root)
    assert run(["--home", root, "forget", "PMID:1", "--reason", REASON]) == 0
    told = capsys.readouterr()
    assert "forgotten on" in told.out and SENTENCE not in told.out and "your own copies" in told.err
    for _ in range(2):
        assert run(["--home", root, "show", "PMID:1"]) == 2
        assert REASON in capsys.readouterr().err
        home.refresh()
    with pytest.raises(NotFoundError, match="forgotten on 20"):
        home.show("PMID:1", known_at=at(0))


def test_a_document_that_is_loaded_again_stays_forgotten(tiny: TinyHome) -> None:
    home = opened(tiny)
    home.forget("PMID:1", reason=REASON)
    bad = Quarantined(2, "bad", f"PMID- 1\nAB  - {SENTENCE}")
    made = tiny.load("pubmed26n0004.xml", subject(revised="2021-01-01"), OTHERS[2], bad, known=6)
    assert made.records == 1
    home.refresh()
    assert holders(tiny.rooms.root) == set()
    with pytest.raises(NotFoundError, match="forgotten"):
        home.show("PMID:1")
    assert home.show("PMID:2")["status"] == "active"


def test_a_second_call_changes_nothing_and_an_unknown_id_is_an_error(tiny: TinyHome) -> None:
    home = opened(tiny)
    home.forget("PMID:1", reason=REASON)
    before = {p: p.stat().st_mtime_ns for p in tiny.store.folder.rglob("*") if p.is_file() and p.name != ".lock"}
    again = contract.validated("forget", home.forget("PMID:1", reason="another"))
    assert (again["changed"], again["reason"], again["warnings"]) == (False, REASON, [])
    assert {p: p.stat().st_mtime_ns for p in before} == before
    with pytest.raises(NotFoundError):
        home.forget("PMID:404", reason=REASON)
    with pytest.raises(BadInputError):
        home.forget("PMID:2", reason=" ")


STEPS = ["_remove_built", "_redact", "_blank_quarantine", "_remove_fetched", "_remove_derived", "_blank_facts",
         "publish", "write_atomically"]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_what_a_kill_interrupts_the_next_writer_completes(
    tiny: TinyHome, step: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = opened(tiny)
    act = getattr(forgetting, step)
    calls = 0

    def killed(*given: Any, **named: Any) -> None:
        nonlocal calls
        calls += 1
        if step != "write_atomically" or calls > 2:  # the first two write the intent
            if after:
                act(*given, **named)
            raise KeyboardInterrupt
        act(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(forgetting, step, killed)
        with pytest.raises(KeyboardInterrupt):
            home.forget("PMID:1", reason=REASON)
    with pytest.raises(NotFoundError, match="forgotten"):
        opened(tiny).show("PMID:1")
    assert holders(tiny.rooms.root) != set() or after
    opened(tiny).ingest_retractions([write(tiny, "r.csv", b"pmid,notice_pmid,date,kind\n2,,2020-01-01,retracted\n")])
    assert holders(tiny.rooms.root) == set()
    assert not list((tiny.store.folder / "forgotten").glob("*.unfinished"))
    assert Store(tiny.rooms).commits()[0].forgotten == (20,)


def test_two_erasures_before_a_refresh_leave_what_shares_their_words(tmp_path: Path) -> None:
    first, second, third = [n for n in range(1, 1000) if shard_of(f"PMID:{n}") == 7][:3]
    made = TinyHome.make(tmp_path / "home")
    made.load("pubmed26n0001.xml", *(paper(n, TITLE, abstract=SENTENCE) for n in (first, second, third)), known=0)
    home = opened(made)
    home.refresh()
    for n in (first, second):  # once the first is gone its shard has no passages to tell who shares a vector
        home.forget(f"PMID:{n}", reason=REASON)
    home.refresh()
    assert [hit["id"] for hit in home.search(RARE, retriever="dense")["hits"]] == [f"PMID:{third}"]


def test_a_fetched_file_goes_by_its_bytes_and_one_that_is_loaded_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = TinyHome.make(tmp_path / "home")
    home, files = opened(made), made.store.folder / "files"
    one, other = yearfiles.Article(99000001, TITLE, SENTENCE), yearfiles.Article(99000002, "Other")
    home.ingest_pubmed([yearfiles.write(files, "pubmed26n0001", yearfiles.packed([other]))])
    home.ingest_pubmed([yearfiles.write(tmp_path, "pubmed26n0002", yearfiles.packed([one]))])
    home.ingest_pubmed([yearfiles.write(files, "pubmed26n0003", yearfiles.packed([replace(other, title="Newer")]))])
    yearfiles.write(files, "pubmed26n0003", yearfiles.packed([one]))  # fetched again, and not yet loaded
    yearfiles.write(made.store.folder / ".asking", "search-1", yearfiles.packed([one]))  # of a search that was killed
    read: list[str] = []
    act = forgetting._may_name

    def noted(path: Path, document: str) -> bool:
        read.append(path.name)
        return act(path, document)

    monkeypatch.setattr(forgetting, "_may_name", noted)
    home.forget("PMID:99000001", reason=REASON)
    assert sorted(read) == ["pubmed26n0003.xml.gz", "search-1.xml.gz"]
    assert [path.name for path in files.iterdir()] == ["pubmed26n0001.xml.gz"]
    assert holders(made.rooms.root) == set()


def test_what_was_written_on_another_disk_is_redacted_too(tiny: TinyHome, tmp_path: Path) -> None:
    answers = tiny.store.folder / "questions" / "q"
    shutil.move(answers, tmp_path / "disk")
    answers.symlink_to(tmp_path / "disk")
    opened(tiny).forget("PMID:1", reason=REASON)
    assert holders(tmp_path / "disk") == set()


def test_an_intent_that_was_never_written_erases_nothing(tiny: TinyHome) -> None:
    write(tiny, "corpora/store/forgotten/000001.unfinished", b"")
    with tiny.rooms.writing():
        tiny.store.clear_leftovers()
    assert list((tiny.store.folder / "forgotten").iterdir()) == []
    assert opened(tiny).show("PMID:1")["status"] == "active"


def test_the_state_after_an_erasure_has_a_name_of_its_own(tiny: TinyHome) -> None:
    name = Refresh.of(tiny.rooms).target[0]
    opened(tiny).forget("PMID:1", reason=REASON)
    assert Refresh.of(tiny.rooms).target[0] != name
    assert Refresh.of(tiny.rooms).commits[0].forgotten == (20,)


def test_an_unreadable_record_of_what_was_forgotten_stops_the_store(tiny: TinyHome) -> None:
    write(tiny, "corpora/store/forgotten/000001.json", b"{")
    for call in (lambda: opened(tiny).show("PMID:1"), lambda: tiny.load("a.xml", subject(), known=9)):
        with pytest.raises(StoreDamagedError):
            call()
