"""One look after a tenant's replies: what they want, who is told, and the page that shows them.

Belongs here: their order, and that neither hinders the other. Does not: reading mail (`sync_replies`), which never
waits for any of this.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from outreach_pipelines.application.decide_intents import DecidedIntents, IntentDesk, decide_intents
from outreach_pipelines.application.notify_replies import (
    NoticeBook,
    NoticePolicy,
    Notified,
    Notifier,
    notify_replies,
)
from outreach_pipelines.application.reply_thread import ThreadDesk
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug

SECONDS = 40.0
ONE_NOTICE = 1.0
"""Seconds that are left to notices whatever was used before: time enough to begin with one."""
NoticePolicies = Callable[[TenantSlug], NoticePolicy]


@dataclass(frozen=True, slots=True)
class ReplyDesk:
    """What replies are looked after with."""

    intents: IntentDesk
    notices: NoticeBook
    notifier: Notifier
    policies: NoticePolicies
    threads: ThreadDesk


@dataclass(frozen=True, slots=True)
class Tended:
    """What one look did."""

    decided: DecidedIntents = field(default_factory=DecidedIntents)
    notified: Notified = field(default_factory=Notified)

    @property
    def anything(self) -> bool:
        """Whether something was decided or told."""
        return bool(self.decided.by_intent) or self.notified != Notified()


def tend_replies(desk: ReplyDesk, *, tenant: TenantRef, again: bool = False, seconds: float = SECONDS) -> Tended:
    """Decide what is undecided, then tell what is to be told. Repeating it does nothing twice.

    Half of `seconds` is the deciders', so that a slow one keeps nobody from being told. What is under way then still ends.
    """
    ends = time.monotonic() + seconds
    decided = decide_intents(desk.intents, tenant=tenant.id, again=again, seconds=seconds / 2)
    left = max(ends - time.monotonic(), ONE_NOTICE)
    notified = notify_replies(desk.notices, desk.notifier, desk.policies(tenant.slug), tenant=tenant, seconds=left)
    return Tended(decided, notified)
