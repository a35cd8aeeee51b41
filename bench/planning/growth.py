"""How planning grows from 1,000 to 600,000 candidates: the exponent, the ratio to n log n, and a plot.

Belongs here: the comparison of sizes. Does not: a single measurement (`measure`).
"""

from collections.abc import Sequence
from math import log, log2, log10
from pathlib import Path

from planning.measure import Measured

SIZES = (1_000, 3_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000)
_WIDTH, _HEIGHT, _MARGIN = 640, 420, 64


def exponent(rows: Sequence[Measured]) -> float:
    """Of seconds over candidates."""
    return slope([(row.candidates, row.plan) for row in rows])


def slope(costs: Sequence[tuple[int, float]]) -> float:
    """Of log(cost) over log(candidates), by least squares: 1 is linear."""
    points = [(log(candidates), log(cost)) for candidates, cost in costs]
    middle = [sum(values) / len(points) for values in zip(*points, strict=True)]
    spread = sum((x - middle[0]) ** 2 for x, _ in points)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in points) / spread


def against_n_log_n(rows: Sequence[Measured]) -> float:
    """Seconds for each n log n at the largest size, over the same at 10,000: at most about 1 where growth is no worse."""
    base = next(row for row in rows if row.candidates >= 10_000)
    last = rows[-1]
    return _each(last) / _each(base)


def draw(rows: Sequence[Measured], path: Path) -> None:
    """A log-log plot as SVG: measured points, and n log n through the one at 10,000."""
    base = next(row for row in rows if row.candidates >= 10_000)
    low, high = rows[0].candidates, rows[-1].candidates
    times = [row.plan for row in rows] + [_each(base) * n * log2(n) for n in (low, high)]
    bottom, top = min(times) / 1.5, max(times) * 1.5

    def place(n: float, seconds: float) -> tuple[float, float]:
        across = (log10(n) - log10(low)) / (log10(high) - log10(low))
        up = (log10(seconds) - log10(bottom)) / (log10(top) - log10(bottom))
        return _MARGIN + across * (_WIDTH - 2 * _MARGIN), _HEIGHT - _MARGIN - up * (_HEIGHT - 2 * _MARGIN)

    line = " ".join("{:.1f},{:.1f}".format(*place(n, _each(base) * n * log2(n))) for n in (r.candidates for r in rows))
    parts = [f'<polyline points="{line}" fill="none" stroke="#888" stroke-dasharray="6 4"/>']
    for row in rows:
        x, y = place(row.candidates, row.plan)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f6feb"/>')
        parts.append(_text(x, y - 9, f"{row.plan:.3g} s"))
        parts.append(_text(x, _HEIGHT - _MARGIN + 18, f"{row.candidates:,}"))
    title = f"Planning: CPU seconds by candidates (exponent {exponent(rows):.2f}; dashed: n log n)"
    parts.append(_text(_WIDTH / 2, 26, title, size=14))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_svg(title, parts), encoding="utf-8")


def _each(row: Measured) -> float:
    return row.plan / (row.candidates * log2(row.candidates))


def _text(x: float, y: float, words: str, *, size: int = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="middle">{words}</text>'


def _svg(title: str, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" role="img">'
    )
    back = f'<title>{title}</title><rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    return "\n".join((head, back, *parts, "</svg>\n"))
