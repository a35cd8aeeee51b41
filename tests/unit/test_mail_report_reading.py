"""Reports as receivers pack and misspell them: each is read, or is a fault that says why."""

import base64
import gzip
import json
from datetime import UTC, datetime

import pytest
from mail_report_cases import (
    DAY_BEGIN,
    DAY_END,
    NEW,
    OLD,
    dmarc,
    gzipped,
    mail,
    record,
    signature,
    spf,
    tls,
    tls_json,
    zipped,
)

from outreach_pipelines.domain.mail_reports.reading import read_reports, reports_in
from outreach_pipelines.domain.mail_reports.report import (
    Disposition,
    DmarcReport,
    FaultyReport,
    Override,
    ReportFault,
    Signature,
    SpfResult,
    TlsReport,
)


def only_dmarc(content: bytes | str, name: str = "report.xml") -> DmarcReport:
    (report,) = read_reports(name, content.encode() if isinstance(content, str) else content)
    assert isinstance(report, DmarcReport), report
    return report


def only_tls(content: bytes) -> TlsReport:
    (report,) = read_reports("report.json", content)
    assert isinstance(report, TlsReport), report
    return report


def fault_of(content: bytes | str, name: str = "report.xml", **bounds: int) -> ReportFault:
    (fault,) = read_reports(name, content.encode() if isinstance(content, str) else content, **bounds)
    assert isinstance(fault, FaultyReport), fault
    return fault.fault


@pytest.mark.parametrize("namespace", [NEW, OLD, "", "urn:example:nobody"])
def test_both_schemas_and_none_are_read_alike(namespace: str) -> None:
    report = only_dmarc(dmarc([record("192.0.2.7", 12, dkim="fail")], namespace=namespace))

    (row,) = report.rows
    assert (report.reporter, report.ref, report.policy.domain) == ("Receiver Example", "2026-11-22.1", "desk.example")
    assert report.period.begins_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert (row.source, row.messages) == ("192.0.2.7", 12)
    assert (row.outcome.dkim_aligned, row.outcome.spf_aligned, row.outcome.disposition) == (
        False,
        True,
        Disposition.NONE,
    )
    assert row.outcome.signatures == (Signature("desk.example", "s2026", "pass"),)
    assert row.outcome.spf == (SpfResult("bounce.desk.example", "mfrom", "pass"),)


def test_prefixed_elements_are_read_as_bare_ones() -> None:
    prefixed = (
        dmarc(namespace="").replace("</", "</d:").replace("<", "<d:").replace("<d:/d:", "</d:").replace("<d:?", "<?")
    )
    prefixed = prefixed.replace("<d:feedback>", f'<d:feedback xmlns:d="{NEW}">')

    report = only_dmarc(prefixed)

    assert report.messages == 1
    assert report.policy.domain == "desk.example"


def test_records_that_are_alike_are_one_row_and_others_are_not() -> None:
    records = [
        record("192.0.2.1", 2),
        record("192.0.2.1", 3),
        record("192.0.2.2", 4),
        record("192.0.2.1", 5, dkim="fail"),
    ]

    report = only_dmarc(dmarc(records))

    assert sorted((row.source or "", row.messages, row.outcome.dkim_aligned) for row in report.rows) == [
        ("192.0.2.1", 5, False),
        ("192.0.2.1", 5, True),
        ("192.0.2.2", 4, True),
    ]


def test_a_comment_among_the_records_changes_nothing() -> None:
    records = [
        record("192.0.2.1", 2),
        "<!-- </record> -->",
        record("192.0.2.2", 4),
        "<?note </record>?>",
        record("192.0.2.3"),
    ]

    report = only_dmarc(dmarc(records))

    assert {row.source: row.messages for row in report.rows} == {"192.0.2.1": 2, "192.0.2.2": 4, "192.0.2.3": 1}


@pytest.mark.parametrize(
    ("opened", "closed"), [("<!--", "-->"), ("<extension><![CDATA[", "]]></extension>"), ("<?old ", "?>")]
)
def test_a_record_that_is_no_markup_is_not_counted(opened: str, closed: str) -> None:
    hidden = opened + record("192.0.2.66", 1000) + closed

    report = only_dmarc(dmarc([record("192.0.2.1"), hidden, record("192.0.2.2")]))

    assert {row.source: row.messages for row in report.rows} == {"192.0.2.1": 1, "192.0.2.2": 1}


def test_texts_in_cdata_and_entities_are_the_texts_they_stand_for() -> None:
    odd = record(results=signature(selector="<![CDATA[s&1]]>") + spf(domain="&#100;esk.example"))

    (row,) = only_dmarc(dmarc([record("192.0.2.9"), odd])).rows[1:]

    assert row.outcome.signatures[0].selector == "s&1"
    assert row.outcome.spf[0].domain == "desk.example"


@pytest.mark.parametrize("order", ["count first", "pretty", "attributes"])
def test_the_order_and_look_of_elements_do_not_matter(order: str) -> None:
    plain = record("192.0.2.8", 6)
    written = {
        "count first": plain.replace(
            "<source_ip>192.0.2.8</source_ip><count>6</count>", "<count>6</count><source_ip>192.0.2.8</source_ip>"
        ),
        "pretty": plain.replace("><", ">\n\t  <").replace(">192.0.2.8<", ">\n 192.0.2.8 \n<"),
        "attributes": plain.replace("<record>", '<record lang="a>b">'),
    }[order]

    (row,) = only_dmarc(dmarc([written])).rows

    assert (row.source, row.messages, row.outcome.dkim_aligned) == ("192.0.2.8", 6, True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_every_encoding_that_is_met_is_read(encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'

    report = only_dmarc(dmarc(reporter="Empfänger", head=head).encode(encoding))

    assert report.reporter == "Empfänger"


def test_a_declared_encoding_that_the_bytes_belie_is_not_believed() -> None:
    report = only_dmarc(dmarc(head='\ufeff  \n<?xml version="1.0" encoding="utf-16"?>').encode())

    assert report.messages == 1


def test_what_is_missing_is_taken_from_the_name_of_the_file() -> None:
    bare = f"<feedback>{record()}</feedback>"

    report = only_dmarc(gzipped(bare), f"receiver.example!desk.example!{DAY_BEGIN}!{DAY_END}!7.xml.gz")

    assert (report.reporter, report.policy.domain) == ("receiver.example", "desk.example")
    assert report.period.ends_at == datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)
    assert report.ref.startswith("sha256:")
    assert "it has no report id" in report.remarks


def test_a_word_on_alignment_that_is_missing_is_concluded_from_the_results() -> None:
    records = [
        record("192.0.2.1", dkim="", spf_word="", results=signature("mail.desk.example") + spf("other.example")),
        record("192.0.2.2", dkim="", spf_word="", results=signature(result="fail")),
    ]

    rows = {row.source: row.outcome for row in only_dmarc(dmarc(records)).rows}

    assert (rows["192.0.2.1"].dkim_aligned, rows["192.0.2.1"].spf_aligned) == (True, False)
    assert rows["192.0.2.2"].aligned is False


@pytest.mark.parametrize("count", ["", "many", "-3", "1e9", "9" * 30])
def test_a_record_without_a_number_is_left_out_and_named(count: str) -> None:
    report = only_dmarc(dmarc([record("192.0.2.1", count), record("192.0.2.2", 7)]))

    assert [(row.source, row.messages) for row in report.rows] == [("192.0.2.2", 7)]
    assert report.remarks == ("1 records without a number of messages are left out",)


def test_spellings_of_one_address_are_one_source_and_no_address_is_none() -> None:
    sources = ["2001:DB8:0:0::1", "2001:db8::1", "::ffff:192.0.2.1", "192.0.2.1", "unknown", ""]

    report = only_dmarc(dmarc([record(source) for source in sources]))

    assert {row.source: row.messages for row in report.rows} == {"2001:db8::1": 2, "192.0.2.1": 2, None: 2}


def test_words_of_nobody_are_kept_apart_from_those_of_the_schema() -> None:
    reason = "<reason><type>trusted-forwarder</type></reason><reason><type>whim</type></reason>"

    (row,) = only_dmarc(dmarc([record(disposition="shredded", reason=reason)])).rows

    assert row.outcome.disposition is Disposition.UNKNOWN
    assert row.outcome.overrides == (Override.TRUSTED_FORWARDER, Override.OTHER)


def test_an_address_or_an_unicode_name_in_place_of_a_domain_is_its_domain() -> None:
    results = spf(domain="bounce+x@Bücher.example.") + signature(domain=" DESK.example ")

    (row,) = only_dmarc(dmarc([record(header_from="&lt;ann@Desk.Example&gt;", results=results)])).rows

    assert row.outcome.header_from == "desk.example"
    assert row.outcome.spf[0].domain == "xn--bcher-kva.example"
    assert row.outcome.signatures[0].domain == "desk.example"


@pytest.mark.parametrize(
    ("begin", "end"),
    [(DAY_BEGIN * 1000, DAY_END * 1000), (f" {DAY_BEGIN}.0 ", DAY_END), ("2026-11-22T00:00:00", "2026-11-22T23:59:59Z"), (DAY_END, DAY_BEGIN)],
)  # fmt: skip
def test_times_in_other_units_and_the_wrong_way_round_are_read(begin: object, end: object) -> None:
    period = only_dmarc(dmarc(begin=begin, end=end)).period

    assert (period.begins_at, period.ends_at) == (
        datetime(2026, 11, 22, tzinfo=UTC),
        datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("begin", "end"), [("", ""), ("soon", "later"), (0, 0), (DAY_BEGIN, DAY_BEGIN + 10**9), ("nan", "inf")]
)
def test_a_report_without_a_time_is_counted_nowhere(begin: object, end: object) -> None:
    assert fault_of(dmarc(begin=begin, end=end)) is ReportFault.NO_PERIOD


def test_a_report_on_no_domain_is_counted_nowhere() -> None:
    assert fault_of(dmarc(domain="")) is ReportFault.NO_DOMAIN


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ('<!DOCTYPE feedback [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>', ReportFault.HAS_DTD),
        ('<!DOCTYPE feedback SYSTEM "file:///etc/passwd">', ReportFault.HAS_DTD),
        ('<!-- hidden --><!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/hostname">]>', ReportFault.HAS_DTD),
    ],
)
def test_a_document_type_is_refused_before_anything_in_it_is_read(declared: str, fault: ReportFault) -> None:
    head = f'<?xml version="1.0"?>{declared}'

    assert fault_of(dmarc(head=head, reporter="&x;")) is fault
    assert fault_of(dmarc(head=head, reporter="&x;").encode("utf-16")) is fault


def test_an_entity_that_nobody_declared_is_a_fault() -> None:
    assert fault_of(dmarc(reporter="&x;")) is ReportFault.BROKEN_XML
    assert fault_of(dmarc([record(disposition="&x;")])) is ReportFault.BROKEN_XML


@pytest.mark.parametrize("cut", [40, 300, 700, -1])
def test_a_report_that_is_cut_off_is_not_half_counted(cut: int) -> None:
    assert fault_of(dmarc([record(), record("192.0.2.3")])[:cut]) is ReportFault.BROKEN_XML


def test_records_with_crossed_tags_are_not_well_formed_wherever_they_stand() -> None:
    crossed = record("192.0.2.1").replace("</dkim><spf>", "</spf><spf>", 1)

    assert fault_of(dmarc([record("192.0.2.9"), crossed])) is ReportFault.BROKEN_XML


def test_several_reports_in_one_zip_are_all_read_and_the_rest_is_named() -> None:
    content = zipped(
        {
            "a.xml": dmarc(ref="1").encode(),
            "no-ending": dmarc(ref="2").encode("utf-16"),
            "inner.gz": gzipped(dmarc(ref="3")),
            "tls.json": tls_json(),
            "readme.txt": b"hello",
            "__MACOSX/._a.xml": b"\0\5\x16\7",
        }
    )

    found = read_reports("all.zip", content)

    assert [each.ref for each in found if not isinstance(each, FaultyReport)] == ["1", "2", "3", "tls-2026-11-22"]
    assert [str(each) for each in found if isinstance(each, FaultyReport)] == [
        "all.zip/readme.txt: neither a DMARC nor a TLS report"
    ]


def test_the_first_octets_are_believed_and_not_the_name() -> None:
    assert only_dmarc(gzipped(dmarc()), "report.zip").messages == 1
    assert only_dmarc(zipped({"x": dmarc().encode()}), "report.xml.gz").messages == 1
    assert only_dmarc(dmarc(), "report").messages == 1


def test_members_of_one_gzip_file_are_read_as_one_content() -> None:
    text = dmarc().encode()

    assert only_dmarc(gzip.compress(text[:500]) + gzip.compress(text[500:]) + b"\0" * 40).messages == 1


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", ReportFault.EMPTY),
        (b"  \n", ReportFault.EMPTY),
        (b"\xef\xbb\xbf", ReportFault.EMPTY),
        (gzip.compress(b""), ReportFault.EMPTY),
        (gzip.compress(dmarc().encode())[:-30], ReportFault.BROKEN_ARCHIVE),
        (b"\x1f\x8b\x08\x00broken", ReportFault.BROKEN_ARCHIVE),
        (b"PK\x03\x04broken", ReportFault.BROKEN_ARCHIVE),
        (zipped({}), ReportFault.EMPTY),
        (b"hello", ReportFault.NOT_A_REPORT),
        (b"<html><body>Not found</body></html>", ReportFault.NOT_A_REPORT),
        (b'{"error": "not found"}', ReportFault.NOT_A_REPORT),
        (b"[1, 2]", ReportFault.NOT_A_REPORT),
        (b"{", ReportFault.BROKEN_JSON),
        (b'{"policies":' + b"[" * 100_000, ReportFault.BROKEN_JSON),
    ],
)
def test_what_is_no_report_says_what_it_is(content: bytes, fault: ReportFault) -> None:
    assert fault_of(content) is fault


def test_a_bomb_is_left_unexploded() -> None:
    blanks = gzip.compress(dmarc().replace("<record>", " " * 40_000_000 + "<record>").encode())

    assert fault_of(blanks) is ReportFault.BOMB
    assert fault_of(zipped({"a": b" " * 40_000_000})) is ReportFault.BOMB


def test_layer_upon_layer_is_refused() -> None:
    content = dmarc().encode()
    for _ in range(4):
        content = gzip.compress(content)

    assert fault_of(content) is ReportFault.TOO_DEEP


def test_what_unpacks_to_more_than_is_allowed_is_refused_whole() -> None:
    content = gzipped(dmarc([record(f"192.0.2.{n}", n + 1) for n in range(200)]))

    assert only_dmarc(content).messages == 20_100
    assert fault_of(content, most=50_000) is ReportFault.TOO_LARGE


def test_one_record_without_an_end_does_not_fill_the_memory() -> None:
    endless = dmarc(["<record><row>" + "<source_ip>" + "1" * 6_000_000])

    assert fault_of(endless) is ReportFault.TOO_LARGE


def test_a_tls_report_is_read() -> None:
    report = only_tls(tls_json())

    (policy,) = report.policies
    assert (report.reporter, report.ref) == ("Receiver Example", "tls-2026-11-22")
    assert (policy.domain, policy.policy_type, policy.sessions, policy.failed_sessions) == (
        "desk.example",
        "sts",
        5326,
        303,
    )
    assert (policy.failures[0].result, policy.failures[0].sessions) == ("certificate-expired", 303)
    assert report.period.begins_at == datetime(2026, 11, 22, tzinfo=UTC)


def test_wrong_types_in_a_tls_report_are_read_as_what_they_mean() -> None:
    whole = json.loads(tls_json())
    (policy,) = whole["policies"]
    policy["summary"] = {"total-successful-session-count": "12", "total-failure-session-count": None}
    policy["failure-details"] = policy["failure-details"][0]
    policy["failure-details"]["failed-session-count"] = 3.0

    (read,) = only_tls(json.dumps(whole | {"policies": policy}).encode("utf-16")).policies

    assert (read.sessions, read.failed_sessions) == (12, 0)
    assert [(each.result, each.sessions) for each in read.failures] == [("certificate-expired", 3)]


@pytest.mark.parametrize("broken", [{"policies": []}, {"policies": None}, {"policies": [{"policy": {}}]}])
def test_a_tls_report_on_no_domain_is_counted_nowhere(broken: dict[str, object]) -> None:
    assert fault_of(json.dumps(tls() | broken)) is ReportFault.NO_DOMAIN


@pytest.mark.parametrize(
    "media_type", ["application/gzip", "application/zip", "text/xml", "application/octet-stream", "image/png"]
)
def test_reports_in_a_message_are_found_whatever_their_type(media_type: str) -> None:
    raw = mail((media_type, "receiver.example!desk.example!1!2.xml.gz", gzipped(dmarc())))

    (report,) = reports_in(raw)

    assert isinstance(report, DmarcReport)
    assert report.messages == 1


def test_an_attachment_without_a_name_is_told_by_its_first_octets() -> None:
    raw = mail(("application/octet-stream", "", gzipped(dmarc())), ("application/tlsrpt+json", "", tls_json()))

    assert [type(each) for each in reports_in(raw)] == [DmarcReport, TlsReport]


def test_a_message_that_is_itself_the_report_is_read() -> None:
    packed = base64.encodebytes(gzipped(dmarc())).decode()
    raw = f"From: a@receiver.example\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n{packed}"

    (report,) = read_reports("mail.eml", raw.encode())

    assert isinstance(report, DmarcReport)


def test_a_report_that_was_forwarded_whole_is_found() -> None:
    inner = mail(("application/gzip", "r.xml.gz", gzipped(dmarc())))
    raw = (
        b'From: a@desk.example\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: message/rfc822\n\n'
        + inner
        + b"\n--b--\n"
    )

    (report,) = reports_in(raw)

    assert isinstance(report, DmarcReport)


def test_an_ordinary_message_carries_no_report() -> None:
    assert reports_in(mail(("image/png", "logo.png", b"\x89PNG"), ("application/pdf", "offer.pdf", b"%PDF"))) == ()


def test_broken_base64_in_a_message_is_a_broken_archive() -> None:
    raw = b"Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\nH4sIAAAAAAA!!!\n"

    (fault,) = reports_in(raw)

    assert isinstance(fault, FaultyReport)
    assert fault.fault is ReportFault.BROKEN_ARCHIVE


def test_all_parts_of_one_message_unpack_within_one_bound() -> None:
    """A hundred archives, each within its own bound, are a bomb as well."""
    part = ("application/zip", "a.zip", zipped({"a": b" " * 2_000_000}))

    found = reports_in(mail(*[part] * 20))

    assert ReportFault.BOMB in [each.fault for each in found if isinstance(each, FaultyReport)]


def test_no_domain_holds_what_a_terminal_would_act_on() -> None:
    report = only_dmarc(dmarc(domain=""), name="receiver.example!a\x1b[2Jb.example!1795305600!1795391999.xml")

    assert report.policy.domain.isprintable()
