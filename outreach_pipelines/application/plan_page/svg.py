"""Charts as inline SVG (SVG 2): shapes, labels, and a title and description for those who do not see them.

Belongs here: coordinates. Does not: numbers (`figures`), colours (the page's style sheet, by class).
"""

from collections.abc import Iterator, Sequence
from html import escape

from outreach_pipelines.application.plan_page.figures import HOURS, Bar, HeatMap

_LABEL, _CELL, _ROW, _HEAD = 170, 22, 20, 24
_WIDE, _BAR, _STEP = 360, 14, 40
SHADES = 5
_WHITE_FROM = 4
"""The shade from which a number needs the other ink to be read (contrast of 4.5 and more, WCAG 2.2, 1.4.3)."""


def heat_map_svg(heat: HeatMap) -> str:
    """A row a sender, a column an hour; five shades up to the busiest hour."""
    width, height = _LABEL + HOURS * _CELL, _HEAD + len(heat.rows) * _ROW + 4
    hours = "".join(
        f'<text class="tick" x="{_LABEL + hour * _CELL + _CELL // 2}" y="16" text-anchor="middle">{hour:02d}</text>'
        for hour in range(HOURS)
    )
    title = f"Sends by {heat.what} and hour"
    desc = f"{len(heat.rows)} rows, 24 hours of {heat.zone}; the busiest hour of a row has {heat.hottest} messages."
    return _svg("heat", width, height, title, desc, hours + "".join(_heat_cells(heat)))


def _heat_cells(heat: HeatMap) -> Iterator[str]:
    for number, row in enumerate(heat.rows):
        y = _HEAD + number * _ROW
        yield f'<text class="label" x="{_LABEL - 6}" y="{y + 14}" text-anchor="end">{escape(_short(row.label))}</text>'
        for hour, count in enumerate(row.counts):
            x = _LABEL + hour * _CELL
            yield f'<rect class="s{shade(count, heat.hottest)}" x="{x}" y="{y}" width="{_CELL - 2}" height="{_ROW - 2}"/>'
            if count:
                kind = "on-dark" if shade(count, heat.hottest) >= _WHITE_FROM else "on-light"
                yield f'<text class="{kind}" x="{x + _CELL // 2 - 1}" y="{y + 13}" text-anchor="middle">{count}</text>'


def bars_svg(name: str, title: str, desc: str, bars: Sequence[Bar]) -> str:
    """A line of words above each bar, so that long names fit on a narrow screen."""
    largest = max((bar.start + bar.length for bar in bars), default=0)
    body = "".join(_bar(bar, number, largest) for number, bar in enumerate(bars))
    return _svg(name, _WIDE, len(bars) * _STEP + 4, title, desc, body)


def _bar(bar: Bar, number: int, largest: int) -> str:
    scale = (_WIDE - 8) / largest if largest else 0
    x, y = 4 + bar.start * scale, number * _STEP
    width = max(bar.length * scale, 1 if bar.length else 0)
    kind = "total" if bar.is_total else "part"
    return (
        f'<text class="label" x="4" y="{y + 14}">{escape(bar.label)}: {bar.length}</text>'
        f'<rect class="{kind}" x="{x:.1f}" y="{y + 20}" width="{width:.1f}" height="{_BAR}"/>'
    )


def shade(count: int, hottest: int) -> int:
    """0 for none, else 1 to `SHADES` in even steps up to the hottest."""
    return 0 if not count else max(1, -(-count * SHADES // hottest))


def _svg(name: str, width: int, height: int, title: str, desc: str, body: str) -> str:
    return (
        f'<svg class="{name}" role="img" aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {width} {height}" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(desc)}</desc>{body}</svg>'
    )


def _short(label: str) -> str:
    return label if len(label) <= 26 else f"{label[:12]}…{label[-13:]}"
