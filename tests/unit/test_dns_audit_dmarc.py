"""DMARC: the record, the tree walk, and what is asked of the domain."""

import pytest
from dns_audit_cases import DOMAIN, SES, FakeDns, audited, dns, expectations, faults_of, finding_of, looked_up

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, Query, RecordType
from outreach_pipelines.domain.dns_audit.dmarc_check import applied_policy
from outreach_pipelines.domain.dns_audit.dmarc_record import DmarcSyntaxError, Policy, is_dmarc, parse_dmarc
from outreach_pipelines.domain.dns_audit.dmarc_walk import (
    DmarcUnknown,
    GoverningDmarc,
    GoverningPolicy,
    NoDmarc,
    discover_dmarc,
    walked_names,
)
from outreach_pipelines.domain.dns_audit.expectations import Expectations, SendingAccount
from outreach_pipelines.domain.dns_audit.findings import Check, Fault
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind

SUB = DomainName("news.shop.acme.example")


def discovered(domain: DomainName, *lines: str, failing: tuple[str, ...] = ()) -> GoverningPolicy:
    unread = frozenset(Query(DomainName(name), RecordType.TXT) for name in failing)
    return looked_up(lambda: discover_dmarc(domain), FakeDns(lines, unread))


@pytest.mark.parametrize("text", [b"V=DMARC1; p=none", b"v=dmarc1; p=none", b"p=none; v=DMARC1", b"v=DMARC10; p=none"])
def test_the_version_stands_first_and_in_capitals(text: bytes) -> None:
    assert not is_dmarc(text)


def test_a_record_without_policy_counts_as_none_where_reports_are_asked_for() -> None:
    record = parse_dmarc(b"v=DMARC1; rua=mailto:dmarc@acme.example")

    assert (record.policy, record.faults) == (Policy.NONE, ("p= is missing",))


@pytest.mark.parametrize(
    "text", [b"v=DMARC1", b"v=DMARC1; p=nothing", b"v=DMARC1; p=none; sp=bad", b"v=DMARC1; p=none; p=reject"]
)
def test_a_record_without_any_effect_is_refused(text: bytes) -> None:
    with pytest.raises(DmarcSyntaxError):
        parse_dmarc(text)


def test_a_walk_from_a_deep_name_asks_at_most_eight_times() -> None:
    deep = DomainName("a.b.c.d.e.f.g.h.i.j.mail.acme.example")

    names = walked_names(deep)

    assert len(names) == 8
    assert names[:2] == (deep, "g.h.i.j.mail.acme.example")
    assert names[-1] == "example"


def test_the_own_record_governs_before_the_parents() -> None:
    found = discovered(SUB, f"_dmarc.{SUB} TXT v=DMARC1; p=none", "_dmarc.acme.example TXT v=DMARC1; p=reject")

    assert isinstance(found, GoverningDmarc)
    assert found.domain == SUB


def test_without_an_own_record_the_highest_one_governs() -> None:
    found = discovered(
        SUB,
        "_dmarc.shop.acme.example TXT v=DMARC1; p=none",
        "_dmarc.acme.example TXT v=DMARC1; p=reject; sp=quarantine",
    )

    assert isinstance(found, GoverningDmarc)
    assert found.domain == "acme.example"
    assert applied_policy(found, SUB, exists=True) is Policy.QUARANTINE


def test_psd_n_ends_the_walk() -> None:
    found = discovered(
        SUB, "_dmarc.shop.acme.example TXT v=DMARC1; p=none; psd=n", "_dmarc.acme.example TXT v=DMARC1; p=reject"
    )

    assert isinstance(found, GoverningDmarc)
    assert found.domain == "shop.acme.example"


def test_below_a_public_suffix_the_name_under_it_governs() -> None:
    found = discovered(SUB, "_dmarc.acme.example TXT v=DMARC1; p=none", "_dmarc.example TXT v=DMARC1; p=reject; psd=y")

    assert isinstance(found, GoverningDmarc)
    assert found.domain == "acme.example"


def test_the_public_suffix_governs_where_nothing_stands_below_it() -> None:
    found = discovered(SUB, "_dmarc.example TXT v=DMARC1; p=none; np=reject; psd=y")

    assert isinstance(found, GoverningDmarc)
    assert applied_policy(found, SUB, exists=False) is Policy.REJECT


def test_two_records_at_one_name_are_both_ignored() -> None:
    found = discovered(DOMAIN, "_dmarc.acme.example TXT v=DMARC1; p=none", "_dmarc.acme.example TXT v=DMARC1; p=reject")

    assert isinstance(found, NoDmarc)
    assert [one.texts for one in found.ignored] == [("v=DMARC1; p=none", "v=DMARC1; p=reject")]


def test_a_parent_is_not_believed_while_the_own_record_cannot_be_read() -> None:
    own = f"_dmarc.{SUB}"

    found = discovered(SUB, "_dmarc.acme.example TXT v=DMARC1; p=reject", failing=(own,))

    assert found == DmarcUnknown(DomainName(own), Cause.TIMEOUT)


def test_a_domain_without_policy_stops_every_account_and_gets_a_record_without_obsolete_tags() -> None:
    findings = audited(dns(without=["_dmarc"]))

    finding = finding_of(findings, Check.DMARC_RECORD)
    assert finding.fix is not None
    assert finding.fix.publish[0].zone_line == (
        '_dmarc.acme.example. 3600 IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@acme.example"'
    )
    assert all(isinstance(state, NotReady) for state in findings.readiness.values())


@pytest.mark.parametrize(
    ("record", "check"),
    [
        ("v=DMARC1; p=none; rua=mailto:dmarc@acme.example", Check.DMARC_POLICY),
        ("v=DMARC1; p=reject; t=y; rua=mailto:dmarc@acme.example", Check.DMARC_POLICY),
        ("v=DMARC1; p=reject", Check.DMARC_REPORTS),
        ("v=DMARC1; p=reject; pct=50; rua=mailto:dmarc@acme.example", Check.DMARC_RECORD),
        ("v=DMARC1; p=reject; aspf=s; rua=mailto:dmarc@acme.example", Check.ENVELOPE_ALIGNMENT),
        ("v=DMARC1; p=reject; rua=mailto:d@reports.test,mailto:dmarc@acme.example", Check.DMARC_REPORTS),
    ],
)
def test_a_weak_policy_is_told_and_stops_nobody(record: str, check: Check) -> None:
    findings = audited(dns(f"_dmarc.acme.example TXT {record}", without=["_dmarc"]))

    assert faults_of(findings) == {(check, Fault.WEAK)}
    assert all(isinstance(state, Ready) for state in findings.readiness.values())


def test_reports_to_another_domain_that_consents_are_fine() -> None:
    zone = dns(
        "_dmarc.acme.example TXT v=DMARC1; p=reject; rua=mailto:d@reports.test,mailto:dmarc@acme.example",
        "acme.example._report._dmarc.reports.test TXT v=DMARC1",
        without=["_dmarc"],
    )

    assert faults_of(audited(zone)) == set()


def test_ses_without_a_return_path_of_ours_is_told_to_rest_on_dkim() -> None:
    bare = SendingAccount(name=SES, kind=ProviderKind.SES, dkim=expectations().accounts[0].dkim)

    findings = audited(dns(), Expectations(accounts=(bare,)))

    assert (Check.ENVELOPE_ALIGNMENT, Fault.WEAK) in faults_of(findings)


def test_a_return_path_of_another_organisation_does_not_align() -> None:
    stranger = SendingAccount(
        name=AccountName("postmark"), kind=ProviderKind.POSTMARK, return_path=DomainName("bounce.other.example")
    )

    findings = audited(dns(), Expectations(accounts=(stranger,)))

    assert (Check.ENVELOPE_ALIGNMENT, Fault.WEAK) in faults_of(findings)


def test_between_sp_and_np_nothing_is_claimed_while_the_domains_existence_is_unknown() -> None:
    sub = DomainName("news.acme.example")
    zone = dns(
        "_dmarc.acme.example TXT v=DMARC1; p=reject; sp=none; np=reject; rua=mailto:dmarc@acme.example",
        without=["_dmarc"],
        failing=[Query(sub, RecordType.MX)],
    )

    findings = audited(zone, Expectations(), sub)

    assert Check.DMARC_POLICY not in {finding.check for finding in findings.findings}
    assert Check.DMARC_POLICY in {gap.check for gap in findings.unanswered}
