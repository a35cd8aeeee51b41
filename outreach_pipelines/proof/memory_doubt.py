"""`DoubtStore` on rows in memory: probes, the watermark, and the ways out of doubt.

Belongs here: what doubt reads and writes. Does not: when absence is believed (`domain.doubt`), nor the order of reading,
judging and writing (`application.resolve_doubt`): both are the production ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach_pipelines.application.prove_accounts import AccountToProve
from outreach_pipelines.application.resolve_doubt import DoubtBook, DoubtedAttempt, Release
from outreach_pipelines.domain.doubt import Doubt, EvidenceRule, GiveUpReason, LookUp
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.message import MessageEvent, MessageId, MessageState
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.proof.memory_events import MemoryEvents
from outreach_pipelines.proof.memory_store import LEASE, give_back
from outreach_pipelines.proof.rows import AttemptOutcome, AttemptRow, MessageRow, ProbeRow, Tables

_RULES = {"ses": EvidenceRule.EVENTS, "smtp": EvidenceRule.NONE}
_DOUBTED = (MessageState.IN_DOUBT, MessageState.UNKNOWN)
_UNSETTLED = (AttemptOutcome.OPEN, AttemptOutcome.IN_DOUBT, AttemptOutcome.UNKNOWN)


@dataclass(slots=True)
class MemoryDoubt:
    """`DoubtStore` over `tables`."""

    tables: Tables
    events: MemoryEvents

    def machine_now(self) -> datetime:
        """See `DoubtStore.machine_now`."""
        return self.tables.clocks.machine()

    def believe_probes(self, before: datetime) -> int:
        """See `DoubtStore.believe_probes`."""
        home = [each for each in self.tables.probes.values() if each.home_at is not None and each.home_at <= before]
        for probe in home:
            probe.believed = True
        return len(home)

    def open_doubts(self, tenant: TenantId) -> DoubtBook:
        """See `DoubtStore.open_doubts`."""
        self._settle_dangling()
        doubted = [each for each in self.tables.attempts.values() if each.outcome is AttemptOutcome.IN_DOUBT]
        return DoubtBook(self.machine_now(), tuple(self._doubted(tenant, each) for each in doubted))

    def _doubted(self, tenant: TenantId, attempt: AttemptRow) -> DoubtedAttempt:
        about = MessageTag(tenant, self.tables.day, attempt.message, attempt.number)
        return DoubtedAttempt(about, attempt.account, f"account {attempt.account}", self._doubt(attempt), None)

    def _doubt(self, attempt: AttemptRow) -> Doubt:
        probes = [each for each in self.tables.probes.values() if each.account == attempt.account]
        return Doubt(
            rule=_RULES[self.tables.accounts[attempt.account].kind],
            intended_at=attempt.begun_at,
            releases=self.tables.messages[attempt.message].released_on_absence,
            evidence_waits=self._evidence_waits(attempt.message),
            watermark=self.watermark(probes),
            last_probe=max((each.intended_at for each in probes), default=None),
        )

    def watermark(self, probes: Sequence[ProbeRow]) -> datetime | None:
        """The intent of the newest probe that came home to an empty queue: it speaks up to there, not up to its return."""
        return max((each.intended_at for each in probes if each.believed), default=None)

    def _evidence_waits(self, message: MessageId) -> bool:
        return any(each.about.message == message for each in self.events.waiting)

    def _settle_dangling(self) -> None:
        since = self.machine_now() - LEASE
        for attempt in self.tables.attempts.values():
            row = self.tables.messages[attempt.message]
            under_way = row.state is MessageState.SENDING and row.attempt == attempt.number
            if attempt.outcome is AttemptOutcome.OPEN and attempt.begun_at < since and not under_way:
                attempt.outcome = AttemptOutcome.IN_DOUBT

    def note_probe(self, tenant: TenantId, account: AccountId) -> AccountToProve | None:
        """See `DoubtStore.note_probe`."""
        del tenant
        sender = next(iter(self.tables.mailboxes.values())).address
        return AccountToProve(account, sender, MessageId(self.tables.note_probe(account).id))

    def record_look(self, about: MessageTag, found: LookUp, *, looked_at: datetime) -> None:
        """See `DoubtStore.record_look`. The providers of this world have no records to look at."""

    def release(self, about: MessageTag, reason: str, *, most_releases: int) -> Release:
        """See `DoubtStore.release`; `functions/045_doubt.sql`, `app.release_absent`."""
        row, attempt = self.tables.messages[about.message], self.tables.attempts[about.message, about.attempt]
        refusal = self._why_not_released(row, attempt, most_releases)
        if refusal is not None:
            return refusal
        attempt.outcome = AttemptOutcome.ABSENT
        give_back(self.tables, attempt)
        if row.attempt != attempt.number or row.state not in _DOUBTED:
            return Release.ATTEMPT_SETTLED
        if self.tables.accepted_before(row):
            row.happens(MessageEvent.ABSENT_AND_SENT_BEFORE, self.machine_now(), "accepted_before")
            return Release.ACCEPTED_BEFORE
        row.happens(MessageEvent.ABSENCE_PROVEN, self.machine_now(), f"absent: {reason}")
        row.released_on_absence += 1
        return Release.RELEASED

    def _why_not_released(self, row: MessageRow, attempt: AttemptRow, most: int) -> Release | None:
        if attempt.outcome is not AttemptOutcome.IN_DOUBT:
            return Release.SETTLED_BEFORE
        if self._evidence_waits(row.id):
            return Release.EVIDENCE_WAITS
        last = row.attempt == attempt.number and row.state in _DOUBTED
        if not last or self.tables.accepted_before(row):
            return None
        others = [each for each in self.tables.attempts_of(row.id) if each is not attempt]
        if any(each.outcome in _UNSETTLED for each in others):
            return Release.OTHER_ATTEMPT_IN_DOUBT
        return Release.RELEASED_TOO_OFTEN if row.released_on_absence >= most else None

    def give_up(self, about: MessageTag, reason: GiveUpReason) -> bool:
        """See `DoubtStore.give_up`."""
        row, attempt = self.tables.messages[about.message], self.tables.attempts[about.message, about.attempt]
        if attempt.outcome is not AttemptOutcome.IN_DOUBT:
            return False
        attempt.outcome = AttemptOutcome.UNKNOWN
        if row.attempt == attempt.number and row.happens(MessageEvent.NO_EVIDENCE, self.machine_now(), reason):
            enrollment = self.tables.enrollments[row.enrollment]
            enrollment.state = "finished" if enrollment.state == "active" else enrollment.state
        return True

    def accepted_twice(self, tenant: TenantId, *, within: timedelta) -> Sequence[MessageTag]:
        """See `DoubtStore.accepted_twice`."""
        del within
        twice = [each for each in self.tables.attempts.values() if each.outcome is AttemptOutcome.ACCEPTED_TWICE]
        return [MessageTag(tenant, self.tables.day, each.message, each.number) for each in twice]
