"""What an MX answer says of a recipient's domain."""

import tomllib
from importlib import resources

import pytest

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Alias,
    Answer,
    Cause,
    MailExchanger,
    NoData,
    NxDomain,
    Records,
    Unknown,
)
from outreach_pipelines.domain.dns_audit.names import ROOT
from outreach_pipelines.domain.recipient_mail import (
    NoMail,
    NotSaid,
    RecipientMail,
    TakesMail,
    TakesNone,
    provider_of,
    read_mx,
)
from outreach_pipelines.domain.recipient_provider import RecipientProvider

ROWS = tomllib.loads(
    resources.files("outreach_pipelines.domain").joinpath("recipient_providers.toml").read_text("utf-8")
)["host"]
OTHER = TakesMail(RecipientProvider.OTHER)


def mx(*exchangers: tuple[int, str]) -> Records:
    return Records(tuple(MailExchanger(preference, DomainName(host)) for preference, host in exchangers), 300)


@pytest.mark.parametrize("row", ROWS, ids=[row["suffix"] for row in ROWS])
def test_each_row_of_the_table_names_its_example(row: dict[str, str]) -> None:
    assert provider_of([DomainName(row["example"])]) == RecipientProvider(row["provider"])
    assert row["source"]


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (mx((20, "mx.firma.example"), (10, "aspmx.l.google.com")), TakesMail(RecipientProvider.GOOGLE)),
        (mx((10, "filter.gateway.example"), (20, "aspmx.l.google.com")), OTHER),
        (mx((10, "notgoogle.com"), (10, "google.com.example")), OTHER),
        (mx((10, "mx.firma.example"), (10, "mta5.am0.yahoodns.net")), TakesMail(RecipientProvider.YAHOO)),
        (Records((Alias(DomainName("mail.example")),), 300), OTHER),
        (NoData(), OTHER),
        (Unknown(Cause.SERVER_FAILURE), NotSaid()),
        (mx((0, ROOT)), TakesNone(NoMail.NULL_MX)),
        (NxDomain(), TakesNone(NoMail.NO_SUCH_DOMAIN)),
        (mx((0, ROOT), (10, "mx.firma.example")), OTHER),
    ],
    ids=["best", "filter", "look-alike", "equals", "alias", "no-mx", "silence", "null-mx", "no-domain", "half-null-mx"],
)
def test_the_best_exchangers_decide_and_only_certainty_says_no(answer: Answer, read: RecipientMail) -> None:
    assert read_mx(answer) == read


def test_the_order_in_which_the_dns_lists_equal_exchangers_changes_nothing() -> None:
    rows = ((10, "aspmx.l.google.com"), (10, "mta5.am0.yahoodns.net"))

    assert read_mx(mx(*rows)) == read_mx(mx(*reversed(rows)))
