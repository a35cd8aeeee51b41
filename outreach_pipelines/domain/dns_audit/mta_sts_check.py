"""The MTA-STS check: whether senders can know that our mail hosts take mail by TLS only (RFC 8461).

Here: judgement of record, policy and MX together. Not here: their texts (mta_sts_policy.py).
"""

from dataclasses import dataclass

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    MailExchanger,
    PolicyText,
    RecordType,
    Text,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.expectations import Expectations, Extra
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fact,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    ServedText,
    Severity,
    Unanswered,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, ask, follow, together
from outreach_pipelines.domain.dns_audit.mta_sts_policy import (
    MtaStsPolicy,
    PolicyError,
    PolicyMode,
    announced_id,
    first_policy,
    is_announcement,
    parse_policy,
)
from outreach_pipelines.domain.dns_audit.names import ROOT, under


@dataclass(frozen=True, slots=True)
class _Site:
    """What the check knows before it judges: the domain, its MX hosts, the records announced."""

    domain: DomainName
    hosts: tuple[DomainName, ...]
    announced: tuple[bytes, ...]

    @property
    def name(self) -> DomainName:
        return under("_mta-sts", self.domain)

    @property
    def policy_host(self) -> DomainName:
        return under("mta-sts", self.domain)


def check_mta_sts(domain: DomainName, expectations: Expectations) -> Lookup[CheckReport]:
    """Judge the announcement, and the policy where the web server may be asked."""
    name = under("_mta-sts", domain)
    record, exchangers = yield from together([follow(name, RecordType.TXT), follow(domain, RecordType.MX)])
    if isinstance(record, Unknown):
        return _unanswered(name, record)
    if isinstance(exchangers, Unknown):
        return _unanswered(domain, exchangers)
    hosts = tuple(mx.host for mx in data_of(exchangers, MailExchanger) if mx.host != ROOT)
    texts = tuple(text.value for text in data_of(record, Text) if is_announcement(text.value))
    site = _Site(domain, hosts, texts)
    if not hosts and not texts:
        return CheckReport()
    announcement = _judge_announcement(site)
    if announcement.findings or Extra.POLICY not in expectations.extras:
        return announcement
    answer = yield from ask(site.policy_host, RecordType.POLICY)
    if isinstance(answer, Unknown):
        return _unanswered(site.policy_host, answer)
    return _judge_policy(site, data_of(answer, PolicyText))


def _judge_announcement(site: _Site) -> CheckReport:
    if not site.announced:
        why = "no MTA-STS: a sender that is led astray delivers to strangers, or in clear"
        return CheckReport((_finding(site, Fault.WEAK, Severity.LOW, why, _fix(site, PolicyMode.TESTING)),))
    if len(site.announced) > 1:
        why = f"{len(site.announced)} records: senders act as if there were none"
        return CheckReport((_finding(site, Fault.EXTRA, Severity.MEDIUM, why, _fix(site, PolicyMode.TESTING)),))
    try:
        announced_id(site.announced[0])
    except PolicyError as error:
        why = f"{_written(site.announced[0])}: {error}"
        return CheckReport((_finding(site, Fault.WRONG, Severity.MEDIUM, why, _fix(site, PolicyMode.TESTING)),))
    return CheckReport()


def _judge_policy(site: _Site, served: tuple[PolicyText, ...]) -> CheckReport:
    if not served:
        why = f"a policy is announced and {site.policy_host} serves none"
        return CheckReport((_finding(site, Fault.WRONG, Severity.MEDIUM, why, _fix(site, PolicyMode.TESTING)),))
    if served[0].fault:
        why = f"senders must not use the policy of {site.policy_host}: {served[0].fault}"
        return CheckReport((_finding(site, Fault.WRONG, Severity.MEDIUM, why, None),))
    try:
        policy = parse_policy(served[0].text)
    except PolicyError as error:
        why = f"the policy of {site.policy_host} is none: {error}"
        return CheckReport((_finding(site, Fault.WRONG, Severity.MEDIUM, why, _fix(site, PolicyMode.TESTING)),))
    return _judge_hosts(site, policy)


def _judge_hosts(site: _Site, policy: MtaStsPolicy) -> CheckReport:
    strangers = tuple(host for host in site.hosts if not policy.names(host))
    if policy.mode is PolicyMode.NONE or not strangers:
        return CheckReport(facts=(Fact(Check.MTA_STS, site.name, f"mode {policy.mode}, {len(policy.hosts)} hosts"),))
    severity = Severity.HIGH if policy.mode is PolicyMode.ENFORCE else Severity.MEDIUM
    why = f"the policy (mode {policy.mode}) does not name {', '.join(strangers)}: senders refuse to deliver there"
    return CheckReport((_finding(site, Fault.WRONG, severity, why, _fix(site, policy.mode)),))


def _fix(site: _Site, mode: PolicyMode) -> Fix | None:
    if not site.hosts:
        return None
    policy = first_policy(site.hosts, mode)
    record = ResourceRecord(site.name, RecordType.TXT, policy.record)
    former = tuple(ResourceRecord(site.name, RecordType.TXT, _written(text)) for text in site.announced)
    url = f"https://{site.policy_host}/.well-known/mta-sts.txt"
    return Fix((record,), tuple(one for one in former if one != record), (ServedText(url, policy.text),))


def _finding(site: _Site, fault: Fault, severity: Severity, evidence: str, fix: Fix | None) -> Finding:
    return Finding(check=Check.MTA_STS, fault=fault, severity=severity, name=site.name, evidence=evidence, fix=fix)


def _written(text: bytes) -> str:
    return text.decode("ascii", "backslashreplace")


def _unanswered(name: DomainName, answer: Unknown) -> CheckReport:
    return CheckReport(unanswered=(Unanswered(check=Check.MTA_STS, name=name, cause=answer.cause),))
