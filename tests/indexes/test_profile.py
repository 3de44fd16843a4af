"""Index profiles: validated, and named by what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

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
