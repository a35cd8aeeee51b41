"""What holds leave of single messages, beyond the hold of their mailbox: those on campaigns, lead files, the recipient's
provider and the account (rule 1 where nothing is left, rule 4 where something is).

Here belongs looking holds up. Not here: what a mailbox has room for (`capacity`). As at the intent, of several holds
the one that leaves least counts; they do not multiply.
"""

from collections.abc import Mapping
from fractions import Fraction

from outreach_pipelines.domain.send_plan.snapshot import (
    AccountId,
    CampaignId,
    Candidate,
    EnrollmentId,
    Hold,
    LeadFileHold,
    Mailbox,
    MailboxId,
    RecipientProvider,
    Snapshot,
)

NOTHING_HELD = Fraction(1)


class Holds:
    """Answers of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._campaigns = {row.id: row.hold for row in snapshot.campaigns if row.hold is not None}
        self._files = _strictest(snapshot)
        self._providers = {(m.id, row.provider): row.hold for m in snapshot.mailboxes for row in m.provider_holds}
        self._paths = {(m.id, row.account_id): row.hold for m in snapshot.mailboxes for row in m.path_holds}
        self._accounts = {row.id: row.hold for row in snapshot.accounts if row.hold is not None}
        self.by_provider = frozenset(mailbox_id for mailbox_id, _ in self._providers)
        """Mailboxes to which the recipient's provider makes a difference."""
        self.slow_messages = bool(self._campaigns or self._files)
        self.any = bool(self.slow_messages or self._providers or self._paths or self._accounts)

    def of_campaign(self, campaign: CampaignId) -> Hold | None:
        return self._campaigns.get(campaign)

    def of_file(self, enrollment: EnrollmentId) -> LeadFileHold | None:
        """Of all lead files that the person came with, the hold that leaves least."""
        return self._files.get(enrollment)

    def message_factor(self, candidate: Candidate) -> Fraction | None:
        """What its campaign and its lead files leave of a message; None is all."""
        file = self._files.get(candidate.enrollment_id)
        held = (self._campaigns.get(candidate.campaign_id), None if file is None else file.hold)
        factor = min((hold.factor for hold in held if hold is not None), default=NOTHING_HELD)
        return factor if factor < 1 else None

    def towards(self, mailbox: MailboxId, provider: RecipientProvider | None) -> Hold | None:
        """The hold on what the mailbox sends to recipients of a provider."""
        return None if provider is None else self._providers.get((mailbox, provider))

    def path(self, mailbox: MailboxId, account: AccountId) -> Hold | None:
        """The hold that leaves least of what the mailbox sends through the account."""
        held = [hold for hold in (self._paths.get((mailbox, account)), self._accounts.get(account)) if hold is not None]
        return min(held, key=lambda hold: hold.factor, default=None)

    def factor(
        self,
        mailbox: Mailbox,
        accounts: tuple[AccountId, ...],
        provider: RecipientProvider | None,
        of_message: Fraction | None,
    ) -> Fraction | None:
        """What all holds together leave of a message from this mailbox; None where only the mailbox's own counts, which
        its caps hold already."""
        others = (self.towards(mailbox.id, provider), *(self.path(mailbox.id, account) for account in accounts))
        factors = [hold.factor for hold in others if hold is not None]
        least = min(factors if of_message is None else [*factors, of_message], default=NOTHING_HELD)
        own = NOTHING_HELD if mailbox.hold is None else mailbox.hold.factor
        return least if least < own else None


def _strictest(snapshot: Snapshot) -> Mapping[EnrollmentId, LeadFileHold]:
    found: dict[EnrollmentId, LeadFileHold] = {}
    for row in sorted(snapshot.lead_file_holds, key=lambda row: (row.hold.factor, row.lead_file)):
        for enrollment in row.enrollments:
            found.setdefault(enrollment, row)
    return found
