"""SPF for one message: macros by the RFC's own examples, limits, explanations, errors of the DNS."""

from ipaddress import ip_address

import pytest
from dns_audit_cases import FakeDns, looked_up

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, Query, RecordType
from outreach_pipelines.domain.dns_audit.spf_evaluation import SpfOutcome, SpfResult, check_host
from outreach_pipelines.domain.dns_audit.spf_expansion import MacroValues, expand, spf_sender
from outreach_pipelines.domain.dns_audit.spf_macro import parse_macro_string

STRONG_BAD = spf_sender(ip_address("192.0.2.3"), "strong-bad@email.example.com", "mx.example.org")
OVER_IPV6 = spf_sender(ip_address("2001:db8::cb01"), "strong-bad@email.example.com", "mx.example.org")


def checked(*lines: str, ip: str = "192.0.2.3", failing: frozenset[Query] = frozenset()) -> SpfOutcome:
    sender = spf_sender(ip_address(ip), "bob@a.test", "mx.a.test")
    return looked_up(lambda: check_host(sender), FakeDns(lines, failing))


@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("%%-%_-%-", "%- -%20"),
    ],
)
def test_macros_expand_as_in_rfc_7208_section_7_4(macro: str, expected: str) -> None:
    assert expand(parse_macro_string(macro), MacroValues(STRONG_BAD, STRONG_BAD.domain)) == expected


def test_an_ipv6_address_expands_to_its_nibbles() -> None:
    pieces = parse_macro_string("%{ir}.%{v}._spf.%{d2}")

    assert expand(pieces, MacroValues(OVER_IPV6, OVER_IPV6.domain)) == (
        "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com"
    )


@pytest.mark.parametrize(
    ("lines", "result"),
    [
        (["a.test TXT v=spf1 ip4:192.0.2.0/29 -all"], SpfResult.PASS),
        (["a.test TXT v=spf1 ip4:198.51.100.0/24 -all"], SpfResult.FAIL),
        (["a.test TXT v=spf1 ip4:198.51.100.0/24 ~all"], SpfResult.SOFTFAIL),
        (["a.test TXT v=spf1 ip4:198.51.100.0/24"], SpfResult.NEUTRAL),
        (["a.test TXT other"], SpfResult.NONE),
        (["a.test TXT v=spf1 a -all", "a.test A 192.0.2.3"], SpfResult.PASS),
        (["a.test TXT v=spf1 mx/29 -all", "a.test MX 5 m.test", "m.test A 192.0.2.1"], SpfResult.PASS),
        (["a.test TXT v=spf1 include:b.test -all", "b.test TXT v=spf1 ?ip4:192.0.2.3 -all"], SpfResult.FAIL),
        (["a.test TXT v=spf1 include:b.test -all", "b.test TXT nothing"], SpfResult.PERMERROR),
        (["a.test TXT v=spf1 redirect=b.test", "b.test TXT v=spf1 +all"], SpfResult.PASS),
        (["a.test TXT v=spf1 redirect=b.test", "b.test TXT nothing"], SpfResult.PERMERROR),
        (["a.test TXT v=spf1 exists:%{ir}.ok.test -all", "3.2.0.192.ok.test A 127.0.0.2"], SpfResult.PASS),
        (["a.test TXT v=spf1 ptr -all", "3.2.0.192.in-addr.arpa PTR x.a.test", "x.a.test A 192.0.2.3"], SpfResult.PASS),
        (["a.test TXT v=spf1 ptr -all", "3.2.0.192.in-addr.arpa PTR x.a.test", "x.a.test A 192.0.2.4"], SpfResult.FAIL),
        (["a.test TXT v=spf1 a:1.test a:2.test a:3.test +all"], SpfResult.PERMERROR),
        (["a.test TXT v=spf1 a:1.test a:2.test +all"], SpfResult.PASS),
        (["a.test TXT v=spf1 " + "a " * 10 + "+all", "a.test A 192.0.2.9"], SpfResult.PASS),
        (["a.test TXT v=spf1 " + "a " * 11 + "+all", "a.test A 192.0.2.9"], SpfResult.PERMERROR),
        (["a.test TXT v=spf1 mx -all", *(f"a.test MX {n} m{n}.test" for n in range(11))], SpfResult.PERMERROR),
    ],
)  # fmt: skip
def test_a_record_gives_the_result_that_it_gives(lines: list[str], result: SpfResult) -> None:
    assert checked(*lines).result is result


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        (Query(DomainName("a.test"), RecordType.TXT), Cause.TIMEOUT),
        (Query(DomainName("a.test"), RecordType.A), Cause.REFUSED),
        (Query(DomainName("b.test"), RecordType.TXT), Cause.SERVER_FAILURE),
    ],
)
def test_a_query_that_fails_is_a_temporary_error_and_names_itself(query: Query, cause: Cause) -> None:
    served = FakeDns(
        ("a.test TXT v=spf1 a include:b.test -all", "b.test TXT v=spf1 -all"), frozenset({query}), cause=cause
    )

    outcome = looked_up(lambda: check_host(spf_sender(ip_address("192.0.2.3"), "bob@a.test", "x")), served)

    assert outcome.result is SpfResult.TEMPERROR
    assert query.name in outcome.reason
    assert cause in outcome.reason


def test_the_owners_explanation_is_given_to_who_fails() -> None:
    outcome = checked("a.test TXT v=spf1 -all exp=why.%{d}", "why.a.test TXT %{i} is not %{h}, asks %{r}")

    assert outcome.explanation == "192.0.2.3 is not mx.a.test, asks unknown"


@pytest.mark.parametrize("text", ["%{x}", "caf\xe9", "%"])
def test_an_explanation_that_cannot_be_written_is_left_out(text: str) -> None:
    outcome = checked("a.test TXT v=spf1 -all exp=why.a.test", f"why.a.test TXT {text}")

    assert (outcome.result, outcome.explanation) == (SpfResult.FAIL, None)


def test_look_ups_and_voids_are_named() -> None:
    outcome = checked("a.test TXT v=spf1 a include:b.test -all", "b.test TXT v=spf1 mx -all", "a.test A 192.0.2.9")

    assert [str(cost) for cost in outcome.lookups] == ["a (in a.test)", "include:b.test (in a.test)", "mx (in b.test)"]
    assert [str(cost) for cost in outcome.voids] == ["mx (in b.test)"]


def test_an_ipv4_address_in_ipv6_clothes_is_an_ipv4_address() -> None:
    assert checked("a.test TXT v=spf1 ip4:192.0.2.3 -all", ip="::ffff:192.0.2.3").result is SpfResult.PASS
