"""All fixes of one domain as one list, to be pasted at once.

Here: putting fixes together, each record once, and what nobody can write for the owner. Not here: applying them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from outreach_pipelines.domain.dns_audit.findings import Finding, Fix, ResourceRecord, ServedText


@dataclass(frozen=True, slots=True)
class FixList:
    """The change of a zone that mends `mended`.

    `by_hand`: findings that need a decision or a value not known here. `later`: their fixes would take away a record that
    another fix replaces; they show again in the audit after this change.
    """

    publish: tuple[ResourceRecord, ...]
    withdraw: tuple[ResourceRecord, ...]
    serve: tuple[ServedText, ...]
    mended: tuple[Finding, ...]
    by_hand: tuple[Finding, ...]
    later: tuple[Finding, ...] = ()


def fix_list(findings: Iterable[Finding]) -> FixList:
    """Put the fixes together, the worst finding first, each record once."""
    mended: list[Finding] = []
    fixes: list[Fix] = []
    by_hand: list[Finding] = []
    later: list[Finding] = []
    replaced: set[ResourceRecord] = set()
    for finding in sorted(findings, key=lambda one: -one.severity):
        fix = finding.fix
        if fix is None:
            by_hand.append(finding)
        elif replaced.isdisjoint(fix.withdraw) or _same(fix, fixes):
            mended.append(finding)
            fixes.append(fix)
            replaced.update(fix.withdraw)
        else:
            later.append(finding)
    publish = dict.fromkeys(record for fix in fixes for record in fix.publish)
    withdraw = dict.fromkeys(record for fix in fixes for record in fix.withdraw if record not in publish)
    serve = dict.fromkeys(text for fix in fixes for text in fix.serve)
    return FixList(tuple(publish), tuple(withdraw), tuple(serve), tuple(mended), tuple(by_hand), tuple(later))


def _same(fix: Fix, others: Iterable[Fix]) -> bool:
    return any(other.publish == fix.publish for other in others)
