"""What the SMTP transport asks of delivery reports (RFC 3461), and which envelope it names; and that the reports name it back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from lab_process import MORNING, RunningLab
from smtp_stage import Handler, serving
from transport_conformance import TAG, a_message, soon

from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted
from outreach_pipelines.domain.wire_message import WireMessage

pytest_plugins = ("lab_fixtures",)


@dataclass
class WithReports(Handler):
    """Offers DSN where it is told to, and keeps the commands as they came."""

    offers: str = "250-DSN"
    commands: list[str] = field(default_factory=list)

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *filter(None, [self.offers]), responses[-1]]


class Listening(SMTP):
    """Writes down MAIL and RCPT, and takes them without their parameters."""

    async def smtp_MAIL(self, arg: str | None) -> None:
        self.event_handler.commands.append(f"MAIL {arg}")
        await super().smtp_MAIL((arg or "").partition(" ")[0])

    async def smtp_RCPT(self, arg: str | None) -> None:
        self.event_handler.commands.append(f"RCPT {arg}")
        await super().smtp_RCPT((arg or "").partition(" ")[0])


async def commands_for(message: WireMessage, *, offers: str = "250-DSN", **access: Any) -> list[str]:
    handler = WithReports(offers=offers)
    async with serving(handler, access=access, server=Listening, enable_SMTPUTF8=True) as transport:
        answer = await transport.send(message, deadline=soon())
    assert isinstance(answer, Accepted), answer
    return handler.commands


async def test_a_server_with_reports_is_told_the_tag_and_asked_for_failures_and_delays_with_headers_alone() -> None:
    message = a_message(recipient="ada+tea=2@people.example")

    mail, rcpt = await commands_for(message)

    assert mail == f"MAIL FROM:<{message.envelope_sender}> SIZE={len(message.body)} RET=HDRS ENVID={TAG}"
    assert rcpt == ("RCPT TO:<ada+tea=2@people.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ada+2Btea+3D2@people.example")


async def test_a_server_without_reports_is_asked_for_none() -> None:
    message = a_message()

    mail, rcpt = await commands_for(message, offers="")

    assert mail == f"MAIL FROM:<{message.envelope_sender}> SIZE={len(message.body)}"
    assert rcpt == "RCPT TO:<ada@people.example>"


async def test_an_international_recipient_is_not_repeated_in_ascii() -> None:
    _, rcpt = await commands_for(a_message(recipient="jürgen@people.example"))

    assert rcpt == "RCPT TO:<jürgen@people.example> NOTIFY=FAILURE,DELAY"


async def test_an_account_that_may_not_tag_its_envelope_sends_from_the_mailbox_itself() -> None:
    mail, _ = await commands_for(a_message(), tagged_envelope=False)

    assert mail.startswith("MAIL FROM:<bo@mail.client.example> ")
    assert f"ENVID={TAG}" in mail


@pytest.fixture
def connected(lab: RunningLab) -> Iterator[RunningLab]:
    lab.step()
    yield lab
    lab.forget()


async def sent_to(lab: RunningLab, recipient: str) -> None:
    access = SmtpAccess("127.0.0.1", lab.ports["smtp"], Tls.NONE, "smtp-a", Secret("right"))
    transport = SmtpTransport(access)
    head = f"From: anna@sender.test\r\nTo: {recipient}\r\nSubject: Tea\r\nMessage-ID: <{TAG}@sender.test>\r\n\r\n"
    names = ("anna@sender.test", recipient, "Tea", f"<{TAG}@sender.test>")
    answer = await transport.send(
        WireMessage(TAG, f"bounce+{TAG}@sender.test", *names, (head + "Hello.\r\n").encode()), deadline=soon()
    )
    await transport.close()
    assert isinstance(answer, Accepted), answer


@pytest.mark.parametrize("person", ["full", "slow"])
async def test_a_report_of_failure_or_delay_names_the_tag_as_its_envelope(connected: RunningLab, person: str) -> None:
    await sent_to(connected, f"{person}.envid@people.example")

    connected.step(minutes=6)

    report = classify(connected.inbox_files("all")[-1], MORNING)
    assert report.correlation.envelope_ids == (TAG,)
