"""One record of an aggregate report: its words, and what they say.

Both schemas are read alike (RFC 9990; RFC 7489 appendix C, whose drafts say `identities`): a name that only one has is looked for
in every report. Not here: how records are found quickly (`dmarc_rows`).
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, TypeVar

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.names import related
from outreach_pipelines.domain.mail_reports.report import Disposition, Outcome, Override, Signature, SpfResult, one_line
from outreach_pipelines.domain.mail_reports.xml_tree import Node

_Word = TypeVar("_Word", bound=StrEnum)
MOST_RESULTS = 20
"""Of one kind in one record: RFC 9990 lets a receiver leave out signatures beyond a hundred; real mail has two."""
LONGEST_WORD = 253
_MOST_KNOWN = 4096  # a report names few domains, and each of them many times


class Words(NamedTuple):
    """The texts of a record, as written. Empty where there is none."""

    source: str
    messages: str
    disposition: str
    dkim: str
    spf: str
    header_from: str
    envelope_from: str
    overrides: tuple[str, ...]
    signatures: tuple[tuple[str, str, str], ...]
    spf_results: tuple[tuple[str, str, str], ...]

    def each(self) -> Iterator[str]:
        """All of them, in order."""
        yield from self[:7]
        yield from self.overrides
        for result in (*self.signatures, *self.spf_results):
            yield from result

    def mapped(self, to: Callable[[str], str]) -> "Words":
        """The same with each text replaced."""
        source, messages, disposition, dkim, spf, header_from, envelope_from = map(to, self[:7])
        return Words(
            source,
            messages,
            disposition,
            dkim,
            spf,
            header_from,
            envelope_from,
            tuple(map(to, self.overrides)),
            tuple((to(a), to(b), to(c)) for a, b, c in self.signatures),
            tuple((to(a), to(b), to(c)) for a, b, c in self.spf_results),
        )


def words_of(record: Node) -> Words:
    """Where the texts of a record stand."""
    row, judged = record.child("row") or Node("row"), Node("policy_evaluated")
    judged = row.child("policy_evaluated") or judged
    names = record.child("identifiers") or record.child("identities") or Node("identifiers")
    results = record.child("auth_results") or Node("auth_results")
    return Words(
        row.value("source_ip"),
        row.value("count"),
        judged.value("disposition"),
        judged.value("dkim"),
        judged.value("spf"),
        names.value("header_from"),
        names.value("envelope_from"),
        tuple(each.value("type") for each in judged.all("reason")[:MOST_RESULTS]),
        tuple(_result(each, "selector") for each in results.all("dkim")[:MOST_RESULTS]),
        tuple(_result(each, "scope") for each in results.all("spf")[:MOST_RESULTS]),
    )


def _result(node: Node, second: str) -> tuple[str, str, str]:
    return node.value("domain"), node.value(second), node.value("result")


def outcome_of(words: Words, policy_domain: DomainName) -> Outcome:
    """What a record says but for its source and count. A word on alignment that is missing is concluded from the results."""
    header_from = domain_of(words.header_from) or policy_domain
    signatures = tuple(
        Signature(domain_of(d), s.lower()[:LONGEST_WORD], r.lower()[:40]) for d, s, r in words.signatures
    )
    spf = tuple(SpfResult(domain_of(d), s.lower()[:40], r.lower()[:40]) for d, s, r in words.spf_results)
    return Outcome(
        disposition=_word(Disposition, words.disposition) or Disposition.UNKNOWN,
        dkim_aligned=_aligned(words.dkim, signatures, header_from),
        spf_aligned=_aligned(words.spf, spf, header_from),
        header_from=header_from,
        envelope_from=domain_of(words.envelope_from),
        signatures=tuple(each for each in signatures if each.domain),
        spf=tuple(each for each in spf if each.domain),
        overrides=tuple(dict.fromkeys(_word(Override, each) or Override.OTHER for each in words.overrides)),
    )


def _aligned(word: str, results: Iterable[Signature | SpfResult], header_from: DomainName) -> bool:
    if word:
        return word.lower() == "pass"
    return any(each.passed and bool(each.domain) and related(each.domain, header_from) for each in results)


@lru_cache(maxsize=_MOST_KNOWN)
def domain_of(text: str) -> DomainName:
    """A domain as we spell it; of an address its domain, as some reporters write. Empty stays empty."""
    name = one_line(text, len(text)).strip("<>").rpartition("@")[2].strip(" .").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            name = name.encode("ascii", "replace").decode("ascii")
    return DomainName(name[:LONGEST_WORD])


def _word(kind: type[_Word], text: str) -> _Word | None:
    try:
        return kind(text.strip().lower().replace("-", "_"))
    except ValueError:
        return None
