"""`domains.csv`, `mailboxes.csv`, `suppressions.csv`: one row a domain, a mailbox, a person not to be written to.

A cell that holds several names separates them by spaces; accounts stand in the order of preference.
"""

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from outreach_pipelines.adapters.inventory_files.values import (
    AddressText,
    DomainText,
    FileModel,
    HostText,
    HoursText,
    Line,
    Slug,
    ZoneText,
)
from outreach_pipelines.domain.address import Address, BadAddress, DomainName
from outreach_pipelines.domain.campaign import PoolName
from outreach_pipelines.domain.inventory import (
    Direction,
    InboxName,
    Mailbox,
    MailboxState,
    Selector,
    SendingDomain,
)
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.suppression import ListedSuppression, SuppressionKind, parse_subject


def _words(text: object) -> object:
    return tuple(text.split()) if isinstance(text, str) else text


def _subject(text: object) -> Address | DomainName:
    parsed = parse_subject(text if isinstance(text, str) else "")
    if isinstance(parsed, BadAddress):
        raise ValueError(parsed.sentence)
    return parsed


Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_-]+)*$")]
Names = Annotated[tuple[Slug, ...], BeforeValidator(_words)]
Labels = Annotated[tuple[Label, ...], BeforeValidator(_words)]
# Kept as the domain's union, which pydantic knows only as "an address or a text".
SubjectText = Annotated[Any, BeforeValidator(_subject)]


class DomainRow(FileModel):
    domain: DomainText
    pool: Slug
    direction: Slug
    region: Slug
    tracking_host: HostText | None = None
    dkim_selectors: Labels = ()
    mail_from: HostText | None = None
    accounts: Names

    def to_domain(self) -> SendingDomain:
        return SendingDomain(
            name=self.domain,
            pool=PoolName(self.pool),
            direction=Direction(self.direction),
            region=self.region,
            tracking_host=self.tracking_host,
            dkim_selectors=tuple(map(Selector, self.dkim_selectors)),
            mail_from=self.mail_from,
            accounts=tuple(map(AccountName, self.accounts)),
        )


class MailboxRow(FileModel):
    address: AddressText
    display_name: Line
    domain: DomainText
    zone: ZoneText
    daily_cap: Annotated[int, Field(ge=0, le=2000)] = 40
    min_gap_seconds: Annotated[int, Field(ge=1, le=86_400)] = 120
    max_gap_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    hours: HoursText | None = None
    state: MailboxState = MailboxState.RAMPING
    inbox: Slug
    accounts: Names = ()

    def to_domain(self) -> Mailbox:
        return Mailbox(
            address=self.address,
            display_name=self.display_name,
            domain=self.domain,
            zone=self.zone,
            daily_cap=self.daily_cap,
            shortest_gap=self.min_gap_seconds,
            longest_gap=self.max_gap_seconds,
            hours=self.hours,
            state=self.state,
            inbox=InboxName(self.inbox),
            accounts=tuple(map(AccountName, self.accounts)),
        )


class SuppressionRow(FileModel):
    subject: SubjectText
    kind: SuppressionKind = SuppressionKind.IMPORTED
    source: Line
    since: date

    def to_domain(self) -> ListedSuppression:
        return ListedSuppression(self.subject, self.kind, self.source, self.since)
