"""Whether a seed, a message of ours to an inbox of ours, arrived as mail of ours should: signed, aligned, over TLS, in the inbox.

Belongs here: that judgement of the message as it lies there. DNS cannot show what a provider really signs. Does not: sending
seeds and finding them, verifying signatures (`dkim_verification` does, and its verdicts come in).

Sources: RFC 8601 (Authentication-Results), RFC 8058 section 4 (one-click fields are signed), RFC 5321 section 4.4 (Return-Path,
Received), RFC 3848 and RFC 6531 section 4.3 (`with` keywords that tell of TLS), RFC 9989 (alignment).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dkim_verification import DkimResult, DkimVerdict, header_fields
from outreach_pipelines.domain.dns_audit.names import parse_domain_name, related

SEED_HEADER = "X-Outreach-Seed"
UNSUBSCRIBE_FIELDS = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
LONGEST_HEADER = 256 * 1024
_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(r"^\s*([a-z0-9-]+)(?:/\d+)?\s*=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r"([a-z]+\.[a-z-]+)\s*=\s*(\"[^\"]*\"|[^\s;]+)", re.IGNORECASE)
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


@dataclass(frozen=True, slots=True)
class ServerResult:
    """One method's result in an Authentication-Results field; names in lower case."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()

    def domain(self, *names: str) -> DomainName | None:
        """The domain that the first of these properties names, of an address its domain."""
        for name, value in self.properties:
            if name in names:
                return parse_domain_name(value.strip('"').rpartition("@")[2])
        return None


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
    return SeedJudgement(
        (
            _dkim(seed.verdicts, results),
            _dkim_aligned(seed.verdicts, results, sender),
            _unsubscribe_signed(seed.verdicts, results, fields),
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


def server_results(fields: Sequence[tuple[str, str]], trusted: frozenset[str]) -> tuple[ServerResult, ...] | None:
    """What the inbox's server says; None where it says nothing."""
    for name, value in fields:
        if name != "authentication-results":
            continue
        first, *methods = _without_comments(value).split(";")
        if _METHOD.match(first):
            # Microsoft 365 leaves its name out.
            methods, identity = [first, *methods], ""
        else:
            identity = first.split()[0].lower() if first.split() else ""
        if not trusted or identity in trusted:
            return tuple(_results(methods))
    return None


def _results(methods: Sequence[str]) -> Iterator[ServerResult]:
    for text in methods:
        found = _METHOD.match(text)
        if found:
            properties = tuple((key.lower(), value) for key, value in _PROPERTY.findall(text[found.end() :]))
            yield ServerResult(found[1].lower(), found[2].lower(), properties)


def _without_comments(text: str) -> str:
    before = None
    while before != text:
        before, text = text, _COMMENT.sub(" ", text)
    return text


def _from_domain(fields: Sequence[tuple[str, str]]) -> DomainName | None:
    value = next((value for name, value in fields if name == "from"), "")
    found = _FROM_DOMAIN.search(value)
    return parse_domain_name(found[1]) if found else None


def _passing(verdicts: Sequence[DkimVerdict]) -> list[DkimVerdict]:
    return [each for each in verdicts if each.result is DkimResult.PASS]


def _dkim(verdicts: Sequence[DkimVerdict] | None, results: Sequence[ServerResult] | None) -> SeedFinding:
    """The inbox's server is the judge that counts: ours fills in where it is silent, and speaks where both differ."""
    told = [each for each in results or () if each.method == "dkim"]
    if any(each.result == "pass" for each in told):
        return SeedFinding(SeedCheck.DKIM, Passed.YES, "the inbox's server says dkim=pass")
    if verdicts is not None and _passing(verdicts) and not told:
        return SeedFinding(SeedCheck.DKIM, Passed.YES, _passing(verdicts)[0].reason)
    if told and not all(each.result == "temperror" for each in told):
        return SeedFinding(SeedCheck.DKIM, Passed.NO, f"the inbox's server says dkim={told[0].result}")
    if verdicts is None or any(each.result is DkimResult.TEMPERROR for each in verdicts):
        return SeedFinding(SeedCheck.DKIM, Passed.UNKNOWN, "nobody could verify it")
    why = verdicts[0].reason if verdicts else "it carries no signature"
    return SeedFinding(SeedCheck.DKIM, Passed.NO, why)


def _dkim_aligned(
    verdicts: Sequence[DkimVerdict] | None, results: Sequence[ServerResult] | None, sender: DomainName | None
) -> SeedFinding:
    signers = [
        each.domain("header.d", "header.i") for each in results or () if (each.method, each.result) == ("dkim", "pass")
    ]
    signers += [each.domain for each in _passing(verdicts or ())]
    known = [each for each in signers if each is not None]
    if sender is None:
        return SeedFinding(SeedCheck.DKIM_ALIGNED, Passed.NO, "it has no From with one domain")
    if any(related(each, sender) for each in known):
        return SeedFinding(SeedCheck.DKIM_ALIGNED, Passed.YES, f"signed as {sender}'s")
    if not known and (verdicts is None or any(each.result is DkimResult.TEMPERROR for each in verdicts)):
        return SeedFinding(SeedCheck.DKIM_ALIGNED, Passed.UNKNOWN, "no passing signature is told of with its domain")
    signed_as = ", ".join(dict.fromkeys(known)) or "nobody"
    return SeedFinding(SeedCheck.DKIM_ALIGNED, Passed.NO, f"From is {sender}, and it is signed as {signed_as}")


def _unsubscribe_signed(
    verdicts: Sequence[DkimVerdict] | None, results: Sequence[ServerResult] | None, fields: Sequence[tuple[str, str]]
) -> SeedFinding:
    lacking = sorted(UNSUBSCRIBE_FIELDS - {name for name, _ in fields})
    if lacking:
        return SeedFinding(SeedCheck.UNSUBSCRIBE_SIGNED, Passed.NO, f"it arrived without {', '.join(lacking)}")
    covered = [each for each in _signers(verdicts, results, fields) if each >= UNSUBSCRIBE_FIELDS]
    if covered:
        return SeedFinding(SeedCheck.UNSUBSCRIBE_SIGNED, Passed.YES, "both fields stand in h=")
    if _dkim(verdicts, results).passed is Passed.UNKNOWN:
        return SeedFinding(SeedCheck.UNSUBSCRIBE_SIGNED, Passed.UNKNOWN, "nobody could verify the signature")
    return SeedFinding(SeedCheck.UNSUBSCRIBE_SIGNED, Passed.NO, "no passing signature names both fields in h=")


def _signers(
    verdicts: Sequence[DkimVerdict] | None, results: Sequence[ServerResult] | None, fields: Sequence[tuple[str, str]]
) -> list[frozenset[str]]:
    """What passing signatures cover: by our verification, else of those domains that the server passed."""
    if verdicts is not None:
        return [each.signed for each in _passing(verdicts)]
    passed = {
        each.domain("header.d", "header.i") for each in results or () if (each.method, each.result) == ("dkim", "pass")
    }
    signatures = [_tags(value) for name, value in fields if name == "dkim-signature"]
    return [
        frozenset(part.strip().lower() for part in tags.get("h", "").split(":"))
        for tags in signatures
        if parse_domain_name(tags.get("d", "")) in passed
    ]


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
