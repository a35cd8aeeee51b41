"""Messages against the rules for bulk senders; DKIM is signed by another implementation (dkimpy) and verified by ours."""

import base64
import json
from collections.abc import Sequence
from functools import cache
from ipaddress import ip_address
from itertools import product
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dns_audit_cases import FakeDns, looked_up
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dkim_verification import DkimResult, DkimVerdict, verify_signatures
from outreach_pipelines.domain.dns_audit.answers import Cause, Query, RecordType
from outreach_pipelines.domain.dns_audit.answers_file import encode_answers
from outreach_pipelines.domain.dns_audit.expectations import Blocklist
from outreach_pipelines.domain.dns_audit.mail_status import MailStatus, mail_status
from outreach_pipelines.domain.dns_audit.spf_expansion import spf_sender
from outreach_pipelines.domain.message_check.check import Circumstances, check_message
from outreach_pipelines.domain.message_check.form_rules import form_reports
from outreach_pipelines.domain.message_check.reading import read_message
from outreach_pipelines.domain.message_check.rules import Outcome, Rule

NOW = 1_790_000_000
LISTS = (Blocklist(DomainName("domains.blocked.test"), lists_domains=True),)
HEADERS = {
    "From": "Bo <bo@client.example>",
    "To": "ada@people.example",
    "Subject": "A   word about\r\n your visit ",
    "Date": "Sat, 21 Nov 2026 10:00:00 +0000",
    "Message-ID": "<1@client.example>",
    "List-Unsubscribe": "<https://go.client.example/u/x>,\r\n <mailto:u@client.example>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "MIME-Version": "1.0",
    "Content-Type": 'text/plain; charset="utf-8"',
}
BODY = (
    "Hello Ada,  \r\n\r\nsee https://client.example/visit.\r\nTo unsubscribe: https://go.client.example/u/x\r\n\r\n\r\n"
)


@cache
def rsa_pair(bits: int = 2048) -> tuple[bytes, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem, base64.b64encode(spki).decode()


@cache
def ed25519_pair() -> tuple[bytes, str]:
    key = Ed25519PrivateKey.generate()
    raw = (serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(key.private_bytes(*raw)), base64.b64encode(public).decode()


def written(*, body: str = BODY, without: Sequence[str] = (), **headers: str) -> bytes:
    """The good message, some headers changed (`List_Unsubscribe=...`) or left out."""
    changed = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    kept = (f"{name}: {value}\r\n" for name, value in changed.items() if name not in without)
    return ("".join(kept) + "\r\n" + body).encode()


def signed(message: bytes, *, bits: int = 2048, domain: str = "client.example", **how: object) -> bytes:
    present = message.partition(b"\r\n\r\n")[0].split(b"\r\n")
    names = [line.partition(b":")[0].lower() for line in present if not line.startswith((b" ", b"\t"))]
    how.setdefault("include_headers", [name for name in names if name != b"from"] + [b"from"])
    field: bytes = dkim.sign(message, b"s1", domain.encode(), rsa_pair(bits)[0], **how)
    return field + message


def zone(*lines: str, without: Sequence[str] = (), bits: int = 2048) -> FakeDns:
    good = (
        "client.example MX 10 mx.client.example",
        "mx.client.example A 192.0.2.25",
        "client.example TXT v=spf1 ip4:203.0.113.7 -all",
        f"s1._domainkey.client.example TXT v=DKIM1; k=rsa; p={rsa_pair(bits)[1]}",
        f"e1._domainkey.client.example TXT v=DKIM1; k=ed25519; p={ed25519_pair()[1]}",
        "_dmarc.client.example TXT v=DMARC1; p=reject; rua=mailto:d@client.example",
        "7.113.0.203.in-addr.arpa PTR relay.client.example",
        "relay.client.example A 203.0.113.7",
    )
    return FakeDns((*(line for line in good if not line.startswith(tuple(without) or ("-",))), *lines))


def verdicts(message: bytes, served: FakeDns | None = None, now: int = NOW) -> tuple[DkimVerdict, ...]:
    return looked_up(lambda: verify_signatures(message, now=now), served or zone())


def outcomes(message: bytes, served: FakeDns | None = None, *, ip: str | None = "203.0.113.7") -> dict[Rule, Outcome]:
    sender = spf_sender(ip_address(ip), "bounce@client.example", "relay.client.example") if ip else None
    around = Circumstances(sender=sender, lists=LISTS, now=NOW)
    reports = looked_up(lambda: check_message(read_message(message), around), served or zone())
    assert [report.rule for report in reports] == list(Rule)
    return {report.rule: report.outcome for report in reports}


def broken(message: bytes, served: FakeDns | None = None) -> set[Rule]:
    return {rule for rule, outcome in outcomes(message, served).items() if outcome is Outcome.BROKEN}


GOOD = signed(written())


def test_a_good_message_breaks_no_rule() -> None:
    found = outcomes(GOOD)

    assert {rule for rule, outcome in found.items() if outcome is not Outcome.HOLDS} == {
        Rule.REPLY_TO_TAKES_MAIL,
        Rule.TLS_IN_TRANSIT,
    }
    assert found[Rule.REPLY_TO_TAKES_MAIL] is found[Rule.TLS_IN_TRANSIT] is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("forms", list(product([b"simple", b"relaxed"], repeat=2)), ids=str)
@pytest.mark.parametrize("body", [BODY, "", "\r\n\r\n", "no line end", " \t \r\nx \t y\r\n \r\n"])
def test_signatures_of_another_implementation_pass_in_every_canonical_form(
    forms: tuple[bytes, bytes], body: str
) -> None:
    (verdict,) = verdicts(signed(written(body=body), canonicalize=forms))

    assert (verdict.result, verdict.bits) == (DkimResult.PASS, 2048), verdict.reason
    assert "list-unsubscribe-post" in verdict.signed


def test_an_ed25519_signature_passes() -> None:
    message = written()
    field = dkim.sign(message, b"e1", b"client.example", ed25519_pair()[0], signature_algorithm=b"ed25519-sha256")

    (verdict,) = verdicts(field + message)

    assert verdict.result is DkimResult.PASS, verdict.reason


def test_a_signature_with_a_body_length_covers_no_more_than_that() -> None:
    message = signed(written(), length=True)

    assert verdicts(message + b"added later\r\n")[0].result is DkimResult.PASS


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"Hello Ada", b"Hello Eve", "the body was changed"),
        (b"Subject: A", b"Subject: B", "does not fit"),
        (b"From: Bo", b"From: Eve <eve@client.example>\r\nFrom: Bo", "does not fit"),
    ],
)
def test_a_changed_message_fails(old: bytes, new: bytes, words: str) -> None:
    (verdict,) = verdicts(GOOD.replace(old, new))

    assert (
        verdict.result in (DkimResult.FAIL, DkimResult.PASS) if b"From:" in old else verdict.result is DkimResult.FAIL
    )
    assert words in verdict.reason or b"From:" in old


@pytest.mark.parametrize(
    ("served", "result"),
    [
        (zone(without=["s1._domainkey"]), DkimResult.PERMERROR),
        (zone("s1._domainkey.client.example TXT v=DKIM1; p=", without=["s1."]), DkimResult.PERMERROR),
        (zone(f"s1._domainkey.client.example TXT p={rsa_pair(1024)[1]}", without=["s1."]), DkimResult.FAIL),
        (zone("s1._domainkey.client.example TXT v=DKIM1; p=%%%", without=["s1."]), DkimResult.PERMERROR),
    ],
)
def test_a_key_that_is_not_there_or_another_verifies_nothing(served: FakeDns, result: DkimResult) -> None:
    assert verdicts(GOOD, served)[0].result is result


def test_a_key_that_nobody_could_fetch_is_a_temporary_error_and_breaks_no_rule() -> None:
    lost = Query(DomainName("s1._domainkey.client.example"), RecordType.TXT)
    served = FakeDns(zone().lines, frozenset({lost}), cause=Cause.SERVER_FAILURE)

    found = outcomes(GOOD, served, ip=None)

    assert verdicts(GOOD, served)[0].result is DkimResult.TEMPERROR
    assert Outcome.BROKEN not in found.values()
    assert {Rule.DKIM_PASSES, Rule.FROM_ALIGNED, Rule.ONE_CLICK_SIGNED} == {
        rule for rule, outcome in found.items() if outcome is Outcome.UNKNOWN
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace(b"a=rsa-sha256", b"a=rsa-sha1"), "SHA-1"),
        (lambda text: text.replace(b"v=1;", b"v=2;"), "v="),
        (lambda text: text.replace(b"i=@client.example", b"i=@other.example"), "not within"),
        (lambda text: text.replace(b"v=1;", b"v=1; x=1000;"), "expired"),
        (lambda text: text.replace(b"bh=", b"bx="), "bh is missing"),
        (lambda text: text.replace(b"v=1;", b"v=1; v=1;"), "twice"),
    ],
)
def test_a_signature_that_no_verifier_may_use_is_a_permanent_error(change: object, words: str) -> None:
    assert callable(change)

    (verdict,) = verdicts(change(GOOD))

    assert verdict.result is DkimResult.PERMERROR
    assert words in verdict.reason


@pytest.mark.parametrize(
    ("message", "rules"),
    [
        (written(), {Rule.DKIM_PASSES, Rule.ONE_CLICK_SIGNED}),
        (signed(written(), include_headers=[b"from", b"to"]), {Rule.ONE_CLICK_SIGNED}),
        (signed(written(without=["List-Unsubscribe"], body="see https://client.example")), {Rule.ONE_CLICK, Rule.ONE_CLICK_SIGNED, Rule.VISIBLE_UNSUBSCRIBE}),
        (signed(written(List_Unsubscribe="<mailto:u@client.example>")), {Rule.ONE_CLICK}),
        (signed(written(List_Unsubscribe_Post="yes")), {Rule.ONE_CLICK}),
        (signed(written(body="Nothing here\r\n")), {Rule.VISIBLE_UNSUBSCRIBE}),
        (signed(written(without=["Date"])), {Rule.HEADER_FORM}),
        (signed(written(without=["Message-ID"])), {Rule.HEADER_FORM}),
        (signed(written(Date="yesterday")), {Rule.HEADER_FORM}),
        (signed(written(Subject="Re: our call")), {Rule.SUBJECT_HONEST}),
        (signed(written(Subject="Re: our call", In_Reply_To="<0@client.example>")), set()),
        (signed(written(Reply_To="bo@nowhere.example")), {Rule.REPLY_TO_TAKES_MAIL}),
        (signed(written(body="x" * 999 + "\r\n" + BODY)), {Rule.LINE_FORM}),
        (signed(written(body=BODY + "see http://client.example/\r\n")), {Rule.LINKS_SOUND}),
        (signed(written(body=BODY + "see https://203.0.113.5/x\r\n")), {Rule.LINKS_SOUND}),
    ],
)  # fmt: skip
def test_a_message_breaks_the_rules_that_it_breaks_and_no_others(message: bytes, rules: set[Rule]) -> None:
    assert broken(message) == rules


@pytest.mark.parametrize(
    ("served", "rules"),
    [
        (zone(without=["_dmarc"]), {Rule.DMARC_PUBLISHED}),
        (zone(without=["client.example MX"]), {Rule.FROM_TAKES_MAIL}),
        (zone(without=["client.example TXT"]), {Rule.SPF_PASSES}),
        (zone(without=["7.113"]), {Rule.REVERSE_DNS}),
        (zone(without=["relay.client.example A"]), {Rule.REVERSE_DNS}),
        (zone("go.client.example.domains.blocked.test A 127.0.0.2"), {Rule.DOMAINS_UNLISTED}),
        (zone("client.example.domains.blocked.test A 127.255.255.254"), set()),
        (zone("client.example A 192.0.2.80", without=["client.example MX"]), set()),
    ],
)
def test_what_the_dns_says_breaks_the_rules_that_it_breaks(served: FakeDns, rules: set[Rule]) -> None:
    assert broken(GOOD, served) == rules


def test_a_free_mail_address_in_from_is_refused() -> None:
    assert Rule.FROM_NOT_FREE_MAIL in broken(signed(written(From="bo@gmail.com")))


def test_two_from_addresses_are_refused() -> None:
    assert {Rule.ONE_FROM, Rule.FROM_ALIGNED} <= broken(signed(written(From="a@client.example, b@client.example")))


def test_a_short_key_is_weak_and_no_broken_rule() -> None:
    found = outcomes(signed(written(), bits=1024), zone(bits=1024))

    assert found[Rule.DKIM_KEY_LENGTH] is Outcome.WEAK


def test_a_strangers_signature_passes_and_does_not_align() -> None:
    served = zone(f"s1._domainkey.provider.example TXT p={rsa_pair(2048)[1]}", without=["client.example TXT"])

    assert Rule.FROM_ALIGNED in broken(signed(written(), domain="provider.example"), served)


def test_a_subdomains_signature_aligns_unless_alignment_is_strict() -> None:
    key = f"s1._domainkey.mail.client.example TXT p={rsa_pair(2048)[1]}"
    strict = "_dmarc.client.example TXT v=DMARC1; p=reject; rua=mailto:d@client.example; adkim=s"
    message = signed(written(), domain="mail.client.example", include_headers=[b"to", b"from"])

    relaxed = broken(message, zone(key, without=["client.example TXT"]))
    strictly = broken(message, zone(key, strict, without=["client.example TXT", "_dmarc"]))

    assert Rule.FROM_ALIGNED not in relaxed
    assert Rule.FROM_ALIGNED in strictly


def test_a_visible_link_of_html_is_found_by_its_words_or_its_address() -> None:
    html = 'text/html; charset="utf-8"'
    worded = signed(written(body='<a href="https://go.client.example/p">Abmelden</a>', Content_Type=html))
    by_address = signed(written(body='<a href="https://go.client.example/u/x">here</a>', Content_Type=html))
    neither = signed(written(body='<a href="https://client.example/">here</a>', Content_Type=html))

    assert broken(worded) == broken(by_address) == set()
    assert broken(neither) == {Rule.VISIBLE_UNSUBSCRIBE}


def test_a_link_that_shows_another_host_is_named() -> None:
    body = (
        '<a href="https://evil.example/x">https://client.example/</a> <a href="https://go.client.example/u/x">leave</a>'
    )

    assert broken(signed(written(body=body, Content_Type="text/html"))) == {Rule.LINKS_SOUND}


def test_line_ends_of_a_file_system_are_no_fault_and_mixed_ones_are() -> None:
    assert broken(GOOD.replace(b"\r\n", b"\n")) == set()
    assert Rule.LINE_FORM in broken(GOOD.replace(b"Ada,  \r\n", b"Ada,  \n"))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=400), st.integers(0, len(GOOD)))
def test_any_octets_are_judged_to_an_end(noise: bytes, place: int) -> None:
    assert len(outcomes(GOOD[:place] + noise + GOOD[place:])) == len(Rule)
    assert len(outcomes(noise)) == len(Rule)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a.test MX 10 mx.a.test"], MailStatus.VALID),
        (["a.test MX 0 ."], MailStatus.NULL_MX),
        (["a.test A 192.0.2.1"], MailStatus.IMPLICIT),
        (["a.test TXT x"], MailStatus.NO_MX),
        (["b.test TXT x"], MailStatus.NO_DOMAIN),
        (["a.test CNAME b.test", "b.test MX 5 mx.b.test"], MailStatus.VALID),
    ],
)
def test_a_domain_takes_mail_or_does_not(lines: list[str], expected: MailStatus) -> None:
    assert looked_up(lambda: mail_status(DomainName("a.test")), FakeDns(tuple(lines))) is expected


@pytest.mark.parametrize("kind", [RecordType.MX, RecordType.A, RecordType.AAAA])
def test_a_status_is_unknown_where_a_query_fails(kind: RecordType) -> None:
    failing = FakeDns(("a.test TXT x",), frozenset({Query(DomainName("a.test"), kind)}))

    assert looked_up(lambda: mail_status(DomainName("a.test")), failing) is MailStatus.UNKNOWN


def test_the_command_tells_each_rule_and_ends_with_1_for_a_broken_one(tmp_path: Path) -> None:
    served, answers = zone(without=["_dmarc"]), tmp_path / "answers.json"
    outcomes(GOOD, served, ip=None)
    answers.write_bytes(encode_answers({query: served.answer(query) for query in set(served.asked)}))
    (tmp_path / "m.eml").write_bytes(GOOD)

    said = CliRunner().invoke(app, ["message", "check", str(tmp_path / "m.eml"), "--answers", str(answers), "--json"])

    rules = {row["rule"]: row["outcome"] for row in json.loads(said.output)["rules"]}
    assert said.exit_code == 1
    assert [rule for rule, outcome in rules.items() if outcome == "broken"] == ["dmarc_published"]
    assert rules["spf_passes"] == "not_applicable"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: " + b"(" * 20_000 + b"\n\nhello",
        b'Content-Type: text/plain; charset="a\0b"\n\nhello',
        b"Content-Type: text/plain; charset=idna\n\n\xff..hello",
        b"Content-Type: text/html; charset=hex\n\n<a href='https://desk.example/'>hello</a>",
        b"<a " * 200_000 + b"\n\n" + b"Content-Type: text/html\n\n",
        b"Content-Type: text/html\n\n" + b"<a " * 200_000,
    ],
)
def test_no_message_defeats_the_reader(raw: bytes) -> None:
    read = read_message(raw)

    reports = list(form_reports(read))

    assert {report.rule for report in reports} >= {Rule.ONE_FROM, Rule.HEADER_FORM}
    assert read.from_domain is None
