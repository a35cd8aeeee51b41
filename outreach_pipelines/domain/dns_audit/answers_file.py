"""Stored answers as JSON: what an audit was told, to be judged again without asking anybody.

Here: the document (docs/dns.md describes it). Not here: files and folders.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    ANY_RESOLVER,
    Answer,
    Answers,
    Cause,
    NoData,
    NxDomain,
    Query,
    Records,
    RecordType,
    ServerAddress,
    Unknown,
)
from outreach_pipelines.domain.dns_audit.names import parse_domain_name
from outreach_pipelines.domain.dns_audit.presentation import PresentationError, read, written

FORMAT: Final = "outreach-dns-answers/1"


class AnswersFileError(ValueError):
    """The document cannot be read; the message names each fault with its place."""


def encode_answers(answers: Answers) -> bytes:
    """Write answers in the order of their queries: the same answers, the same bytes."""
    entries = [_entry(query, answers[query]) for query in sorted(answers)]
    lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=True)}" for entry in entries)
    return f'{{"format": "{FORMAT}", "answers": [\n{lines}\n]}}\n'.encode()


def _entry(query: Query, answer: Answer) -> Mapping[str, object]:
    asked: dict[str, object] = {"name": query.name, "type": query.type.value}
    if query.server != ANY_RESOLVER:
        asked["server"] = query.server
    match answer:
        case Records(rrs, ttl, ad):
            proof = {} if ad is None else {"ad": ad}
            return {**asked, "status": "records", "ttl": ttl, **proof, "records": [written(rr) for rr in rrs]}
        case NoData():
            return {**asked, "status": "nodata"}
        case NxDomain():
            return {**asked, "status": "nxdomain"}
        case Unknown(cause):
            return {**asked, "status": "unknown", "cause": cause.name.lower()}


def decode_answers(body: bytes) -> Answers:
    """Read a document; raises `AnswersFileError` that names all its faults."""
    answers: dict[Query, Answer] = {}
    faults: list[str] = []
    for number, entry in enumerate(_entries(body), 1):
        try:
            query, answer = _read_entry(entry)
        except (KeyError, TypeError, ValueError) as error:
            faults.append(f"answer {number}: {_told(error)}")
            continue
        if answers.setdefault(query, answer) != answer:
            faults.append(f"answer {number}: {query.type} of {query.name} is answered twice, in two ways")
    if faults:
        raise AnswersFileError("\n".join(faults))
    return answers


def _entries(body: bytes) -> Sequence[object]:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        message = f"no JSON: {error}"
        raise AnswersFileError(message) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        message = f'the document is no object with "format": "{FORMAT}"'
        raise AnswersFileError(message)
    entries = document.get("answers")
    if not isinstance(entries, list):
        message = '"answers" is no list'
        raise AnswersFileError(message)
    return entries


def _read_entry(entry: object) -> tuple[Query, Answer]:
    if not isinstance(entry, dict):
        message = "no object"
        raise TypeError(message)
    written_name = _text(entry, "name")
    # A name that an answer led to may be none that a host could have: it was asked all the same.
    name = parse_domain_name(written_name) or DomainName(written_name.lower())
    server = ServerAddress(_text({"server": ANY_RESOLVER, **entry}, "server"))
    return Query(name, RecordType(_text(entry, "type")), server), _answer(entry)


def _answer(entry: Mapping[str, object]) -> Answer:
    match _text(entry, "status"):
        case "nodata":
            return NoData()
        case "nxdomain":
            return NxDomain()
        case "unknown":
            return Unknown(Cause[_text(entry, "cause").upper()])
        case "records":
            return _records(entry)
        case other:
            message = f"status {other!r} is none of records, nodata, nxdomain, unknown"
            raise ValueError(message)


def _records(entry: Mapping[str, object]) -> Records:
    ttl, ad, records = entry.get("ttl"), entry.get("ad"), entry.get("records")
    if not isinstance(ttl, int) or not isinstance(records, list) or not (ad is None or isinstance(ad, bool)):
        message = 'records need "ttl" (a number) and "records" (a list); "ad" is true or false'
        raise TypeError(message)
    return Records(tuple(read(text) for text in _texts(records)), ttl, ad)


def _texts(values: Sequence[object]) -> Iterator[str]:
    for value in values:
        if not isinstance(value, str):
            message = f"{value!r} is no text"
            raise TypeError(message)
        yield value


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str):
        message = f"{key!r} is no text"
        raise TypeError(message)
    return value


def _told(error: Exception) -> str:
    match error:
        case KeyError():
            return f"{error} is missing or unknown"
        case PresentationError():
            return str(error)
        case _:
            return str(error)
