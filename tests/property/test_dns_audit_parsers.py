"""Anybody may publish anything: the parsers of records refuse it in their own words and in no other way."""

import base64
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.dkim_key import DkimKeyError, parse_dkim_record
from outreach_pipelines.domain.dns_audit.dmarc_record import DmarcSyntaxError, parse_dmarc
from outreach_pipelines.domain.dns_audit.spf_edit import Authorised, with_authorised
from outreach_pipelines.domain.dns_audit.spf_grammar import Include, parse_spf
from outreach_pipelines.domain.dns_audit.spf_macro import SpfSyntaxError

TERMS = st.sampled_from(
    ["a", "mx", "-all", "?ALL", "ip4:192.0.2.0/24", "include:b.example", "redirect=c.example", "x=%{d}"]
)


@given(st.text("aimptrexs:/=.%{}dlr0123456789-+~? ", max_size=60).map(str.encode) | st.binary(max_size=60))
@example(b"a:%{d" + b"9" * 5000 + b"}.example")
@example(b"ip4:192.0.2.1/" + b"9" * 5000)
@example(b"ip6:::1%eth0")
def test_any_bytes_after_the_version_are_an_spf_record_or_a_syntax_error(rest: bytes) -> None:
    with suppress(SpfSyntaxError):
        assert parse_spf(b"v=spf1 " + rest).text


@given(st.binary(max_size=80) | st.text("vkp=;:t sy*hrsa1DKIM", max_size=60).map(str.encode))
def test_any_bytes_are_a_dkim_record_or_a_fault(text: bytes) -> None:
    with suppress(DkimKeyError):
        assert parse_dkim_record(text) is not None


@given(st.binary(max_size=80), st.sampled_from([b"", b"\x30\x82", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff"]))
def test_any_bytes_in_place_of_a_key_are_a_key_or_a_fault(key: bytes, head: bytes) -> None:
    with suppress(DkimKeyError):
        assert parse_dkim_record(b"p=" + base64.b64encode(head + key)) is not None


@given(st.binary(max_size=80))
@example(b" p=none; rua=mailto:@, mailto:a@, mailto:a@b!10m")
def test_any_bytes_after_the_version_are_a_dmarc_record_or_a_syntax_error(rest: bytes) -> None:
    with suppress(DmarcSyntaxError):
        assert parse_dmarc(b"v=DMARC1;" + rest).report_hosts is not None


@given(st.lists(TERMS, unique=True))
def test_an_edited_record_holds_the_grammar_and_reaches_the_new_term(terms: list[str]) -> None:
    record = parse_spf(" ".join(["v=spf1", *terms]).encode())

    edited = parse_spf(with_authorised(record, Authorised((DomainName("mailgun.org"),))).encode())

    reached = [d.mechanism.target.text for d in edited.effective if isinstance(d.mechanism, Include)]
    assert "mailgun.org" in reached
    assert edited.final == record.final


def test_a_number_of_parts_in_a_macro_may_not_be_zero() -> None:
    with pytest.raises(SpfSyntaxError):
        parse_spf(b"v=spf1 exists:%{d00}.example -all")
