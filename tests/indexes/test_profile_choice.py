"""Which profile a home is refreshed by: chosen once, remembered, and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consilience.api import Home
from consilience.cli import run
from consilience.contract import validated
from consilience.errors import BadInputError, StoreDamagedError
from consilience.home import init
from consilience.indexes.profile import DenseProfile, chosen, load
from tests.making import TinyHome, at, paper

CHOSEN = Path("indexes") / "current.yaml"


@pytest.fixture
def tiny(tmp_path: Path) -> TinyHome:
    made = TinyHome.make(tmp_path / "home")
    made.load("pubmed26n0001.xml", *(paper(n, f"Velorine and zinc {n}") for n in range(1, 9)), known=0)
    return made


def opened(tiny: TinyHome) -> Home:
    return Home(tiny.rooms, lambda: at(5))


@pytest.mark.parametrize(
    ("name", "kind"), [("hnsw", "hnsw"), ("ivf_sq8", "ivf_sq8"), ("ivf_pq", "ivf_pq"), ("gpu", "flat")]
)
def test_each_packaged_profile_says_only_in_what_it_differs_from_exact(tmp_path: Path, name: str, kind: str) -> None:
    rooms = init(tmp_path / "home")
    other, exact = load(rooms, name), load(rooms)
    assert other.dense.kind == kind
    assert other.model_copy(update={"dense": exact.dense}) == exact
    assert (other.version == exact.version) is (name == "gpu")  # where vectors lie changes no hit
    assert other.dense == (DenseProfile(device="gpu") if name == "gpu" else DenseProfile(kind=other.dense.kind))


def test_what_a_profile_says_is_put_over_the_one_it_is_like_key_by_key(tmp_path: Path) -> None:
    rooms = init(tmp_path / "home")
    (rooms.root / "indexes" / "mine.yaml").write_text("like: exact\nlexical: {weights: {text: 2.0}}\n")
    mine, exact = load(rooms, "mine"), load(rooms)
    assert mine.lexical.weights == {"text": 2.0} and mine.lexical.stem == exact.lexical.stem
    assert (mine.dense, mine.fusion) == (exact.dense, exact.fusion)
    (rooms.root / "indexes" / "mine.yaml").write_text("like: none\n")
    with pytest.raises(BadInputError, match="none"):
        load(rooms, "mine")


def test_a_profile_is_remembered_by_every_later_refresh_and_told(tiny: TinyHome) -> None:
    home = opened(tiny)
    assert (home.refresh()["profile"], home.status()["profile"]) == ("exact", "exact")
    assert not (tiny.rooms.root / CHOSEN).exists()
    told = home.refresh(profile="hnsw")
    assert (told["profile"], told["changed"]) == ("hnsw", True)
    assert told["warnings"] == ["8 vectors are too few for hnsw: they are searched exactly"]
    assert home.refresh()["changed"] is False
    tiny.load("pubmed26n0002.xml", paper(20, "Velorine again"), known=1)
    later = opened(tiny)
    assert later.refresh()["profile"] == later.status()["profile"] == chosen(tiny.rooms) == "hnsw"
    assert later.view.profile.dense.kind == "hnsw"
    assert later.search("velorine", retriever="dense")["hits"]
    assert later.refresh(profile="exact")["profile"] == "exact"
    assert later.refresh(profile="exact")["changed"] is False


def test_a_choice_outlives_an_erasure(tiny: TinyHome) -> None:
    home = opened(tiny)
    home.refresh(profile="ivf_sq8")
    home.forget("PMID:3", reason="consent withdrawn")
    assert home.refresh()["profile"] == "ivf_sq8"


def test_questions_go_by_the_profile_of_the_last_refresh_until_the_next(tiny: TinyHome) -> None:
    home = opened(tiny)
    home.refresh()
    (tiny.rooms.root / CHOSEN).write_text("profile: hnsw\n")
    assert home.view.profile.dense.kind == "flat" and home.status()["profile"] == "exact"
    assert home.search("velorine")["hits"]
    assert home.refresh()["profile"] == "hnsw"


def test_another_way_of_ranking_is_asked_of_the_same_files_once_it_is_refreshed(tiny: TinyHome) -> None:
    home = opened(tiny)
    before = home.refresh()["index"]
    profile = tiny.rooms.root / "indexes" / "exact.yaml"
    profile.write_text(profile.read_text().replace("{lexical: 0.4, dense: 0.6}", "{lexical: 1.0, dense: 0.0}"))
    later = opened(tiny)
    with pytest.raises(StoreDamagedError, match="another than at the last refresh"):
        later.search("velorine")
    told = later.refresh()
    assert told["index"] != before and told["usage"]["indexed"] == 0
    assert later.search("velorine")["hits"]
    profile.write_text(profile.read_text().replace("stem: true", "stem: false"))
    assert opened(tiny).refresh()["usage"]["indexed"] == 8


@pytest.mark.parametrize("name", ["nothing", "current"])
def test_a_profile_that_is_none_is_refused_and_the_choice_stays(tiny: TinyHome, name: str) -> None:
    home = opened(tiny)
    home.refresh(profile="hnsw")
    with pytest.raises(BadInputError):
        home.refresh(profile=name)
    assert home.refresh()["profile"] == "hnsw"


@pytest.mark.parametrize("text", ["[hnsw]", "profile: 3", "profile: hnsw\nwhy: speed", "{}"])
def test_a_choice_that_names_no_profile_is_refused_by_its_place(tmp_path: Path, text: str) -> None:
    rooms = init(tmp_path / "home")
    (rooms.root / CHOSEN).write_text(text)
    with pytest.raises(BadInputError) as caught:
        chosen(rooms)
    assert caught.value.where == "indexes/current.yaml"


def test_a_choice_that_cannot_be_read_is_mended_by_another(tiny: TinyHome) -> None:
    (tiny.rooms.root / CHOSEN).write_text("[bad")
    assert opened(tiny).refresh(profile="hnsw")["profile"] == chosen(tiny.rooms) == "hnsw"


def test_a_profile_is_like_one_that_says_everything(tmp_path: Path) -> None:
    rooms = init(tmp_path / "home")
    for text in ("like: hnsw", "like: mine"):
        (rooms.root / "indexes" / "mine.yaml").write_text(text)
        with pytest.raises(BadInputError, match="like another itself"):
            load(rooms, "mine")


@pytest.mark.parametrize("text", ["fusion: {weights: {lexical: .inf}}", "views: {half_life: .inf}",
                                  "neighbours: {sharpness: .inf}", "lexical: {k1: .inf}"])  # fmt: skip
def test_a_weight_without_end_is_refused(tmp_path: Path, text: str) -> None:
    rooms = init(tmp_path / "home")
    (rooms.root / "indexes" / "mine.yaml").write_text(f"like: exact\n{text}\n")
    with pytest.raises(BadInputError, match="finite"):
        load(rooms, "mine")


def test_the_command_line_chooses_too(tiny: TinyHome, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["refresh", "--profile", "hnsw", "--home", str(tiny.rooms.root), "--json"]) == 0
    body = validated("refresh", json.loads(capsys.readouterr().out))
    assert body["profile"] == "hnsw"
