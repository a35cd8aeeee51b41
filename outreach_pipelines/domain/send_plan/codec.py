"""Snapshots and plans as canonical JSON, and their hashes.

Here belongs the one written form of each: keys sorted, rows in the order of their ids, no floats, ASCII. Two snapshots
of the same facts give the same bytes, whatever order the rows were read in. Not here: single values (`json_form`).
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import blake2b
from typing import TypeVar

from outreach_pipelines.domain.send_plan.collector import collector_resting
from outreach_pipelines.domain.send_plan.faults import BadSnapshotError, require_sound
from outreach_pipelines.domain.send_plan.json_read import read
from outreach_pipelines.domain.send_plan.json_write import text
from outreach_pipelines.domain.send_plan.plan import Plan, PlanHash, SnapshotHash
from outreach_pipelines.domain.send_plan.snapshot import Campaign, Mailbox, SendingDomain, Snapshot, UsedToday

_HASH_BYTES = 32
_NO_HASH = PlanHash("")
Row = TypeVar("Row")


class BadPlanError(ValueError):
    """Bytes that are no plan, or a plan whose hash is not that of its content; `faults` names each one."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"bad plan, {len(self.faults)} fault(s): " + "; ".join(self.faults))


def canonical(snapshot: Snapshot) -> Snapshot:
    """The same facts with every list in its one order. The order of a mailbox's accounts means something and stays."""
    policy = snapshot.policy
    return replace(
        snapshot,
        policy=replace(
            policy,
            holiday_countries=tuple(sorted(policy.holiday_countries)),
            recipient_provider_caps=_by(policy.recipient_provider_caps, lambda cap: cap.provider),
        ),
        countries=_by(snapshot.countries, lambda country: country.code),
        domains=_by(map(_canonical_domain, snapshot.domains), lambda domain: domain.id),
        mailboxes=_by(map(_canonical_mailbox, snapshot.mailboxes), lambda mailbox: mailbox.id),
        accounts=_by(snapshot.accounts, lambda account: account.id),
        campaigns=_by(map(_canonical_campaign, snapshot.campaigns), lambda campaign: campaign.id),
        candidates=_by(snapshot.candidates, lambda candidate: candidate.enrollment_id),
        used_today=_canonical_use(snapshot.used_today),
        lead_file_holds=_by(
            (replace(row, enrollments=tuple(sorted(row.enrollments))) for row in snapshot.lead_file_holds),
            lambda row: row.lead_file,
        ),
    )


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Canonical JSON of a sound snapshot."""
    return encode_canonical(canonical(snapshot))


def encode_canonical(snapshot: Snapshot) -> bytes:
    """`encode_snapshot` of one whose lists are in their order already."""
    return text(snapshot, Snapshot).encode()


def decode_snapshot(data: bytes) -> Snapshot:
    """A sound snapshot. Raises `BadSnapshotError` that names every fault at once, of form or of content."""
    faults: list[str] = []
    with collector_resting():
        document = _load(data, faults)
        snapshot = None if faults else read(document, Snapshot, faults)
    if faults or not isinstance(snapshot, Snapshot):
        raise BadSnapshotError(faults)
    require_sound(snapshot)
    return snapshot


def snapshot_hash(encoded: bytes) -> SnapshotHash:
    """BLAKE2b-256 (RFC 7693) of the canonical JSON, in hex."""
    return SnapshotHash(blake2b(encoded, digest_size=_HASH_BYTES).hexdigest())


def encode_plan(plan: Plan) -> bytes:
    """Canonical JSON of a plan."""
    return text(plan, Plan).encode()


def decode_plan(data: bytes) -> Plan:
    """A plan as it was written. Raises `BadPlanError`, also when the content does not fit its hash."""
    faults: list[str] = []
    with collector_resting():
        document = _load(data, faults)
        plan = None if faults else read(document, Plan, faults)
    if faults or not isinstance(plan, Plan):
        raise BadPlanError(faults)
    if sealed(plan).plan_hash != plan.plan_hash:
        raise BadPlanError([f"its content does not fit the hash {plan.plan_hash}"])
    return plan


def sealed(plan: Plan) -> Plan:
    """The plan with its hash: BLAKE2b-256 of its canonical JSON with an empty `plan_hash`."""
    encoded = encode_plan(replace(plan, plan_hash=_NO_HASH))
    return replace(plan, plan_hash=PlanHash(blake2b(encoded, digest_size=_HASH_BYTES).hexdigest()))


def _load(data: bytes, faults: list[str]) -> object:
    if not data.strip():
        faults.append("the document is empty")
        return None
    try:
        return json.loads(data)
    except RecursionError:
        faults.append("the document is nested too deeply")
    except ValueError as error:
        # Python names its own switch for numbers of thousands of digits.
        faults.append(f"the document is not JSON: {str(error).partition(';')[0]}")
    return None


def _by(rows: Iterable[Row], key: Callable[[Row], int | str]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=key))


def _canonical_domain(domain: SendingDomain) -> SendingDomain:
    return replace(
        domain,
        readiness=_by(domain.readiness, lambda row: row.account_id),
        health=_by(domain.health, lambda weight: weight.provider),
    )


def _canonical_mailbox(mailbox: Mailbox) -> Mailbox:
    return replace(
        mailbox,
        sends_by_day=_by(mailbox.sends_by_day, lambda sends: sends.day.toordinal()),
        other_sends=tuple(sorted(mailbox.other_sends)),
        provider_holds=_by(mailbox.provider_holds, lambda row: row.provider),
        path_holds=_by(mailbox.path_holds, lambda row: row.account_id),
    )


def _canonical_campaign(campaign: Campaign) -> Campaign:
    steps = (replace(step, variants=_by(step.variants, lambda variant: variant.name)) for step in campaign.steps)
    return replace(campaign, steps=tuple(steps))


def _canonical_use(used: UsedToday) -> UsedToday:
    return UsedToday(
        _by(used.recipient_domains, lambda use: use.recipient_domain),
        _by(used.companies, lambda use: use.company),
        _by(used.providers, lambda use: use.provider),
    )
