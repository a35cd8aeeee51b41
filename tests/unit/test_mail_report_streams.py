"""Whose mail a reported row is about, for each kind of account."""

from ipaddress import ip_network

import pytest

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, Expectations, SendingAccount
from outreach_pipelines.domain.inventory import Selector
from outreach_pipelines.domain.mail_reports.alignment import OwnStream
from outreach_pipelines.domain.mail_reports.report import Disposition, Outcome, Override, Signature, SpfResult
from outreach_pipelines.domain.mail_reports.streams import OwnDomain, Recognised, Stream, owner_of, recognise
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind

DESK = DomainName("desk.example")
SES, OWN_SERVER = AccountName("ses"), AccountName("own-server")
OWN = OwnDomain(
    DESK,
    Expectations(
        accounts=(
            SendingAccount(
                name=SES,
                kind=ProviderKind.SES,
                dkim=(DkimExpectation(Selector("token1")),),
                return_path=DomainName("bounce.desk.example"),
            ),
            SendingAccount(
                name=OWN_SERVER,
                kind=ProviderKind.SMTP,
                dkim=(DkimExpectation(Selector("S2026")),),
                spf_networks=(ip_network("198.51.100.0/28"), ip_network("2001:db8::/64")),
            ),
        )
    ),
)


def outcome(*, aligned: bool = False, dkim: str = "", spf: str = "", overrides: tuple[Override, ...] = ()) -> Outcome:
    """`dkim` and `spf` as `domain/selector=result` and `domain=result`, several divided by blanks."""
    signed = [part.replace("=", "/").split("/") for part in dkim.split()]
    checked = [part.split("=") for part in spf.split()]
    return Outcome(
        disposition=Disposition.NONE,
        dkim_aligned=aligned,
        spf_aligned=False,
        header_from=DESK,
        signatures=tuple(Signature(DomainName(d), s, r) for d, s, r in signed),
        spf=tuple(SpfResult(DomainName(d), "mfrom", r) for d, r in checked),
        overrides=overrides,
    )


@pytest.mark.parametrize(
    ("seen", "source", "stream", "account"),
    [
        (outcome(aligned=True, dkim="desk.example/token1=pass"), "192.0.2.1", Stream.OWN, SES),
        (outcome(aligned=True, dkim="desk.example/s2026=pass"), "192.0.2.1", Stream.OWN, OWN_SERVER),
        (outcome(aligned=True, spf="bounce.desk.example=pass"), "192.0.2.1", Stream.OWN, SES),
        (outcome(aligned=True, dkim="desk.example/google=pass"), "192.0.2.1", Stream.OWN, None),
        (outcome(dkim="amazonses.com/x=pass"), "192.0.2.1", Stream.OWN_UNALIGNED, SES),
        (outcome(spf="eu-west-1.amazonses.com=pass"), None, Stream.OWN_UNALIGNED, SES),
        (outcome(), "198.51.100.9", Stream.OWN_UNALIGNED, OWN_SERVER),
        (outcome(), "2001:db8::9", Stream.OWN_UNALIGNED, OWN_SERVER),
        (outcome(), "198.51.100.99", Stream.STRANGER, None),
        (outcome(dkim="amazonses.com.evil.example/x=pass"), "192.0.2.1", Stream.STRANGER, None),
        (outcome(dkim="desk.example/token1=fail"), "192.0.2.1", Stream.OWN_BROKEN, SES),
        (outcome(dkim="desk.example/token1=fail", spf="list.example=pass"), "192.0.2.1", Stream.FORWARDED, SES),
        (outcome(dkim="desk.example/guess=fail"), "192.0.2.1", Stream.STRANGER, None),
        (outcome(overrides=(Override.TRUSTED_FORWARDER,)), "192.0.2.1", Stream.FORWARDED, None),
        (outcome(overrides=(Override.LOCAL_POLICY,)), "192.0.2.1", Stream.STRANGER, None),
    ],
)
def test_a_row_is_told_by_what_only_its_sender_can_have_made(
    seen: Outcome, source: str | None, stream: Stream, account: AccountName | None
) -> None:
    assert recognise(seen, source, OWN) == Recognised(stream, account)


@pytest.mark.parametrize(
    ("reported", "owner"),
    [("desk.example", "desk.example"), ("mail.desk.example", "desk.example"), ("go.news.desk.example", "news.desk.example"), ("example", "desk.example"), ("ourdesk.example", None)],
)  # fmt: skip
def test_a_report_is_about_the_nearest_domain_of_ours(reported: str, owner: str | None) -> None:
    owns = [OwnDomain(DomainName(name), Expectations()) for name in ("news.desk.example", "desk.example")]

    found = owner_of(DomainName(reported), owns)

    assert (found.name if found else None) == owner


@pytest.mark.parametrize(
    ("messages", "unaligned", "broken", "fails"),
    [(1000, 0, 0, False), (1000, 10, 0, False), (1000, 11, 0, True), (4, 4, 0, False), (5, 5, 0, True), (1000, 0, 50, False), (1000, 0, 51, True)],
)  # fmt: skip
def test_a_stream_fails_beyond_what_receivers_get_wrong_by_themselves(
    messages: int, unaligned: int, broken: int, fails: bool
) -> None:
    stream = OwnStream(
        domain=DESK, account=SES, messages=messages, dkim_aligned=0, spf_aligned=0, unaligned=unaligned, broken=broken
    )

    assert (stream.fault is not None) is fails
