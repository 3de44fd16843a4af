from __future__ import annotations

from pathlib import Path

import pytest

from consilience import home
from consilience.corpora.manifest import guideline_files, local_files, remote
from consilience.errors import BadInputError
from consilience.home import Rooms


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return home.init(tmp_path / "home")


def say(rooms: Rooms, text: str, name: str = "pubmed") -> None:
    (rooms.root / "corpora" / f"{name}.yaml").write_text(text)


def lay(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


def test_a_new_home_names_the_sample(rooms: Rooms) -> None:
    assert list(local_files(rooms)) == ["pubmed26n0001", "pubmed26n0002"]
    assert list(guideline_files(rooms)) == ["guidelines"]


def test_files_come_in_the_order_they_are_to_be_loaded(rooms: Rooms, tmp_path: Path) -> None:
    lay(tmp_path / "in", "pubmed26n0002.xml.gz", "pubmed25n1000.xml", "pubmed26n0001.xml.gz", "fetched.xml")
    say(rooms, f"files: [{tmp_path / 'in'}]")
    assert list(local_files(rooms)) == ["fetched", "pubmed25n1000", "pubmed26n0001", "pubmed26n0002"]


def test_a_folder_means_the_pubmed_files_in_it(rooms: Rooms, tmp_path: Path) -> None:
    lay(tmp_path / "in", "pubmed26n0001.xml.gz", "pubmed26n0001.xml.gz.md5", ".part.xml.gz", "README.txt")
    say(rooms, f"files: [{tmp_path / 'in'}]")
    assert list(local_files(rooms)) == ["pubmed26n0001"]


def test_a_file_named_by_two_patterns_counts_once(rooms: Rooms) -> None:
    say(rooms, "files: [sample, 'sample/pubmed*.xml.gz']")
    assert list(local_files(rooms)) == ["pubmed26n0001", "pubmed26n0002"]


def test_files_may_be_yet_to_come(rooms: Rooms) -> None:
    say(rooms, "files: [incoming/*.xml.gz, nowhere]")
    assert local_files(rooms) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file: [sample]", "file"),
        ("files: sample", "files"),
        ("files: ['**/x.xml']", "last part"),
        ("{files: [], remote: {enabled: perhaps, updates: 'https://a.example/'}}", "remote.enabled"),
        ("{files: [], remote: {updates: 'https://a.example/', mirror: x}}", "remote.mirror"),
        ("{files: [], remote: {updates: 'https://a.example/', requests_per_second: 20}}", "remote.requests_per_second"),
        ("{files: [], remote: {baseline: 'ftp://a.example/', updates: 'https://a.example/'}}", "remote.baseline"),
    ],
)
def test_a_manifest_that_means_something_else_is_refused(rooms: Rooms, text: str, told: str) -> None:
    say(rooms, text)
    with pytest.raises(BadInputError, match=told) as refused:
        local_files(rooms)
    assert refused.value.where == "corpora/pubmed.yaml"


def test_a_new_home_names_where_pubmed_is_published_and_fetches_nothing(rooms: Rooms) -> None:
    said = remote(rooms)
    assert said is not None and not said.enabled
    assert {url.split("/")[2] for url in (said.baseline or "", said.updates)} == {"ftp.ncbi.nlm.nih.gov"}


def test_a_mirror_on_this_machine_may_speak_plain_http_and_no_other_may(rooms: Rooms) -> None:
    say(rooms, "{files: [], remote: {updates: 'http://127.0.0.1:8080/updates'}}")
    assert (said := remote(rooms)) is not None and said.updates == "http://127.0.0.1:8080/updates/"
    say(rooms, "{files: [], remote: {updates: 'http://10.0.0.1/updates'}}")
    with pytest.raises(BadInputError, match=r"remote\.updates"):
        remote(rooms)


def test_fetched_files_are_found_beside_the_named_ones(rooms: Rooms) -> None:
    lay(rooms.corpora / "files", "pubmed26n0003.xml.gz", "pubmed26n0003.xml.gz.json", "pubmed26n0004.xml.gz.0a.part")
    assert list(local_files(rooms)) == ["pubmed26n0001", "pubmed26n0002", "pubmed26n0003"]


def test_two_files_of_one_name_are_refused(rooms: Rooms, tmp_path: Path) -> None:
    lay(tmp_path / "a", "pubmed26n0001.xml.gz")
    lay(tmp_path / "b", "pubmed26n0001.xml")
    say(rooms, f"files: [{tmp_path / 'a'}, {tmp_path / 'b'}]")
    with pytest.raises(BadInputError, match="there twice"):
        local_files(rooms)


def test_a_name_that_cannot_be_a_partition_is_refused(rooms: Rooms, tmp_path: Path) -> None:
    lay(tmp_path / "in", "pubmed...26.xml")
    say(rooms, f"files: [{tmp_path / 'in'}]")
    with pytest.raises(BadInputError, match="cannot name a partition"):
        local_files(rooms)
