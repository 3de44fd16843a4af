from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consilience.corpora.dates import parse_date, read_date


@pytest.mark.parametrize(
    ("raw", "start", "end", "precision"),
    [
        ("2020", "2020-01-01", "2020-12-31", "year"),
        ("2020 Mar", "2020-03-01", "2020-03-31", "month"),
        ("2020 03 05", "2020-03-05", "2020-03-05", "day"),
        ("2020 Mar 05", "2020-03-05", "2020-03-05", "day"),
        ("2020-03-05", "2020-03-05", "2020-03-05", "day"),
        ("2020/03/05 06:00", "2020-03-05", "2020-03-05", "day"),
        ("Mar 5, 2020", "2020-03-05", "2020-03-05", "day"),
        ("2003 October", "2003-10-01", "2003-10-31", "month"),
        ("2003 10", "2003-10-01", "2003-10-31", "month"),
        ("2004 Feb", "2004-02-01", "2004-02-29", "month"),
        ("1998 Dec-1999 Jan", "1998-12-01", "1999-01-31", "month-range"),
        ("2000 Nov-Dec", "2000-11-01", "2000-12-31", "month-range"),
        ("2000 Nov/Dec", "2000-11-01", "2000-12-31", "month-range"),
        ("2000 Dec-Jan", "2000-12-01", "2001-01-31", "month-range"),
        ("1976 Aug 28-Sep 4", "1976-08-28", "1976-09-04", "day-range"),
        ("1983 Jul 12-26", "1983-07-12", "1983-07-26", "day-range"),
        ("1976 Dec 28-Jan 4", "1976-12-28", "1977-01-04", "day-range"),
        ("1999 Dec 27-2000 Jan 3", "1999-12-27", "2000-01-03", "day-range"),
        ("1978-1979", "1978-01-01", "1979-12-31", "year-range"),
        ("1978–1979", "1978-01-01", "1979-12-31", "year-range"),
        ("1978-79", "1978-01-01", "1979-12-31", "year-range"),
        ("2015 1st Quart", "2015-01-01", "2015-03-31", "quarter"),
        ("2015 4th Quarter", "2015-10-01", "2015-12-31", "quarter"),
        ("2015 1st-2nd Quart", "2015-01-01", "2015-06-30", "quarter"),
        ("2000 Spring", "2000-03-01", "2000-05-31", "season"),
        ("Summer 2016", "2016-06-01", "2016-08-31", "season"),
        ("2001 Autumn", "2001-09-01", "2001-11-30", "season"),
        ("2000 Spring-Summer", "2000-03-01", "2000-08-31", "season"),
    ],
)
def test_a_date_is_as_coarse_as_its_source(raw: str, start: str, end: str, precision: str) -> None:
    reading = read_date(raw)
    assert reading.when is not None
    assert (reading.when.start.isoformat(), reading.when.end.isoformat()) == (start, end)
    assert (reading.when.precision, reading.when.raw, reading.warning) == (precision, raw, "")


def test_winter_may_be_either_end_of_its_year() -> None:
    when = read_date("Winter 2004").when
    assert when is not None
    assert (when.start, when.end, when.precision) == (date(2004, 1, 1), date(2004, 12, 31), "season")


def test_a_month_that_may_be_a_second_year_is_read_as_all_it_may_mean() -> None:
    when = read_date("2001-02").when
    assert when is not None
    assert (when.start, when.end) == (date(2001, 1, 1), date(2002, 12, 31))


def test_outside_pubmed_the_same_text_is_the_month_of_iso_8601() -> None:
    when = parse_date("2001-02")
    assert when is not None
    assert (when.start, when.end, when.precision, when.raw) == (date(2001, 2, 1), date(2001, 2, 28), "month", "2001-02")
    assert parse_date("2001-13") is None


def test_a_day_beside_a_range_of_months_is_left_out_with_a_warning() -> None:
    reading = read_date("2022 Jan-Feb 01")
    assert reading.when is not None
    assert (reading.when.start, reading.when.end) == (date(2022, 1, 1), date(2022, 2, 28))
    assert reading.when.precision == "month-range"
    assert "2022 Jan-Feb 01" in reading.warning


@pytest.mark.parametrize("raw", ["1979 Christmas", "1979 Jun-Jul-Aug", "1979 Suppl 2"])
def test_unknown_words_leave_the_year_with_a_warning(raw: str) -> None:
    reading = read_date(raw)
    assert reading.when is not None
    assert (reading.when.start, reading.when.end) == (date(1979, 1, 1), date(1979, 12, 31))
    assert raw in reading.warning


@pytest.mark.parametrize(
    "raw",
    [
        *("", "-", "garbage", "Mar", "1 2 3", "0000", "9999", "12345", "２０２０"),
        *("2005 Sep 31", "2005 02 29", "2020 Mar 0", "2020 13", "2020 Mar Apr", "2020 Spring 5", "2020 Mar-1999 Jan"),
    ],
)
def test_an_impossible_date_is_none_with_a_warning(raw: str) -> None:
    reading = read_date(raw)
    assert reading.when is None
    assert reading.warning


@settings(max_examples=60)
@given(st.text(alphabet="0123456789 -/JanuFebMrSptWiqsd.", max_size=24) | st.text(max_size=24))
def test_any_text_gives_a_date_in_order_or_none(raw: str) -> None:
    reading = read_date(raw)
    if reading.when is None:
        assert reading.warning
    else:
        assert reading.when.start <= reading.when.end


@given(st.dates(date(1800, 1, 1), date(2100, 1, 1)))
def test_every_day_is_read_in_every_spelling(day: date) -> None:
    for pattern in ("%Y-%m-%d", "%Y %m %d", "%Y %b %d", "%d %B %Y", "%Y/%m/%d"):
        when = read_date(day.strftime(pattern)).when
        assert when is not None
        assert (when.start, when.end, when.precision) == (day, day, "day")
