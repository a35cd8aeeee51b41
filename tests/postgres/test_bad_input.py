"""Input that should never have come this far, through the whole of an hour: real PostgreSQL, real templates, the lab's SMTP.

Whatever is wrong with one message, it gets its state and its reason, and the others of the batch go on.
"""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from batch_runs import OneTransport, desk, run
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lab_process import RunningLab
from small_world import SmallWorld
from smtp_stage import Handler, serving
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.adapters.templates import TemplateStore, template_key
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.application.send_batch import BatchLimits, HourSummary
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage

pytest_plugins = ("lab_fixtures",)

TEXT = "Hello {{ first_name }}.\n\nStop: {{ unsubscribe_url }}\n"
BREAKS = ("\r", "\n", "\r\nBcc: everybody@example.test", "\u2028", "\u2029", "\x85", "\x1b")


@dataclass(frozen=True)
class BadWorld:
    """A tenant whose first mailbox has a message that is in order; each of the others is for one that is not."""

    world: SmallWorld
    objects: LocalObjectStore
    good: int

    def message(self, box: int, *, step: int = 1, **lead: object) -> int:
        message = self.world.message(box, mailbox=self.world.mailboxes[box], step=step)
        for column, value in lead.items():
            self.world.sql(
                f"update app.lead l set {column} = %(v)s from app.message m where m.lead_id = l.lead_id and m.message_id = %(m)s",
                v=value, m=message,
            )  # fmt: skip
        return message

    def variant(self, message: int, *, subject: str = "Hello", text: str = TEXT) -> None:
        """A variant of the message's own."""
        sha256, name = self.stored(text.encode()), f"V{message}"
        self.world.sql(
            """insert into app.campaign_variant (tenant_id, campaign_id, step, variant, subject, text_sha256)
               values (%(t)s, %(c)s, 1, %(n)s, %(s)s, %(h)s)""",
            t=self.world.tenant, c=self.world.campaign, n=name, s=subject, h=sha256,
        )  # fmt: skip
        self.world.sql("update app.message set variant = %(n)s where message_id = %(m)s", n=name, m=message)

    def stored(self, text: bytes) -> str:
        sha256 = hashlib.sha256(text).hexdigest()
        self.objects.put(template_key(sha256), text, only_if_absent=True)
        self.world.sql(
            "insert into app.template values (%(t)s, %(h)s, 't', 'k') on conflict do nothing",
            t=self.world.tenant, h=sha256,
        )  # fmt: skip
        return sha256

    def ended(self, *messages: int) -> list[tuple[str, str]]:
        """State and the reason's first word."""
        rows = [self.world.state(message) for message in messages]
        return [(str(row["state"]), str(row["reason"]).partition(":")[0]) for row in rows]

    def reason(self, message: int) -> str:
        return str(self.world.state(message)["reason"])


@pytest.fixture
def bad(new_world: NewWorld, objects: LocalObjectStore) -> BadWorld:
    world = new_world(mailboxes=8)
    bad = BadWorld(world, objects, world.message(0, mailbox=world.mailboxes[0]))
    world.sql(
        "update app.campaign_variant set text_sha256 = %(h)s where tenant_id = %(t)s",
        h=bad.stored(TEXT.encode()), t=world.tenant,
    )  # fmt: skip
    return bad


@pytest.fixture(autouse=True)
def _faultless(lab: RunningLab) -> Iterator[None]:
    yield
    lab.clear_faults()


def smtp_of(lab: RunningLab, **pool: int) -> SmtpTransport:
    access = SmtpAccess("127.0.0.1", lab.ports["smtp"], Tls.NONE, "smtp-a", Secret("right"))
    return SmtpTransport(access, timeout=1.0, **pool)


async def sent(engine: Engine, bad: BadWorld, through: MailTransport, *, until: str | None = None) -> HourSummary:
    """One run of the hour with the real renderer; ended early once a message is in the state `until`."""
    stop, transports = asyncio.Event(), OneTransport(through)
    # One at a time: a test may count on the order of the mailboxes.
    made = desk(engine, None, limits=BatchLimits(under_way=1, look_again_seconds=0.05))
    made = replace(made, transports=transports, renderer=TemplateStore(bad.objects))
    running = asyncio.create_task(run(made, bad.world, stop=stop))
    in_state = "select 1 from app.message where tenant_id = %(t)s and state = %(s)s"
    try:
        while until and not running.done() and not bad.world.sql(in_state, t=bad.world.tenant, s=until):
            await asyncio.wait({running}, timeout=0.05)
        if until:
            stop.set()
        return await running
    finally:
        await transports.close()


async def assert_all_fail_alone(engine: Engine, lab: RunningLab, bad: BadWorld, *messages: int, word: str) -> None:
    before = len(lab.accepted("person0@example.test"))

    summary = await sent(engine, bad, smtp_of(lab))

    assert bad.ended(*messages) == [("failed", word)] * len(messages)
    assert bad.ended(bad.good) == [("accepted", "None")]
    assert summary.outcomes == {"failed": len(messages), "accepted": 1}
    assert len(lab.accepted("person0@example.test")) == before + 1
    assert bad.world.sql("select 1 from app.send_attempt where message_id = any(%(m)s)", m=list(messages)) == []


async def test_a_break_in_the_senders_name_fails_its_message(engine: Engine, lab: RunningLab, bad: BadWorld) -> None:
    messages = [bad.message(box) for box in range(1, 8)]
    for box, text in enumerate(BREAKS, start=1):
        bad.world.sql(
            "update app.mailbox set display_name = %(n)s where mailbox_id = %(b)s",
            n=f"Box{text}", b=bad.world.mailboxes[box],
        )  # fmt: skip

    await assert_all_fail_alone(engine, lab, bad, *messages, word="header_unsafe")


async def test_a_break_in_the_recipients_address_fails_its_message(
    engine: Engine, lab: RunningLab, bad: BadWorld
) -> None:
    messages = [bad.message(box, address=f"eve{text}@example.test") for box, text in enumerate(BREAKS, start=1)]

    await assert_all_fail_alone(engine, lab, bad, *messages, word="header_unsafe")


async def test_a_break_in_a_field_that_the_subject_shows_fails_its_message(
    engine: Engine, lab: RunningLab, bad: BadWorld
) -> None:
    messages = [bad.message(box, company=f"Acme{text}") for box, text in enumerate(BREAKS, start=1)]
    for message in messages:
        bad.variant(message, subject="For {{ company }}")

    await assert_all_fail_alone(engine, lab, bad, *messages, word="header_unsafe")


@pytest.mark.parametrize("column", ["wire_message_id", "subject"])
async def test_a_break_in_the_thread_that_a_follow_up_answers_fails_its_message(
    engine: Engine, lab: RunningLab, bad: BadWorld, column: str
) -> None:
    messages = [bad.message(box, step=2) for box in range(1, 8)]
    for message, text in zip(messages, BREAKS, strict=True):
        known = {"wire_message_id": f"<m{message}@box.example>", "subject": "Hello"}
        known[column] += text
        bad.world.sql(
            """insert into app.thread_root (tenant_id, enrollment_id, step, wire_message_id, tag, subject, plan_day, message_id, accepted_at)
               select tenant_id, enrollment_id, 1, %(id)s, %(tag)s, %(s)s, plan_day, message_id, clock_timestamp() from app.message where message_id = %(m)s""",
            id=known["wire_message_id"], s=known["subject"], tag=f"tag{message}", m=message,
        )  # fmt: skip

    await assert_all_fail_alone(engine, lab, bad, *messages, word="header_unsafe")


@pytest.mark.parametrize("text", [*BREAKS, " "])
async def test_a_break_in_the_host_of_the_unsubscribe_link_fails_every_message_of_the_tenant(
    engine: Engine, lab: RunningLab, bad: BadWorld, text: str
) -> None:
    bad.world.sql(
        "update app.tenant set unsubscribe_host = %(h)s where tenant_id = %(t)s",
        h=f"u.test.example{text}", t=bad.world.tenant,
    )  # fmt: skip

    summary = await sent(engine, bad, smtp_of(lab))

    assert summary.outcomes == {"failed": 1}
    assert bad.ended(bad.good) == [("failed", "header_unsafe")]


async def test_a_bare_carriage_return_or_a_nul_in_a_body_fails_its_message(
    engine: Engine, lab: RunningLab, bad: BadWorld
) -> None:
    messages = [bad.message(1, first_name="Ada\r.\rQUIT\r"), bad.message(2)]
    bad.variant(messages[1], text="Hello\0" + TEXT)

    await assert_all_fail_alone(engine, lab, bad, *messages, word="body_unsafe")


async def test_a_bare_line_end_in_a_template_leaves_as_crlf_and_smuggles_nothing(engine: Engine, bad: BadWorld) -> None:
    message, handler = bad.message(1), Handler()
    bad.variant(message, text="Hello\n.\rMAIL FROM:<eve@example.test>\n" + TEXT)

    async with serving(handler) as transport:
        await sent(engine, bad, transport)

    assert bad.ended(message, bad.good) == [("accepted", "None")] * 2
    assert len(handler.seen.bodies) == 2
    assert not any(b"\n" in body.replace(b"\r\n", b"") for body in handler.seen.bodies)


async def test_a_local_part_of_65_octets_fails_its_message(engine: Engine, lab: RunningLab, bad: BadWorld) -> None:
    messages = [bad.message(1, address=f"{'a' * 65}@example.test"), bad.message(2, address=f"{'é' * 33}@example.test")]

    await assert_all_fail_alone(engine, lab, bad, *messages, word="address_too_long")


HOMOGLYPH = "p\u0430ul@example.test"  # the second letter is Cyrillic


async def test_a_homoglyph_goes_to_the_address_that_is_written_where_the_server_takes_it(
    engine: Engine, bad: BadWorld
) -> None:
    message, handler = bad.message(1, address=HOMOGLYPH), Handler()

    async with serving(handler, enable_SMTPUTF8=True) as transport:
        await sent(engine, bad, transport)

    assert bad.ended(message, bad.good) == [("accepted", "None")] * 2
    assert [HOMOGLYPH] in [recipients for _, recipients in handler.envelopes]
    assert any(f"\r\nTo: {HOMOGLYPH}\r\n".encode() in body for body in handler.seen.bodies)


async def test_an_international_address_fails_where_the_server_takes_none(engine: Engine, bad: BadWorld) -> None:
    message, handler = bad.message(1, address=HOMOGLYPH), Handler()

    async with serving(handler) as transport:
        await sent(engine, bad, transport)

    assert bad.ended(bad.good) == [("accepted", "None")]
    assert bad.world.state(message)["state"] == "failed"
    assert "SMTPUTF8 5.6.7" in bad.reason(message)
    assert len(handler.seen.bodies) == 1


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(10**9) %}x{% endfor %}",
        "{{ 'a' * 10**9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ first_name.__class__.__mro__ }}",
        "{{ first_name['__class__'] }}",
        "{% set a = 'x' %}{{ a }}",
        "{% include 'other' %}",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    ],
)
async def test_a_template_that_loops_grows_or_looks_around_fails_its_message(
    engine: Engine, lab: RunningLab, bad: BadWorld, text: str
) -> None:
    in_body, in_subject = bad.message(1), bad.message(2)
    bad.variant(in_body, text=text)
    bad.variant(in_subject, subject=text)

    async with asyncio.timeout(20):
        await assert_all_fail_alone(engine, lab, bad, in_body, in_subject, word="template")

    assert "template_forbidden" in bad.reason(in_body)


@dataclass
class WithFaultAfterFirst:
    """Orders a fault of the lab once its first message has been answered."""

    through: MailTransport
    lab: RunningLab
    calls: int = 0

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        answer = await self.through.send(message, deadline=deadline)
        self.calls += 1
        if self.calls == 1:
            await asyncio.to_thread(self.lab.fault, account="smtp-a", fault="revoke_credentials")
        return answer

    async def close(self) -> None:
        await self.through.close()


async def test_credentials_revoked_in_the_middle_stop_the_account_and_lose_no_message(
    engine: Engine, lab: RunningLab, bad: BadWorld
) -> None:
    messages = [bad.good, *(bad.message(box) for box in (1, 2))]
    through = WithFaultAfterFirst(smtp_of(lab, messages_per_connection=1), lab)

    await sent(engine, bad, through, until="retry_wait")

    states = [state for state, _ in bad.ended(*messages)]
    assert states[:2] == ["accepted", "retry_wait"]
    assert bad.reason(messages[1]).startswith("smtp_credentials: 535 5.7.8")
    assert (states[2], through.calls) == ("planned", 2)  # the hold on the account kept it back


@pytest.mark.parametrize("fault", ["endless_after_accept", "garbage_after_accept"])
async def test_an_answer_of_five_megabytes_or_of_html_is_doubt_with_a_short_reason(
    engine: Engine, lab: RunningLab, bad: BadWorld, fault: str
) -> None:
    message = bad.message(1, address=f"deliver.{fault}@example.test")
    lab.fault(recipient=f"deliver.{fault}@example.test", fault=fault, count=1)

    await sent(engine, bad, smtp_of(lab))

    assert bad.ended(message, bad.good) == [("in_doubt", "reply_lost"), ("accepted", "None")]
    assert len(bad.reason(message)) <= 520
    assert len(lab.accepted(f"deliver.{fault}@example.test")) == 1


@asynccontextmanager
async def expired_server(folder: Path, handler: Handler) -> AsyncIterator[SmtpTransport]:
    """A server whose certificate is trusted and ended yesterday."""
    key, name, today = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    days = today - timedelta(days=9), today - timedelta(days=1)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), *days)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(key.private_bytes(*private))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert", folder / "key")
    trust = ssl.create_default_context(cafile=str(folder / "cert"))
    login = {"tls": Tls.STARTTLS, "tls_context": trust, "username": "bo", "password": Secret("right")}
    async with serving(handler, access=login, tls_context=server) as transport:
        yield transport


async def test_an_expired_certificate_sends_nothing_and_says_so(engine: Engine, bad: BadWorld, tmp_path: Path) -> None:
    handler = Handler()

    async with expired_server(tmp_path, handler) as transport:
        await sent(engine, bad, transport, until="retry_wait")

    assert bad.ended(bad.good) == [("retry_wait", "not_sent")]
    assert "certificate has expired" in bad.reason(bad.good)
    assert handler.seen.bodies == []
