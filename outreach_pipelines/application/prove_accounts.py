"""Before new leads are written to, each account shows that its way back works: a probe is sent, and its event must return.

Belongs here: which accounts need a probe, and the probe itself. Does not: the return (`ingest_events` for SES, the reading
of inboxes for SMTP).
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Protocol

from outreach_pipelines.application.ingest_events import CANARY_ATTEMPT
from outreach_pipelines.application.ports import Tagger, Transports
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.send_answer import Accepted
from outreach_pipelines.domain.send_plan.snapshot import AccountId
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import WireMessage
from outreach_pipelines.errors import OutreachError

PROVEN_FOR_MINUTES = 20
# Amazon SES Developer Guide, "Using the mailbox simulator": accepted and delivered, and counted in no rate.
SIMULATOR = "success@simulator.amazonses.com"


@dataclass(frozen=True, slots=True)
class AccountToProve:
    """An SES account of the tenant whose last proof is getting old, and a mailbox to send its probe from."""

    account: AccountId
    sender: str


class ProofStore(Protocol):
    """When accounts were last seen to report back."""

    def to_prove(self, tenant: TenantId, *, proven_for_minutes: int) -> Sequence[AccountToProve]:
        """Accounts with due messages and no proof within so many minutes of machine time."""
        ...


async def prove_accounts(
    store: ProofStore, transports: Transports, tagger: Tagger, *, tenant: TenantId, now: datetime
) -> int:
    """Send a probe through each account that needs one; how many were accepted. None while nothing is to be sent.

    An account without a usable transport stays unproven, which its messages then tell as their reason.
    """
    accepted = 0
    for due in await asyncio.to_thread(store.to_prove, tenant, proven_for_minutes=PROVEN_FOR_MINUTES):
        tag = tagger.tag(MessageTag(tenant, date(1970, 1, 1), MessageId(due.account), CANARY_ATTEMPT))
        deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + 30
        with suppress(OutreachError):
            answer = await transports.of(tenant, due.account).send(_probe(due, tag, now), deadline=deadline)
            accepted += isinstance(answer, Accepted)
    return accepted


def _probe(due: AccountToProve, tag: WireTag, now: datetime) -> WireMessage:
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"], message["To"], message["Subject"] = due.sender, SIMULATOR, "Probe of the return path"
    message["Date"] = now.astimezone(UTC)
    domain = due.sender.rpartition("@")[2]
    message["Message-ID"] = f"<{tag}@{domain}>"
    message.set_content("This message shows that events of this account come back.\n")
    return WireMessage(
        tag,
        f"bounce+{tag}@{domain}",
        due.sender,
        SIMULATOR,
        "Probe of the return path",
        f"<{tag}@{domain}>",
        message.as_bytes(),
    )
