"""What is believed of a way to send survives its JSON, each kind of it."""

import json
from datetime import UTC, datetime

import pytest

from outreach_pipelines.adapters.postgres.standing_json import standing_json, standing_of
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, RecordType
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Finding, Fix, ResourceRecord, Severity
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready, Undecided
from outreach_pipelines.domain.dns_audit.settling import AwaitingConfirmation, Standing, Suspicion
from outreach_pipelines.domain.provider_account import AccountName

NIGHT = datetime(2026, 11, 21, 2, 30, 0, 123456, tzinfo=UTC)
NAME = DomainName("_dmarc.acme.example")


def finding(fault: Fault, fix: Fix | None = None) -> Finding:
    stops = frozenset({AccountName("ses"), AccountName("relay")})
    return Finding(
        check=Check.DMARC_RECORD,
        fault=fault,
        severity=Severity.HIGH,
        name=NAME,
        evidence='two records; "p"',
        fix=fix,
        stops=stops,
    )


RECORD = ResourceRecord(NAME, RecordType.TXT, "v=DMARC1; p=reject", 300)
FIX = Fix((RECORD,), (ResourceRecord(NAME, RecordType.TXT, "v=DMARC1; p=none"), RECORD))
FAULTY = NotReady((finding(Fault.MISSING),), (finding(Fault.WRONG, FIX),), (finding(Fault.EXTRA, Fix((RECORD,))),))


@pytest.mark.parametrize(
    "standing",
    [
        Standing(state=Ready(), confirmed_at=NIGHT),
        Standing(state=Ready(), confirmed_at=NIGHT, suspicion=Suspicion(FAULTY, NIGHT)),
        Standing(state=FAULTY, confirmed_at=NIGHT),
        Standing(state=Undecided((Cause.TIMEOUT, Cause.REFUSED)), confirmed_at=NIGHT),
        Standing(state=Undecided(()), confirmed_at=None),
        Standing(state=AwaitingConfirmation(), confirmed_at=None, suspicion=Suspicion(FAULTY, NIGHT)),
    ],
    ids=["ready", "suspected", "not-ready", "undecided", "never-seen", "awaiting"],
)
def test_a_standing_survives_its_json(standing: Standing) -> None:
    stored = json.loads(json.dumps(standing_json(standing)))

    assert standing_of(stored) == standing


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValueError, match="'gone'"):
        standing_of({"state": {"is": "gone"}, "confirmed_at": None, "suspicion": None})
