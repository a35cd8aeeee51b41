"""More than one account in a small world, and accounts in trouble."""

import secrets

from small_world import SmallWorld


def add_account(world: SmallWorld) -> int:
    """A second account, shared with the tenant and ready for its domain; no message names it yet."""
    account = int(
        str(
            world.one(
                """insert into app.provider_account (name, kind, region, secret_ref, allowed_basis, proven_at)
                   values (%(n)s, 'smtp', 'us-east-1', 'env:Y', '{consent}', clock_timestamp()) returning account_id""",
                n=f"account-{secrets.token_hex(6)}",
            )["account_id"]
        )
    )
    share_account(world, account)
    world.sql(
        """insert into app.domain_account (tenant_id, domain_id, account_id, position, state, definite_state)
           values (%(t)s, %(d)s, %(a)s, 2, 'ready', 'ready')""",
        t=world.tenant, d=world.domain, a=account,
    )  # fmt: skip
    return account


def share_account(world: SmallWorld, account: int) -> None:
    """Let this world's tenant send through an account of another."""
    world.sql(
        "insert into app.provider_account_share (tenant_id, account_id) values (%(t)s, %(a)s)",
        t=world.tenant,
        a=account,
    )


def open_breaker(world: SmallWorld, account: int, *, over: bool = False) -> None:
    """Open for a minute more, or with its wait just over."""
    world.sql(
        """update app.provider_account set breaker = 'open', breaker_wait = interval '1 minute',
                  breaker_until = clock_timestamp() + case when %(over)s then interval '0' else interval '1 minute' end
            where account_id = %(a)s""",
        a=account, over=over,
    )  # fmt: skip
