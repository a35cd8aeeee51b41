"""SPF: grammar, the walk with its limits, and the records proposed."""

from ipaddress import ip_network

import pytest
from dns_audit_cases import DOMAIN, RELAY, FakeDns, audited, dns, faults_of, finding_of, looked_up

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, Query, RecordType
from outreach_pipelines.domain.dns_audit.findings import Check, Fault
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready, Undecided
from outreach_pipelines.domain.dns_audit.spf_check import SpfNeeds, check_spf
from outreach_pipelines.domain.dns_audit.spf_edit import Authorised, merged_record, with_authorised
from outreach_pipelines.domain.dns_audit.spf_grammar import SpfRecord, is_spf, parse_spf
from outreach_pipelines.domain.dns_audit.spf_macro import SpfSyntaxError
from outreach_pipelines.domain.dns_audit.spf_survey import SpfSurvey, survey_spf

ROOT_SPF = "acme.example TXT v=spf1"


def spf(text: str) -> SpfRecord:
    return parse_spf(text.encode())


def surveyed(*lines: str) -> SpfSurvey:
    """The survey of the record in the first line, which is acme.example's."""
    record = spf(lines[0].split(" ", 2)[2])
    return looked_up(lambda: survey_spf(DOMAIN, record), FakeDns(lines))


def test_a_longer_version_is_no_spf_record() -> None:
    assert not is_spf(b"v=spf10 -all")


@pytest.mark.parametrize(
    "term",
    [
        "all:acme.example",
        "ip4:192.0.2.300",
        "ip4:192.0.2.1/33",
        "ip4:2001:db8::1",
        "ip4:192.0.2.1/08",
        "ip6:192.0.2.1",
        "include:",
        "include",
        "a:example",
        "a:192.0.2.1",
        "mx/33",
        "exists:%{x}.example",
        "exists:%{d0}.example",
        "a:100%.example",
        "redirect:other.example",
        "ptr/24",
        "nonsense",
        "redirect=a.example redirect=b.example",
    ],
)
def test_a_syntax_error_anywhere_spoils_the_record(term: str) -> None:
    text = f"v=spf1 ip4:192.0.2.1 {term} -all"

    with pytest.raises(SpfSyntaxError):
        spf(text)


@pytest.mark.parametrize(
    "term",
    [
        "mx/24//64",
        "a:mail.acme.example/28",
        "exists:%{ir}.%{l1r+-}._spf.%{d2}",
        "future=any%{d}value",
        "?IP6:2001:DB8::/32",
    ],
)
def test_all_forms_of_the_grammar_are_read(term: str) -> None:
    assert spf(f"v=spf1  {term}  -all ").final is not None


def test_a_redirect_beside_all_has_no_effect() -> None:
    assert spf("v=spf1 redirect=other.example -all").effective_redirect is None


def test_look_ups_count_through_includes_and_redirect() -> None:
    survey = surveyed(
        "acme.example TXT v=spf1 include:one.example redirect=two.example",
        "one.example TXT v=spf1 a mx -all",
        "two.example TXT v=spf1 exists:%{i}.two.example ptr -all",
        "one.example A 192.0.2.1",
        "one.example MX 10 one.example",
    )

    assert [str(lookup) for lookup in survey.lookups] == [
        "include:one.example (in acme.example)",
        "redirect=two.example (in acme.example)",
        "a (in one.example)",
        "mx (in one.example)",
        "exists:%{i}.two.example (in two.example)",
        "ptr (in two.example)",
    ]


@pytest.mark.parametrize(("includes", "is_fault"), [(10, False), (11, True)])
def test_the_eleventh_look_up_is_one_too_many(includes: int, *, is_fault: bool) -> None:
    names = [f"s{number}.example" for number in range(includes)]
    record = f"{ROOT_SPF} ip4:203.0.113.7 {' '.join(f'include:{name}' for name in names)} ~all"
    zone = dns(record, *(f"{name} TXT v=spf1 ip4:192.0.2.1 -all" for name in names), without=[ROOT_SPF])

    findings = audited(zone)

    assert ((Check.SPF_LIMITS, Fault.WRONG) in faults_of(findings)) is is_fault


@pytest.mark.parametrize(("voids", "is_fault"), [(2, False), (3, True)])
def test_the_third_void_look_up_is_one_too_many(voids: int, *, is_fault: bool) -> None:
    terms = " ".join(f"a:gone{number}.example" for number in range(voids))
    zone = dns(f"{ROOT_SPF} ip4:203.0.113.7 {terms} ~all", without=[ROOT_SPF])

    findings = audited(zone)

    assert ((Check.SPF_LIMITS, Fault.WRONG) in faults_of(findings)) is is_fault


def test_an_include_that_leads_back_to_itself_is_a_fault_and_ends() -> None:
    survey = surveyed(
        "acme.example TXT v=spf1 include:b.example -all", "b.example TXT v=spf1 include:acme.example -all"
    )

    assert survey.faults == ("include:acme.example in b.example leads back to itself",)


def test_a_hostile_tree_of_includes_ends() -> None:
    wide = " ".join(f"include:n{number}.example" for number in range(12))
    lines = [
        f"n{number}.example TXT v=spf1 {wide.replace('.example', f'.d{number}.example')} -all" for number in range(12)
    ]

    survey = surveyed(f"acme.example TXT v=spf1 {wide} -all", *lines)

    assert 10 < len(survey.lookups) < 200


def test_an_include_of_a_domain_without_spf_is_a_fault() -> None:
    zone = dns(f"{ROOT_SPF} ip4:203.0.113.7 include:gone.example ~all", without=[ROOT_SPF])

    assert (Check.SPF_REFERENCES, Fault.WRONG) in faults_of(audited(zone))


def test_eleven_mx_hosts_behind_an_mx_term_are_a_fault() -> None:
    hosts = [f"many.example MX {number} m{number}.example" for number in range(11)]

    survey = surveyed("acme.example TXT v=spf1 mx:many.example -all", *hosts)

    assert survey.faults == ("many.example has 11 MX hosts, more than 10",)


def test_two_records_are_merged_into_the_one_to_publish() -> None:
    zone = dns("acme.example TXT v=spf1 include:amazonses.com -all")

    finding = finding_of(audited(zone), Check.SPF_RECORD)

    assert finding.fault is Fault.EXTRA
    assert finding.fix is not None
    assert [record.value for record in finding.fix.publish] == ["v=spf1 ip4:203.0.113.7 include:amazonses.com ~all"]
    assert len(finding.fix.withdraw) == 2


def test_a_merge_with_a_redirect_is_left_to_a_person() -> None:
    assert merged_record([spf("v=spf1 redirect=a.example"), spf("v=spf1 -all")]) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("v=spf1 mx -all", "v=spf1 mx include:mailgun.org -all"),
        ("v=spf1 redirect=a.example", "v=spf1 include:mailgun.org redirect=a.example"),
        ("v=spf1 a", "v=spf1 a include:mailgun.org"),
    ],
)
def test_an_addition_stands_where_it_is_reached(before: str, after: str) -> None:
    addition = Authorised(includes=(DomainName("mailgun.org"),))

    assert with_authorised(spf(before), addition) == after


def test_an_unauthorised_address_stops_only_the_account_that_uses_it() -> None:
    zone = dns(f"{ROOT_SPF} mx ~all", without=[ROOT_SPF])

    findings = audited(zone)

    assert [type(state) for state in findings.readiness.values()] == [Ready, NotReady]
    fix = finding_of(findings, Check.SPF_AUTHORISES).fix
    assert fix is not None
    assert fix.publish[0].value == "v=spf1 mx ip4:203.0.113.7 ~all"


@pytest.mark.parametrize("term", ["a:relay.acme.example", "mx", "include:inner.example", "ip4:203.0.113.0/24"])
def test_an_address_may_be_authorised_by_any_term(term: str) -> None:
    zone = FakeDns(
        (
            f"acme.example TXT v=spf1 {term} -all",
            "relay.acme.example A 203.0.113.7",
            "acme.example MX 10 relay.acme.example",
            "inner.example TXT v=spf1 ip4:203.0.113.7 -all",
        )
    )
    needs = SpfNeeds(DOMAIN, Authorised(networks=(ip_network("203.0.113.7/32"),)), frozenset({RELAY}))

    report = looked_up(lambda: check_spf(needs), zone)

    assert report.findings == ()


@pytest.mark.parametrize(
    "terms", ["-ip4:203.0.113.7 ~all", "?include:inner.example ~all", "-all ip4:203.0.113.7", "mx/8 -all"]
)
def test_an_address_that_is_named_and_not_passed_is_not_authorised(terms: str) -> None:
    inner = "inner.example TXT v=spf1 ip4:203.0.113.7 -all"
    zone = dns(f"{ROOT_SPF} {terms}", inner, without=[ROOT_SPF])

    assert (Check.SPF_AUTHORISES, Fault.MISSING) in faults_of(audited(zone))


def test_a_prefix_length_widens_what_an_mx_term_passes() -> None:
    zone = dns(f"{ROOT_SPF} mx/24 -all", "mx.acme.example A 203.0.113.1", without=[ROOT_SPF])

    assert faults_of(audited(zone)) == set()


def test_terms_after_all_cost_no_look_up() -> None:
    assert surveyed("acme.example TXT v=spf1 -all a mx include:b.example").lookups == ()


def test_an_address_behind_a_failing_include_is_not_called_missing() -> None:
    record = f"{ROOT_SPF} include:relays.example ~all"
    zone = dns(record, without=[ROOT_SPF], failing=[Query(DomainName("relays.example"), RecordType.TXT)])

    findings = audited(zone)

    assert faults_of(findings) == set()
    assert findings.readiness[RELAY] == Undecided((Cause.TIMEOUT,))


def test_a_record_whose_tree_cannot_be_read_whole_is_not_called_good() -> None:
    record = f"{ROOT_SPF} ip4:203.0.113.7 include:newsletter.example ~all"
    zone = dns(record, without=[ROOT_SPF], failing=[Query(DomainName("newsletter.example"), RecordType.TXT)])

    assert audited(zone).readiness[RELAY] == Undecided((Cause.TIMEOUT,))


def test_an_address_that_a_macro_may_pass_is_not_called_missing() -> None:
    zone = dns(f"{ROOT_SPF} exists:%{{i}}._spf.acme.example ~all", without=[ROOT_SPF])

    assert audited(zone).readiness[RELAY] == Undecided((Cause.DEPENDS_ON_SENDER,))


def test_passing_the_whole_world_is_a_fault() -> None:
    zone = dns(f"{ROOT_SPF} ip4:203.0.113.7 +all", without=[ROOT_SPF])

    assert (Check.SPF_ALL, Fault.WRONG) in faults_of(audited(zone))
