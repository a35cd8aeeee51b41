"""Before new leads are written to, each account shows that its way back works.

At SES a probe is sent, and its event must return. At Mailgun and Postmark the provider's own records must be readable.

Belongs here: which accounts need a proof, the probe, the question. Does not: the return (`ingest_events` for SES, the reading
of inboxes for SMTP), nor what its return proves of others (`resolve_doubt`).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Protocol

from outreach_pipelines.application.ingest_events import CANARY_ATTEMPT
from outreach_pipelines.application.ports import EvidenceLookups, Tagger, Transports
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.send_answer import Accepted
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import WireMessage
from outreach_pipelines.errors import OutreachError

PROVEN_FOR_MINUTES = 20
# Amazon SES Developer Guide, "Using the mailbox simulator": accepted and delivered, and counted in no rate.
SIMULATOR = "success@simulator.amazonses.com"
_SUBJECT = "Probe of the return path"


@dataclass(frozen=True, slots=True)
class AccountToProve:
    """An SES account of the tenant that is to be probed, a mailbox to send from, and the number that its tag carries.

    `probe` was noted with its time before it is sent, as an intent is (`app.account_canary`).
    """

    account: AccountId
    sender: str
    probe: MessageId


@dataclass(frozen=True, slots=True)
class AccountToAsk:
    """An account whose provider keeps records that we can read, and a mailbox whose mail is asked about."""

    account: AccountId
    sender: str


class RecordProofs(Protocol):
    """When records of accounts could last be read."""

    def to_ask(self, tenant: TenantId, *, proven_for_minutes: int) -> Sequence[AccountToAsk]:
        """Accounts at Mailgun or Postmark with due messages and no proof within so many minutes of machine time."""
        ...

    def prove(self, account: AccountId) -> None:
        """Its records were read just now."""
        ...


@dataclass(frozen=True, slots=True)
class RecordDesk:
    """What asking needs. Tenants that send side by side share it: who made it ends its connections."""

    proofs: RecordProofs
    lookups: EvidenceLookups


class ProofStore(Protocol):
    """When accounts were last seen to report back."""

    def to_prove(self, tenant: TenantId, *, proven_for_minutes: int) -> Sequence[AccountToProve]:
        """Accounts with due messages and no proof within so many minutes of machine time; a probe is noted for each."""
        ...


async def prove_accounts(
    store: ProofStore, transports: Transports, tagger: Tagger, *, tenant: TenantId, now: datetime, deadline: float
) -> int:
    """Send a probe through each account that needs one; how many were accepted. None while nothing is to be sent.

    `deadline` is on the boot clock (`MailTransport.send`). An account without a usable transport stays unproven, which
    its messages then tell as their reason.
    """
    due = await asyncio.to_thread(store.to_prove, tenant, proven_for_minutes=PROVEN_FOR_MINUTES)
    return sum([await send_probe(transports, tagger, tenant, each, now=now, deadline=deadline) for each in due])


async def prove_by_records(desk: RecordDesk, *, tenant: TenantId) -> int:
    """Ask the providers that keep records whether these can be read; how many could. None while nothing is to be sent.

    No look-up, or one that gives no answer, leaves its account unproven, which its messages then tell as their reason.
    """
    due = await asyncio.to_thread(desk.proofs.to_ask, tenant, proven_for_minutes=PROVEN_FOR_MINUTES)
    answered = await asyncio.gather(*(_records_answer(desk.lookups, tenant, each) for each in due))
    proven = [each.account for each, answers in zip(due, answered, strict=True) if answers]
    for account in proven:
        await asyncio.to_thread(desk.proofs.prove, account)
    return len(proven)


async def _records_answer(lookups: EvidenceLookups, tenant: TenantId, due: AccountToAsk) -> bool:
    try:
        lookup = lookups.of(tenant, due.account)
    except OutreachError:
        return False
    return lookup is not None and await lookup.probe(due.sender) is None


async def send_probe(
    transports: Transports, tagger: Tagger, tenant: TenantId, due: AccountToProve, *, now: datetime, deadline: float
) -> bool:
    """Send one noted probe; whether it was accepted. What was not, or got lost, only leaves its account unproven."""
    tag = tagger.tag(MessageTag(tenant, date(1970, 1, 1), due.probe, CANARY_ATTEMPT))
    try:
        transport = transports.of(tenant, due.account)
    except OutreachError:
        return False
    return isinstance(await transport.send(_probe(due, tag, now), deadline=deadline), Accepted)


def _probe(due: AccountToProve, tag: WireTag, now: datetime) -> WireMessage:
    domain = due.sender.rpartition("@")[2]
    message_id = f"<{tag}@{domain}>"
    lines = (
        f"From: {due.sender}",
        f"To: {SIMULATOR}",
        f"Subject: {_SUBJECT}",
        f"Date: {format_datetime(now.astimezone(UTC))}",
        f"Message-ID: {message_id}",
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="utf-8"',
        "",
        "This message shows that events of this account come back.",
        "",
    )
    body = "\r\n".join(lines).encode()
    return WireMessage(tag, f"bounce+{tag}@{domain}", due.sender, SIMULATOR, _SUBJECT, message_id, body)
