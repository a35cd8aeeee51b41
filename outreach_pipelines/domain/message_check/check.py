"""One message against all rules, with what the DNS says of its senders.

Here: the rules that need answers, and the whole. Not here: rules of form (form_rules.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dkim_verification import DkimResult, DkimVerdict, verify_signatures
from outreach_pipelines.domain.dns_audit.blocklist_check import check_blocklists
from outreach_pipelines.domain.dns_audit.dmarc_check import aligns
from outreach_pipelines.domain.dns_audit.dmarc_walk import DmarcUnknown, GoverningDmarc, NoDmarc, discover_dmarc
from outreach_pipelines.domain.dns_audit.expectations import Blocklist, DedicatedAddress
from outreach_pipelines.domain.dns_audit.lookups import Lookup, together
from outreach_pipelines.domain.dns_audit.mail_status import MailStatus, mail_status
from outreach_pipelines.domain.dns_audit.reverse_check import check_reverse_name
from outreach_pipelines.domain.dns_audit.spf_evaluation import SpfOutcome, SpfResult, check_host
from outreach_pipelines.domain.dns_audit.spf_expansion import SpfSender
from outreach_pipelines.domain.message_check.form_rules import form_reports, one_click_signed
from outreach_pipelines.domain.message_check.reading import ReadMessage
from outreach_pipelines.domain.message_check.rules import Outcome, Rule, RuleReport

_WANTED_BITS = 2048
_ED25519_BITS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the octets do not tell: who handed the message in (None: not known), which lists are asked, the time."""

    sender: SpfSender | None
    lists: tuple[Blocklist, ...]
    now: int


def check_message(message: ReadMessage, around: Circumstances) -> Lookup[tuple[RuleReport, ...]]:
    """Hold a message against every rule, in the order of `Rule`."""
    signatures = verify_signatures(message.octets, now=around.now)
    verdicts = yield from signatures
    spf = None if around.sender is None else (yield from check_host(around.sender))
    asked = yield from together(
        [
            _policy(message, verdicts, _Passed(around.sender, spf)),
            _reverse(around.sender),
            _takes_mail(Rule.FROM_TAKES_MAIL, message, "from"),
            _takes_mail(Rule.REPLY_TO_TAKES_MAIL, message, "reply-to"),
            _unlisted(message, around.lists),
        ]
    )
    reports = [
        _spf(spf),
        *_dkim(verdicts),
        *(report for several in asked for report in several),
        *form_reports(message),
        one_click_signed(message, verdicts),
    ]
    order = list(Rule)
    return tuple(sorted(reports, key=lambda report: order.index(report.rule)))


@dataclass(frozen=True, slots=True)
class _Passed:
    sender: SpfSender | None
    outcome: SpfOutcome | None

    @property
    def domain(self) -> DomainName | None:
        """The envelope domain that SPF passes."""
        passes = self.sender is not None and self.outcome is not None and self.outcome.result is SpfResult.PASS
        return self.sender.domain if passes and self.sender is not None else None


def _spf(outcome: SpfOutcome | None) -> RuleReport:
    if outcome is None:
        return RuleReport(Rule.SPF_PASSES, Outcome.NOT_APPLICABLE, "not yet sent: no address that hands it in")
    told = f"{outcome.result}: {outcome.reason}"
    if outcome.result is SpfResult.TEMPERROR:
        return RuleReport(Rule.SPF_PASSES, Outcome.UNKNOWN, told)
    return RuleReport(Rule.SPF_PASSES, Outcome.HOLDS if outcome.result is SpfResult.PASS else Outcome.BROKEN, told)


def _dkim(verdicts: tuple[DkimVerdict, ...]) -> tuple[RuleReport, RuleReport]:
    passing = [verdict for verdict in verdicts if verdict.result is DkimResult.PASS]
    told = "; ".join(f"{verdict.domain or 'signature'}: {verdict.result}, {verdict.reason}" for verdict in verdicts)
    unsure = any(verdict.result is DkimResult.TEMPERROR for verdict in verdicts)
    failed = Outcome.UNKNOWN if unsure else Outcome.BROKEN
    passes = RuleReport(Rule.DKIM_PASSES, Outcome.HOLDS if passing else failed, told or "no signature")
    return passes, _key_length(passing)


def _key_length(passing: list[DkimVerdict]) -> RuleReport:
    if not passing:
        return RuleReport(Rule.DKIM_KEY_LENGTH, Outcome.NOT_APPLICABLE, "no signature passes")
    bits = [verdict.bits or 0 for verdict in passing]
    strong = any(size >= _WANTED_BITS or size == _ED25519_BITS for size in bits)
    told = ", ".join(f"{verdict.domain}: {verdict.bits} bits" for verdict in passing)
    return RuleReport(Rule.DKIM_KEY_LENGTH, Outcome.HOLDS if strong else Outcome.WEAK, told)


def _policy(message: ReadMessage, verdicts: tuple[DkimVerdict, ...], spf: _Passed) -> Lookup[tuple[RuleReport, ...]]:
    domain = message.from_domain
    if domain is None:
        why = "there is not one From address"
        return tuple(RuleReport(rule, Outcome.BROKEN, why) for rule in (Rule.DMARC_PUBLISHED, Rule.FROM_ALIGNED))
    policy = yield from discover_dmarc(domain)
    match policy:
        case DmarcUnknown(name, cause):
            published = RuleReport(Rule.DMARC_PUBLISHED, Outcome.UNKNOWN, f"{name}: {cause}")
        case NoDmarc():
            published = RuleReport(Rule.DMARC_PUBLISHED, Outcome.BROKEN, f"no policy governs {domain}")
        case GoverningDmarc(at, record):
            published = RuleReport(Rule.DMARC_PUBLISHED, Outcome.HOLDS, f"{record.text} at {at}")
        case _:
            assert_never(policy)
    strict = isinstance(policy, GoverningDmarc) and policy.record.strict_envelope
    strict_keys = isinstance(policy, GoverningDmarc) and policy.record.strict_signature
    aligned = yield from _aligned(domain, verdicts, spf, strict=(strict, strict_keys))
    return published, aligned


def _aligned(
    domain: DomainName, verdicts: tuple[DkimVerdict, ...], spf: _Passed, *, strict: tuple[bool, bool]
) -> Lookup[RuleReport]:
    signers = [verdict.domain for verdict in verdicts if verdict.result is DkimResult.PASS]
    pairs = [(name, "DKIM", strict[1]) for name in dict.fromkeys(signers)]
    pairs += [(spf.domain, "SPF", strict[0])] if spf.domain is not None else []
    answers = yield from together([aligns(name, domain, strict=is_strict) for name, _, is_strict in pairs])
    good = [f"{by} of {name}" for (name, by, _), answer in zip(pairs, answers, strict=True) if answer is True]
    if good:
        return RuleReport(Rule.FROM_ALIGNED, Outcome.HOLDS, f"{', '.join(good)} aligns with {domain}")
    unsure = [answer for answer in answers if isinstance(answer, DmarcUnknown)]
    unsure_keys = any(verdict.result is DkimResult.TEMPERROR for verdict in verdicts)
    outcome = Outcome.UNKNOWN if unsure or unsure_keys else Outcome.BROKEN
    passed = ", ".join(f"{by} of {name}" for name, by, _ in pairs) or "nothing"
    return RuleReport(Rule.FROM_ALIGNED, outcome, f"{passed} passes, and none aligns with {domain}")


def _reverse(sender: SpfSender | None) -> Lookup[tuple[RuleReport, ...]]:
    if sender is None:
        why = "not yet sent: no address that hands it in"
        return (RuleReport(Rule.REVERSE_DNS, Outcome.NOT_APPLICABLE, why),)
    report = yield from check_reverse_name(DedicatedAddress(sender.ip))
    if report.findings:
        return (RuleReport(Rule.REVERSE_DNS, Outcome.BROKEN, report.findings[0].evidence),)
    if report.unanswered:
        gap = report.unanswered[0]
        return (RuleReport(Rule.REVERSE_DNS, Outcome.UNKNOWN, f"{gap.name}: {gap.cause}"),)
    return (RuleReport(Rule.REVERSE_DNS, Outcome.HOLDS, f"{sender.ip} has a name that leads back to it"),)


def _takes_mail(rule: Rule, message: ReadMessage, field: str) -> Lookup[tuple[RuleReport, ...]]:
    domains = list(dict.fromkeys(address.domain for address in message.addresses(field)))
    if not domains:
        missing = Outcome.BROKEN if field == "from" or message.values(field) else Outcome.NOT_APPLICABLE
        return (RuleReport(rule, missing, f"no address in {field.title()}"),)
    states = yield from together([mail_status(domain) for domain in domains])
    told = ", ".join(f"{domain}: {state}" for domain, state in zip(domains, states, strict=True))
    return (RuleReport(rule, _outcome_of(states), told),)


def _outcome_of(states: Iterable[MailStatus]) -> Outcome:
    seen = set(states)
    if seen & {MailStatus.NO_DOMAIN, MailStatus.NULL_MX, MailStatus.NO_MX}:
        return Outcome.BROKEN
    return Outcome.UNKNOWN if MailStatus.UNKNOWN in seen else Outcome.HOLDS


def _unlisted(message: ReadMessage, lists: tuple[Blocklist, ...]) -> Lookup[tuple[RuleReport, ...]]:
    domain_lists = tuple(one for one in lists if one.lists_domains)
    if not domain_lists:
        return (RuleReport(Rule.DOMAINS_UNLISTED, Outcome.NOT_APPLICABLE, "no list of domains was named"),)
    domains = dict.fromkeys([*(address.domain for address in message.addresses("from")), *message.linked_domains])
    reports = yield from together([check_blocklists(domain, (), domain_lists) for domain in domains])
    listed = [finding.evidence for report in reports for finding in report.findings]
    unsure = [f"{gap.name}: {gap.cause}" for report in reports for gap in report.unanswered]
    if listed:
        return (RuleReport(Rule.DOMAINS_UNLISTED, Outcome.BROKEN, "; ".join(listed)),)
    if unsure:
        return (RuleReport(Rule.DOMAINS_UNLISTED, Outcome.UNKNOWN, "; ".join(unsure)),)
    return (RuleReport(Rule.DOMAINS_UNLISTED, Outcome.HOLDS, f"{len(domains)} domains are on no list"),)
