"""Sends of accounts that this process has leased, so that no intent queues for an account that forty tenants share.

Belongs here: asking for a block and giving it back. Does not: quotas and rates (`functions/022_account_blocks.sql`).
"""

import os
import secrets
from dataclasses import dataclass, field
from typing import NewType

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.domain.ids import AccountId

WorkerId = NewType("WorkerId", str)
BLOCK_SENDS = 50
_SQL = statements("accounts")


def new_worker() -> WorkerId:
    """A name that no other process, and no process after this one, has."""
    return WorkerId(f"{os.getpid()}-{secrets.token_hex(8)}")


@dataclass(frozen=True, slots=True)
class AccountBlocks:
    """One worker's leases, over all its tenants and threads, as role outreach_app."""

    engine: Engine
    worker: WorkerId = field(default_factory=new_worker)

    def lease(self, account: AccountId) -> int:
        """How many sends were granted; 0 when the account has none to give now, which the next intent then tells."""
        values = {"account_id": account, "worker": self.worker, "most": BLOCK_SENDS}
        with self.engine.begin() as connection:
            return int(connection.execute(_SQL["take_block"], values).scalar_one())

    def give_back(self) -> int:
        """End all leases; how many there were. Those of a process that died expire."""
        with self.engine.begin() as connection:
            return int(connection.execute(_SQL["return_blocks"], {"worker": self.worker}).scalar_one())
