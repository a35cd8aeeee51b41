"""One sender process: the production batch over the production store, with a null transport, real SMTP or SES.

Reads one line of JSON with its orders, says `ready` when all is imported and connected, waits for a line, works, and prints
what it used as JSON. CPU seconds are those between `go` and the end, over all its threads.
"""

import asyncio
import json
import resource
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sending.lab import REGION
from sending.ses_calls import access as ses_access

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.call_log import PostgresCallLog
from outreach_pipelines.adapters.postgres.clock import DatabaseClock
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.step_calendar import StepCalendar
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.adapters.ses import SesPath, SesTransport, ses_clients
from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.adapters.templates import TemplateStore
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.application.send_batch import SendDesk, send_hours
from outreach_pipelines.application.tagging import KeyedTagger
from outreach_pipelines.application.watch_accounts import AccountWatch
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.send_answer import Accepted, SendAnswer
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.tracking_token import TokenKeyId, TokenKeys
from outreach_pipelines.domain.wire_message import WireMessage


class Null:
    """`MailTransport` that accepts at once."""

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:  # noqa: ARG002 - the port's
        """Accepted, under our own Message-ID."""
        return Accepted(message.tag, message.message_id)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Only:
    """`Transports` with one for every account."""

    transport: MailTransport
    name: str

    def of(self, tenant: TenantId, account: AccountId) -> MailTransport:  # noqa: ARG002 - the port's
        """The one."""
        return self.transport

    def kind(self, tenant: TenantId, account: AccountId) -> str:  # noqa: ARG002 - the port's
        """Whose refusals are judged."""
        return self.name

    async def close(self) -> None:
        """Take leave."""
        await self.transport.close()


def _transports(smtp_port: int | None, ses_port: int | None) -> Only:
    if ses_port is not None:
        return Only(SesTransport(ses_clients(ses_access(ses_port)), region=REGION, path=SesPath(None)), "ses")
    if smtp_port is not None:
        return Only(SmtpTransport(SmtpAccess("127.0.0.1", smtp_port, Tls.NONE)), "smtp")
    return Only(Null(), "smtp")


def main() -> None:
    orders = json.loads(sys.stdin.readline())
    engine = connect(orders["url"])
    store = PostgresMessageStore(engine)
    desk = SendDesk(
        messages=store,
        proofs=store,
        transports=_transports(orders["smtp_port"], orders["ses_port"]),
        renderer=TemplateStore(LocalObjectStore(Path(orders["files"]))),
        tagger=KeyedTagger(b"k" * 32, TokenKeys(TokenKeyId(1), {TokenKeyId(1): b"t" * 64})),
        next_step_day=StepCalendar(engine),
        clock=DatabaseClock.of(engine),
        epoch=store.epoch(),
        calls=AccountWatch(PostgresCallLog(engine)),
    )
    hours = [(TenantId(tenant), datetime.fromisoformat(hour)) for tenant, hour in orders["hours"]]
    print("ready", flush=True)
    sys.stdin.readline()
    cpu = time.process_time()
    summaries = asyncio.run(send_hours(desk, hours, asyncio.Event()))
    used = time.process_time() - cpu
    sent = sum(summary.outcomes["accepted"] for summary in summaries)
    others = {name: count for each in summaries for name, count in (each.outcomes | each.reasons).items()}
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"sent": sent, "cpu_seconds": used, "rss_mb": rss, "outcomes": others}), flush=True)


if __name__ == "__main__":
    main()
