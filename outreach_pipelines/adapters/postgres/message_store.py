"""The send protocol's transactions on PostgreSQL: each method is one, through `tenant_session`.

Belongs here: binding values to named statements. Does not: any rule; those stand in `functions/` and `queries/messages.sql`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Lock
from types import MappingProxyType

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.account_blocks import AccountBlocks, WorkerId, new_worker
from outreach_pipelines.adapters.postgres.letter_rows import content_of, sender_of
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session, tenant_statement
from outreach_pipelines.application.ports import Begun, NextDue, NotBegun, Swept
from outreach_pipelines.application.prove_accounts import AccountToProve
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Letter, Recipient, Thread
from outreach_pipelines.domain.message import MessageId, MessageState
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.domain.send_answer import Accepted, RefusalAction, RefusalVerdict, Refused
from outreach_pipelines.domain.tenant import TenantId

LEASE_SECONDS = 90
BLOCK_TRIES = 8
_SQL = statements("messages")


@dataclass(frozen=True, slots=True)
class PostgresMessageStore:
    """`MessageStore` as role outreach_app."""

    engine: Engine
    worker: WorkerId = field(default_factory=new_worker)
    _leasing: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def epoch(self) -> int:
        """See `MessageStore.epoch`."""
        with self.engine.connect() as connection:
            return int(connection.execute(_SQL["current_epoch"]).scalar_one())

    def claim(
        self, tenant: TenantId, *, hour: datetime, token: ClaimToken, most: int, ahead_seconds: float
    ) -> Sequence[Letter]:
        """See `MessageStore.claim`."""
        values = {
            "hour": hour,
            "token": token,
            "most": most,
            "ahead_seconds": ahead_seconds,
            "lease_seconds": LEASE_SECONDS,
        }
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["claim"], values).mappings().all()
        return [_letter(tenant, token, row) for row in rows]

    def begin(
        self, claim: ClaimedMessage, *, hour: datetime, epoch: int, tag: WireTag, subject: str | None = None
    ) -> Begun | NotBegun:
        """See `MessageStore.begin`. An account with a quota or rate is leased before: `account_blocks`."""
        names = {"hour": hour, "epoch": epoch, "tag": tag, "subject": subject, "worker": self.worker}
        values = _key(claim) | {"token": claim.token} | names
        for _ in range(BLOCK_TRIES):
            row = tenant_statement(self.engine, claim.tenant, _SQL["begin_send"], values)
            verdict, reason, not_before, account = row
            if verdict == "begin":
                return Begun(AccountId(account))
            if verdict != "block":
                return NotBegun(verdict, reason, not_before)
            self._lease(AccountId(account))
        # Each lease was used up or over before we came back: the run's end hands the claim back.
        return NotBegun("lost", "no_lease_of_account", None)

    def _lease(self, account: AccountId) -> None:
        """Lease a block, or wait for the thread that does: what it gets is for all of them."""
        if self._leasing.acquire(blocking=False):
            try:
                AccountBlocks(self.engine, self.worker).lease(account)
            finally:
                self._leasing.release()
        else:
            with self._leasing:
                return

    def record_accepted(
        self, claim: ClaimedMessage, answer: Accepted, *, subject: str, next_due_day: date | None
    ) -> str:
        """See `MessageStore.record_accepted`."""
        values = _key(claim) | {
            "attempt": claim.attempt,
            "provider_message_id": answer.provider_message_id,
            "wire_message_id": answer.wire_message_id,
            "subject": subject,
            "next_due_day": next_due_day,
        }
        (found,) = tenant_statement(self.engine, claim.tenant, _SQL["accept"], values)
        return str(found)

    def record_refused(self, claim: ClaimedMessage, refused: Refused, verdict: RefusalVerdict) -> bool:
        """See `MessageStore.record_refused`. The refusal also enters the event inbox, in the same transaction."""
        # A stop is about the path or the account: the person's sequence does not end by our own fault.
        state = MessageState.FAILED if verdict.action is RefusalAction.FAIL else MessageState.RETRY_WAIT
        answer = f"{refused.code} {refused.enhanced_code} {refused.text}".strip()
        with tenant_session(self.engine, claim.tenant) as connection:
            settled = _refuse(
                connection, claim, "refused", state, f"{verdict.rule}: {answer}", verdict.retry_seconds, answer
            )
            if settled:
                connection.execute(_SQL["refusal_event"], _refusal_event(claim, refused, verdict))
            if settled and verdict.action in (RefusalAction.STOP_PATH, RefusalAction.STOP_TENANT):
                whole = verdict.action is RefusalAction.STOP_TENANT
                values = _key(claim) | {"attempt": claim.attempt, "whole_account": whole, "sentence": answer[:500]}
                connection.execute(_SQL["hold_refused_path"], values)
        return settled

    def record_not_sent(self, claim: ClaimedMessage, reason: str, *, retry_seconds: int | None) -> bool:
        """See `MessageStore.record_not_sent`."""
        state = MessageState.FAILED if retry_seconds is None else MessageState.RETRY_WAIT
        with tenant_session(self.engine, claim.tenant) as connection:
            return _refuse(connection, claim, "not_sent", state, f"not_sent: {reason}", retry_seconds or 0, reason)

    def record_doubt(self, claim: ClaimedMessage, reason: str) -> None:
        """See `MessageStore.record_doubt`."""
        values = _key(claim) | {"attempt": claim.attempt, "reason": f"reply_lost: {reason}"}
        with tenant_session(self.engine, claim.tenant) as connection:
            connection.execute(_SQL["record_doubt"], values)

    def fail_claim(self, claim: ClaimedMessage, reason: str) -> None:
        """See `MessageStore.fail_claim`."""
        with tenant_session(self.engine, claim.tenant) as connection:
            connection.execute(_SQL["fail_claim"], _key(claim) | {"token": claim.token, "reason": reason})

    def release(self, tenant: TenantId, token: ClaimToken) -> int:
        """See `MessageStore.release`. What this process has leased of accounts goes back too."""
        AccountBlocks(self.engine, self.worker).give_back()
        with tenant_session(self.engine, tenant) as connection:
            return connection.execute(_SQL["release_claims"], {"token": token}).rowcount

    def next_due(self, tenant: TenantId, *, hour: datetime) -> NextDue:
        """See `MessageStore.next_due`."""
        with tenant_session(self.engine, tenant) as connection:
            row = connection.execute(_SQL["next_due"], {"hour": hour}).one()
        return NextDue(row.due_at, row.retry_seconds)

    def sweep(self, tenant: TenantId, *, horizon_seconds: float) -> Swept:
        """See `MessageStore.sweep`. Each rule is a transaction of its own, so that none waits for another's locks."""
        return Swept(
            claims_released=self._moved(tenant, "sweep_claims"),
            put_in_doubt=self._moved(tenant, "sweep_sending"),
            expired=self._moved(tenant, "sweep_expired"),
            suppressed=self._moved(tenant, "sweep_suppressed"),
            cancelled=self._moved(tenant, "sweep_stopped"),
            given_up=self._moved(tenant, "give_up_doubt", horizon_seconds=horizon_seconds)
            + self._moved(tenant, "end_repeats"),
        )

    def to_prove(self, tenant: TenantId, *, proven_for_minutes: int) -> Sequence[AccountToProve]:
        """See `ProofStore.to_prove`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["accounts_to_prove"], {"minutes": proven_for_minutes}).all()
        return [AccountToProve(AccountId(row.account_id), row.sender, MessageId(row.canary_id)) for row in rows]

    def _moved(self, tenant: TenantId, statement: str, **values: float) -> int:
        with tenant_session(self.engine, tenant) as connection:
            return connection.execute(_SQL[statement], values).rowcount


def _key(claim: ClaimedMessage) -> dict[str, object]:
    return {"plan_day": claim.plan_day, "message_id": claim.message_id}


def _refuse(
    connection: Connection,
    claim: ClaimedMessage,
    outcome: str,
    state: MessageState,
    reason: str,
    retry_seconds: int,
    answer: str,
) -> bool:
    values = _key(claim) | {
        "attempt": claim.attempt,
        "outcome": outcome,
        "state": state,
        "reason": reason[:500],
        "retry_seconds": retry_seconds,
        "answer": answer[:500],
    }
    return bool(connection.execute(_SQL["record_refusal"], values).scalar_one())


def _refusal_event(claim: ClaimedMessage, refused: Refused, verdict: RefusalVerdict) -> dict[str, object]:
    return _key(claim) | {
        "attempt": claim.attempt,
        "dedupe_key": f"refusal:{claim.message_id}:{claim.attempt}",
        "body": json.dumps(
            {
                "code": refused.code,
                "enhanced_code": refused.enhanced_code,
                "text": refused.text,
                "stage": refused.stage and refused.stage.value,
                "action": verdict.action,
                "rule": verdict.rule,
            }
        ),
    }


def _letter(tenant: TenantId, token: ClaimToken, row: RowMapping) -> Letter:
    return Letter(
        claim=ClaimedMessage(tenant, row["plan_day"], row["message_id"], row["attempt"], token, row["repeats"]),
        enrollment_id=row["enrollment_id"],
        campaign_id=row["campaign_id"],
        step=row["step"],
        due_at=row["due_at"],
        window_end=row["window_end"],
        recipient=Recipient(row["recipient"], bytes(row["recipient_hmac"]), _fields(row)),
        sender=sender_of(
            row, mailbox=row["mailbox_id"], address=row["sender_address"], display_name=row["sender_name"]
        ),
        content=content_of(row),
        thread=Thread(tuple(row["thread"]), row["thread_subject"]) if row["thread"] else None,
    )


def _fields(row: RowMapping) -> MappingProxyType[str, str]:
    own = {name: row[name] or "" for name in ("first_name", "last_name", "company", "country")}
    return MappingProxyType(dict(row["fields"]) | own | {"email": row["recipient"], "source": row["basis_source"]})
