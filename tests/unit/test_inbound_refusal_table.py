"""Refusals as public documentation gives them, and in everyday words of servers that nobody documented: tests/data/refusals.tsv.

A row: what it means (alternatives by "|"), the command it answers ("-" where nothing says it), the diagnostic, its source. The
floors are those that the rules promise for mail they were not written from; a row that fails is told by name.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.inbound.bounce_rules import classify_refusal, take_apart
from outreach_pipelines.domain.inbound.rule_book import TextRule, rule_book
from outreach_pipelines.domain.inbound.verdict import BounceClass, Verdict

TABLE = Path(__file__).parents[1] / "data" / "refusals.tsv"
RIGHT = 0.98
ANSWERED = {
    "-": "",
    "CONNECT": " (after initial connection)",
    "MAIL FROM": " (in reply to MAIL FROM command)",
    "RCPT TO": " (in reply to RCPT TO command)",
    "DATA": " (in reply to end of DATA command)",
}
WITH_PATTERN = [rule for rule in rule_book().text if rule.pattern]


@dataclass(frozen=True, slots=True)
class Row:
    means: frozenset[str]
    line: str

    @property
    def may_be_hard(self) -> bool:
        return any(meaning.startswith("hard") for meaning in self.means)


def rows() -> list[Row]:
    with TABLE.open(encoding="utf-8", newline="") as table:
        found = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Row(frozenset(row["means"].split("|")), row["diagnostic"] + ANSWERED[row["answered"]]) for row in found]


def judge(line: str) -> Verdict:
    refusal = take_apart(line)
    return classify_refusal(refusal.code, refusal.enhanced, refusal.text, refusal.stage)


def said(verdict: Verdict) -> str:
    return f"{verdict.bounce_class.value} {verdict.cause.value}" if verdict.cause else verdict.bounce_class.value


def test_the_reason_of_nearly_every_documented_refusal_is_right() -> None:
    table = rows()

    wrong = [(row.line, said(judge(row.line))) for row in table if said(judge(row.line)) not in row.means]

    assert len(wrong) <= (1 - RIGHT) * len(table), wrong


def test_no_documented_refusal_condemns_a_recipient_whom_it_does_not_speak_of() -> None:
    condemned = [row.line for row in rows() if judge(row.line).bounce_class is BounceClass.HARD and not row.may_be_hard]

    assert condemned == []


def test_the_table_speaks_of_every_class_that_a_refusal_may_have() -> None:
    named = {meaning.partition(" ")[0] for row in rows() for meaning in row.means}

    assert named == {each.value for each in BounceClass} - {BounceClass.NOT_A_FAILURE.value}


@pytest.mark.parametrize("rule", WITH_PATTERN, ids=lambda rule: str(rule.outcome.name))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_a_pattern_matches_holds_one_of_the_words_it_is_said_to_need(
    rule: TextRule, data: st.DataObject
) -> None:
    assert rule.pattern is not None

    text = data.draw(st.from_regex(rule.pattern, fullmatch=True, alphabet=st.characters(codec="ascii")))

    assert any(word in text for word in rule.needs)
