"""Seeds as values, and the port to where they are kept.

Belongs here: what a seed is, from the intent to what it showed. Does not: sending and judging (`prove_domains`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NewType, Protocol

from outreach_pipelines.application.audit_domains import PathKey
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.seed_belief import Refuted, ShownSeed
from outreach_pipelines.domain.seed_proof import SeedCheck, SeedJudgement, SeedVerdict
from outreach_pipelines.domain.tenant import TenantId

SeedMark = NewType("SeedMark", str)
"""32 hexadecimal digits that a seed carries in a header of its own."""
MOST_A_WEEK = 7
"""Seeds of one way, the first among them. The table holds no more."""


class SeedState(StrEnum):
    """What came of the call."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPath:
    """A domain with an account, a mailbox of it to write from, and a mailbox of the tenant's own to write to.

    `attempt`: the number that this seed has among those of its way and week.
    """

    domain: DomainName
    account: AccountId
    account_name: AccountName
    sender: str
    sender_name: str
    recipient: str
    unsubscribe_host: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class OwnMail:
    """A mail that one of the tenant's mailboxes wrote, as it lay in an inbox; and the names of that inbox's own server."""

    raw: bytes
    folder: str
    authserv_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WaitingSeed:
    """A seed that is not judged. `late`: it should lie in its inbox by now, and that inbox was read to its end since."""

    mark: SeedMark
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedStanding:
    """The newest judgement of a way to send. `faults`: what was wrong, one sentence each."""

    domain: DomainName
    account: AccountName
    week: date
    verdict: SeedVerdict
    faults: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it arrived as it should."""
        return self.verdict is SeedVerdict.PASSED

    @property
    def sentence(self) -> str:
        """What it showed."""
        what = ", ".join(self.faults) or self.verdict.value.replace("_", " ")
        return f"{self.domain} through {self.account}, week of {self.week}: {what}"


@dataclass(frozen=True, slots=True)
class SettledSeeds:
    """Ways to send: how many are not ready by what seeds showed, and how many are so no longer."""

    refuted: int = 0
    lifted: int = 0


class CountSource(StrEnum):
    """Who saw how a message was authenticated."""

    SEED = "seed"
    REPORT = "report"


class AuthenticationResult(StrEnum):
    """How it came out."""

    PASS = "pass"  # noqa: S105 the name of a result
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationCount:
    """Messages of a way to send by how DKIM or SPF came out; `account`: None where a report does not show whose mail it was."""

    domain: DomainName
    account: AccountName | None
    source: CountSource
    mechanism: SeedCheck
    result: AuthenticationResult
    messages: int


class SeedStandings(Protocol):
    """What seeds have shown, and receivers beside them."""

    def standings(self, tenant: TenantId, *, since: date) -> Sequence[SeedStanding]:
        """Of each way to send, the newest judgement of a seed of `since` or later; none where there is none."""
        ...

    def counts(self, tenant: TenantId, *, since: date, until: date) -> Sequence[AuthenticationCount]:
        """How DKIM and SPF came out for seeds and in receivers' reports of the days between, both included (UTC)."""
        ...


class SeedStore(Protocol):
    """Seeds of one tenant at a time."""

    def due(self, tenant: TenantId, week: date) -> Sequence[SeedPath]:
        """Ways to send without a seed in the week (its Monday) that begins then, and those whose newest one is to go again:
        seeds stopped the way, and a day has passed; or it failed, and the domain's DNS findings are others than they were.
        `MOST_A_WEEK` at most, and none while one is under way.
        """
        ...

    def begin(self, tenant: TenantId, path: SeedPath, week: date, mark: SeedMark, *, epoch: int) -> bool:
        """Commit that it is about to be sent. False, and nothing may go: this attempt was begun, the recipient is no mailbox of the
        tenant's own, the tenant is paused, the account is held, or the epoch is over.
        """
        ...

    def end(self, tenant: TenantId, mark: SeedMark, state: SeedState, answer: str) -> None:
        """Write down what came of the call."""
        ...

    def waiting(self, tenant: TenantId) -> Sequence[WaitingSeed]:
        """Seeds that may have been sent and are not judged."""
        ...

    def own_mail(self, tenant: TenantId) -> Sequence[OwnMail]:
        """Own mail that inboxes held since the oldest waiting seed."""
        ...

    def judge(
        self, tenant: TenantId, mark: SeedMark, verdict: SeedVerdict, folder: str, judgement: SeedJudgement
    ) -> None:
        """Keep the judgement; the first one stands."""
        ...

    def shown(self, tenant: TenantId) -> Mapping[PathKey, Sequence[ShownSeed]]:
        """What the seeds of the last `BELIEVED_FOR` showed, by way to send."""
        ...

    def settle(self, tenant: TenantId, found: Mapping[PathKey, Refuted]) -> SettledSeeds:
        """Make these ways not ready, and give all others back what their DNS says; in one transaction, with news of what changed."""
        ...
