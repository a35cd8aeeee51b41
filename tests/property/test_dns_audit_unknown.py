"""Unknown is never missing: whatever queries fail, nothing is found that is not there when they succeed."""

import pytest
from dns_audit_cases import DOMAIN, FakeDns, audited, full, full_expectations
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.dns_audit.answers import (
    Answer,
    Cause,
    NoData,
    NxDomain,
    Query,
    Records,
    RecordType,
    Unknown,
)
from outreach_pipelines.domain.dns_audit.audit import audit
from outreach_pipelines.domain.dns_audit.findings import Fault
from outreach_pipelines.domain.dns_audit.lookups import NeedMore
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready

GOOD = full()
EXPECTED = full_expectations()
audited(GOOD, EXPECTED)
QUERIES = sorted(set(GOOD.asked))

LINES = [
    *GOOD.lines,
    "_mta-sts.acme.example TXT v=STSv1; id=2",
    "acme.example DS 4711 8",
    "acme.example A 10.0.0.1",
    "autodiscover.acme.example CNAME gone.cloud.test",
    "7.113.0.203.in-addr.arpa PTR other.test",
    "7.113.0.203.ips.blocked.test A 127.0.0.2",
    "acme.example TXT v=spf1 mx include:amazonses.com ptr -all",
    "acme.example MX 20 gone.acme.example",
    "bounce.acme.example MX 20 mail.acme.example",
    "_dmarc.acme.example TXT v=DMARC1; p=none; np=reject",
    "_dmarc.example TXT v=DMARC1; p=none; np=reject; psd=y; rua=mailto:d@reports.test",
    "relay._domainkey.acme.example TXT v=DKIM1; p=",
    "amazonses.com TXT v=spf1 include:deep.test a:void1.test a:void2.test a:void3.test -all",
    "deep.test TXT v=spf1 include:deep.test a mx exists:x.test -all",
]


SILENT = st.sampled_from([Cause.TIMEOUT, Cause.SERVER_FAILURE, Cause.REFUSED])


@settings(deadline=None, max_examples=200)
@given(st.sets(st.sampled_from(QUERIES), min_size=1), SILENT)
def test_no_failing_query_of_a_good_domain_makes_a_finding(failing: set[Query], cause: Cause) -> None:
    findings = audited(FakeDns(GOOD.lines, frozenset(failing), cause=cause), EXPECTED)

    assert findings.findings == ()
    assert not any(isinstance(state, NotReady) for state in findings.readiness.values())


@settings(deadline=None)
@given(st.data(), st.sets(st.sampled_from(LINES)))
def test_failing_queries_never_add_a_fault_to_those_of_the_whole_zone(data: st.DataObject, lines: set[str]) -> None:
    whole = FakeDns(tuple(sorted(lines)))
    truth = {finding.key for finding in audited(whole, EXPECTED).findings}
    failing = data.draw(st.sets(st.sampled_from(sorted(set(whole.asked)))))

    seen = audited(FakeDns(whole.lines, frozenset(failing)), EXPECTED)

    assert {finding.key for finding in seen.findings} <= truth


@settings(deadline=None)
@given(st.data(), st.sets(st.sampled_from(LINES)))
def test_an_account_is_ready_only_where_the_whole_zone_makes_it_ready(data: st.DataObject, lines: set[str]) -> None:
    whole = FakeDns(tuple(sorted(lines)))
    truth = audited(whole, EXPECTED).readiness
    failing = data.draw(st.sets(st.sampled_from(sorted(set(whole.asked)))))

    seen = audited(FakeDns(whole.lines, frozenset(failing)), EXPECTED).readiness

    assert all(truth[account] == Ready() for account, state in seen.items() if state == Ready())


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(QUERIES), st.sampled_from([NoData(), NxDomain(), Unknown(Cause.REFUSED), Records((), 0)])
    )
)
def test_any_mixture_of_answers_is_audited_to_an_end(answers: dict[Query, Answer]) -> None:
    known: dict[Query, Answer] = dict(answers)
    rounds = 0
    while isinstance(outcome := audit(DOMAIN, known, EXPECTED), NeedMore):
        known |= {query: Unknown(Cause.TIMEOUT) for query in outcome.queries}
        rounds += 1

    assert rounds < 20
    assert outcome.score.total is None or 0 <= outcome.score.total <= 100


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.type} {query.name} {query.server}")
def test_one_failing_query_of_the_whole_audit_is_told_and_is_no_finding(query: Query) -> None:
    findings = audited(FakeDns(GOOD.lines, frozenset({query})), EXPECTED)

    assert findings.findings == ()
    assert findings.unanswered or query.type in (RecordType.A, RecordType.AAAA)  # the other family answers


@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.SERVER_FAILURE, Cause.REFUSED])
def test_everything_failing_is_no_missing_record_at_all(cause: Cause) -> None:
    findings = audited(FakeDns(GOOD.lines, frozenset(QUERIES), cause=cause), EXPECTED)

    assert [finding for finding in findings.findings if finding.fault is Fault.MISSING] == []
    assert findings.score.total is None


@pytest.mark.parametrize("line", GOOD.lines[:2])
def test_the_fake_really_serves_the_good_zone(line: str) -> None:
    owner, kind, _ = line.split(" ", 2)

    assert any((query.name, query.type) == (owner, kind) for query in QUERIES)
