"""Index profiles: validated, and named by what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from consilience.batches import Engine
from consilience.errors import BadInputError
from consilience.home import Rooms, init
from consilience.indexes.profile import Profile, load


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return init(tmp_path / "home")


def test_the_packaged_profile_loads_and_its_version_is_its_content(rooms: Rooms) -> None:
    profile = load(rooms)
    assert profile == load(rooms) and profile.version == load(rooms).version
    file = rooms.root / "indexes" / "exact.yaml"
    file.write_text("# Only a comment.\n" + file.read_text())
    assert load(rooms).version == profile.version
    file.write_text(file.read_text().replace("damping: 60", "damping: 61"))
    assert load(rooms).version != profile.version


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("lexical: {stemm: true}", "lexical.stemm"),
        ("fancy: 1", "fancy"),
        ("lexical: {weights: {body: 1.0}}", "lexical.weights.body"),
        ("dense: {kind: ivf}", "dense.kind"),
        ("fusion: {damping: -1}", "fusion.damping"),
        ("fusion: {depth: 0}", "fusion.depth"),
    ],
)
def test_what_a_profile_may_not_say_is_refused_by_its_place(rooms: Rooms, text: str, where: str) -> None:
    (rooms.root / "indexes" / "mine.yaml").write_text(text)
    with pytest.raises(BadInputError, match=where):
        load(rooms, "mine")


def test_a_profile_that_says_nothing_is_the_default(rooms: Rooms) -> None:
    (rooms.root / "indexes" / "mine.yaml").write_text("{}")
    assert load(rooms, "mine") == Profile()


def test_an_embedding_may_be_described_and_belongs_to_the_version(rooms: Rooms) -> None:
    file = rooms.root / "indexes" / "mine.yaml"

    def version(text: str) -> str:
        file.write_text(f"dense: {{embedding: {text}}}")
        return load(rooms, "mine").version

    model = "model: ncbi/MedCPT-Article-Encoder, revision: 0123456789ab"
    known = version(f"{{{model}, pooling: cls}}")
    assert known not in {version("minilm"), version(f"{{{model}, pooling: mean}}"), version(f"{{{model}}}")}
    assert known == version(f"{{{model}, pooling: cls, device: cpu, batch: 8}}")


def test_where_passages_are_embedded_is_no_part_of_the_version(rooms: Rooms) -> None:
    (rooms.root / "indexes" / "mine.yaml").write_text("dense: {engine: {name: ray, workers: 4, gpus: 1}}")
    described = load(rooms, "mine")
    assert described.dense.engine == Engine(name="ray", workers=4, gpus=1)
    assert described.version == Profile().version


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("embedding: {model: a/b, poling: cls}", r"dense\.embedding\.encoder\.poling"),
        ("embedding: {pooling: cls}", r"dense\.embedding\.encoder\.model"),
        ("embedding: {model: a/b, revision: main}", r"dense\.embedding\.encoder\.revision"),
        ("embedding: {model: a/b, trust_remote_code: true}", r"dense\.embedding\.encoder\.trust_remote_code"),
        ("embedding: 7", r"dense\.embedding\.name"),
        ("engine: {name: spark}", r"dense\.engine\.name"),
    ],
)
def test_a_wrong_description_of_a_model_is_refused_by_its_place(rooms: Rooms, text: str, where: str) -> None:
    (rooms.root / "indexes" / "mine.yaml").write_text(f"dense: {{{text}}}")
    with pytest.raises(BadInputError, match=where):
        load(rooms, "mine")
