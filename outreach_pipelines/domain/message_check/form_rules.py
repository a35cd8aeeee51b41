"""Rules that the octets alone answer: form, one-click headers, the visible link (RFC 5322, RFC 8058, RFC 2369)."""

import re
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from outreach_pipelines.domain.dkim_verification import DkimResult, DkimVerdict
from outreach_pipelines.domain.free_mail import free_mail_domains
from outreach_pipelines.domain.message_check.reading import Link, ReadMessage
from outreach_pipelines.domain.message_check.rules import Outcome, Rule, RuleReport

_ONCE: Final = ("date", "from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references", "subject")
_REQUIRED: Final = ("date", "from", "message-id")
_LONGEST_LINE: Final = 998
_MESSAGE_ID: Final = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")
_ANSWERS: Final = re.compile(r"(re|aw|fwd?|wg|sv)\s*:", re.IGNORECASE)
_LEAVES: Final = re.compile(
    r"unsubscri|opt.?out|abmeld|abbestell|austrag|d[ée]sabonn|d[ée]sinscri|darse de baja|cancelar (la )?suscripci|"
    r"annulla.{0,3}iscri|disiscri|uitschrijv|afmeld|avregistrer|wypisz|отписа|preferences|manage.{0,20}subscription",
    re.IGNORECASE,
)
_IN_BRACKETS: Final = re.compile(r"<([^<>]*)>")


def form_reports(message: ReadMessage) -> Iterator[RuleReport]:
    """All rules of form."""
    yield _one_from(message)
    yield _free_mail(message)
    yield _header_form(message)
    yield _line_form(message)
    yield _subject(message)
    yield _one_click(message)
    yield _visible(message)
    yield _links(message)
    yield _tls(message)


def one_click_signed(message: ReadMessage, verdicts: tuple[DkimVerdict, ...]) -> RuleReport:
    """Both fields must stand in h= of a signature that passes (RFC 8058 section 4)."""
    if not message.values("list-unsubscribe"):
        return RuleReport(Rule.ONE_CLICK_SIGNED, Outcome.BROKEN, "there is no List-Unsubscribe to sign")
    wanted = {"list-unsubscribe", "list-unsubscribe-post"}
    passing = [verdict for verdict in verdicts if verdict.result is DkimResult.PASS]
    covering = [verdict for verdict in passing if wanted <= verdict.signed]
    if covering:
        return RuleReport(Rule.ONE_CLICK_SIGNED, Outcome.HOLDS, f"signed by {covering[0].domain}")
    unsure = any(verdict.result is DkimResult.TEMPERROR and wanted <= verdict.signed for verdict in verdicts)
    why = "no signature that passes covers both List-Unsubscribe and List-Unsubscribe-Post"
    return RuleReport(Rule.ONE_CLICK_SIGNED, Outcome.UNKNOWN if unsure else Outcome.BROKEN, why)


def unsubscribe_uris(message: ReadMessage) -> tuple[str, ...]:
    """The URIs of List-Unsubscribe (RFC 2369), white space of folding taken out."""
    found = (uri for value in message.values("list-unsubscribe") for uri in _IN_BRACKETS.findall(value))
    return tuple("".join(uri.split()) for uri in found)


def _report(rule: Rule, fault: str, held: str) -> RuleReport:
    return RuleReport(rule, Outcome.BROKEN if fault else Outcome.HOLDS, fault or held)


def _one_from(message: ReadMessage) -> RuleReport:
    fields, found = message.values("from"), message.addresses("from")
    good = len(fields) == 1 and len(found) == 1
    return _report(
        Rule.ONE_FROM,
        "" if good else f"{len(fields)} From fields with {len(found)} addresses that can be read, not one with one",
        found[0].canonical if good else "",
    )


def _free_mail(message: ReadMessage) -> RuleReport:
    domain = message.from_domain
    if domain is None:
        return RuleReport(Rule.FROM_NOT_FREE_MAIL, Outcome.NOT_APPLICABLE, "there is not one From address")
    fault = f"{domain} belongs to a mail provider: receivers refuse it from elsewhere"
    return _report(Rule.FROM_NOT_FREE_MAIL, fault if domain in free_mail_domains() else "", domain)


def _header_form(message: ReadMessage) -> RuleReport:
    faults = list(_header_faults(message))
    return _report(Rule.HEADER_FORM, "; ".join(faults), f"{len(message.fields)} fields")


def _header_faults(message: ReadMessage) -> Iterator[str]:
    count = Counter(name for name, _ in message.fields)
    yield from (f"{name} is missing" for name in _REQUIRED if not count[name])
    yield from (f"{name} stands {count[name]} times" for name in _ONCE if count[name] > 1)
    yield from (f"Date {date!r} is no date" for date in message.values("date") if not _is_date(date))
    ids = message.values("message-id")
    yield from (f"Message-ID {one!r} is none" for one in ids if not _MESSAGE_ID.fullmatch(one))


def _is_date(text: str) -> bool:
    try:
        parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return False
    return True


def _line_form(message: ReadMessage) -> RuleReport:
    longest = max(map(len, message.octets.split(b"\r\n")))
    faults = [
        *([f"a line of {longest} octets, {_LONGEST_LINE} are allowed"] if longest > _LONGEST_LINE else []),
        *(["a bare CR or LF"] if message.had_bare_ends else []),
        *(["a NUL"] if b"\0" in message.octets else []),
    ]
    return _report(Rule.LINE_FORM, "; ".join(faults), f"the longest line has {longest} octets")


def _subject(message: ReadMessage) -> RuleReport:
    subject = next(iter(message.values("subject")), "")
    is_answer = bool(message.values("in-reply-to") or message.values("references"))
    fault = f"{subject!r} looks like an answer and answers nothing" if _ANSWERS.match(subject) and not is_answer else ""
    return _report(Rule.SUBJECT_HONEST, fault, subject or "no subject")


def _one_click(message: ReadMessage) -> RuleReport:
    secure = [uri for uri in unsubscribe_uris(message) if uri.lower().startswith("https://")]
    posts = ["".join(value.split()).lower() for value in message.values("list-unsubscribe-post")]
    faults = [
        *([] if secure else ["List-Unsubscribe holds no https: link"]),
        *(
            []
            if posts == ["list-unsubscribe=one-click"]
            else ["List-Unsubscribe-Post is not List-Unsubscribe=One-Click"]
        ),
    ]
    return _report(Rule.ONE_CLICK, "; ".join(faults), secure[0] if secure else "")


def _visible(message: ReadMessage) -> RuleReport:
    offered = {uri for uri in unsubscribe_uris(message) if uri.lower().startswith("https://")}
    seen = next((link for link in message.links if link.url in offered or _leaves(link)), None)
    worded = any(_LEAVES.search(text) for kind, text in message.texts if kind != "html")
    if seen is None and worded and any(link.url for link in message.links):
        return RuleReport(
            Rule.VISIBLE_UNSUBSCRIBE, Outcome.HOLDS, "the text names a way to unsubscribe beside its links"
        )
    fault = "" if seen else "no link in the body says that it unsubscribes"
    return _report(Rule.VISIBLE_UNSUBSCRIBE, fault, seen.url if seen else "")


def _leaves(link: Link) -> bool:
    return _LEAVES.search(link.words) is not None or _LEAVES.search(link.url) is not None


def _links(message: ReadMessage) -> RuleReport:
    if not message.links:
        return RuleReport(Rule.LINKS_SOUND, Outcome.NOT_APPLICABLE, "no links")
    faults = [fault for link in message.links if (fault := _link_fault(link))]
    return _report(Rule.LINKS_SOUND, "; ".join(faults[:10]), f"{len(message.links)} links")


def _link_fault(link: Link) -> str:
    try:
        parts = urlsplit(link.url)
        host = parts.hostname or ""
    except ValueError:
        return f"{link.url} is no address"
    if parts.scheme in {"mailto", "tel"}:
        return ""
    if parts.scheme != "https":
        return f"{link.url} is not https:"
    if _is_ip(host):
        return f"{link.url} names an IP address"
    shown = link.words.lower()
    return f"{link.url} shows itself as {link.words}" if _shows_other_host(shown, host) else ""


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _shows_other_host(shown: str, host: str) -> bool:
    """A link that shows one address and leads to another is what fishers do; a tracking host of the same site is not."""
    named = re.fullmatch(r"(?:https?://)?([a-z0-9.-]+\.[a-z]{2,})(?:/\S*)?", shown)
    if named is None:
        return False
    return named[1].split(".")[-2:] != host.split(".")[-2:]


def _tls(message: ReadMessage) -> RuleReport:
    hops = message.values("received")
    if not hops:
        return RuleReport(Rule.TLS_IN_TRANSIT, Outcome.NOT_APPLICABLE, "not yet sent: no Received field")
    secured = re.search(r"with (?:UTF8)?E?SMTPS|TLS", hops[0], re.IGNORECASE) is not None
    return _report(Rule.TLS_IN_TRANSIT, "" if secured else f"the last hop names no TLS: {hops[0]}", hops[0])
