"""Bytes to documents: every fault of form and of reference, named at once.

Belongs here: what must hold before a rule can be asked. Does not: rules.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from outreach_pipelines.proof.plan_check.form import Document
from outreach_pipelines.proof.plan_check.plan_document import PlanDocument
from outreach_pipelines.proof.plan_check.snapshot_document import SnapshotDocument

Form = TypeVar("Form", bound=Document)


class UnreadableDocument(ValueError):
    """A file that is no snapshot, or no plan, as `what` says; `faults` names each with its place."""

    def __init__(self, what: str, faults: Iterable[str]) -> None:
        self.what, self.faults = what, tuple(faults)
        super().__init__(f"{what}, {len(self.faults)} fault(s): " + "; ".join(self.faults))


def read_snapshot(data: bytes) -> SnapshotDocument:
    """Raises `UnreadableDocument`."""
    document = _read(SnapshotDocument, data, "bad snapshot")
    faults = tuple(_loose_ends(document))
    if faults:
        what = "bad snapshot"
        raise UnreadableDocument(what, faults)
    return document


def read_plan(data: bytes) -> PlanDocument:
    """Raises `UnreadableDocument`."""
    return _read(PlanDocument, data, "bad plan")


def _read(form: type[Form], data: bytes, what: str) -> Form:
    try:
        return form.model_validate_json(data)
    except ValidationError as error:
        # The input itself is not repeated: it may be an address that somebody forgot to hash.
        faults = [f"{'.'.join(map(str, each['loc'])) or 'the document'}: {each['msg']}" for each in error.errors()]
        raise UnreadableDocument(what, faults) from None


def _loose_ends(snapshot: SnapshotDocument) -> Iterator[str]:
    domains = {row.id for row in snapshot.domains}
    accounts = {row.id for row in snapshot.accounts}
    campaigns = {row.id for row in snapshot.campaigns}
    yield from _twice("enrollment", (row.enrollment_id for row in snapshot.candidates))
    yield from _twice("mailbox", (row.id for row in snapshot.mailboxes))
    yield from _twice("domain", (row.id for row in snapshot.domains))
    yield from _twice("campaign", (row.id for row in snapshot.campaigns))
    for mailbox in snapshot.mailboxes:
        if mailbox.domain_id not in domains or not accounts.issuperset(mailbox.account_ids):
            yield f"mailbox {mailbox.id} belongs to a domain or an account that is not in the snapshot"
        yield from _no_zone(f"mailbox {mailbox.id}", mailbox.zone)
    for candidate in snapshot.candidates:
        if candidate.campaign_id not in campaigns:
            yield f"enrollment {candidate.enrollment_id}: campaign {candidate.campaign_id} is not in the snapshot"
    yield from _no_zone("policy", snapshot.policy.zone)


def _twice(what: str, ids: Iterable[int]) -> Iterator[str]:
    yield from (f"{what} {id_} stands {count} times" for id_, count in Counter(ids).items() if count > 1)


def _no_zone(where: str, name: str) -> Iterator[str]:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield f"{where}: unknown time zone {name!r}"


def canonical_snapshot(data: bytes) -> bytes:
    """The snapshot's one written form: keys sorted, rows by their ids, sets sorted, no blanks, ASCII."""
    body = json.loads(data)
    policy = body["policy"]
    for key in ("holiday_countries", "weekend"):
        policy[key] = sorted(policy[key], key=str)
    policy["recipient_provider_caps"].sort(key=lambda row: row["provider"])
    for name, key in _KEYS.items():
        body[name].sort(key=lambda row, key=key: row[key])
    _sort_senders(body["domains"], body["mailboxes"], body["accounts"])
    _sort_receivers(body["countries"], body["campaigns"], body["candidates"])
    for name, key in (("recipient_domains", "recipient_domain"), ("companies", "company"), ("providers", "provider")):
        body["used_today"][name].sort(key=lambda row, key=key: row[key])
    _settle_later_fields(body)
    return canonical(body)


def _settle_later_fields(body: dict[str, Any]) -> None:
    """Fields that came later: a weight that is not given is 1, and a hold that is not there is not written."""
    variants = (variant for row in body["campaigns"] for step in row["steps"] for variant in step["variants"])
    for variant in variants:
        variant.setdefault("weight", 1)
    _sort_holds(body)
    for row in (body, *body["mailboxes"], *body["accounts"], *body["campaigns"]):
        for name in _LATER:
            # A mailbox's own hold is no later field: it is always written.
            if row.get(name, "") in (None, []) and not (name == "hold" and "min_spacing" in row):
                del row[name]


def _sort_holds(body: dict[str, Any]) -> None:
    for row in body["mailboxes"]:
        row.get("provider_holds", []).sort(key=lambda each: each["provider"])
        row.get("path_holds", []).sort(key=lambda each: each["account_id"])
    body.get("lead_file_holds", []).sort(key=lambda each: each["lead_file"])
    for row in body.get("lead_file_holds", []):
        row["enrollments"].sort()


_LATER = ("hold", "provider_holds", "path_holds", "lead_file_holds")
_KEYS = {
    "countries": "code",
    "domains": "id",
    "mailboxes": "id",
    "accounts": "id",
    "campaigns": "id",
    "candidates": "enrollment_id",
}
_Rows = list[dict[str, list[object]]]


def _sort_senders(domains: _Rows, mailboxes: _Rows, accounts: _Rows) -> None:
    for row in domains:
        _sort_rows(row["readiness"], "account_id")
        _sort_rows(row["health"], "provider")
    for row in mailboxes:
        _sort_rows(row["sends_by_day"], "day")
        row["other_sends"].sort(key=str)
    for row in accounts:
        row["allowed_basis"].sort(key=str)


def _sort_receivers(countries: _Rows, campaigns: _Rows, candidates: _Rows) -> None:
    for row in countries:
        row["holidays"].sort(key=str)
    for row in campaigns:
        row["required_fields"].sort(key=str)
    for row in candidates:
        row["missing_fields"].sort(key=str)


def _sort_rows(rows: list[object], key: str) -> None:
    rows.sort(key=lambda row: row[key] if isinstance(row, dict) else 0)


def canonical(body: object) -> bytes:
    """JSON with sorted keys, no blanks, ASCII."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
