"""Every fault that can be ordered of a provider, through the transports that send: what we say of it, and what the lab took."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from lab_process import KEY, REGION, SECRET, RunningLab
from transport_conformance import TAG, soon

from outreach_pipelines.adapters.http_api import HttpApi
from outreach_pipelines.adapters.mailgun import MailgunPath, MailgunTransport, mailgun_access
from outreach_pipelines.adapters.postmark import PostmarkTransport, postmark_access
from outreach_pipelines.adapters.ses import SesPath, SesTransport
from outreach_pipelines.adapters.ses_client import SesAccess, ses_clients
from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage

pytest_plugins = ("lab_fixtures",)

PATIENCE = 0.6


def smtp(lab: RunningLab, patience: float) -> MailTransport:
    login = ("smtp-a", Secret("right"))
    return SmtpTransport(SmtpAccess("127.0.0.1", lab.ports["smtp"], Tls.NONE, *login), timeout=patience)


def ses(lab: RunningLab, patience: float, tenant: str | None = None) -> MailTransport:
    access = SesAccess(REGION, f"http://127.0.0.1:{lab.ports['ses']}", Secret(KEY), Secret(SECRET))
    return SesTransport(ses_clients(access), region=REGION, path=SesPath("outreach", tenant), timeout=patience)


def mailgun(lab: RunningLab, patience: float) -> MailTransport:
    access = mailgun_access(f"http://127.0.0.1:{lab.ports['mailgun']}", Secret("mailgun-key"))
    return MailgunTransport(HttpApi(access, timeout=patience), path=MailgunPath())


def postmark(lab: RunningLab, patience: float) -> MailTransport:
    access = postmark_access(Secret("postmark-token"), f"http://127.0.0.1:{lab.ports['postmark']}")
    return PostmarkTransport(HttpApi(access, timeout=patience), stream="broadcast")


@dataclass(frozen=True)
class Way:
    account: str
    transport: Callable[[RunningLab, float], MailTransport]


WAYS = {
    "smtp": Way("smtp-a", smtp),
    "ses": Way("ses-main", ses),
    "mailgun": Way("mailgun-a", mailgun),
    "postmark": Way("postmark-a", postmark),
}
APIS = ("ses", "mailgun", "postmark")


def a_letter(recipient: str) -> WireMessage:
    head = (
        f"From: Anna <anna@sender.test>\r\nTo: {recipient}\r\nSubject: Tea\r\nMessage-ID: <{TAG}@sender.test>\r\n\r\n"
    )
    names = ("anna@sender.test", recipient, "Tea", f"<{TAG}@sender.test>")
    return WireMessage(TAG, f"bounce+{TAG}@sender.test", *names, (head + "Hello.\r\n").encode())


@pytest.fixture(autouse=True)
def _clean(lab: RunningLab) -> Iterator[None]:
    yield
    lab.clear_faults()


@asynccontextmanager
async def sending(lab: RunningLab, way: str, *, patience: float = PATIENCE) -> AsyncIterator[MailTransport]:
    transport = WAYS[way].transport(lab, patience)
    try:
        yield transport
    finally:
        await transport.close()


async def one_sent(lab: RunningLab, way: str, recipient: str, *, patience: float = PATIENCE) -> SendAnswer:
    async with sending(lab, way, patience=patience) as transport, asyncio.timeout(20):
        return await transport.send(a_letter(recipient), deadline=soon())


#: For each fault: what SMTP says, what an API says, and how many messages the provider holds then.
FAULTS: dict[str, tuple[type[SendAnswer], type[SendAnswer], int]] = {
    "accept_then_close": (ReplyLost, ReplyLost, 1),
    "accept_then_hang": (ReplyLost, ReplyLost, 1),
    "error_500_after_accept": (Refused, ReplyLost, 1),  # RFC 5321 section 4.2.5: whoever says 451 has not taken it
    "garbage_after_accept": (ReplyLost, ReplyLost, 1),
    "endless_after_accept": (ReplyLost, ReplyLost, 1),
    "hang": (ReplyLost, ReplyLost, 0),
    "half_open": (NotSent, ReplyLost, 0),
    "throttle": (Refused, Refused, 0),
    "going_down": (Refused, ReplyLost, 0),
    "refuse_temporary": (Refused, ReplyLost, 0),
    "pause_sending": (Refused, Refused, 0),
    "revoke_credentials": (Refused, Refused, 0),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_told_apart_by_whether_the_message_may_have_been_taken(
    lab: RunningLab, way: str, fault: str
) -> None:
    recipient = f"deliver.{fault}.{way}@people.example"
    over_smtp, over_api, held = FAULTS[fault]
    lab.fault(account=WAYS[way].account, fault=fault, count=1)

    answer = await one_sent(lab, way, recipient)

    assert isinstance(answer, over_smtp if way == "smtp" else over_api), answer
    assert len(lab.accepted(recipient)) == held


@pytest.mark.parametrize("way", WAYS)
async def test_a_slow_answer_within_the_patience_is_an_acceptance(lab: RunningLab, way: str) -> None:
    recipient = f"deliver.slow.{way}@people.example"
    lab.fault(recipient=recipient, fault="slow_answer", seconds=0.3, count=1)

    answer = await one_sent(lab, way, recipient, patience=10)

    assert isinstance(answer, Accepted), answer
    assert len(lab.accepted(recipient)) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_slow_answer_beyond_the_patience_is_doubt(lab: RunningLab, way: str) -> None:
    recipient = f"deliver.late.{way}@people.example"
    lab.fault(recipient=recipient, fault="slow_answer", seconds=60, count=1)

    answer = await one_sent(lab, way, recipient)

    assert isinstance(answer, ReplyLost), answer
    assert len(lab.accepted(recipient)) == 1


async def test_a_greylist_refuses_a_recipient_once_and_takes_the_retry_of_the_same_sender(lab: RunningLab) -> None:
    recipient = "deliver.greylisted@people.example"
    lab.fault(recipient=recipient, fault="greylist")

    first, second = await one_sent(lab, "smtp", recipient), await one_sent(lab, "smtp", recipient)

    assert isinstance(first, Refused)
    assert (first.code, first.enhanced_code) == ("451", "4.7.1")
    assert isinstance(second, Accepted)
    assert len(lab.accepted(recipient)) == 1


async def test_a_server_that_goes_down_after_the_body_is_read_in_full_and_its_connection_is_left(
    lab: RunningLab,
) -> None:
    recipient = "deliver.down@people.example"
    lab.fault(recipient=recipient, fault="going_down", count=1)

    async with sending(lab, "smtp") as transport:
        first = await transport.send(a_letter(recipient), deadline=soon())
        second = await transport.send(a_letter(recipient), deadline=soon())

    assert isinstance(first, Refused)
    assert (first.code, first.enhanced_code) == ("421", "4.3.2")
    assert isinstance(second, Accepted)


async def test_a_kept_connection_that_went_dead_costs_time_and_no_doubt(lab: RunningLab) -> None:
    recipient = "deliver.dead@people.example"

    async with sending(lab, "smtp") as transport:
        kept = await transport.send(a_letter("deliver.alive@people.example"), deadline=soon())
        lab.fault(account="smtp-a", fault="half_open", count=1)
        answer = await transport.send(a_letter(recipient), deadline=soon())

    assert (type(kept), type(answer)) == (Accepted, Accepted)
    assert len(lab.accepted(recipient)) == 1


@pytest.mark.parametrize("way", APIS)
async def test_a_fault_of_one_recipient_leaves_others_alone(lab: RunningLab, way: str) -> None:
    lab.fault(recipient=f"deliver.ill.{way}@people.example", fault="throttle")

    ill = await one_sent(lab, way, f"deliver.ill.{way}@people.example")
    well = await one_sent(lab, way, f"deliver.well.{way}@people.example")

    assert (type(ill), type(well)) == (Refused, Accepted)


async def test_a_paused_ses_tenant_is_refused_and_its_neighbour_sends(lab: RunningLab) -> None:
    lab.fault(account="client-a", fault="pause_sending")
    transports = [ses(lab, 5.0, tenant) for tenant in ("client-a", "client-b", "nobody")]

    answers = [await each.send(a_letter("deliver.tenant@people.example"), deadline=soon()) for each in transports]
    for each in transports:
        await each.close()

    assert [answer.code if isinstance(answer, Refused) else "accepted" for answer in answers] == [
        "SendingPausedException",
        "accepted",
        "NotFoundException",
    ]
