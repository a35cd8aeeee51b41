"""The reverse names of dedicated addresses: PTR, forward-confirmed, and like the HELO name.

Here: judgement. Gmail's and Yahoo's sender requirements ask for valid forward and reverse DNS of sending addresses.
"""

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Address, Answer, RecordType, ReverseName, Unknown, data_of
from outreach_pipelines.domain.dns_audit.expectations import DedicatedAddress, IpAddress
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    Severity,
    Unanswered,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow, together
from outreach_pipelines.domain.dns_audit.names import absolute
from outreach_pipelines.domain.dns_audit.spf_pointer import MOST_NAMES, family_of, reverse_name


def check_reverse_name(dedicated: DedicatedAddress) -> Lookup[CheckReport]:
    """Judge one address. Whose zone its PTR stands in is the network's owner's: often the hosting company's."""
    ip = dedicated.ip
    owner = reverse_name(ip)
    answer = yield from follow(owner, RecordType.PTR)
    if isinstance(answer, Unknown):
        return _unanswered(owner, answer)
    names = tuple(pointer.host for pointer in data_of(answer, ReverseName))
    if not names:
        return CheckReport(
            (_finding(dedicated, Fault.MISSING, f"{ip} has no PTR record: large receivers refuse it", ()),)
        )
    looked_at = names[:MOST_NAMES]
    answers = yield from together([follow(name, family_of(ip)) for name in looked_at])
    confirmed = {name for name, found in zip(looked_at, answers, strict=True) if _leads_to(ip, found)}
    unknown = next((found for found in answers if isinstance(found, Unknown)), None)
    if not confirmed:
        if unknown is not None:
            return _unanswered(owner, unknown)
        why = f"{', '.join(names)} does not lead back to {ip}: the reverse name is not confirmed"
        return CheckReport((_finding(dedicated, Fault.WRONG, why, names),))
    return _judge_helo(dedicated, names, confirmed)


def _judge_helo(dedicated: DedicatedAddress, names: tuple[DomainName, ...], confirmed: set[DomainName]) -> CheckReport:
    if dedicated.helo is None or dedicated.helo in confirmed:
        return CheckReport()
    why = f"{dedicated.ip} greets as {dedicated.helo} and is called {', '.join(sorted(confirmed))}"
    finding = Finding(
        check=Check.REVERSE_NAME,
        fault=Fault.WEAK,
        severity=Severity.MEDIUM,
        name=reverse_name(dedicated.ip),
        evidence=why,
        fix=_fix(dedicated, names),
    )
    return CheckReport((finding,))


def _leads_to(ip: IpAddress, answer: Answer) -> bool:
    return any(record.ip == ip for record in data_of(answer, Address))


def _fix(dedicated: DedicatedAddress, found: tuple[DomainName, ...]) -> Fix | None:
    if dedicated.helo is None:
        return None
    owner, ip = reverse_name(dedicated.ip), dedicated.ip
    forward = ResourceRecord(dedicated.helo, family_of(ip), str(ip))
    wanted = ResourceRecord(owner, RecordType.PTR, absolute(dedicated.helo))
    former = (ResourceRecord(owner, RecordType.PTR, absolute(name)) for name in found)
    return Fix((wanted, forward), tuple(record for record in former if record != wanted))


def _finding(dedicated: DedicatedAddress, fault: Fault, why: str, found: tuple[DomainName, ...]) -> Finding:
    return Finding(
        check=Check.REVERSE_NAME,
        fault=fault,
        severity=Severity.HIGH,
        name=reverse_name(dedicated.ip),
        evidence=why,
        fix=_fix(dedicated, found),
    )


def _unanswered(name: DomainName, answer: Unknown) -> CheckReport:
    return CheckReport(unanswered=(Unanswered(check=Check.REVERSE_NAME, name=name, cause=answer.cause),))
