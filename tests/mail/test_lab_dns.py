"""The lab's name server as dnspython's client sees it."""

import dns.flags
import dns.message
import dns.query
import dns.rcode
import httpx
import pytest
from lab_process import ZONE, RunningLab

pytest_plugins = ("lab_fixtures",)


def ask(lab: RunningLab, name: str, kind: str, *, tcp: bool = False, timeout: float = 5) -> dns.message.Message:
    question = dns.message.make_query(name, kind, use_edns=0, payload=1232)
    exchange = dns.query.tcp if tcp else dns.query.udp
    return exchange(question, "127.0.0.1", port=lab.ports["dns"], timeout=timeout)


@pytest.mark.parametrize("tcp", [False, True])
def test_a_record_is_answered_with_authority(lab: RunningLab, tcp: bool):
    answer = ask(lab, "sender.test", "MX", tcp=tcp)

    assert answer.flags & dns.flags.AA
    assert answer.answer[0].to_text() == "sender.test. 300 IN MX 10 mx.sender.test."


def test_an_alias_is_followed(lab: RunningLab):
    answer = ask(lab, "alias.sender.test", "A")

    assert [rrset.rdtype.name for rrset in answer.answer] == ["CNAME", "A"]


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "soa"),
    [
        ("nobody.sender.test", "A", dns.rcode.NXDOMAIN, True),
        ("mx.sender.test", "TXT", dns.rcode.NOERROR, True),
        ("empty.sender.test", "A", dns.rcode.NOERROR, True),
        ("elsewhere.test", "A", dns.rcode.REFUSED, False),
    ],
)
def test_a_missing_name_and_a_missing_type_are_told_apart(
    lab: RunningLab, name: str, kind: str, rcode: dns.rcode.Rcode, soa: bool
):
    answer = ask(lab, name, kind)

    assert (answer.rcode(), answer.answer, bool(answer.authority)) == (rcode, [], soa)


def test_a_wildcard_answers_below_it_and_not_at_its_parent(lab: RunningLab):
    below = ask(lab, "a.b.wild.sender.test", "TXT")
    parent = ask(lab, "wild.sender.test", "TXT")

    assert below.answer[0].name.to_text() == "a.b.wild.sender.test."
    assert parent.answer == []


def test_names_fail_on_demand(lab: RunningLab):
    lab.fault(name="mx.sender.test", fault="dns_servfail", count=1)
    lab.fault(name="ns.sender.test", fault="dns_drop", count=1)

    failed = ask(lab, "mx.sender.test", "A")
    with pytest.raises(dns.exception.Timeout):
        ask(lab, "ns.sender.test", "A", timeout=0.3)

    assert failed.rcode() == dns.rcode.SERVFAIL
    assert ask(lab, "mx.sender.test", "A").rcode() == dns.rcode.NOERROR


def test_a_zone_is_replaced_and_a_broken_one_is_refused(lab: RunningLab):
    changed = ZONE.replace("sender.test.", "other.test.").replace("192.0.2.25", "192.0.2.26")

    put = httpx.post(f"{lab.control}/dns", content=changed)
    broken = httpx.post(f"{lab.control}/dns", content="$ORIGIN other.test.\n@ IN A nonsense\n")

    assert (put.status_code, broken.status_code) == (200, 422)
    assert ask(lab, "mx.other.test", "A").answer[0][0].to_text() == "192.0.2.26"
    assert ask(lab, "mx.sender.test", "A").answer[0][0].to_text() == "192.0.2.25"


def test_an_answer_too_long_for_udp_is_truncated_and_whole_over_tcp(lab: RunningLab):
    long = ZONE.replace("sender.test.", "long.test.") + "".join(f'big IN TXT "{i:03d}{"x" * 200}"\n' for i in range(9))
    httpx.post(f"{lab.control}/dns", content=long).raise_for_status()

    short = ask(lab, "big.long.test", "TXT")
    whole = ask(lab, "big.long.test", "TXT", tcp=True)

    assert short.flags & dns.flags.TC
    assert len(whole.answer[0]) == 9
