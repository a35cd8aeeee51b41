"""Why no mailbox is left for a message, as a sentence for people: the detail of a decision.

Belongs here: wording. Does not: which constraint takes a mailbox away (`routes`, `explanation`), nor the words of a
constraint by itself (the views have them).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from types import MappingProxyType
from typing import NamedTuple

from outreach_pipelines.domain.send_plan.plan import Constraint, power
from outreach_pipelines.domain.send_plan.snapshot import Mailbox, MailboxId

REASONS_SHOWN = 3


class _Phrase(NamedTuple):
    """What is said of one mailbox, and of several."""

    one: str
    several: str


_PHRASES: Mapping[Constraint, _Phrase] = {
    Constraint.BASIS_NOT_COVERED: _Phrase("has no account for the lead's lawful basis", "have no account for the lead's lawful basis"),
    Constraint.DOMAIN_NOT_READY: _Phrase("has a domain that is not ready", "have domains that are not ready"),
    Constraint.DOMAIN_UNKNOWN: _Phrase("has a domain whose readiness is not known", "have domains whose readiness is not known"),
    Constraint.MAILBOX_RETIRED: _Phrase("is retired", "are retired"),
    Constraint.MAILBOX_RESTING: _Phrase("rests", "rest"),
    Constraint.MAILBOX_HELD: _Phrase("is held", "are held"),
    Constraint.PROVIDER_HELD: _Phrase("is held towards the recipient's provider", "are held towards the recipient's provider"),
    Constraint.PATH_HELD: _Phrase("has an account that is held", "have accounts that are held"),
    Constraint.INBOX_UNREADABLE: _Phrase("has an inbox that cannot be read", "have inboxes that cannot be read"),
    Constraint.HEALTH: _Phrase("takes no new leads for its health", "take no new leads for their health"),
    Constraint.MAILBOX_HOURS: _Phrase("has hours that do not meet the recipient's", "have hours that do not meet the recipient's"),
    Constraint.MAILBOX_CAP: _Phrase("has used up its daily cap", "have used up their daily caps"),
    Constraint.NEW_LEAD_BUDGET: _Phrase("keeps its room for follow-ups to come", "keep their room for follow-ups to come"),
    Constraint.SLOWED: _Phrase("is past the early part of its cap that a hold leaves", "are past the early part of their caps that holds leave"),
    Constraint.ROLLING_CAP: _Phrase("has used up its cap of 24 hours", "have used up their caps of 24 hours"),
    Constraint.DOMAIN_CAP: _Phrase("has a domain that has used up its daily cap", "have domains that have used up their daily caps"),
    Constraint.TENANT_DAILY_CAP: _Phrase("would pass the tenant's daily cap", "would pass the tenant's daily cap"),
    Constraint.TENANT_MINUTE_CAP: _Phrase("finds no minute under the tenant's cap per minute", "find no minute under the tenant's cap per minute"),
    Constraint.ACCOUNT_SHARE: _Phrase("has accounts of which the tenant's share is used up", "have accounts of which the tenant's share is used up"),
    Constraint.SPACING: _Phrase("has no free slot left at its pace", "have no free slot left at their pace"),
}  # fmt: skip
_CAPS_OF_ZERO: Mapping[Constraint, _Phrase] = {
    Constraint.MAILBOX_CAP: _Phrase("has a daily cap of 0", "have daily caps of 0"),
    Constraint.DOMAIN_CAP: _Phrase("has a domain with a daily cap of 0", "have domains with daily caps of 0"),
    Constraint.TENANT_DAILY_CAP: _Phrase("would pass the tenant's daily cap, which is 0", "would pass the tenant's daily cap, which is 0"),
    Constraint.TENANT_MINUTE_CAP: _Phrase("finds the tenant's cap per minute at 0", "find the tenant's cap per minute at 0"),
}  # fmt: skip
_NO_ZEROS: Mapping[Constraint, Set[MailboxId]] = MappingProxyType({})


def none_left(
    mailboxes: Sequence[Mailbox],
    constraints: Sequence[Constraint],
    reasons: Collection[str] = (),
    *,
    zeros: Mapping[Constraint, Set[MailboxId]] = _NO_ZEROS,
) -> str:
    """What takes each of the mailboxes away, strongest first; `reasons` are sentences that holds and audits gave, `zeros`
    the mailboxes for which a cap is 0."""
    phrases: list[tuple[_Phrase, int]] = []
    for constraint, count in sorted(Counter(constraints).items(), key=lambda row: power(row[0])):
        zero = _of_zero(mailboxes, constraints, constraint, zeros) if constraint in zeros else 0
        phrases += [(_CAPS_OF_ZERO[constraint], zero)] if zero else []
        phrases += [(_PHRASES[constraint], count - zero)] if count > zero else []
    given = sorted(set(reasons))[:REASONS_SHOWN]
    return _sentence(mailboxes, phrases) + (f": {'; '.join(given)}" if given else "")


def _of_zero(
    mailboxes: Iterable[Mailbox],
    constraints: Iterable[Constraint],
    constraint: Constraint,
    zeros: Mapping[Constraint, Set[MailboxId]],
) -> int:
    pairs = zip(mailboxes, constraints, strict=True)
    return sum(each is constraint and mailbox.id in zeros[constraint] for mailbox, each in pairs)


def slowed(mailboxes: Sequence[Mailbox]) -> str:
    """What to say after it of those that a hold slows: nothing where none is."""
    reasons = [mailbox.hold.reason for mailbox in mailboxes if mailbox.hold is not None]
    if not reasons:
        return ""
    which = "it" if len(mailboxes) == 1 else f"{len(reasons)} of them"
    return f"; a hold slows {which}: {'; '.join(sorted(set(reasons))[:REASONS_SHOWN])}"


def _sentence(mailboxes: Sequence[Mailbox], counts: Sequence[tuple[_Phrase, int]]) -> str:
    if len(mailboxes) == 1:
        return f"mailbox {mailboxes[0].id} {counts[0][0].one}"
    if len(counts) == 1:
        return f"{'both' if len(mailboxes) == 2 else f'all {len(mailboxes)}'} mailboxes {counts[0][0].several}"
    parts = (f"{count} {phrase.one if count == 1 else phrase.several}" for phrase, count in counts)
    return f"of {len(mailboxes)} mailboxes, {', '.join(parts)}"
