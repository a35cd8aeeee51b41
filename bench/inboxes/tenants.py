"""Tenants with an inbox for each mailbox, sends of the past, and the mail that answers them.

Belongs here: rows, and letters as they come back. Does not: who reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

import psycopg
from sending import tenants as due

from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, write_tag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.lab.bounces import BounceKind
from outreach_pipelines.lab.reports import failure_report
from outreach_pipelines.lab.wire_message import WireMessage

TAG_KEY = b"a key of the bench"
LETTERS_EACH = 3
"""Of a mailbox: somebody answers, somebody is away, an address is unknown."""

_INBOXES = """
    insert into app.inbox (tenant_id, name, host, port, tls, username, secret_ref, receives)
    select tenant_id, 'in-' || mailbox_id, '127.0.0.1', %(port)s, %(tls)s, 't' || tenant_id || 'b' || mailbox_id, 'env:BENCH',
           array['*@' || split_part(address, '@', 2)] from app.mailbox where tenant_id = %(t)s"""
_OWN_INBOX = """
    update app.mailbox m set inbox_id = i.inbox_id from app.inbox i
     where m.tenant_id = %(t)s and i.tenant_id = m.tenant_id and i.name = 'in-' || m.mailbox_id"""
_NO_OTHER = "delete from app.inbox where tenant_id = %(t)s and name = 'in'"
_ACCEPT = (
    "update app.message set state = 'accepted', accepted_at = clock_timestamp(), reason = null where tenant_id = %(t)s"
)
_MESSAGES = """
    select message_id, plan_day, login, sender, recipient, mailbox_id, domain_id, enrollment_id
      from (select m.message_id, m.plan_day, 't' || m.tenant_id || 'b' || m.mailbox_id as login, b.address as sender, l.address as recipient,
                   m.mailbox_id, b.domain_id, m.enrollment_id, row_number() over (partition by m.mailbox_id order by m.message_id) as place
              from app.message m join app.mailbox b using (tenant_id, mailbox_id) join app.lead l using (tenant_id, lead_id)
             where m.tenant_id = %(t)s) each
     where place <= %(each)s order by message_id"""
_ATTEMPT = """
    insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, begun_policy_at, mailbox_day,
                                  outcome, ended_at)
    values (%(t)s, %(day)s, %(message)s, 1, %(account)s, %(mailbox)s, %(domain)s, %(tag)s, now(), %(day)s, 'accepted', clock_timestamp())"""
_ROOT = """
    insert into app.thread_root (tenant_id, enrollment_id, step, wire_message_id, tag, subject, plan_day, message_id, accepted_at)
    values (%(t)s, %(enrollment)s, 1, %(wire_id)s, %(tag)s, 'Hello', %(day)s, %(message)s, clock_timestamp())"""
_NAMED = "update app.message set wire_message_id = %(wire_id)s where tenant_id = %(t)s and message_id = %(message)s and plan_day = %(day)s"


@dataclass(frozen=True, slots=True)
class Answered:
    """A tenant, and the letters that wait for each of its logins."""

    tenant: TenantId
    letters: Mapping[str, Sequence[bytes]]


def answered_tenant(admin: "psycopg.Connection[tuple[int]]", *, mailboxes: int, port: int, tls: bool) -> Answered:
    """A new tenant whose mailboxes each sent three messages, with an inbox each; what came back is not delivered yet."""
    account = due.new_account(admin, "smtp", {})
    made = due.due_tenant(admin, account, mailboxes * due.MESSAGES_PER_MAILBOX)
    values = {
        "t": made.tenant,
        "port": str(port),
        "tls": "tls" if tls else "none",
        "account": account,
        "each": LETTERS_EACH,
    }
    for statement in (_INBOXES, _OWN_INBOX, _NO_OTHER, _ACCEPT):
        admin.execute(statement, values)
    rows = admin.execute(_MESSAGES, values).fetchall()
    letters: dict[str, list[bytes]] = {}
    with admin.pipeline(), admin.cursor() as cursor:
        for message, day, login, sender, recipient, mailbox, domain, enrollment in rows:
            tag = write_tag(MessageTag(TenantId(made.tenant), day, MessageId(message), 1), TAG_KEY)
            wire_id = f"<{tag}@{sender.rpartition('@')[2]}>"
            facts = {"day": day, "message": message, "mailbox": mailbox, "domain": domain, "enrollment": enrollment}
            for statement in (_ATTEMPT, _ROOT, _NAMED):
                cursor.execute(statement, values | facts | {"tag": tag, "wire_id": wire_id})
            waiting = letters.setdefault(login, [])
            waiting.append(_LETTERS[len(waiting) % LETTERS_EACH](tag, wire_id, sender, recipient))
    return Answered(TenantId(made.tenant), letters)


def _reply(_tag: WireTag, wire_id: str, sender: str, recipient: str) -> bytes:
    text = "Thanks, that sounds good. Next Tuesday at ten?\n\nBest\nAda\n"
    quoted = "".join(f"> line {number} of what was written\n" for number in range(20))
    return _letter(
        sender, recipient, wire_id, "Re: Hello", f"{text}\nOn Monday, Grace Example wrote:\n{quoted}", both=True
    )


def _away(_tag: WireTag, wire_id: str, sender: str, recipient: str) -> bytes:
    return _letter(
        sender,
        recipient,
        wire_id,
        "Automatic reply: Hello",
        "I am out of office and back on 7 December 2026.\n",
        automatic=True,
    )


def _bounce(tag: WireTag, wire_id: str, sender: str, recipient: str) -> bytes:
    raw = f"From: {sender}\r\nTo: {recipient}\r\nSubject: Hello\r\nMessage-ID: {wire_id}\r\n\r\n{'How are you?' * 100}\r\n"
    domain = sender.rpartition("@")[2]
    wire = WireMessage("smtp", f"bounce+{tag}@{domain}", recipient, sender, wire_id, tag, raw.encode())
    return failure_report(wire, BounceKind.UNKNOWN_USER, now=datetime.now(UTC)).raw


_LETTERS = (_reply, _away, _bounce)


def _letter(
    to: str, sender: str, answers: str, subject: str, text: str, *, both: bool = False, automatic: bool = False
) -> bytes:
    letter = EmailMessage(policy=policy.SMTP)
    letter["From"], letter["To"], letter["Subject"] = sender, to, subject
    letter["In-Reply-To"] = letter["References"] = answers
    letter["Date"] = datetime.now(UTC)
    letter["Message-ID"] = f"<answer.{answers.strip('<>')}>"
    if automatic:
        letter["Auto-Submitted"] = "auto-replied"
    letter.set_content(text)
    if both:
        letter.add_alternative(f"<html><body><pre>{text}</pre></body></html>", subtype="html")
    return letter.as_bytes()
