"""Every finding there is, before and after its fix: none is added without its place in this table."""

from dataclasses import dataclass, replace

import pytest
from dns_audit_cases import (
    SES,
    FakeDns,
    audited,
    faults_of,
    full,
    full_expectations,
    full_zone,
    good_zone,
    mended,
    rsa_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import PolicyText
from outreach_pipelines.domain.dns_audit.expectations import Expectations, TrackingHost
from outreach_pipelines.domain.dns_audit.findings import Check, Fault
from outreach_pipelines.domain.dns_audit.presentation import written
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import ProviderWord, with_words

Code = tuple[Check, Fault]
GREETING = 'mx.acme.example SMTP {"banner": "%s", "starttls": false}'
SPF = "acme.example TXT v=spf1"
SPF_BOUNCE = "bounce.acme.example TXT v=spf1"
NESTED = tuple(f"s{n}.test TXT v=spf1 include:s{n + 1}.test -all" for n in range(12))
DKIM = "relay._domainkey"
GOOD = ProviderWord(state=DomainState(identity=ProviderState.VERIFIED, dkim=ProviderState.VERIFIED))


@dataclass(frozen=True)
class Case:
    """What makes the finding: the sound zone less lines that begin with `less`, with `more`; or what a provider says."""

    less: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    says: ProviderWord | None = None
    mended_by_record: bool = True

    @property
    def zone(self) -> FakeDns:
        return full(*self.more, without=self.less)

    @property
    def expected(self) -> Expectations:
        return with_words(full_expectations(), {SES: self.says}) if self.says else full_expectations()


def by_hand(less: tuple[str, ...] = (), more: tuple[str, ...] = (), says: ProviderWord | None = None) -> Case:
    """A fault whose mending needs a decision, or is not a record of this zone."""
    return Case(less, more, says, mended_by_record=False)


def instead(start: str, *lines: str) -> Case:
    return Case((start,), lines)


def saying(identity: ProviderState, **more: object) -> Case:
    state = replace(GOOD.state, identity=identity)
    return by_hand(says=replace(GOOD, state=state, **more))  # type: ignore[arg-type]  # fields of the word


EVERY: dict[Code, Case] = {
    (Check.DELEGATION, Fault.MISSING): by_hand(less=("",)),
    (Check.NAME_SERVERS, Fault.WEAK): by_hand(less=("acme.example NS ns2",)),
    (Check.SECONDARIES, Fault.WEAK): by_hand(less=("acme.example SOA",)),
    (Check.DNSSEC, Fault.WRONG): Case(less=("acme.example DNSKEY",)),
    (Check.ADDRESSES, Fault.WRONG): Case(more=("acme.example A 10.0.0.1",)),
    (Check.DANGLING_ALIAS, Fault.EXTRA): Case(more=("autodiscover.acme.example CNAME gone.cloud.test",)),
    (Check.MAIL_EXCHANGER, Fault.MISSING): Case(less=("acme.example MX", "acme.example A ")),
    (Check.MAIL_EXCHANGER, Fault.WRONG): instead("acme.example MX", "acme.example MX 0 ."),
    (Check.MAIL_EXCHANGER, Fault.WEAK): by_hand(more=("acme.example MX 20 gone.acme.example",)),
    (Check.MAIL_GREETING, Fault.WRONG): by_hand(("mx.acme.example SMTP",), (GREETING % "554 no",)),
    (Check.MAIL_GREETING, Fault.WEAK): by_hand(("mx.acme.example SMTP",), (GREETING % "220 hi",)),
    (Check.SPF_RECORD, Fault.MISSING): Case(less=(SPF,)),
    (Check.SPF_RECORD, Fault.EXTRA): Case(more=(f"{SPF} -all",)),
    (Check.SPF_SYNTAX, Fault.WRONG): by_hand((SPF,), (f"{SPF} ip4:203.0.113.7 ipv4:192.0.2.1 -all",)),
    (Check.SPF_REFERENCES, Fault.WRONG): by_hand((SPF,), (f"{SPF} ip4:203.0.113.7 include:gone.test -all",)),
    (Check.SPF_LIMITS, Fault.WRONG): by_hand((SPF,), (f"{SPF} ip4:203.0.113.7 include:s0.test -all", *NESTED, "s12.test TXT v=spf1 -all")),
    (Check.SPF_AUTHORISES, Fault.MISSING): instead(SPF, f"{SPF} mx -all"),
    (Check.SPF_ALL, Fault.WRONG): instead(SPF, f"{SPF} ip4:203.0.113.7 +all"),
    (Check.SPF_ALL, Fault.WEAK): instead(SPF, f"{SPF} ip4:203.0.113.7"),
    (Check.SPF_PTR, Fault.WEAK): by_hand((SPF,), (f"{SPF} ip4:203.0.113.7 ptr -all",)),
    (Check.SPF_REDUNDANT, Fault.WEAK): instead(SPF, f"{SPF} ip4:203.0.113.7 ip4:203.0.113.7 -all"),
    (Check.DKIM_RECORD, Fault.MISSING): Case(less=(DKIM,)),
    (Check.DKIM_RECORD, Fault.WRONG): instead(f"{'a' * 32}._domainkey", f"{'a' * 32}._domainkey.acme.example CNAME old.test"),
    (Check.DKIM_RECORD, Fault.EXTRA): Case(more=(f"{DKIM}.acme.example TXT other",)),
    (Check.DKIM_KEY, Fault.WRONG): instead(DKIM, f"{DKIM}.acme.example TXT v=DKIM1; p="),
    (Check.DKIM_KEY, Fault.WEAK): by_hand((DKIM,), (f"{DKIM}.acme.example TXT v=DKIM1; t=y; p={rsa_key(2048)}",)),
    (Check.DMARC_RECORD, Fault.MISSING): Case(less=("_dmarc",)),
    (Check.DMARC_RECORD, Fault.WRONG): Case(more=("_dmarc.acme.example TXT v=DMARC1; p=none",)),
    (Check.DMARC_POLICY, Fault.WEAK): by_hand(("_dmarc",), ("_dmarc.acme.example TXT v=DMARC1; p=none; rua=mailto:dmarc@acme.example",)),
    (Check.DMARC_REPORTS, Fault.WEAK): instead("_dmarc", "_dmarc.acme.example TXT v=DMARC1; p=reject"),
    (Check.ENVELOPE_ALIGNMENT, Fault.WEAK): by_hand(("_dmarc",), ("_dmarc.acme.example TXT v=DMARC1; p=reject; aspf=s; rua=mailto:dmarc@acme.example",)),
    (Check.RETURN_PATH, Fault.MISSING): Case(less=("bounce.acme.example MX",)),
    (Check.RETURN_PATH, Fault.WRONG): instead("bounce.acme.example MX", "bounce.acme.example MX 10 mail.other.test"),
    (Check.RETURN_PATH, Fault.EXTRA): Case(more=("bounce.acme.example MX 20 mail.other.test",)),
    (Check.TRACKING_HOST, Fault.MISSING): Case(less=("links.",)),
    (Check.TRACKING_HOST, Fault.WRONG): instead("links.", "links.acme.example CNAME parked.test"),
    (Check.TRACKING_HOST, Fault.WEAK): saying(ProviderState.VERIFIED, link_host=TrackingHost(DomainName("links.acme.example"))),
    (Check.MTA_STS, Fault.WEAK): Case(less=("_mta-sts",)),
    (Check.MTA_STS, Fault.EXTRA): Case(more=("_mta-sts.acme.example TXT v=STSv1; id=2",)),
    (Check.MTA_STS, Fault.WRONG): instead("mta-sts.", f"mta-sts.acme.example {written(PolicyText('version: STSv2'))}"),
    (Check.TLS_REPORTS, Fault.WEAK): Case(less=("_smtp._tls",)),
    (Check.TLS_REPORTS, Fault.EXTRA): Case(more=("_smtp._tls.acme.example TXT v=TLSRPTv1; rua=https://reports.test",)),
    (Check.TLS_REPORTS, Fault.WRONG): instead("_smtp._tls", "_smtp._tls.acme.example TXT v=TLSRPTv1; rua=reports.test"),
    (Check.REVERSE_NAME, Fault.MISSING): Case(less=("7.113.0.203.in-addr.arpa",)),
    (Check.REVERSE_NAME, Fault.WRONG): Case(less=("relay.acme.example A",)),
    (Check.REVERSE_NAME, Fault.WEAK): instead("7.113", "7.113.0.203.in-addr.arpa PTR mx7.acme.example", "mx7.acme.example A 203.0.113.7"),
    (Check.BLOCKLIST, Fault.WRONG): by_hand(more=("7.113.0.203.ips.blocked.test A 127.0.0.2",)),
    (Check.AUTHORITIES, Fault.WRONG): by_hand(more=('acme.example CAA 128 novelty "x"',)),
    (Check.BRAND, Fault.WRONG): Case(("default._bimi",), ("default._bimi.acme.example TXT v=BIMI1; l=http://acme.example/logo.png",)),
    (Check.PROVIDER_STATE, Fault.MISSING): saying(ProviderState.ABSENT),
    (Check.PROVIDER_STATE, Fault.WRONG): saying(ProviderState.FAILED),
    (Check.PROVIDER_STATE, Fault.WEAK): by_hand(says=replace(GOOD, state=replace(GOOD.state, return_path=ProviderState.ABSENT))),
    (Check.PROVIDER_DRIFT, Fault.WRONG): Case((f"{'a' * 32}._domainkey",), says=GOOD),
}  # fmt: skip


def test_every_check_stands_in_the_table() -> None:
    assert {check for check, _ in EVERY} == set(Check)


@pytest.mark.parametrize("code", EVERY, ids=lambda code: f"{code[0]} {code[1]}")
def test_a_finding_is_there_before_its_fix_and_gone_after_it(code: Code) -> None:
    case = EVERY[code]

    before = audited(case.zone, case.expected)

    assert code in faults_of(before)
    if case.mended_by_record:
        assert code not in faults_of(audited(mended(case.zone, before), case.expected))
    else:
        assert all(each.fix is None for each in before.findings if (each.check, each.fault) == code)
        assert code not in faults_of(audited(full(), full_expectations()))


@pytest.mark.parametrize("code", EVERY, ids=lambda code: f"{code[0]} {code[1]}")
def test_a_finding_tells_what_was_seen(code: Code) -> None:
    case = EVERY[code]

    told = [each for each in audited(case.zone, case.expected).findings if (each.check, each.fault) == code]

    assert all(each.evidence and each.name for each in told)


ODD = [line for case in EVERY.values() for line in case.more]
WORDS = [case.says for case in EVERY.values()]


@settings(deadline=None, max_examples=300)
@given(
    st.sets(st.sampled_from(full_zone()), max_size=6), st.sets(st.sampled_from(ODD), max_size=6), st.sampled_from(WORDS)
)
def test_no_zone_has_a_finding_that_the_table_lacks(gone: set[str], more: set[str], says: ProviderWord | None) -> None:
    expected = with_words(full_expectations(), {SES: says}) if says else full_expectations()
    zone = FakeDns((*(line for line in full_zone() if line not in gone), *sorted(more)))

    assert faults_of(audited(zone, expected)) <= EVERY.keys()


def test_the_sound_zone_is_sound() -> None:
    assert set(good_zone()) <= set(full_zone())
    assert audited(full(), full_expectations()).findings == ()
