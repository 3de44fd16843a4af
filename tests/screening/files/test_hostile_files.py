"""Files made to do harm, or of bytes in any order: refused in one sentence, never a crash, never more memory."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consilience.errors import RefusedFileError
from consilience.screening.files import read_file, write_file

RECORD = {"id": "r0123456789abcdef", "title": "A trial", "abstract": "It helped.", "authors": ["Doe, J."]}
BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def workbook(folder: Path) -> Path:
    write_file([RECORD], folder / "r.xlsx")
    return folder / "r.xlsx"


def with_part(path: Path, name: str, change: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            archive.writestr(part, change if part == name else data)
    path.write_bytes(made.getvalue())


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"])
def test_a_workbook_that_declares_entities_is_refused(tmp_path: Path, part: str) -> None:
    path = workbook(tmp_path)
    with_part(path, part, f'<?xml version="1.0"?>{BOMB}<x>&b;</x>'.encode())
    with pytest.raises(RefusedFileError, match="plain XML"):
        read_file(path)


def test_a_workbook_in_another_encoding_hides_nothing(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    with_part(path, "xl/worksheets/sheet1.xml", f'<?xml version="1.0" encoding="UTF-16"?>{BOMB}<x/>'.encode("utf-16"))
    with pytest.raises(RefusedFileError, match="plain XML"):
        read_file(path)


def test_a_workbook_that_unpacks_without_measure_is_refused_early(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("big.bin", "w") as part:
        for _ in range(513):
            part.write(bytes(1 << 20))
    with pytest.raises(RefusedFileError, match="512 MiB"):
        read_file(path)


@pytest.mark.parametrize("sheets", [0, 2])
def test_a_workbook_has_one_sheet_of_records(tmp_path: Path, sheets: int) -> None:
    from openpyxl import Workbook

    book = Workbook()
    for place in range(sheets):
        sheet = book.create_sheet(f"s{place}")
        sheet.append(["Title"])
        sheet.append(["A trial"])
    book.save(tmp_path / "r.xlsx")
    with pytest.raises(RefusedFileError, match="no sheet has" if not sheets else "2 sheets have"):
        read_file(tmp_path / "r.xlsx")


def test_a_workbook_of_another_program_is_read_as_it_looks(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Title", "PMID", "Year", "Included", None])
    book.active.append(["A trial", 99000001, 2003.0, True, None])
    book.active.append([None, None, None, None, None])
    book.active.append([12, None, None, False, None])
    book.save(tmp_path / "r.xlsx")
    first, second = read_file(tmp_path / "r.xlsx").records
    assert (first["pmid"], first["year"], first["label"]) == ("99000001", 2003, 1)
    assert (second["title"], second["label"], second["source"]["position"]) == ("12", 0, 4)


@pytest.mark.parametrize(
    "prolog", [BOMB, '<!DOCTYPE x SYSTEM "file:///etc/passwd">', '<!DOCTYPE x SYSTEM "http://a.example/x">']
)
def test_endnote_xml_with_entities_or_a_dtd_is_refused(tmp_path: Path, prolog: str) -> None:
    body = "<xml><records><record><titles><title>&b;</title></titles></record></records></xml>"
    (tmp_path / "r.xml").write_text(f"{prolog}{body.replace('&b;', 'x')}".replace("DOCTYPE x", "DOCTYPE xml"))
    with pytest.raises(RefusedFileError):
        read_file(tmp_path / "r.xml")


@pytest.mark.parametrize("name", ["r.ris.gz", "r.csv.gz", "r.bib.gz", "r.jsonl.gz"])
def test_a_packed_file_that_unpacks_without_measure_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"TY  - JOUR\n" + b"AB  - " + b"x" * (200 << 20)))
    with pytest.raises(RefusedFileError):
        read_file(tmp_path / name)


def samples() -> dict[str, bytes]:
    import tempfile

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".ris", ".nbib", ".csv", ".tsv", ".xml", ".bib", ".jsonl"):
            path = Path(folder) / f"r{suffix}"
            write_file([RECORD, {**RECORD, "id": "r1123456789abcdef", "label": 1}], path)
            found[suffix] = path.read_bytes()
    return found


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_never_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    suffix, content = data.draw(st.sampled_from(sorted(samples().items())))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 12))
        put = data.draw(
            st.one_of(st.binary(max_size=6), st.sampled_from((b"\nER  - \n", b"\n\n", b"}", b'"', b"<", b"\0")))
        )
        content = content[:at] + put + content[at + cut :]
    path = tmp_path / f"r{suffix}"
    path.write_bytes(content)
    try:
        reading = read_file(path)
    except RefusedFileError as refused:
        assert refused.where == path.name and refused.message
    else:
        assert reading.counts["records"] == len(reading.records) > 0
