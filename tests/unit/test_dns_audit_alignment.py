"""Which domains align: the organizational domain by tree walk (RFC 9989 section 4.10.2)."""

import pytest
from dns_audit_cases import FakeDns, looked_up

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, Query, RecordType
from outreach_pipelines.domain.dns_audit.dmarc_check import aligns
from outreach_pipelines.domain.dns_audit.dmarc_walk import DmarcUnknown, organizational_domain

FIRM = "_dmarc.firm.example TXT v=DMARC1; p=none"


@pytest.mark.parametrize(
    ("lines", "domain", "expected"),
    [
        ([FIRM], "a.b.firm.example", "firm.example"),
        ([FIRM, "_dmarc.b.firm.example TXT v=DMARC1; p=none"], "a.b.firm.example", "firm.example"),
        ([FIRM, "_dmarc.b.firm.example TXT v=DMARC1; p=none; psd=n"], "a.b.firm.example", "b.firm.example"),
        (["_dmarc.example TXT v=DMARC1; p=none; psd=y"], "a.b.firm.example", "firm.example"),
        (["_dmarc.gov.example TXT v=DMARC1; p=none; psd=y"], "a.city.gov.example", "city.gov.example"),
        (["other.example TXT x"], "a.b.firm.example", "a.b.firm.example"),
        ([FIRM, "_dmarc.b.firm.example TXT v=DMARC1; p=maybe"], "a.b.firm.example", "firm.example"),
    ],
)
def test_the_organizational_domain_is_found_by_walking_up(lines: list[str], domain: str, expected: str) -> None:
    assert looked_up(lambda: organizational_domain(DomainName(domain)), FakeDns(tuple(lines))) == expected


@pytest.mark.parametrize(
    ("lines", "one", "other", "relaxed"),
    [
        ([FIRM], "bounce.firm.example", "news.firm.example", True),
        ([FIRM], "firm.example", "news.firm.example", True),
        ([FIRM], "firm.example", "elsewhere.example", False),
        ([FIRM, "_dmarc.news.firm.example TXT v=DMARC1; p=none; psd=n"], "firm.example", "news.firm.example", False),
        (["x.example TXT x"], "bounce.firm.example", "news.firm.example", False),
    ],
)
def test_siblings_of_one_organization_align_unless_alignment_is_strict(
    lines: list[str], one: str, other: str, *, relaxed: bool
) -> None:
    served = FakeDns(tuple(lines))

    answers = [
        looked_up(lambda strict=strict: aligns(DomainName(one), DomainName(other), strict=strict), served)
        for strict in (False, True)
    ]

    assert answers == [relaxed, False]


def test_alignment_is_unknown_where_the_walk_is_cut() -> None:
    lost = Query(DomainName("_dmarc.firm.example"), RecordType.TXT)
    served = FakeDns((FIRM,), frozenset({lost}))

    answer = looked_up(lambda: aligns(DomainName("a.firm.example"), DomainName("firm.example"), strict=False), served)

    assert answer == DmarcUnknown(DomainName("_dmarc.firm.example"), Cause.TIMEOUT)
