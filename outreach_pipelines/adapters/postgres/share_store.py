"""Shares of accounts over all tenants on PostgreSQL, as role outreach_ops."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.application.give_out_shares import Decide
from outreach_pipelines.domain.account_shares import DayShare, ShareGrant
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("accounts")


@dataclass(frozen=True, slots=True)
class PostgresShareStore:
    """`ShareStore`."""

    ops: Engine

    def give_out(self, decide: Decide) -> Mapping[AccountId, Sequence[ShareGrant]]:
        """See `ShareStore.give_out`. Two at once come one after the other."""
        with self.ops.begin() as connection:
            connection.execute(_SQL["lock_share_grants"])
            shares, days = defaultdict(list), {}
            for row in connection.execute(_SQL["shares_of_today"]).all():
                share = DayShare(TenantId(row.tenant_id), row.daily_share, row.taken, row.wanted)
                shares[AccountId(row.account_id)].append(share)
                days[share.tenant] = row.day
            granted = {account: decide(each) for account, each in shares.items()}
            rows = [
                {"tenant": grant.tenant, "account": account, "day": days[grant.tenant], "extra": grant.extra, "reason": grant.reason}
                for account, grants in granted.items()
                for grant in grants
            ]  # fmt: skip
            if rows:
                connection.execute(_SQL["add_share_grants"], rows)
        return {account: grants for account, grants in granted.items() if grants}
