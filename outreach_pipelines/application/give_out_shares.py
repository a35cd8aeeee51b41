"""Once a day, at a fixed hour: what tenants leave unused of shared accounts goes to those that want more, and is written down.

Belongs here: the walk over accounts. Does not: who gets what (`domain.account_shares`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from outreach_pipelines.domain.account_shares import DayShare, ShareGrant, give_out
from outreach_pipelines.domain.ids import AccountId

Decide = Callable[[Sequence[DayShare]], Sequence[ShareGrant]]


class ShareStore(Protocol):
    """Shares of accounts on the tenants' present local days."""

    def give_out(self, decide: Decide) -> Mapping[AccountId, Sequence[ShareGrant]]:
        """Ask for each account's shares that no grant of today has touched, and keep what is decided; in one transaction."""
        ...


def give_out_shares(store: ShareStore) -> Sequence[str]:
    """One sentence for each grant. Running it again on the same day gives no tenant a second grant."""
    return [
        f"account {account}, tenant {grant.tenant}: {grant.extra:+d} today; {grant.reason}"
        for account, grants in sorted(store.give_out(give_out).items())
        for grant in grants
    ]
