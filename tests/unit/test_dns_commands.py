"""`outreach dns`: without a database, from stored answers; files that are wrong are told, not traced."""

import json
from ipaddress import ip_address
from pathlib import Path

import pytest
from dns_audit_cases import DOMAIN, audited, full, full_expectations, looked_up
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Alias,
    Answer,
    Cause,
    MailExchanger,
    NoData,
    NxDomain,
    Query,
    Records,
    RecordType,
    ServerAddress,
    Text,
    Unknown,
)
from outreach_pipelines.domain.dns_audit.answers_file import AnswersFileError, decode_answers, encode_answers
from outreach_pipelines.domain.dns_audit.drift import drift_between
from outreach_pipelines.domain.dns_audit.mta_sts_policy import first_policy
from outreach_pipelines.domain.dns_audit.presentation import quoted, unquoted
from outreach_pipelines.domain.dns_audit.spf_evaluation import check_host
from outreach_pipelines.domain.dns_audit.spf_expansion import spf_sender

MX = DomainName("mx.acme.example")
WIDE = {"COLUMNS": "400"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["dns", *arguments], env=WIDE)


def stored(path: Path, *lines: str, without: tuple[str, ...] = ()) -> Path:
    """Answers to all that any check of the full zone may ask."""
    served = full(*lines, without=without)
    audited(served, full_expectations())
    names = {query.name for query in served.asked} | {
        DomainName(f"{label}.acme.example") for label in ("www", "mta-sts")
    }
    answers = {Query(name, kind): served.answer(Query(name, kind)) for name in names for kind in RecordType}
    path.write_bytes(encode_answers(answers))
    return path


def test_a_sound_domain_ends_with_0(tmp_path: Path) -> None:
    said = run("audit", DOMAIN, "--answers", str(stored(tmp_path / "a.json")))

    assert said.exit_code == 0
    assert said.output.startswith("acme.example: good, score 100")


def test_a_fault_ends_with_1_and_shows_its_record_as_json_and_as_a_zone_line(tmp_path: Path) -> None:
    answers = str(stored(tmp_path / "a.json", without=("_dmarc",)))

    told = run("audit", DOMAIN, "--answers", answers, "--reports-to", "dmarc@acme.example", "--json")
    shown = run("audit", DOMAIN, "--answers", answers, "--reports-to", "dmarc@acme.example")

    (finding,) = json.loads(told.output)["findings"]
    assert told.exit_code == shown.exit_code == 1
    assert finding["fix"]["publish"] == [
        {
            "name": "_dmarc.acme.example",
            "type": "TXT",
            "ttl": 3600,
            "value": "v=DMARC1; p=none; rua=mailto:dmarc@acme.example",
            "zone_line": '_dmarc.acme.example. 3600 IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@acme.example"',
        }
    ]
    assert '+ _dmarc.acme.example. 3600 IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@acme.example"' in shown.output


def test_answers_that_are_lacking_end_with_3_and_are_no_fault(tmp_path: Path) -> None:
    empty = tmp_path / "none.json"
    empty.write_bytes(encode_answers({}))

    said = run("audit", DOMAIN, "--answers", str(empty), "--json")

    assert said.exit_code == 3
    assert json.loads(said.output)["findings"] == []


def test_saved_answers_give_the_same_audit_again(tmp_path: Path) -> None:
    answers, again = stored(tmp_path / "a.json", without=("acme.example TXT",)), tmp_path / "b.json"
    first = run("audit", DOMAIN, "--answers", str(answers), "--json", "--save-answers", str(again))

    second = run("audit", DOMAIN, "--answers", str(again), "--json")

    assert second.output == first.output
    assert len(decode_answers(again.read_bytes())) < len(decode_answers(answers.read_bytes()))


def test_the_fixes_of_a_domain_are_one_piece_of_zone_file(tmp_path: Path) -> None:
    answers = stored(tmp_path / "a.json", without=("_dmarc", "_mta-sts", "7.113"))

    said = run(
        "fixes", DOMAIN, "--answers", str(answers), "--ip", "203.0.113.7=relay.acme.example", "--selector", "relay"
    )

    records = [line for line in said.output.splitlines() if not line.startswith(";")]
    assert said.exit_code == 0
    assert records == [
        '_dmarc.acme.example. 3600 IN TXT "v=DMARC1; p=none"',
        "7.113.0.203.in-addr.arpa. 3600 IN PTR relay.acme.example.",
        "relay.acme.example. 3600 IN A 203.0.113.7",
        f'_mta-sts.acme.example. 3600 IN TXT "{first_policy([MX]).record}"',
    ]
    assert "; serve https://mta-sts.acme.example/.well-known/mta-sts.txt" in said.output


def test_spf_is_checked_for_one_message(tmp_path: Path) -> None:
    answers = str(stored(tmp_path / "a.json"))

    passed = run("spf-check", "--ip", "203.0.113.7", "--sender", f"a@{DOMAIN}", "--answers", answers)
    failed = run("spf-check", "--ip", "203.0.113.8", "--sender", f"a@{DOMAIN}", "--answers", answers, "--json")

    assert (passed.exit_code, passed.output.splitlines()[0]) == (0, "pass: ip4:203.0.113.7 of acme.example")
    assert (failed.exit_code, json.loads(failed.output)["result"]) == (1, "softfail")


def test_drift_tells_what_went_and_what_came(tmp_path: Path) -> None:
    before = stored(tmp_path / "a.json")
    after = stored(tmp_path / "b.json", "acme.example MX 5 new.acme.example", without=("_dmarc",))

    said = run("drift", str(before), str(after))

    assert said.exit_code == 1
    assert "+ MX 5 new.acme.example." in said.output
    assert "- TXT " in said.output
    assert run("drift", str(before), str(before)).exit_code == 0


def test_what_one_day_could_not_say_is_no_drift() -> None:
    query = Query(DOMAIN, RecordType.MX)
    there = Records((MailExchanger(10, DOMAIN),), 60)

    assert drift_between({query: there}, {query: Unknown(Cause.TIMEOUT)}) == ()
    assert drift_between({query: Unknown(Cause.TIMEOUT)}, {query: NxDomain()}) == ()
    assert len(drift_between({query: NoData()}, {query: NxDomain()})) == 1


@pytest.mark.parametrize(
    "domain", ["a" * 64 + ".example", "no dots", "..", "", "a..example", "-", "*.example", "a" * 255 + ".example"]
)
def test_a_name_that_is_no_domain_is_a_usage_error(domain: str, tmp_path: Path) -> None:
    said = run("audit", "--answers", str(stored(tmp_path / "a.json")), "--", domain)

    assert said.exit_code == 2
    assert "is no domain name" in said.output


@pytest.mark.parametrize("written", ["müller.example", "MÜLLER.example.", "xn--mller-kva.example"])
def test_an_international_domain_is_asked_for_in_its_ascii_form(written: str, tmp_path: Path) -> None:
    said = run("audit", written, "--answers", str(stored(tmp_path / "a.json")), "--json")

    assert json.loads(said.output)["domain"] == "xn--mller-kva.example"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"[]", '"format": "outreach-dns-answers/1"'),
        (b'{"format": "outreach-dns-answers/1"}', '"answers" is no list'),
        (b'{"format": "outreach-dns-answers/1", "answers": [{"name": "a.test", "type": "MX", "status": "maybe"}]}', "answer 1"),
        (b'{"format": "outreach-dns-answers/1", "answers": [{"type": "MX"}, 7]}', "answer 2"),
        (b'{"format": "outreach-dns-answers/1", "answers": [{"name": "a", "type": "MX", "status": "records", "ttl": 1, "records": ["MX x"]}]}', "is no record"),
        (b'{"format": "outreach-dns-answers/1", "answers": [{"name": "a", "type": "LOC", "status": "nodata"}]}', "LOC"),
        (b"[" * 100_000, "no JSON"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_answers_is_told_with_its_place(body: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_bytes(body)

    with pytest.raises(AnswersFileError) as fault:
        decode_answers(body)
    said = run("audit", DOMAIN, "--answers", str(path))

    assert words in str(fault.value)
    assert said.exit_code == 1


@pytest.mark.parametrize("server", ["127.0.0.1:0", "127.0.0.1:x", "127.0.0.1:70000"])
def test_a_port_that_is_none_is_a_usage_error(server: str) -> None:
    assert run("audit", DOMAIN, "--resolver", server).exit_code == 2


NAMES = st.sampled_from([DOMAIN, DomainName("xn--mller-kva.example"), DomainName("_dmarc.acme.example")])
DATA = st.one_of(
    st.builds(Text, st.binary(max_size=600)),
    st.builds(Alias, NAMES),
    st.builds(MailExchanger, st.integers(0, 65535), NAMES),
)
ANSWERS = st.one_of(
    st.just(NoData()),
    st.just(NxDomain()),
    st.builds(Unknown, st.sampled_from(Cause)),
    st.builds(
        Records, st.lists(DATA, max_size=4).map(tuple), st.integers(0, 2**31 - 1), st.sampled_from([None, True, False])
    ),
)
QUERIES = st.builds(
    Query, NAMES, st.sampled_from(RecordType), st.sampled_from([ServerAddress(""), ServerAddress("192.0.2.1")])
)


@given(st.dictionaries(QUERIES, ANSWERS))
def test_any_answers_survive_their_file(answers: dict[Query, Answer]) -> None:
    assert decode_answers(encode_answers(answers)) == answers


@given(st.binary(max_size=700))
def test_any_bytes_survive_as_quoted_text(value: bytes) -> None:
    assert unquoted(quoted(value)) == value
    assert quoted(value).isascii()


def test_the_helo_name_stands_in_for_an_empty_sender() -> None:
    sender = spf_sender(ip_address("203.0.113.7"), "", "acme.example")

    assert looked_up(lambda: check_host(sender), full()).result == "pass"


def test_the_mail_states_of_recipients_domains_are_told_line_by_line(tmp_path: Path) -> None:
    answers = tmp_path / "a.json"
    told: dict[Query, Answer] = {
        Query(DomainName("full.test"), RecordType.MX): Records((MailExchanger(10, DomainName("mx.full.test")),), 60),
        Query(DomainName("gone.test"), RecordType.MX): NxDomain(),
    }
    answers.write_bytes(encode_answers(told))

    said = run("mx", "full.test", "gone.test", "silent.test", "FULL.test", "--answers", str(answers))

    assert said.output.splitlines() == ["full.test valid", "gone.test no_domain", "silent.test unknown"]
