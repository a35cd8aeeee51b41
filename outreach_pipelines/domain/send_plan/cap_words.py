"""Caps that keep a message back, as sentences for people: with their numbers, and one of 0 by that name.

Belongs here: wording of caps. Does not: counting what is left of them (`capacity`, `recipient_limits`).
"""

from collections.abc import Iterator, Mapping

from outreach_pipelines.domain.send_plan.capacity import effective_cap
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.snapshot import Mailbox, MailboxId, RecipientProvider, Snapshot
from outreach_pipelines.domain.sending_policy import ContactPressure

_PROVIDERS: Mapping[RecipientProvider, str] = {
    RecipientProvider.GOOGLE: "Google",
    RecipientProvider.MICROSOFT: "Microsoft",
    RecipientProvider.YAHOO: "Yahoo",
    RecipientProvider.OTHER: "other providers",
}


class CapWords:
    """The caps of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._policy = snapshot.policy
        self._of_providers = {cap.provider: cap.daily_cap for cap in snapshot.policy.recipient_provider_caps}
        self.zeros: Mapping[Constraint, frozenset[MailboxId]] = {
            constraint: found for constraint, found in _zeros(snapshot) if found
        }
        """By cap of the sending side, the mailboxes for which it is 0, so that nothing had to be sent to use it up."""

    def used_up(self, constraint: Constraint, provider: RecipientProvider) -> str:
        """A cap on the recipient's side without room, or what contact pressure allows."""
        match constraint:
            case Constraint.RECIPIENT_DOMAIN_CAP:
                return _used_up("each recipient domain", self._policy.recipient_domain_daily_cap)
            case Constraint.RECIPIENT_PROVIDER_CAP:
                return _used_up(f"recipients at {_PROVIDERS[provider]}", self._of_providers[provider])
            case Constraint.COMPANY_CAP:
                return _used_up("each company", self._policy.company_daily_cap)
        return _pressure(self._policy.contact_pressure)


def _zeros(snapshot: Snapshot) -> Iterator[tuple[Constraint, frozenset[MailboxId]]]:
    policy, every = snapshot.policy, frozenset(mailbox.id for mailbox in snapshot.mailboxes)
    domains = {domain.id for domain in snapshot.domains if domain.daily_cap == 0}
    yield Constraint.MAILBOX_CAP, frozenset(row.id for row in snapshot.mailboxes if _is_zero(row))
    yield Constraint.DOMAIN_CAP, frozenset(row.id for row in snapshot.mailboxes if row.domain_id in domains)
    yield Constraint.TENANT_DAILY_CAP, every if policy.daily_cap == 0 else frozenset()
    yield Constraint.TENANT_MINUTE_CAP, every if policy.minute_cap == 0 else frozenset()


def _is_zero(mailbox: Mailbox) -> bool:
    return mailbox.daily_cap == 0 or (mailbox.hold is not None and effective_cap(mailbox) == 0)


def _used_up(whose: str, cap: int | None) -> str:
    return f"the daily cap for {whose} is {cap}" + (", and it is used up" if cap else "")


def _pressure(pressure: ContactPressure | None) -> str:
    if pressure is None:
        return "nobody is written to more often"
    messages = "1 message" if pressure.messages == 1 else f"{pressure.messages} messages"
    return f"one person gets at most {messages} in {pressure.days} days, from all campaigns together"
