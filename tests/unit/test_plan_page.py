"""The page of a plan: one document that needs nothing else, tells the same in charts and tables, and no person's data."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import plan_factories as make
import pytest
from plan_crowds import crowd

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.plan_page.figures import heat_map, waterfall
from outreach_pipelines.application.plan_page.page import plan_page
from outreach_pipelines.application.plan_page.svg import shade
from outreach_pipelines.application.plan_sends import PlanFiles
from outreach_pipelines.application.present_plan import page_facts, present_plan
from outreach_pipelines.application.stored_objects import object_key
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan

SMALL = make.snapshot(
    candidates=(*(make.candidate(n) for n in range(1, 6)), make.candidate(6, block=s.Unsubscribed(make.DAY))),
    mailboxes=(make.mailbox(1, daily_cap=3), make.mailbox(2, state=s.MailboxState.RETIRED)),
    domains=(make.domain(name="<mail> & co.example"),),
)
VOID = {"meta", "rect", "br"}


class Reader(HTMLParser):
    """Collects tags, and fails on one that is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(snapshot: s.Snapshot) -> str:
    return plan_page(page_facts(snapshot, plan(snapshot)))


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


def test_every_element_is_closed_and_names_of_domains_are_escaped() -> None:
    text = page_of(SMALL)

    assert read(text).open == []
    assert "&lt;mail&gt; &amp; co.example" in text
    assert "<mail>" not in text


def test_the_page_runs_no_script_and_loads_nothing() -> None:
    text = page_of(SMALL)
    reader = read(text)

    assert not {tag for tag, _ in reader.tags} & {"script", "link", "img", "iframe", "object"}
    assert not [attrs for _, attrs in reader.tags if attrs.keys() & {"src", "href", "onclick"}]
    assert "url(" not in text
    assert "@import" not in text
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"] * 3


def test_each_chart_has_a_title_a_description_and_a_table_beside_it() -> None:
    text = page_of(SMALL)
    reader = read(text)
    ids = {attrs["id"] for _, attrs in reader.tags if "id" in attrs}
    charts = [attrs for tag, attrs in reader.tags if tag == "svg"]

    assert len(charts) == 3
    for attrs in charts:
        assert attrs["role"] == "img"
        assert set((attrs["aria-labelledby"] or "").split()) <= ids
    assert sum(tag == "table" for tag, _ in reader.tags) == 4
    assert sum(tag == "caption" for tag, _ in reader.tags) == 4


def test_the_page_is_fit_for_small_screens_and_for_the_dark() -> None:
    text = page_of(SMALL)

    assert '<meta name="viewport" content="width=device-width,initial-scale=1">' in text
    assert "prefers-color-scheme:dark" in text


def test_the_headline_is_how_many_go_out_of_how_many_possible() -> None:
    text = page_of(SMALL)

    assert '<span class="number">3</span> of 6 candidates' in text
    assert "Placed 3 of at most 3: 100 %." in text


def test_the_page_holds_no_key_of_a_person() -> None:
    text = page_of(SMALL)

    assert not [row for row in SMALL.candidates if row.recipient in text or row.recipient_domain in text]


def test_the_waterfall_falls_from_all_candidates_to_those_placed() -> None:
    bars = waterfall(plan(SMALL))

    assert [(bar.label, bar.start, bar.length) for bar in bars] == [
        ("candidates", 0, 6),
        ("unsubscribed", 5, 1),
        ("mailbox cap", 3, 2),
        ("placed", 0, 3),
    ]


def test_the_heat_map_counts_every_send_once_by_the_tenants_clock() -> None:
    heat = heat_map(SMALL, plan(SMALL))

    assert heat.idle == 1
    assert sum(row.total for row in heat.rows) == 3
    assert heat.rows[0].counts[:9] == (0,) * 9


@pytest.mark.parametrize(("mailboxes", "what"), [(40, "mailbox"), (80, "sending domain"), (400, "pool")])
def test_many_mailboxes_are_shown_by_their_domains_and_many_domains_by_their_pools(mailboxes: int, what: str) -> None:
    snapshot = crowd(seed=1, candidates=50, mailboxes=mailboxes)

    heat = heat_map(snapshot, plan(snapshot))

    assert heat.what == what
    assert len(heat.rows) + heat.idle <= 60


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (2, 1), (3, 2), (9, 5), (10, 5)])
def test_shades_go_in_even_steps_up_to_the_busiest_hour(count: int, expected: int) -> None:
    assert shade(count, 10) == expected


def test_a_day_without_a_send_has_a_page_too() -> None:
    text = page_of(replace(SMALL, candidates=()))

    assert "Nothing is sent." in text
    assert read(text).open == []


def test_a_stored_plan_gets_its_page_beside_it_and_the_same_one_again(tmp_path: Path) -> None:
    objects = LocalObjectStore(tmp_path)
    made = plan(SMALL)
    files = PlanFiles(object_key("plans/acme/snapshot-1.json"), object_key("plans/acme/plan-2.json"))
    objects.put(files.snapshot, encode_snapshot(SMALL))
    objects.put(files.plan, encode_plan(made))

    first, second = present_plan(objects, files), present_plan(objects, files)

    assert first == second
    assert first.page == "plans/acme/plan-2.html"
    assert objects.get(first.page).decode() == page_of(SMALL)
    assert (first.share.placed, first.share.possible) == (3, 3) if first.share else False


def test_a_plan_whose_bound_cannot_be_computed_has_its_page_all_the_same() -> None:
    """More follow-ups than could be placed at all: of such a plan nothing is known."""
    snapshot = make.snapshot()
    made = plan(snapshot)
    odd = replace(made, breakdown=replace(made.breakdown, follow_ups_placed=5))

    facts = page_facts(snapshot, odd)

    assert facts.share is None
    assert "How many are possible could not be computed." in plan_page(facts)
