"""Once a week each domain shows through each of its accounts, by a message to an inbox of the tenant's own, how its mail arrives.

Belongs here: sending seeds that are due, finding and judging them. Does not: the judgement (`domain.seed_proof`), when it stops
a way to send (`domain.seed_belief`), reading inboxes (`sync_replies`: own mail is parked there, and looked through here).

A seed is no outreach: it is written to nobody but the tenant's own mailboxes, and counts as no send. Its row is committed before
the call, one an attempt of its week and way, so it goes once or not at all.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import assert_never

from outreach_pipelines.application.audit_domains import DnsResolver, answered
from outreach_pipelines.application.boot_clock import boot_seconds
from outreach_pipelines.application.ingest_events import CANARY_ATTEMPT
from outreach_pipelines.application.ports import SendingFence, Tagger, Transports
from outreach_pipelines.application.seeds import OwnMail, SeedMark, SeedPath, SeedState, SeedStore, SettledSeeds
from outreach_pipelines.domain.dkim_verification import DkimVerdict, verify_signatures
from outreach_pipelines.domain.mail_bytes import Mail, mail_bytes
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.seed_belief import refuted
from outreach_pipelines.domain.seed_proof import (
    SEED_HEADER,
    ArrivedSeed,
    SeedFolder,
    SeedJudgement,
    SeedVerdict,
    judge_seed,
    seed_of,
)
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import WireMessage
from outreach_pipelines.errors import OutreachError

CALL_SECONDS = 30.0
# Numbers of seeds in tags stay apart from those of probes, which count from 1.
_SEED_NUMBERS = 1 << 62
_SUBJECT = "How this domain's mail arrives"
_TEXT = "This message goes from one of our mailboxes to another, and shows how mail of this domain arrives.\r\n"


@dataclass(frozen=True, slots=True)
class SeedDesk:
    """What sending seeds needs, made for one run. `new_mark` is random."""

    store: SeedStore
    transports: Transports
    tagger: Tagger
    fence: SendingFence
    epoch: int
    new_mark: Callable[[], SeedMark]
    boot: Callable[[], float] = boot_seconds


@dataclass(slots=True)
class SeedSummary:
    """What a run did: seeds by what came of the call, those not begun, judgements by verdict, and what follows for sending."""

    sent: dict[str, int] = field(default_factory=dict)
    not_begun: int = 0
    judged: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    settled: SettledSeeds = field(default_factory=SettledSeeds)


def monday_of(day: date) -> date:
    """The first day of the week."""
    return day - timedelta(days=day.weekday())


async def send_seeds(desk: SeedDesk, *, tenant: TenantId, now: datetime) -> SeedSummary:
    """Send the week's seeds that are due. A second run sends none of them again, whatever came of the first."""
    summary, week = SeedSummary(), monday_of(now.astimezone(UTC).date())
    try:
        with desk.fence.watching():
            for path in desk.store.due(tenant, week):
                state = await _send(desk, tenant, path, week, now)
                if state is None:
                    summary.not_begun += 1
                else:
                    summary.sent[state] = summary.sent.get(state, 0) + 1
    finally:
        await desk.transports.close()
    return summary


async def _send(desk: SeedDesk, tenant: TenantId, path: SeedPath, week: date, now: datetime) -> SeedState | None:
    mark = desk.new_mark()
    message = seed_message(desk.tagger, tenant, path, mark, now=now)
    try:
        transport = desk.transports.of(tenant, path.account)
    except OutreachError:
        return None
    if desk.fence.may_begin() is not None or not desk.store.begin(tenant, path, week, mark, epoch=desk.epoch):
        return None
    deadline = min(desk.boot() + CALL_SECONDS, desk.fence.first_byte_by())
    state, said = _state(await transport.send(message, deadline=deadline))
    desk.store.end(tenant, mark, state, said)
    return state


def _state(answer: SendAnswer) -> tuple[SeedState, str]:
    match answer:
        case Accepted():
            return SeedState.ACCEPTED, answer.provider_message_id
        case Refused():
            return SeedState.REFUSED, f"{answer.code} {answer.text}"
        case NotSent():
            return SeedState.NOT_SENT, answer.cause
        case ReplyLost():
            return SeedState.IN_DOUBT, answer.cause
    assert_never(answer)


def seed_message(tagger: Tagger, tenant: TenantId, path: SeedPath, mark: SeedMark, *, now: datetime) -> WireMessage:
    """The seed as bytes: with the headers that a letter has, so that what signs letters signs it alike.

    Its tag is a probe's: events of it name no message. Its link leads to the tenant's page and unsubscribes nobody.
    """
    number = MessageId(_SEED_NUMBERS | int(mark[:14], 16))
    tag = tagger.tag(MessageTag(tenant, date(1970, 1, 1), number, CANARY_ATTEMPT))
    domain = path.sender.rpartition("@")[2]
    message_id = f"<{tag}@{domain}>"
    headers = [
        ("To", path.recipient),
        ("Subject", _SUBJECT),
        ("Date", format_datetime(now.astimezone(UTC))),
        ("Message-ID", message_id),
        (SEED_HEADER, mark),
        ("List-Unsubscribe", f"<https://{path.unsubscribe_host}/>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]
    mail = Mail(path.sender_name, path.sender, headers, _TEXT, None, boundary=f"=_{tag}")
    return WireMessage(
        tag, f"bounce+{tag}@{domain}", path.sender, path.recipient, _SUBJECT, message_id, mail_bytes(mail)
    )


async def judge_seeds(
    resolver: DnsResolver, store: SeedStore, *, tenant: TenantId, unix_now: Callable[[], float] = time.time
) -> SeedSummary:
    """Find the seeds that arrived, judge them, say of which none will arrive any more, and settle which ways are not ready."""
    summary = SeedSummary()
    waiting = store.waiting(tenant)
    found = _by_mark(store.own_mail(tenant)) if waiting else {}
    for seed in waiting:
        own = found.get(seed.mark)
        if own is not None:
            verdicts, _ = await answered(resolver, verify_signatures(_with_crlf(own.raw), now=int(unix_now())))
            judgement = judge_seed(_arrived(own, verdicts))
            _keep(store, tenant, seed.mark, judgement.verdict, own.folder, judgement, summary)
        elif seed.late:
            _keep(store, tenant, seed.mark, SeedVerdict.NOT_ARRIVED, "", SeedJudgement(()), summary)
    summary.settled = settle_seeds(store, tenant=tenant)
    return summary


def settle_seeds(store: SeedStore, *, tenant: TenantId) -> SettledSeeds:
    """Make not ready what seeds refuted for certain, and give back what they refute no more."""
    found = {way: refuted(seeds) for way, seeds in store.shown(tenant).items()}
    return store.settle(tenant, {way: why for way, why in found.items() if why is not None})


def _arrived(own: OwnMail, verdicts: tuple[DkimVerdict, ...]) -> ArrivedSeed:
    folder = folder_kind(own.folder)
    return ArrivedSeed(raw=own.raw, folder=folder, verdicts=verdicts, authserv_ids=own.authserv_ids)


def _keep(
    store: SeedStore,
    tenant: TenantId,
    mark: SeedMark,
    verdict: SeedVerdict,
    folder: str,
    judgement: SeedJudgement,
    summary: SeedSummary,
) -> None:
    store.judge(tenant, mark, verdict, folder, judgement)
    summary.judged[verdict] = summary.judged.get(verdict, 0) + 1
    summary.faults += [f"{fault.check}: {fault.evidence}" for fault in judgement.faults]


def _by_mark(mails: Sequence[OwnMail]) -> Mapping[str, OwnMail]:
    """A seed that lies in several places is judged by the inbox before all others."""
    found: dict[str, OwnMail] = {}
    for mail in sorted(mails, key=lambda mail: folder_kind(mail.folder) is SeedFolder.INBOX):
        mark = seed_of(mail.raw)
        if mark is not None:
            found[mark] = mail
    return found


def folder_kind(name: str) -> SeedFolder:
    """What a folder is by its name (RFC 9051 section 5.1: INBOX in any case)."""
    lower = name.lower()
    if lower == "inbox":
        return SeedFolder.INBOX
    return SeedFolder.JUNK if any(word in lower for word in ("junk", "spam", "bulk")) else SeedFolder.OTHER


def _with_crlf(raw: bytes) -> bytes:
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")
