"""The PRISMA flow as a picture: one layout of boxes and arrows, told as SVG, or as PNG where matplotlib is there."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

from consilience.errors import BadInputError
from consilience.screening.prisma import Flow, Reasons

_FONT, _LINE, _PAD = 13.0, 18.0, 10.0
_LETTER = 0.57  # of the font's size: as wide as the mean letter of the widest common sans-serif
_GAP, _COLUMN, _STAGE = 36.0, 250.0, 34.0
_FACE = "DejaVu Sans, Verdana, Arial, sans-serif"
_REASONS = 12  # drawn; the table has them all
_FILLS = {"head": "#ffe3a3", "grey": "#e3e3e3", "stage": "#bcd3f5", "box": "#ffffff"}
_INK, _EDGE = "#1a1a1a", "#4a4a4a"

Lines = Sequence[str]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with lines of text; the text of a stage runs upwards."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    kind: str = "box"

    @property
    def upright(self) -> bool:
        """Whether its text runs upwards."""
        return self.kind == "stage"


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes, and arrows as runs of points, on a page of the given size."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[Point, ...], ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """What stands in one row, by column; a missing column is empty."""

    stage: str
    cells: dict[str, Lines]


def layout(flow: Flow) -> Picture:
    """Place every box; columns without any number (an earlier version, other methods) are left out."""
    rows = _rows(flow)
    columns = [
        name for name in ("previous", "main", "side", "other", "apart") if any(name in row.cells for row in rows)
    ]
    left = {name: _STAGE + _GAP + place * (_COLUMN + _GAP) for place, name in enumerate(columns)}
    boxes: list[Box] = []
    placed: list[dict[str, Box]] = []
    top = _GAP / 2
    for row in rows:
        texts = {name: _wrapped(lines) for name, lines in row.cells.items()}
        height = max(len(lines) for lines in texts.values()) * _LINE + 2 * _PAD
        kinds = {name: _kind(row, name) for name in texts}
        placed.append(
            {name: Box(left[name], top, _COLUMN, height, lines, kinds[name]) for name, lines in texts.items()}
        )
        boxes.extend(placed[-1].values())
        top += height + _GAP
    boxes.extend(_stages(rows, placed))
    width = max(left.values()) + _COLUMN + _GAP / 2
    return Picture(width, top - _GAP / 2, tuple(boxes), tuple(_arrows(placed)))


def _kind(row: _Row, column: str) -> str:
    if row.stage:
        return "box"
    return "head" if column == "main" else "grey"


def _wrapped(lines: Lines) -> tuple[str, ...]:
    letters = int((_COLUMN - 2 * _PAD) / (_FONT * _LETTER))
    # A second line of one entry is set in, so that entries stay apart.
    return tuple(part for line in lines for part in textwrap.wrap(line, letters, subsequent_indent="\u2002"))


def _stages(rows: Sequence[_Row], placed: Sequence[dict[str, Box]]) -> Iterator[Box]:
    """One upright bar beside the rows of each stage."""
    for stage in dict.fromkeys(row.stage for row in rows if row.stage):
        own = [next(iter(boxes.values())) for row, boxes in zip(rows, placed, strict=True) if row.stage == stage]
        top, bottom = own[0].y, own[-1].y + own[-1].height
        yield Box(_GAP / 2, top, _STAGE, bottom - top, (stage,), "stage")


def _rows(flow: Flow) -> list[_Row]:
    rows = [
        _Row("", {"main": ["Identification of new studies via databases and registers"]}),
        _Row("Identification", {"main": _found(flow), "side": _removed(flow)}),
        _Row("Screening", {"main": _screened(flow), "side": [_n("Records excluded", flow.records_excluded)]}),
        _Row("Screening", {
            "main": [_n("Reports sought for retrieval", flow.dbr_sought_reports)],
            "side": [_n("Reports not retrieved", flow.dbr_notretrieved_reports)],
        }),
        _Row("Screening", {
            "main": _read(flow.dbr_assessed, flow.dbr_awaiting),
            "side": _dropped(flow.dbr_excluded),
        }),
        _Row("Included", {"main": _kept(flow)}),
    ]  # fmt: skip
    if _elsewhere(flow):
        _beside(flow, rows)
    if flow.previous_reports:
        rows[0].cells["previous"] = ["Previous studies"]
        rows[1].cells["previous"] = [
            _n("Studies included in previous version of review", flow.previous_studies),
            _n("Reports of studies included in previous version of review", flow.previous_reports),
        ]
        total = [_n("Total studies included in review", flow.total_studies),
                 _n("Reports of total included studies", flow.total_reports)]  # fmt: skip
        rows.append(_Row("Included", {"main": total}))
    return rows


def _elsewhere(flow: Flow) -> int:
    return flow.website_results + flow.organisation_results + flow.citations_results


def _beside(flow: Flow, rows: list[_Row]) -> None:
    """The two columns of other methods, which have no boxes of records screened and excluded."""
    rows[0].cells["other"] = ["Identification of new studies via other methods"]
    found = [("Websites", flow.website_results), ("Organisations", flow.organisation_results),
             ("Citation searching", flow.citations_results)]  # fmt: skip
    rows[1].cells["other"] = ["Records identified from:", *(_n(name, count) for name, count in found)]
    rows[3].cells["other"] = [_n("Reports sought for retrieval", flow.other_sought_reports)]
    rows[3].cells["apart"] = [_n("Reports not retrieved", flow.other_notretrieved_reports)]
    rows[4].cells["other"] = _read(flow.other_assessed, flow.other_awaiting)
    rows[4].cells["apart"] = _dropped(flow.other_excluded)


def _n(words: str, count: int) -> str:
    # No-break spaces: the count stays whole when the line is wrapped.
    return f"{words} (n\u00a0=\u00a0{count:,})"


def _found(flow: Flow) -> Lines:
    return ["Records identified from:", _n("Databases", flow.database_results), _n("Registers", flow.register_results)]


def _removed(flow: Flow) -> Lines:
    return [
        "Records removed before screening:",
        _n("Duplicate records", flow.duplicates),
        _n("Records marked as ineligible by automation tools", flow.excluded_automatic),
        _n("Records removed for other reasons", flow.excluded_other),
    ]


def _screened(flow: Flow) -> Lines:
    waiting = [_n("Awaiting decision", flow.awaiting_screening)] if flow.awaiting_screening else []
    return [_n("Records screened", flow.records_screened), *waiting]


def _read(assessed: int, awaiting: int) -> Lines:
    waiting = [_n("Awaiting assessment", awaiting)] if awaiting else []
    return [_n("Reports assessed for eligibility", assessed), *waiting]


def _dropped(reasons: Reasons) -> Lines:
    if not reasons:
        return [_n("Reports excluded", 0)]
    shown = [_n(textwrap.shorten(reason, 90), count) for reason, count in reasons[:_REASONS]]
    rest = sum(count for _, count in reasons[_REASONS:])
    return ["Reports excluded:", *shown, *([_n("Further reasons", rest)] if rest else [])]


def _kept(flow: Flow) -> Lines:
    return [_n("New studies included in review", flow.new_studies),
            _n("Reports of new included studies", flow.new_reports)]  # fmt: skip


def _arrows(placed: Sequence[dict[str, Box]]) -> Iterator[tuple[Point, ...]]:
    body = placed[1:]
    for row in body:
        for start, end in (("main", "side"), ("other", "apart")):
            if start in row and end in row:
                yield _right(row[start]), (row[end].x, _middle(row[end]))
    for column in ("main", "other"):
        own = [row[column] for row in body if column in row]
        yield from ((_bottom(upper), (_centre(lower), lower.y)) for upper, lower in pairwise(own))
    included = body[4]["main"]
    others = [row["other"] for row in body if "other" in row]
    if others:
        yield _bottom(others[-1]), (_centre(others[-1]), _middle(included)), _right(included)
    if "previous" in body[0]:
        before, total = body[0]["previous"], body[5]["main"]
        yield _bottom(before), (_centre(before), _middle(total)), (total.x, _middle(total))


def _centre(box: Box) -> float:
    return box.x + box.width / 2


def _middle(box: Box) -> float:
    return box.y + box.height / 2


def _right(box: Box) -> Point:
    return box.x + box.width, _middle(box)


def _bottom(box: Box) -> Point:
    return _centre(box), box.y + box.height


# ---------------------------------------------------------------- the layout as SVG and as PNG


def svg(flow: Flow) -> str:
    """The flow as an SVG that stands alone: same numbers, same bytes."""
    picture = layout(flow)
    told = "; ".join(f"{name.replace('_', ' ')} {count}" for name, count in flow.numbers().items() if count)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {picture.width:g} {picture.height:g}" '
        f'width="{picture.width:g}" height="{picture.height:g}" role="img" aria-labelledby="flow-title flow-told" '
        f'font-family="{_FACE}" font-size="{_FONT:g}" fill="{_INK}">',
        '<title id="flow-title">PRISMA 2020 flow diagram</title>',
        f'<desc id="flow-told">{escape(told)}</desc>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0 8 4 0 8z" fill="{_EDGE}"/></marker></defs>',
        f'<rect width="{picture.width:g}" height="{picture.height:g}" fill="#ffffff"/>',
        *(_svg_arrow(points) for points in picture.arrows),
        *(_svg_box(box) for box in picture.boxes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _svg_arrow(points: Sequence[Point]) -> str:
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{_EDGE}" stroke-width="1.5" marker-end="url(#tip)"/>'


def _svg_box(box: Box) -> str:
    shape = (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="3" '
        f'fill="{_FILLS[box.kind]}" stroke="{_EDGE}"/>'
    )
    if box.upright:
        x, y = _centre(box), _middle(box)
        return (
            f'{shape}<text x="{x:g}" y="{y:g}" text-anchor="middle" dominant-baseline="central" font-weight="bold" '
            f'transform="rotate(-90 {x:g} {y:g})">{escape(box.lines[0])}</text>'
        )
    weight = "" if box.kind == "box" else ' font-weight="bold"'
    lines = "".join(f'<tspan x="{x:g}" y="{y:g}">{escape(line)}</tspan>' for x, y, line in _set(box))
    return f"{shape}<text{weight}>{lines}</text>"


def _set(box: Box) -> Iterator[tuple[float, float, str]]:
    """Each line with where it begins: the block of lines stands in the middle of its box."""
    top = _middle(box) - len(box.lines) * _LINE / 2 + 0.72 * _LINE
    for place, line in enumerate(box.lines):
        yield box.x + _PAD, top + place * _LINE, line


def png(flow: Flow, *, dots: int = 150) -> bytes:
    """The flow as a PNG at so many dots an inch; needs matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError as error:
        raise BadInputError(
            "a PNG needs matplotlib, which is not installed", where="png",
            expected="pip install 'consilience[report]', or the SVG",
        ) from error  # fmt: skip
    picture = layout(flow)
    inch = 96.0  # of the units of the layout, which are those of a browser
    figure = Figure(figsize=(picture.width / inch, picture.height / inch), dpi=dots)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, picture.width), ylim=(picture.height, 0))
    axes.axis("off")
    points = _FONT * 72 / inch
    for run in picture.arrows:
        axes.plot([x for x, _ in run[:-1]], [y for _, y in run[:-1]], color=_EDGE, linewidth=1)
        axes.annotate(
            "", run[-1], run[-2], arrowprops={"arrowstyle": "-|>", "color": _EDGE, "shrinkA": 0, "shrinkB": 0}
        )
    for box in picture.boxes:
        axes.add_patch(
            Rectangle((box.x, box.y), box.width, box.height, facecolor=_FILLS[box.kind], edgecolor=_EDGE, linewidth=0.8)
        )
        weight = "normal" if box.kind == "box" else "bold"
        style: dict[str, Any] = {
            "fontsize": points,
            "family": "DejaVu Sans",
            "color": _INK,
            "weight": weight,
            "parse_math": False,
        }
        if box.upright:
            axes.text(_centre(box), _middle(box), box.lines[0], rotation=90, ha="center", va="center", **style)
        else:
            for x, y, line in _set(box):
                axes.text(x, y, line, va="baseline", **style)
    out = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
