"""Numbers as people write them."""

from __future__ import annotations

import pytest

from consilience.models.checks import mismatches
from consilience.models.numbers import numbers, without_sizes


def units(text: str) -> list[tuple[float, str]]:
    return [(round(number.value, 6), number.unit) for number in numbers(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Give 5-10 mg.", [(5, "mg"), (10, "mg")]),
        ("Give 5 to 10 g.", [(5000, "mg"), (10000, "mg")]),
        ("2,041 adults", [(2041, "")]),
        ("12 500 adults".replace(" ", "\u2009", 1), [(12500, "")]),
        ("3·5 µg and 3.5 μg", [(0.0035, "mg"), (0.0035, "mg")]),
        ("twice daily", [(2, "/day")]),
        ("three times a week", [(round(3 / 7, 6), "/day")]),
        ("b.i.d.", [(2, "/day")]),
        ("P < 0.001", [(0.001, "p")]),
        ("in 2007", [(2007, "calendar")]),
        ("2000 adults", [(2000, "calendar")]),
        ("five weeks", [(50400, "minute")]),
        ("a 5-day course", [(7200, "minute")]),
        ("TNF-α at 6 ng/ml", [(6e-06, "mg/ml")]),
        ("four liters", [(4, "")]),
        ("4 L", [(4000, "ml")]),
    ],
)
def test_numbers_are_read_with_their_units(text: str, expected: list[tuple[float, str]]) -> None:
    assert units(text) == expected


@pytest.mark.parametrize(
    ("claim", "evidence", "expected"),
    [
        ("Doses of 5 mg helped.", "Doses of 5-10 mg helped.", False),
        ("Doses of 7 mg helped.", "Doses of 5-10 mg helped.", True),
        ("It was given twice daily.", "It was given b.i.d.", False),
        ("It was given once daily.", "It was given twice daily.", True),
        ("It was given weekly.", "It was given daily.", True),
        ("It fell (p < 0.05).", "It fell (P = 0.003).", False),
        ("It fell (p < 0.05).", "It fell (P = 0.3).", True),
        ("It fell (95% CI 2 to 4).", "It fell (95 % CI 2.0-4.0).", False),
        ("It fell (95% CI 2 to 6).", "It fell (95 % CI 2.0-4.0).", True),
        ("2041 adults took part.", "2,041 adults took part.", False),
        ("20,410 adults took part.", "2,041 adults took part.", True),
        ("It took 12 months.", "It took 12 weeks.", True),
        ("It took four weeks.", "It took 1 month.", False),
        ("It took 24 months.", "It took 2 years.", False),
        ("Give 500 g.", "Give 500 mg.", True),
        ("Give 500 mg daily.", "Give 0.5 g/day.", False),
        ("Give 500 μg.", "Give 0.5 mg.", False),
        ("Four litres were drunk.", "4 L were drunk.", False),
        ("Those aged 16 to 24.", "Those aged 16-24 years.", False),
    ],
)
def test_a_number_is_the_same_however_it_is_written(claim: str, evidence: str, expected: bool) -> None:
    assert any(found.kind == "number" and found.replaced for found in mismatches(claim, evidence)) is expected


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Velorine lowered the risk by 20%.", "Velorine lowered the risk."),
        ("It rose by more than 40 percent in men.", "It rose in men."),
        ("It fell by up to 3-fold.", "It fell."),
        ("It fell by about a fifth in women.", "It fell in women."),
        ("It fell by almost two thirds.", "It fell."),
        ("A was linked to a 12% lower mortality.", "A was linked to a lower mortality."),
        ("Of 20 patients 5% relapsed.", "Of 20 patients 5% relapsed."),
        ("It rose by 5 to 10%.", "It rose by 5 to 10%."),
    ],
)
def test_sizes_of_a_change_can_be_left_out(text: str, left: str) -> None:
    assert without_sizes(text) == left
