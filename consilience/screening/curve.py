"""The curve of finding: how many records that were carried on had been found after how many read, as an SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 720.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 20.0, 26.0, 46.0
_INK, _LINE, _FAINT, _MARK = "#1a1a1a", "#0072B2", "#d5d5d5", "#D55E00"
_FACE = "DejaVu Sans, Verdana, Arial, sans-serif"

Scale = Callable[[float], float]


def svg(labels: Sequence[int], records: int, *, ended: int | None = None) -> str:
    """The curve of labels (1 carried on, 0 not) in the order of their first decision, among `records` in all.

    The dotted line is what reading in random order would have found of the same; `ended` marks how many had been read
    when a person ended the screening.
    """
    found = sum(labels)
    top, right = max(found, 1), max(records, 1)

    def x(read: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * read / right, 2)

    def y(count: float) -> float:
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * count / top, 2)

    told = f"{found} of {len(labels)} records read were carried on; {records} records in all"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" width="{_WIDTH:g}" '
        f'height="{_HEIGHT:g}" role="img" aria-label="{escape(told)}" font-family="{_FACE}" font-size="12" '
        f'fill="{_INK}">',
        f'<rect width="{_WIDTH:g}" height="{_HEIGHT:g}" fill="#ffffff"/>',
        *(f'<line x1="{_LEFT:g}" x2="{x(right):g}" y1="{y(tick):g}" y2="{y(tick):g}" stroke="{_FAINT}"/>'
          f'<text x="{_LEFT - 8:g}" y="{y(tick) + 4:g}" text-anchor="end">{tick:,}</text>' for tick in _ticks(top)),
        *(f'<text x="{x(tick):g}" y="{_HEIGHT - _BOTTOM + 18:g}" text-anchor="middle">{tick:,}</text>'
          for tick in _ticks(right)),
        f'<line x1="{_LEFT:g}" x2="{x(right):g}" y1="{y(0):g}" y2="{y(0):g}" stroke="{_INK}"/>',
        f'<line x1="{x(0):g}" y1="{y(0):g}" x2="{x(len(labels)):g}" y2="{y(found):g}" stroke="{_INK}" '
        'stroke-dasharray="2 4"/>',
        _run(labels, x, y),
        _end(ended, x),
        f'<text x="{(x(0) + x(right)) / 2:g}" y="{_HEIGHT - 8:g}" text-anchor="middle">records read</text>',
        f'<text x="{_LEFT:g}" y="15">carried on so far</text>',
        "</svg>",
    ]  # fmt: skip
    return "\n".join(part for part in parts if part) + "\n"


def _run(labels: Sequence[int], x: Scale, y: Scale) -> str:
    """The steps of the curve; flat stretches are two points, however long."""
    points = [(0, 0)]
    for read, (label, count) in enumerate(zip(labels, accumulate(labels), strict=True), start=1):
        if label:
            points += [(read, count - 1), (read, count)]
    points.append((len(labels), sum(labels)))
    path = " ".join(f"{x(read):g},{y(count):g}" for read, count in points)
    return f'<polyline points="{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>'


def _end(ended: int | None, x: Scale) -> str:
    if ended is None:
        return ""
    at = x(ended)
    anchor, side = ("end", -6) if at > _WIDTH / 2 else ("start", 6)
    return (
        f'<line x1="{at:g}" x2="{at:g}" y1="{_TOP:g}" y2="{_HEIGHT - _BOTTOM:g}" stroke="{_MARK}" '
        'stroke-dasharray="6 3"/>'
        f'<text x="{at + side:g}" y="{_HEIGHT - _BOTTOM - 8:g}" text-anchor="{anchor}" fill="#a34700">ended here</text>'
    )


def _ticks(top: int) -> list[int]:
    """About five whole numbers from 0 to `top`, at round distances."""
    step = next(unit * 10**power for power in range(10) for unit in (1, 2, 5) if top <= 6 * unit * 10**power)
    return list(range(0, top + 1, step))
