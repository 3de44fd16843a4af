"""The MeSH tree: read from each form NLM and others give it in, kept by edition."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from consilience import home
from consilience.errors import BadInputError, RefusedFileError
from consilience.indexes.boolean import mesh

XML = """<?xml version="1.0"?>
<!DOCTYPE DescriptorRecordSet SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset_20260101.dtd">
<DescriptorRecordSet LanguageCode="eng">
<DescriptorRecord><DescriptorUI>D1</DescriptorUI><DescriptorName><String>Lungs</String></DescriptorName>
<TreeNumberList><TreeNumber>A01</TreeNumber></TreeNumberList></DescriptorRecord>
<DescriptorRecord><DescriptorUI>D2</DescriptorUI><DescriptorName><String>Asthma</String></DescriptorName>
<TreeNumberList><TreeNumber>C08.5</TreeNumber><TreeNumber>A01.100</TreeNumber></TreeNumberList>
<ConceptList><Concept><TermList><Term><String>Asthma</String></Term><Term><String>Bronchial Asthma</String></Term>
</TermList></Concept></ConceptList></DescriptorRecord></DescriptorRecordSet>
"""
ASCII = """*NEWRECORD
RECTYPE = D
MH = Lungs
MN = A01
UI = D1

*NEWRECORD
RECTYPE = D
MH = Asthma
PRINT ENTRY = Bronchial Asthma|T047|EQV|abc
MN = C08.5
MN = A01.100
UI = D2
"""
TABLE = "mesh_id\tmesh_name\tmesh_tree_number\nD1\tLungs\tA01\nD2\tAsthma\tC08.5\nD2\tAsthma\tA01.100\n"


@pytest.mark.parametrize(("name", "text"), [("desc2026.xml", XML), ("d2026.bin", ASCII), ("tree.tsv", TABLE)])
@pytest.mark.parametrize("packed", [False, True])
def test_each_form_says_the_same(tmp_path: Path, name: str, text: str, packed: bool) -> None:
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    tree = mesh.Tree(mesh.read(path))
    asthma = tree.find("asthma")
    assert asthma and (asthma.ui, asthma.numbers) == ("D2", ("A01.100", "C08.5"))
    lungs = tree.find("D1")
    assert lungs and [heading.name for heading in tree.narrower(lungs)] == ["Lungs", "Asthma"]
    assert (tree.find("bronchial ASTHMA") is None) == (name == "tree.tsv")


def test_a_number_that_only_begins_alike_is_not_below() -> None:
    tree = mesh.Tree([mesh.Heading("D1", "One", ("C08.5",)), mesh.Heading("D2", "Two", ("C08.55", "C08.5.1")),
                      mesh.Heading("D3", "Three", ("C08.55.1",))])  # fmt: skip
    one = tree.find("One")
    assert one and [heading.ui for heading in tree.narrower(one)] == ["D1", "D2"]


def test_editions_are_kept_and_the_newest_counts(tmp_path: Path) -> None:
    rooms = home.init(tmp_path / "home")
    assert mesh.load(rooms) is None
    shelf, path = mesh.Shelf(rooms), tmp_path / "tree.tsv"
    assert shelf.tree() is None
    path.write_text(TABLE)
    assert mesh.keep(rooms, path, "2026-01-01T00:00:00Z") == mesh.Kept("000001", 2, True)
    assert mesh.keep(rooms, path, "2026-02-01T00:00:00Z") == mesh.Kept("000001", 2, False)
    path.write_text(TABLE + "D3\tFever\tC23\n")
    assert mesh.keep(rooms, path, "2026-03-01T00:00:00Z") == mesh.Kept("000002", 3, True)
    tree = shelf.tree()
    assert tree and tree.edition == "000002" and len(tree) == 3 and shelf.tree() is tree
    assert sorted(path.name for path in (rooms.corpora / "mesh").iterdir()) == ["000001.parquet", "000002.parquet"]


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("tree.tsv", "a\tb\tc\n", RefusedFileError),
        ("tree.tsv", "mesh_id\tmesh_name\tmesh_tree_number\nD1\n", RefusedFileError),
        ("tree.tsv", "mesh_id\tmesh_name\tmesh_tree_number\n", RefusedFileError),
        ("tree.tsv", "mesh_id\tmesh_name\tmesh_tree_number\nD1\tLungs\t \n", RefusedFileError),
        ("tree.tsv", "mesh_id\tmesh_name\tmesh_tree_number\nD1\t \tA01\n", RefusedFileError),
        ("d2026.bin", "MH = Asthma\nUI = D2\n", RefusedFileError),
        ("d2026.bin", "MH = \nUI = D2\nMN = A01\n", RefusedFileError),
        ("desc.xml", re.sub("SYSTEM.*>", "[<!ENTITY e 'x'>]>", XML), RefusedFileError),
        ("desc.xml", XML[:-40], RefusedFileError),
        ("tree.csv", TABLE, BadInputError),
    ],
)  # fmt: skip
def test_a_file_that_is_no_tree_is_refused(tmp_path: Path, name: str, text: str, error: type[Exception]) -> None:
    path = tmp_path / name
    path.write_text(text)
    rooms = home.init(tmp_path / "home")
    with pytest.raises(error):
        mesh.keep(rooms, path, "2026-01-01T00:00:00Z")
    assert mesh.load(rooms) is None


@pytest.mark.parametrize(("name", "text"), [("desc.xml", XML), ("d2026.bin", ASCII), ("tree.tsv", TABLE)])
@pytest.mark.parametrize("limit", ["_MOST_NAMES", "_MOST_TEXT"])
def test_a_file_far_larger_than_mesh_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, limit: str
) -> None:
    monkeypatch.setattr(mesh, limit, 3)
    path = tmp_path / name
    path.write_text(text)
    if (name, limit) == ("desc.xml", "_MOST_TEXT"):  # its bytes are bounded by what reads XML
        assert list(mesh.read(path))
        return
    with pytest.raises(RefusedFileError, match="far more"):
        list(mesh.read(path))


@pytest.mark.real
def test_the_tree_of_2015_explodes(data_dir: Path) -> None:
    tree = mesh.Tree(mesh.read(data_dir / "vocab" / "mesh2015_tree_numbers.tsv.gz"))
    asthma, animals = tree.find("Asthma"), tree.find("Animals")
    assert asthma and animals and len(tree) > 27_000
    assert {heading.name for heading in tree.narrower(asthma)} >= {"Asthma", "Status Asthmaticus"}
    assert "Humans" in {heading.name for heading in tree.narrower(animals)}
