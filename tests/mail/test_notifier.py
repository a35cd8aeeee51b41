"""Notices through Apprise against a web server and a mail server on loopback: what arrives, and what is said when nothing does."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from http_provider import CUT, SILENT, Request, answer, provider

from outreach_pipelines.adapters.notify import AppriseNotifier
from outreach_pipelines.adapters.secrets import SecretSource
from outreach_pipelines.application.notify_replies import Notice, NotTold, Told
from outreach_pipelines.domain.reference import SecretRef, SecretScheme
from outreach_pipelines.domain.secret import Secret

pytest.importorskip("apprise", reason="the extra notify is not installed")

# Apprise asks for a module that Python is about to drop, and mends its absence itself.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TARGET = SecretRef(SecretScheme.ENVIRONMENT, "PEOPLE")
NOTICE = Notice("acme: positive, mail 7", "line one\nit says: <b>&amp; \\n {{ x }} ünï")
CANARY = "canary-token"


def notifier(address: str, timeout: float = 5) -> AppriseNotifier:
    return AppriseNotifier(SecretSource({"PEOPLE": address}), timeout)


async def told(says: bytes, *, within: float = 5) -> tuple[Told | NotTold, list[Request]]:
    async with provider(says) as met:
        address = f"json://user:{CANARY}@127.0.0.1:{met.port}/hook?cto=1&rto={within}"
        outcome = await asyncio.to_thread(notifier(address, within).tell, TARGET, NOTICE)
    return outcome, met.requests


class Kept:
    """A mail server that keeps what it is given, or refuses it."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.mails: list[Message] = []
        self.answer = answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.mails.append(message_from_bytes(envelope.original_content or b""))
        return self.answer


@asynccontextmanager
async def mail_server(kept: Kept) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(kept, loop=loop, hostname="mail.example"), "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def mailed(kept: Kept, **options: str) -> Told | NotTold:
    more = "".join(f"&{name}={value}" for name, value in options.items())
    async with mail_server(kept) as port:
        address = f"mailto://127.0.0.1:{port}?from=outreach@example.com&to=ada@example.com&mode=insecure{more}"
        return await asyncio.to_thread(notifier(address).tell, TARGET, NOTICE)


async def test_a_web_service_gets_the_notice_word_for_word() -> None:
    outcome, (request,) = await told(answer(200, {}))

    body = json.loads(request.body)
    assert outcome == Told()
    assert (request.method, request.path, body["title"], body["message"]) == (
        "POST",
        "/hook",
        NOTICE.title,
        NOTICE.body,
    )


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
async def test_a_service_that_refuses_was_not_told(status: int) -> None:
    outcome, _ = await told(answer(status, {"error": CANARY}))

    assert outcome == NotTold(f"the service answered {status}")


@pytest.mark.parametrize("says", [CUT, SILENT])
async def test_a_service_that_does_not_answer_was_not_told(says: bytes) -> None:
    outcome, _ = await told(says, within=1)

    assert outcome == NotTold("the service did not take it")


async def test_no_secret_is_in_the_outcome_or_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    outcome, _ = await told(answer(500, {"error": CANARY}))

    assert CANARY not in repr(outcome) + caplog.text


async def test_a_mail_arrives_with_its_title_as_the_subject() -> None:
    kept = Kept()

    outcome = await mailed(kept, format="text")

    (mail,) = kept.mails
    assert outcome == Told()
    assert (mail["Subject"], mail["To"]) == (NOTICE.title, "ada@example.com")
    assert _content(mail, "text/plain").splitlines() == NOTICE.body.splitlines()


async def test_in_a_mail_of_html_the_words_of_others_are_text() -> None:
    kept = Kept()

    await mailed(kept, format="html")

    html = _content(kept.mails[0], "text/html")
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


async def test_a_mail_server_that_refuses_was_not_told() -> None:
    assert await mailed(Kept("550 no")) == NotTold("the service did not take it")


@pytest.mark.parametrize("address", ["nonsense", "unheardof://x", "://", " "])
def test_what_is_no_address_is_said_without_repeating_it(address: str) -> None:
    outcome = notifier(address).tell(TARGET, NOTICE)

    assert outcome == NotTold("env:PEOPLE holds no address that Apprise knows")


def test_a_reference_that_leads_nowhere_is_said() -> None:
    outcome = AppriseNotifier(SecretSource({})).tell(TARGET, NOTICE)

    assert outcome == NotTold("env:PEOPLE is empty or not set")


def test_a_fault_that_nobody_foresaw_is_said_by_its_kind_and_not_in_its_words() -> None:
    class Broken:
        def resolve(self, reference: SecretRef) -> Secret:
            raise RuntimeError(CANARY)

    assert AppriseNotifier(Broken()).tell(TARGET, NOTICE) == NotTold("the service could not be told: RuntimeError")


def _content(mail: Message, kind: str) -> str:
    content = next(part for part in mail.walk() if part.get_content_type() == kind).get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()
