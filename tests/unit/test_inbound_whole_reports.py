"""Whole reports as some eighty mail systems lay them out, invented: tests/data/reports.txt.

Each begins with "=== NAME, recipient, what it means" (alternatives by "|"), parted by tabs; "-" stands for no recipient to name.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import DeliveryReport
from outreach_pipelines.domain.inbound.verdict import BounceClass, Verdict

REPORTS = Path(__file__).parents[1] / "data" / "reports.txt"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Report:
    name: str
    recipient: str
    means: frozenset[str]
    raw: bytes


def reports() -> list[Report]:
    found = []
    for chunk in REPORTS.read_text("utf-8").split("=== ")[1:]:
        head, _, raw = chunk.partition("\n")
        name, recipient, means = head.split("\t")
        found.append(Report(name, recipient, frozenset(means.split("|")), raw.encode()))
    return found


def said(verdict: Verdict) -> str:
    return f"{verdict.bounce_class.value} {verdict.cause.value}" if verdict.cause else verdict.bounce_class.value


@pytest.mark.parametrize("report", reports(), ids=lambda report: report.name)
def test_a_report_in_the_layout_of_a_known_system_says_whom_it_means_and_why(report: Report) -> None:
    message = classify(report.raw, NOW)

    if not isinstance(message.content, DeliveryReport):
        assert message.kind.value in report.means
        return
    (recipient,) = message.content.recipients
    assert report.recipient in ("-", recipient.address)
    assert said(recipient.verdict) in report.means


def test_no_report_condemns_a_recipient_whom_it_does_not_speak_of() -> None:
    spared = [each for each in reports() if not any(meaning.startswith("hard") for meaning in each.means)]

    contents = [classify(each.raw, NOW).content for each in spared]

    told = [each.recipients for each in contents if isinstance(each, DeliveryReport)]
    assert not [one for each in told for one in each if one.verdict.bounce_class is BounceClass.HARD]
