"""The page of a plan: the day in one number, charts, and a table beside each.

Belongs here: HTML and its style. Does not: counting (`figures`), drawing (`svg`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from outreach_pipelines.application.constraint_words import IN_WORDS, name_of
from outreach_pipelines.application.plan_page.figures import HOURS, Bar, HeatMap, by_provider, heat_map, waterfall
from outreach_pipelines.application.plan_page.svg import SHADES, bars_svg, heat_map_svg
from outreach_pipelines.application.plan_words import forecast_sentences, share_sentence
from outreach_pipelines.domain.plan_bound.bound import PlacedShare
from outreach_pipelines.domain.plan_forecast import PoolForecast
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.snapshot import Snapshot

_STYLE = """
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--part:#9a6700;--total:#0b5cad;
--s0:#f0f2f5;--s1:#cfe3f7;--s2:#9ecbf0;--s3:#5ba3dd;--s4:#1f73b8;--s5:#0a3f73;--low:#10233a;--high:#fff}
@media(prefers-color-scheme:dark){:root{--back:#0e1318;--ink:#e6edf3;--soft:#a2acb6;--line:#30363d;--part:#e0a33a;--total:#58a6ff;
--s0:#1a212a;--s1:#17324f;--s2:#1c4a78;--s3:#2a6aa3;--s4:#6fb0e8;--s5:#c4e1fb;--low:#e6f1fb;--high:#06182b}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:60rem;background:var(--back);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.2}h2{font-size:1.2rem;margin-top:2.5rem}
.number{font-size:3rem;font-weight:700;line-height:1}.soft{color:var(--soft)}code{overflow-wrap:anywhere}
.wide{overflow-x:auto}.wide:focus-visible{outline:3px solid var(--total)}
svg{display:block;width:100%;height:auto}svg.heat{min-width:42rem}svg.bars,svg.providers{max-width:40rem}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .tick{fill:var(--soft);font-size:11px}
svg .on-light,svg .on-dark{font-size:10px}svg .on-light{fill:var(--low)}svg .on-dark{fill:var(--high)}
.s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}.s3{fill:var(--s3)}.s4{fill:var(--s4)}.s5{fill:var(--s5)}
.part{fill:var(--part)}.total{fill:var(--total)}
details{margin-top:.75rem}summary{cursor:pointer;padding:.5rem 0;min-height:2.75rem}
table{border-collapse:collapse;font-size:.9rem}caption{text-align:left;color:var(--soft);padding:.25rem 0}
th,td{padding:.25rem .5rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
@media print{details{display:block}}
"""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page tells. `share` is None where the bound could not be computed."""

    snapshot: Snapshot
    plan: Plan
    share: PlacedShare | None
    forecasts: tuple[PoolForecast, ...]


def plan_page(facts: PageFacts) -> str:
    """The whole document, the same for the same facts. It tells no address and no name of a person."""
    plan, name = facts.plan, f"{facts.snapshot.tenant_slug}, {facts.plan.day}"
    heat, steps, providers = (
        heat_map(facts.snapshot, plan),
        waterfall(plan),
        by_provider(facts.snapshot, plan),
    )
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>Plan of {escape(name)}</title><style>{_STYLE}</style></head><body><main>",
            _head(facts, name),
            _section("Why not more", _reasons_chart(steps), _reasons_table(plan)),
            _section(f"Sends by {heat.what} and hour", _heat_chart(heat), _heat_table(heat)),
            _section("Sends by recipient provider", _provider_chart(providers), _bar_table("provider", providers)),
            _section("The days to come", _forecast_list(facts.forecasts), _forecast_table(facts.forecasts)),
            f'<p class="soft">Plan <code>{plan.plan_hash}</code> of snapshot <code>{plan.snapshot_hash}</code>.</p>',
            "</main></body></html>\n",
        )
    )


def _head(facts: PageFacts, name: str) -> str:
    day = facts.plan.breakdown
    share = f"<p>{escape(share_sentence(facts.share).capitalize())}.</p>"
    return (
        f'<h1>Plan of {escape(name)}</h1><p><span class="number">{day.placed}</span> of {day.candidates} candidates are written to: '
        f"{day.follow_ups_placed} follow-ups, {day.new_leads_placed} new leads. {day.sequences_ended} sequences end.</p>{share}"
    )


def _section(title: str, chart: str, table: str) -> str:
    return (
        f"<section><h2>{escape(title)}</h2>{chart}<details><summary>The same as a table</summary>"
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(title)}, table">{table}</div></details></section>'
    )


def _reasons_chart(steps: Sequence[Bar]) -> str:
    desc = f"From {steps[0].length} candidates, {len(steps) - 2} constraints take their parts away; {steps[-1].length} are placed."
    return bars_svg("bars", "Capacity waterfall", desc, steps)


def _provider_chart(bars: Sequence[Bar]) -> str:
    desc = ", ".join(f"{bar.label} {bar.length}" for bar in bars)
    return bars_svg("providers", "Sends by recipient provider", desc, bars)


def _heat_chart(heat: HeatMap) -> str:
    if not heat.rows:
        return "<p>Nothing is sent.</p>"
    idle = f" {heat.idle} without a send are not drawn." if heat.idle else ""
    legend = f"{SHADES} shades, up to {heat.hottest} messages in an hour of one {heat.what}."
    return (
        f'<p class="soft">Hours of {escape(heat.zone)}. {legend}{idle}</p><div class="wide" tabindex="0" role="region" '
        f'aria-label="Sends by {escape(heat.what)} and hour, chart">{heat_map_svg(heat)}</div>'
    )


def _forecast_list(forecasts: Iterable[PoolForecast]) -> str:
    items = "".join(f"<li>{escape('; '.join(forecast_sentences(pool)))}</li>" for pool in forecasts)
    return f"<ul>{items}</ul>" if items else "<p>No forecast was made.</p>"


def _reasons_table(plan: Plan) -> str:
    rows = [(name_of(row.constraint), row.candidates, IN_WORDS[row.constraint]) for row in plan.breakdown.not_placed]
    return _table("Candidates that each constraint keeps back", ("constraint", "candidates", "in words"), rows)


def _bar_table(what: str, bars: Sequence[Bar]) -> str:
    return _table("Messages", (what, "messages"), [(bar.label, bar.length) for bar in bars])


def _heat_table(heat: HeatMap) -> str:
    head = (heat.what, *(f"{hour:02d}" for hour in range(HOURS)), "sum")
    return _table(f"Messages by hour of {heat.zone}", head, [(row.label, *row.counts, row.total) for row in heat.rows])


def _forecast_table(forecasts: Iterable[PoolForecast]) -> str:
    rows = [
        (f"pool {pool.pool_id}", str(day.day), "unlimited" if day.capacity is None else day.capacity, day.wanted, day.sent, day.waiting)
        for pool in forecasts
        for day in pool.days
    ]  # fmt: skip
    return _table("Messages by business day", ("pool", "day", "capacity", "wanted", "sent", "waiting"), rows)


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: str | int) -> str:
    return f'<td class="n">{value}</td>' if isinstance(value, int) else f"<td>{escape(value)}</td>"
