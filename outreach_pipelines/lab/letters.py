"""What people write back: answers, absence notes, requests to be removed. Pure: message in, message out.

Headers follow what mail programs send: RFC 5322 section 3.6.4 (threading), RFC 3834 (automatic responses).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from enum import Enum, unique

from outreach_pipelines.lab.people import Dice
from outreach_pipelines.lab.wire_message import UNFOLDED, WireMessage


@unique
class Occasion(Enum):
    """Why somebody writes back."""

    REPLY = "reply"
    REMOVAL = "removal"
    ABSENCE = "absence"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message from one of the lab's people; `envelope_sender` is empty for automatic ones (RFC 3834 section 3.3)."""

    envelope_sender: str
    recipient: str
    raw: bytes


_REPLIES = (
    "Hi,\n\nthanks for getting in touch. Could you send me two times that suit you next week?",
    "Hello,\n\ninteresting, but not this quarter. Please write again in spring.",
    "Hi,\n\nmy colleague looks after this, I have put her in copy of my answer.",
    "Guten Tag,\n\nvielen Dank für Ihre Nachricht. Können Sie mir bitte kurz die Preise nennen?",
    "Hallo,\n\ndas klingt gut, rufen Sie mich gern am Donnerstag an.",
)
_REMOVALS = (
    "Please remove me from your list.",
    "Not interested. Take me off your mailing list, please.",
    "Bitte streichen Sie mich aus Ihrem Verteiler.",
)
_TICKET = "Thank you for contacting us. We have received your request and will answer within two working days."


def write_back(original: WireMessage, occasion: Occasion, *, dice: Dice, now: datetime) -> Letter:
    """What the recipient of `original` writes to its Reply-To, or else its From address, at `now`."""
    parsed = original.parsed()
    automatic = occasion in (Occasion.ABSENCE, Occasion.TICKET)
    letter = _addressed(original, parsed, now=now)
    letter["Subject"] = _subject(str(parsed.get("Subject", "")), occasion, dice)
    if automatic:
        letter["Auto-Submitted"] = "auto-replied"
        letter["X-Auto-Response-Suppress"] = "All"
    text = _text(occasion, dice, now)
    letter.set_content(text + "\n" if automatic else _with_signature_and_quote(text, original, parsed))
    target = parseaddr(str(letter["To"]))[1]
    return Letter("" if automatic else original.recipient, target, letter.as_bytes())


def _addressed(original: WireMessage, parsed: EmailMessage, *, now: datetime) -> EmailMessage:
    letter = EmailMessage(policy=UNFOLDED)
    domain = original.recipient.rpartition("@")[2]
    token = Dice(0, original.recipient + original.message_id).fraction(now.isoformat())
    letter["From"] = f"{_name(original.recipient)} <{original.recipient}>"
    letter["To"] = parseaddr(str(parsed.get("Reply-To") or parsed.get("From") or ""))[1]
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{int(token * 2**52):013x}@mail.{domain}>"
    letter["In-Reply-To"] = original.message_id
    letter["References"] = f"{parsed.get('References', '')} {original.message_id}".strip()
    return letter


def _subject(subject: str, occasion: Occasion, dice: Dice) -> str:
    if occasion is Occasion.ABSENCE:
        return f"{'Abwesenheitsnotiz' if dice.half('language') else 'Automatic reply'}: {subject}"
    if occasion is Occasion.TICKET:
        return f"[Ticket {int(dice.fraction('ticket') * 90_000) + 10_000}] {subject}"
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _text(occasion: Occasion, dice: Dice, now: datetime) -> str:
    match occasion:
        case Occasion.REPLY:
            return dice.pick("text", _REPLIES)
        case Occasion.REMOVAL:
            return dice.pick("text", _REMOVALS)
        case Occasion.TICKET:
            return _TICKET
        case Occasion.ABSENCE:
            return _absence(dice, now)


def _absence(dice: Dice, now: datetime) -> str:
    back = now + timedelta(days=3 + int(dice.fraction("days") * 10))
    dated = dice.half("dated")
    if dice.half("language"):
        until = f" bis einschließlich {back:%d.%m.%Y}" if dated else " zurzeit"
        return f"Guten Tag,\n\nich bin{until} nicht im Büro. Ihre Nachricht wird nicht weitergeleitet."
    until = f" until {back.day} {back:%B %Y}" if dated else ""
    return f"Hello,\n\nI am out of the office{until} with limited access to e-mail."


def _with_signature_and_quote(text: str, original: WireMessage, parsed: EmailMessage) -> str:
    name = _name(original.recipient)
    body = parsed.get_body(("plain",))
    quoted = "\n".join(f"> {line}" for line in (body.get_content() if body else "").splitlines())
    said = f"On {parsed.get('Date', 'an earlier day')}, {original.mailbox} wrote:"
    return f"{text}\n\n-- \n{name}\n{original.recipient.rpartition('@')[2]}\n\n{said}\n{quoted}\n"


def _name(address: str) -> str:
    return " ".join(part.capitalize() for part in address.partition("@")[0].split("."))
