"""Whether a seed, a message of ours to an inbox of ours, arrived as mail of ours should: signed, aligned, over TLS, in the inbox.

Belongs here: that judgement of the message as it lies there. DNS cannot show what a provider really signs. Does not: sending
seeds and finding them, verifying signatures (`dkim_verification` does, and its verdicts come in).

Sources: RFC 8601 (Authentication-Results), RFC 8058 section 4 (one-click fields are signed), RFC 5321 section 4.4 (Return-Path,
Received), RFC 3848 and RFC 6531 section 4.3 (`with` keywords that tell of TLS), RFC 9989 (alignment).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.authentication_results import ServerResult, server_results
from outreach_pipelines.domain.dkim_verification import DkimResult, DkimVerdict, header_fields
from outreach_pipelines.domain.dns_audit.names import is_within, parse_domain_name, related

SEED_HEADER = "X-Outreach-Seed"
UNSUBSCRIBE_FIELDS = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
LONGEST_HEADER = 256 * 1024
# RFC 8601 section 2.7.1; temperror, and words that are not of that list, settle nothing.
_CERTAIN = frozenset({"pass", "fail", "none", "policy", "neutral", "permerror"})
_FROM_HOST = re.compile(r"^\s*from\s+([^\s;()]+)", re.IGNORECASE)
_BY_HOST = re.compile(r"\bby\s+([^\s;()]+)", re.IGNORECASE)
_WITH_TLS = re.compile(
    r"\bwith\s+(?:utf8)?(?:e?smtp|lmtp)sa?\b|\bTLS\s?v?1[._][23]\b|\bcipher\b|\bversion=TLS", re.IGNORECASE
)
_FROM_DOMAIN = re.compile(r"@([A-Za-z0-9.-]+)>?\s*(?:\([^()]*\)\s*)?$")


class SeedCheck(StrEnum):
    """What is looked at."""

    DKIM = "dkim"
    DKIM_ALIGNED = "dkim_aligned"
    UNSUBSCRIBE_SIGNED = "unsubscribe_signed"
    SPF_ALIGNED = "spf_aligned"
    TLS = "tls"
    FOLDER = "folder"


class Passed(StrEnum):
    """How a check came out. `UNKNOWN`: the message does not tell, and nothing is concluded."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class SeedFolder(StrEnum):
    """Where it lay."""

    INBOX = "inbox"
    JUNK = "junk"
    OTHER = "other"


class SeedVerdict(StrEnum):
    """What a seed shows of its domain and account."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ARRIVED = "not_arrived"


@dataclass(frozen=True, slots=True)
class SeedFinding:
    """One check with its evidence."""

    check: SeedCheck
    passed: Passed
    evidence: str


@dataclass(frozen=True, slots=True)
class SeedJudgement:
    """All checks of one seed."""

    findings: tuple[SeedFinding, ...]

    @property
    def verdict(self) -> SeedVerdict:
        """Failed by any check that is no; what is unknown fails nothing."""
        return SeedVerdict.FAILED if self.faults else SeedVerdict.PASSED

    @property
    def faults(self) -> tuple[SeedFinding, ...]:
        """What is not as it should be."""
        return tuple(each for each in self.findings if each.passed is Passed.NO)

    def of(self, check: SeedCheck) -> Passed:
        """How one check came out."""
        return next((each.passed for each in self.findings if each.check is check), Passed.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedSeed:
    """A seed as it was found. `raw` with CRLF line ends; `verdicts` of our own verification, None where none was made.

    `authserv_ids`: names by which the inbox's own server signs its results; empty: the topmost field is believed, since a
    seed has nobody on its way who would forge one.
    """

    raw: bytes
    folder: SeedFolder
    verdicts: tuple[DkimVerdict, ...] | None = None
    authserv_ids: frozenset[str] = field(default=frozenset())


def judge_seed(seed: ArrivedSeed) -> SeedJudgement:
    """Judge a seed that arrived. Never raises for what the message holds."""
    fields = _fields(seed.raw)
    sender = _from_domain(fields)
    results = server_results(fields, seed.authserv_ids)
    signatures = _Signatures(_told_of_dkim(results, seed.verdicts), seed.verdicts)
    return SeedJudgement(
        (
            _dkim(signatures),
            _dkim_aligned(signatures, sender),
            _unsubscribe_signed(signatures, fields),
            _spf_aligned(results, fields, sender),
            _tls(fields),
            _folder(seed.folder),
        )
    )


def seed_of(raw: bytes) -> str | None:
    """The mark by which a message is known as a seed of ours; None for any other mail."""
    return next((value for name, value in _fields(raw) if name == SEED_HEADER.lower() and value), None)


def _fields(raw: bytes) -> list[tuple[str, str]]:
    """Header fields from the top, names in lower case, folds taken out; line ends of any kind."""
    header = raw[:LONGEST_HEADER].replace(b"\r\n", b"\n").partition(b"\n\n")[0].replace(b"\n", b"\r\n")
    return [
        (name.decode("ascii", "replace").lower(), " ".join(value.decode("utf-8", "replace").split()))
        for name, value in header_fields(header)
    ]


def _from_domain(fields: Sequence[tuple[str, str]]) -> DomainName | None:
    value = next((value for name, value in fields if name == "from"), "")
    found = _FROM_DOMAIN.search(value)
    return parse_domain_name(found[1]) if found else None


def _passing(verdicts: Sequence[DkimVerdict]) -> list[DkimVerdict]:
    return [each for each in verdicts if each.result is DkimResult.PASS]


@dataclass(frozen=True, slots=True)
class _Signatures:
    """What is said of the signatures: `told` by the inbox's server, `ours` by our own verification, None where none was made."""

    told: tuple[ServerResult, ...]
    ours: tuple[DkimVerdict, ...] | None

    @property
    def signers(self) -> list[DomainName]:
        """Whose signatures pass, by either."""
        told = [each.signer for each in self.told if each.result == "pass"]
        return [each for each in (*told, *(each.domain for each in _passing(self.ours or ()))) if each is not None]

    @property
    def server_is_open(self) -> bool:
        """Whether the server leaves open how a signature came out, or whose the one is that passes."""
        return any(each.result not in _CERTAIN or (each.result, each.signer) == ("pass", None) for each in self.told)

    def server_passes(self, domain: DomainName) -> bool:
        """Whether the server passes a signature of the domain, or of an agent below it (i=)."""
        passed = [each.signer for each in self.told if each.result == "pass"]
        return any(each is not None and is_within(each, domain) for each in passed)

    @property
    def is_open(self) -> bool:
        """Whether a signature may be better than what is known of it."""
        if self.ours is None:
            return self.server_is_open or not self.told
        return self.server_is_open or any(each.result is DkimResult.TEMPERROR for each in self.ours)


def _told_of_dkim(
    results: Sequence[ServerResult] | None, ours: Sequence[DkimVerdict] | None
) -> tuple[ServerResult, ...]:
    """`none` is said of mail without a signature, and by servers that do not look: where we looked ourselves it is silence."""
    told = tuple(each for each in results or () if each.method == "dkim")
    return told if ours is None else tuple(each for each in told if each.result != "none")


def _dkim(signatures: _Signatures) -> SeedFinding:
    """The inbox's server is the judge that counts: our verification speaks where it is silent or does not know."""
    refused = [each for each in signatures.told if each.result in _CERTAIN]
    passing = _passing(signatures.ours or ())
    if any(each.result == "pass" for each in signatures.told):
        return SeedFinding(SeedCheck.DKIM, Passed.YES, "the inbox's server says dkim=pass")
    if passing and not refused:
        return SeedFinding(SeedCheck.DKIM, Passed.YES, passing[0].reason)
    if signatures.server_is_open or (not refused and signatures.is_open):
        return SeedFinding(SeedCheck.DKIM, Passed.UNKNOWN, "nobody could verify it")
    if refused:
        return SeedFinding(SeedCheck.DKIM, Passed.NO, f"the inbox's server says dkim={refused[0].result}")
    why = signatures.ours[0].reason if signatures.ours else "it carries no signature"
    return SeedFinding(SeedCheck.DKIM, Passed.NO, why)


def _dkim_aligned(signatures: _Signatures, sender: DomainName | None) -> SeedFinding:
    signers = signatures.signers
    if sender is None:
        return SeedFinding(SeedCheck.DKIM_ALIGNED, Passed.NO, "it has no From with one domain")
    if any(related(each, sender) for each in signers):
        return SeedFinding(SeedCheck.DKIM_ALIGNED, Passed.YES, f"signed as {sender}'s")
    if signatures.is_open:
        return SeedFinding(SeedCheck.DKIM_ALIGNED, Passed.UNKNOWN, "no passing signature is told of with its domain")
    signed_as = ", ".join(dict.fromkeys(signers)) or "nobody"
    return SeedFinding(SeedCheck.DKIM_ALIGNED, Passed.NO, f"From is {sender}, and it is signed as {signed_as}")


def _unsubscribe_signed(signatures: _Signatures, fields: Sequence[tuple[str, str]]) -> SeedFinding:
    lacking = sorted(UNSUBSCRIBE_FIELDS - {name for name, _ in fields})
    if lacking:
        return SeedFinding(SeedCheck.UNSUBSCRIBE_SIGNED, Passed.NO, f"it arrived without {', '.join(lacking)}")
    carried = [_coverage(value) for name, value in fields if name == "dkim-signature"]
    if any(each.signed >= UNSUBSCRIBE_FIELDS for each in _passing(signatures.ours or ())) or any(
        each.has_both and signatures.server_passes(each.domain) for each in carried
    ):
        return SeedFinding(SeedCheck.UNSUBSCRIBE_SIGNED, Passed.YES, "both fields stand in h=")
    if signatures.is_open and any(each.has_both for each in carried):
        return SeedFinding(SeedCheck.UNSUBSCRIBE_SIGNED, Passed.UNKNOWN, "nobody could verify the signature")
    if not all(any(is_within(signer, each.domain) for each in carried) for signer in signatures.signers):
        return SeedFinding(SeedCheck.UNSUBSCRIBE_SIGNED, Passed.UNKNOWN, "the signature that passed was taken off")
    return SeedFinding(SeedCheck.UNSUBSCRIBE_SIGNED, Passed.NO, "no passing signature names both fields in h=")


@dataclass(frozen=True, slots=True)
class _Coverage:
    """What a signature field covers, whatever it is worth."""

    domain: DomainName
    has_both: bool


def _coverage(value: str) -> _Coverage:
    tags = _tags(value)
    names = {name.strip().lower() for name in tags.get("h", "").split(":")}
    return _Coverage(parse_domain_name(tags.get("d", "")) or DomainName(""), names >= UNSUBSCRIBE_FIELDS)


def _tags(value: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in value.split(";"))
    return {name.strip().lower(): "".join(text.split()) for name, sign, text in pairs if sign}


def _spf_aligned(
    results: Sequence[ServerResult] | None, fields: Sequence[tuple[str, str]], sender: DomainName | None
) -> SeedFinding:
    told = [each for each in results or () if each.method == "spf"]
    envelope = next((each.domain("smtp.mailfrom", "smtp.mail") for each in told), None) or _return_path(fields)
    if not told or told[0].result == "temperror" or envelope is None or sender is None:
        return SeedFinding(SeedCheck.SPF_ALIGNED, Passed.UNKNOWN, "the inbox's server does not tell of SPF")
    if told[0].result != "pass":
        return SeedFinding(SeedCheck.SPF_ALIGNED, Passed.NO, f"spf={told[0].result} for {envelope}")
    if not related(envelope, sender):
        evidence = f"the envelope sender is of {envelope}, and From of {sender}"
        return SeedFinding(SeedCheck.SPF_ALIGNED, Passed.NO, evidence)
    return SeedFinding(SeedCheck.SPF_ALIGNED, Passed.YES, f"spf=pass for {envelope}")


def _return_path(fields: Sequence[tuple[str, str]]) -> DomainName | None:
    value = next((value for name, value in fields if name == "return-path"), "")
    return parse_domain_name(value.strip(" <>").rpartition("@")[2])


def _tls(fields: Sequence[tuple[str, str]]) -> SeedFinding:
    """By the hop on which the message came to the inbox's provider: the topmost one between two sites."""
    for name, value in fields:
        if name != "received":
            continue
        by = _BY_HOST.search(value)
        handed_by = _FROM_HOST.match(value)
        if handed_by and by and _site(handed_by[1]) != _site(by[1]):
            passed = Passed.YES if _WITH_TLS.search(value) else Passed.NO
            return SeedFinding(SeedCheck.TLS, passed, f"from {handed_by[1]} to {by[1]}")
    return SeedFinding(SeedCheck.TLS, Passed.UNKNOWN, "no Received field tells of another site")


def _site(host: str) -> str:
    return ".".join(host.lower().strip("[].").split(".")[-2:])


def _folder(folder: SeedFolder) -> SeedFinding:
    passed = Passed.NO if folder is SeedFolder.JUNK else Passed.YES if folder is SeedFolder.INBOX else Passed.UNKNOWN
    return SeedFinding(SeedCheck.FOLDER, passed, f"it lay in {folder}")
