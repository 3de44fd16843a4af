"""The index alone finds what a search finds, in variants too, and no text is embedded twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consilience import Home, open_home
from consilience.errors import BadInputError
from consilience.evaluation.remembered import Remembered
from consilience.evaluation.shelf import Shelves, patched
from consilience.indexes.profile import DenseProfile, Profile
from consilience.models.plain import HashedVectors
from tests.conftest import UPDATE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROFILE = Profile(dense=DenseProfile(embedding="hashed"))
ROWS = [
    {"id": "one", "title": "Velorine after stroke", "abstract": "Velorine lowered mortality in adults.", "year": 2001},
    {"id": "two", "title": "Velorine in a registry", "abstract": "No mortality was lowered.", "year": 2015},
    {"id": "three", "title": "Music and mood", "abstract": "Running studies of singing did not help.", "year": 2015},
]


class Counting(HashedVectors):
    """Says how many texts it was asked for."""

    asked = 0

    def encode(self, texts: Sequence[str]) -> Any:
        self.asked += len(texts)
        return super().encode(texts)


@pytest.fixture
def filled(tmp_path, write_lines) -> Any:
    shelves = Shelves(PROFILE, lambda _: Counting(), NOW, keep=tmp_path / "vectors")
    return lambda: shelves.filled(write_lines("records.jsonl", *ROWS))


def test_a_shelf_finds_the_documents_of_its_file_on_their_days(filled) -> None:
    with filled() as shelf:
        for retriever in ("hybrid", "lexical", "dense"):
            hits = shelf.search("velorine mortality", top=3, retriever=retriever)["hits"]
            assert {hit["id"] for hit in hits[:2]} == {"one", "two"}
        assert [hit["id"] for hit in shelf.search("velorine", top=3, retriever="lexical", as_of="2003")["hits"]] == [
            "one"
        ]
        assert shelf.shown("2003") == {"one"}
        assert dict(shelf.texts())["three"].startswith("Music and mood Running")
        assert shelf.cost("lexical")["bytes"] < shelf.cost("hybrid")["bytes"]


def test_a_variant_differs_by_its_patch_alone_and_leaves_the_shelf_as_it_was(filled) -> None:
    with filled() as shelf:
        plain = shelf.variant({"lexical": {"stem": False}})
        weighed = shelf.variant({"fusion": {"depth": 1}})
        assert [len(each.search("run", top=3, retriever="lexical")["hits"]) for each in (shelf, plain)] == [1, 0]
        assert plain.provenance()["index"] != shelf.provenance()["index"] != weighed.provenance()["index"]
        # Only how it is asked differs: nothing was built.
        assert weighed.search("velorine", top=3, retriever="dense") == shelf.search(
            "velorine", top=3, retriever="dense"
        )
        assert plain.spent["embedded"] == 0 < plain.spent["vectors_known"]


@pytest.mark.parametrize("patch", [{"lexicel": {}}, {"lexical": {"stam": True}}, {"lexical": 3}])
def test_a_patch_of_a_setting_that_is_not_there_is_refused(patch) -> None:
    with pytest.raises(BadInputError, match="profile"):
        patched(Profile(), patch)


def test_a_patch_keeps_what_it_does_not_name() -> None:
    profile = Profile(dense=DenseProfile(device="gpu", embedding="hashed"))
    assert patched(profile, {}) == profile
    changed = patched(profile, {"lexical": {"weights": {"text": 2.0}}})
    assert changed.dense == profile.dense
    assert changed.lexical.weights == {"text": 2.0}


def test_the_second_run_over_a_corpus_embeds_nothing(filled) -> None:
    with filled() as first:
        found = first.search("velorine", top=3, retriever="dense")
        assert first.spent["embedded"] > 0
    with filled() as second:
        assert second.spent["embedded"] == 0
        assert second.search("velorine", top=3, retriever="dense") == found


def test_remembered_vectors_are_those_of_the_model_and_other_folders_serve_too(tmp_path) -> None:
    first = Remembered(Counting(), tmp_path / "a")
    assert np.array_equal(first.encode(["x y", "z", "x y"]), HashedVectors().encode(["x y", "z", "x y"]))
    assert (first.embedded, first._model.asked) == (2, 2)
    second = Remembered(Counting(), tmp_path / "b", [tmp_path / "a", tmp_path / "absent"])
    assert np.array_equal(second.encode(["z", "new", "x y"]), HashedVectors().encode(["z", "new", "x y"]))
    assert (second.embedded, second.known) == (1, 2)
    assert second.encode([]).shape == (0, second.dimension)
    assert list(tmp_path.glob("**/.staging*")) == []


def test_a_torn_file_holds_no_vector_and_is_written_anew(tmp_path) -> None:
    Remembered(HashedVectors(), tmp_path).encode(["x"])
    (kept,) = tmp_path.rglob("*.parquet")
    kept.write_bytes(kept.read_bytes()[:-20])
    again = Remembered(HashedVectors(), tmp_path)
    assert np.array_equal(again.encode(["x"]), HashedVectors().encode(["x"]))
    assert (again.embedded, again.known) == (1, 0)
    after = Remembered(HashedVectors(), tmp_path)
    after.encode(["x"])
    assert (after.embedded, after.known) == (0, 1)


def test_a_file_of_another_form_holds_no_vector(tmp_path) -> None:
    Remembered(HashedVectors(64), tmp_path).encode(["x"])
    (other,) = tmp_path.rglob("*.parquet")
    Remembered(HashedVectors(256), tmp_path).encode(["y"])
    (own,) = set(tmp_path.rglob("*.parquet")) - {other}
    other.rename(own.with_name(other.name))
    again = Remembered(HashedVectors(256), tmp_path)
    assert np.array_equal(again.encode(["x", "y"]), HashedVectors(256).encode(["x", "y"]))
    assert (again.embedded, again.known) == (1, 1)


def test_another_model_has_no_use_for_these_vectors(tmp_path) -> None:
    Remembered(HashedVectors(256), tmp_path).encode(["x"])
    assert Remembered(HashedVectors(64), tmp_path).encode(["x"]).shape == (1, 64)


@pytest.fixture(scope="module")
def home(sample_home: Path) -> Home:
    return open_home(sample_home, now=UPDATE)


@pytest.mark.parametrize("as_of", [None, "2005"])
@pytest.mark.parametrize("retriever", ["hybrid", "lexical", "dense"])
def test_over_a_home_the_shelf_finds_what_its_search_finds(home, retriever, as_of) -> None:
    with home.shelf() as shelf:
        # The last tells an intent by its words, and `search` weighs what it finds by that.
        for query in ("aspirin primary prevention", "insulin in critically ill patients",
                      "what do guidelines say on aspirin in older adults"):  # fmt: skip
            told = home.search(query, top=10, retriever=retriever, as_of=as_of)["hits"]
            found = shelf.search(query, top=10, retriever=retriever, as_of=as_of)["hits"]
            assert [hit["id"] for hit in found] == [hit["id"] for hit in told]


def test_a_variant_over_a_home_leaves_no_file_in_it(home) -> None:
    before = sorted(home.rooms.indexes.rglob("*"))
    with home.shelf() as shelf:
        found = shelf.variant({"lexical": {"stem": False}}).search("aspirin", top=5, retriever="hybrid")["hits"]
        assert len(found) == 5
    assert sorted(home.rooms.indexes.rglob("*")) == before
