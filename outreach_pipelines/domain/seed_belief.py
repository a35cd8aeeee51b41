"""What seeds have refuted of a way to send, a domain with an account: what stops it until another seed shows it mended.

Belongs here: which checks of which seeds count. Does not: judging one seed (seed_proof.py), what DNS shows
(dns_audit/settling.py).

Only what a message shows for certain counts. Unknown, late and never received change nothing, in either direction.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from outreach_pipelines.domain.seed_proof import Passed, SeedCheck, SeedFinding, SeedJudgement

BELIEVED_FOR: Final = timedelta(weeks=2)
"""How long a seed is believed of which no later one says the opposite."""
MENDED: Final = "no seed of late refutes it any more, and all that the account needs is published"
"""What people are told of a way that is ready again once seeds stop it no longer."""
_LONGEST_EVIDENCE: Final = 200
_WORDS: Final[Mapping[SeedCheck, str]] = MappingProxyType(
    {
        SeedCheck.DKIM: "Its mail arrives without a DKIM signature that passes",
        SeedCheck.DKIM_ALIGNED: "Its mail arrives signed, but not as From's domain",
        SeedCheck.UNSUBSCRIBE_SIGNED: "Its mail arrives without signed one-click unsubscribe fields",
    }
)
STOPPING: Final = frozenset(_WORDS)
"""The checks that stop an account: receivers refuse or hide bulk mail for each of them. SPF, TLS and folder only warn."""


@dataclass(frozen=True, slots=True)
class ShownSeed:
    """A seed of one way, and what it showed."""

    sent_at: datetime
    judgement: SeedJudgement


@dataclass(frozen=True, slots=True)
class RefutedCheck:
    """What a seed showed to be wrong."""

    finding: SeedFinding
    sent_at: datetime

    @property
    def sentence(self) -> str:
        """For the person who is to mend it."""
        evidence = self.finding.evidence[:_LONGEST_EVIDENCE]
        return f"{_WORDS[self.finding.check]} (seed of {self.sent_at:%Y-%m-%d %H:%M} UTC: {evidence})."


@dataclass(frozen=True, slots=True)
class Refuted:
    """Why a way must not be used; one check at least."""

    checks: tuple[RefutedCheck, ...]

    @property
    def sentence(self) -> str:
        """All of it, and what ends it."""
        return " ".join([*(each.sentence for each in self.checks), "A seed goes again each day until it passes."])

    @property
    def shown_at(self) -> datetime:
        """When the newest seed went that shows any of it."""
        return max(each.sent_at for each in self.checks)

    @property
    def until(self) -> datetime:
        """When it ends to be believed by itself."""
        return self.shown_at + BELIEVED_FOR


def refuted(seeds: Iterable[ShownSeed]) -> Refuted | None:
    """Read one way's seeds of the last `BELIEVED_FOR`: of each check that stops, the newest certain result counts."""
    newest: dict[SeedCheck, RefutedCheck] = {}
    for seed in sorted(seeds, key=lambda each: each.sent_at):
        newest.update((each.check, RefutedCheck(each, seed.sent_at)) for each in _certain(seed.judgement))
    faults = tuple(
        newest[check] for check in SeedCheck if check in newest and newest[check].finding.passed is Passed.NO
    )
    return Refuted(faults) if faults else None


def _certain(judgement: SeedJudgement) -> Iterator[SeedFinding]:
    """What a seed says for certain. Where no signature passes, whose it is and what it covers was not seen."""
    telling = frozenset({SeedCheck.DKIM}) if judgement.of(SeedCheck.DKIM) is Passed.NO else STOPPING
    return (each for each in judgement.findings if each.check in telling and each.passed is not Passed.UNKNOWN)
