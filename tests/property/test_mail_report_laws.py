"""What holds for every file: nothing raises, and the quick way of counting records counts what the XML parser would."""

import gzip
from collections import Counter
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mail_report_cases import dmarc, gzipped, mail, record, signature, spf, tls_json, zipped

from outreach_pipelines.domain.mail_reports.reading import read_reports, reports_in
from outreach_pipelines.domain.mail_reports.report import DmarcReport, FaultyReport, Outcome, TlsReport

ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.01", "2001:DB8::1", "2001:db8::1", "none", "", " 192.0.2.9 "])
WORDS = st.sampled_from(["pass", "fail", "", "PASS", "permerror", "&amp;", "<![CDATA[pass]]>"])
DOMAINS = st.sampled_from(
    ["desk.example", "Desk.Example.", "a@desk.example", "other.example", "bücher.example", "", "x&amp;y"]
)
RESULTS = st.lists(
    st.one_of(
        st.builds(signature, DOMAINS, st.sampled_from(["s1", "S1", "", "</selector><selector>s2"]), WORDS),
        st.builds(spf, DOMAINS, WORDS, st.sampled_from(["mfrom", "helo"])),
        st.sampled_from(
            ["<dkim/>", "<spf><result>pass</result></spf>", "<dkim><domain>a<b/>c</domain></dkim>", "text"]
        ),
    ),
    max_size=4,
).map("".join)
RECORDS = st.builds(
    record,
    ADDRESSES,
    st.sampled_from(["1", "20", " 3 ", "0", "x", "", "4.0"]),
    dkim=WORDS,
    spf_word=WORDS,
    disposition=st.sampled_from(["none", "reject", "pass", "odd", ""]),
    header_from=DOMAINS,
    results=RESULTS,
    reason=st.sampled_from(["", "<reason><type>forwarded</type></reason>", "<reason/>"]),
)
LOOKS = st.sampled_from([("", ""), ("><", ">\n  <"), ("<record>", "<record >"), ("<row>", "<row a='>'>")])
SEEDS = [
    dmarc([record(), record("192.0.2.2", 3)]).encode(),
    gzipped(dmarc()),
    zipped({"a.xml": dmarc().encode(), "b.json": tls_json()}),
    tls_json(),
    mail(("application/gzip", "a.xml.gz", gzipped(dmarc()))),
    dmarc().encode("utf-16"),
]

unhurried = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])


def counted(text: str) -> Counter[tuple[str | None, Outcome]]:
    (report,) = read_reports("report.xml", text.encode())
    assert isinstance(report, DmarcReport), report
    return Counter({(row.source, row.outcome): row.messages for row in report.rows})


@unhurried
@given(records=st.lists(st.tuples(RECORDS, LOOKS), max_size=8))
def test_the_quick_way_counts_what_the_xml_parser_counts(records: list[tuple[str, tuple[str, str]]]) -> None:
    written = [each.replace(*look) for each, look in records]

    quick = counted(dmarc(written))
    parsed = counted(dmarc(["<!-- only the parser reads on from here -->", *written]))

    assert quick == parsed


@unhurried
@given(content=st.binary(max_size=400))
def test_any_octets_are_reports_or_faults(content: bytes) -> None:
    for found in (read_reports("any", content), reports_in(content), read_reports("any", gzip.compress(content))):
        assert all(isinstance(each, DmarcReport | TlsReport | FaultyReport) for each in found)


@unhurried
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 40), st.binary(max_size=12)), max_size=6),
)
def test_damaged_reports_are_reports_or_faults(seed: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    content = bytearray(seed)
    for at, length, new in edits:
        start = at % (len(content) + 1)
        content[start : start + length] = new

    found = (*read_reports("damaged", bytes(content)), *reports_in(bytes(content)))

    assert all(isinstance(each, DmarcReport | TlsReport | FaultyReport) for each in found)


@unhurried
@given(records=st.lists(RECORDS, min_size=1, max_size=6), sizes=st.lists(st.integers(1, 400), min_size=1))
def test_the_pieces_in_which_a_report_is_packed_do_not_matter(records: list[str], sizes: list[int]) -> None:
    text = dmarc(records).encode()
    bounds = [0]
    while bounds[-1] < len(text):
        bounds.append(bounds[-1] + sizes[len(bounds) % len(sizes)])
    members = b"".join(gzip.compress(text[start:end]) for start, end in pairwise(bounds))

    (whole,), (pieces,) = read_reports("a.xml", text), read_reports("a.xml", members)

    assert isinstance(whole, DmarcReport)
    assert isinstance(pieces, DmarcReport)
    assert whole.rows == pieces.rows
