"""Records of a report counted by outcome and source, at the pace of a byte search.

Most records repeat one another but for address and count, so a record is parsed as XML once for all that look like it:

1. the tail behind address and count was seen before: its outcome is known;
2. its markup was seen before with other texts: the texts are taken from their places;
3. else it is parsed.

This is exact, not a guess: a record is only cut out where the file holds no comment, CDATA, declaration or instruction, so
that `<` and `>` stand in markup alone; each new markup, and all that lies around the records, passes through the XML parser.
Anything else is read by that parser alone, which is slower.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.mail_reports.dmarc_record import Words, domain_of, outcome_of, words_of
from outreach_pipelines.domain.mail_reports.report import NO_DOMAIN, NotReadable, Outcome, ReportFault, SourceCount
from outreach_pipelines.domain.mail_reports.xml_tree import Node, TreeReader, tree_of

MOST_SOURCES = 100_000
"""Pairs of outcome and source that are kept apart; of more than these the messages are counted without their source."""
_MOST_KNOWN = 20_000
_LONGEST_RECORD = 1 << 20
_START, _END = b"<record>", b"</record>"
_HEAD = re.compile(
    rb"\s*<record>\s*<row>\s*<source_ip>\s*([0-9A-Fa-f.:]{2,45})\s*</source_ip>\s*<count>\s*(\d{1,15})\s*</count>"
)
_PROLOG = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->)+", re.DOTALL)
_LEAF = re.compile(rb">([^<>]*)</")
_MARK = "\ue000".encode()  # of the private use area: no text of a report
_PLACE = re.compile("\ue000\\d{1,6}\ue000")
_COUNT = re.compile(r"\d{1,15}(?:\.0{1,6})?")
_OCTET = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rb"\.".join([_OCTET] * 4))
_Counts = dict[bytes, int]


class RowTally:
    """Counts by outcome and source, in memory that is bounded whatever the report holds."""

    def __init__(self) -> None:
        self._counts: dict[Outcome, _Counts] = {}
        self._pairs = 0
        self.merged = 0
        self.skipped = 0

    def of(self, outcome: Outcome) -> _Counts:
        """Where messages of this outcome are counted; of too many outcomes, without what tells them apart."""
        if len(self._counts) >= MOST_SOURCES and outcome not in self._counts:
            outcome = Outcome(outcome.disposition, outcome.dkim_aligned, outcome.spf_aligned, NO_DOMAIN)
        return self._counts.setdefault(outcome, {})

    def add(self, counts: _Counts, source: bytes, messages: int) -> None:
        """Count messages of one source."""
        if source in counts:
            counts[source] += messages
        elif self._pairs < MOST_SOURCES:
            counts[source] = messages
            self._pairs += 1
        else:
            counts[b""] = counts.get(b"", 0) + messages
            self.merged += 1

    def rows(self, policy_domain: DomainName) -> Iterator[SourceCount]:
        """Each pair once; spellings of one address are one source."""
        for known, counts in self._counts.items():
            outcome = known if known.header_from else replace(known, header_from=policy_domain)
            by_source: dict[str | None, int] = {}
            for text, messages in counts.items():
                source = _address(text)
                by_source[source] = by_source.get(source, 0) + messages
            for source, messages in by_source.items():
                if messages:
                    yield SourceCount(source, messages, outcome)


def read_rows(chunks: Iterator[bytes]) -> tuple[Node, RowTally]:
    """The root without its records, and the records counted. `chunks` are UTF-8. Raises `NotReadable`."""
    reading = _Reading()
    for chunk in chunks:
        reading.take(chunk)
    return reading.end(), reading.tally


class _Reading:
    """A report on its way through the three steps."""

    def __init__(self) -> None:
        self.tally = RowTally()
        self._tree = TreeReader("feedback", self._record)
        self._rest = b""
        self._begun = False
        self._cutting = True
        self._by_tail: dict[bytes, _Counts] = {}
        self._by_words: dict[tuple[object, ...], _Counts] = {}
        self._places: dict[tuple[bytes, ...], Words | None] = {}

    def take(self, chunk: bytes) -> None:
        window = self._rest + chunk
        if not self._begun and (prolog := _PROLOG.match(window)):
            window = window[prolog.end() :]
        self._begun = True
        self._cutting = self._cutting and b"<!" not in window and b"<?" not in window
        self._rest = self._cut(window) if self._cutting else self._fed(window)

    def end(self) -> Node:
        self._fed(self._rest)
        return self._tree.close()

    def _fed(self, octets: bytes) -> bytes:
        if octets:
            self._tree.feed(octets)
        return b""

    def _cut(self, window: bytes) -> bytes:
        pieces = window.split(_END)
        rest = pieces.pop()
        at_top, known = self._tree.at_top, self._by_tail.get
        for piece in pieces:
            # In line, because this is all that is done for most records.
            if at_top and (head := _HEAD.match(piece)) and (counts := known(piece[head.end() :])) is not None:
                self.tally.add(counts, head[1], int(head[2]))
            else:
                self._new(piece)
                at_top = self._tree.at_top
        if len(rest) > _LONGEST_RECORD:
            self._cutting = False
            return self._fed(rest)
        return rest

    def _new(self, piece: bytes) -> None:
        before, start, record = piece.partition(_START)
        if start and before.strip():
            self._fed(before)
        if start and self._tree.at_top:
            words = self._words(start + record)
            self._count(words)
            self._remember(start + record, words)
        else:
            self._fed((record and start + record if start else before) + _END)

    def _remember(self, record: bytes, words: Words) -> None:
        """For step 1."""
        if head := _HEAD.match(record):
            if len(self._by_tail) >= _MOST_KNOWN:
                self._by_tail.clear()
            self._by_tail[record[head.end() :]] = self._counts_of(words)

    def _words(self, record: bytes) -> Words:
        """Steps 2 and 3."""
        split = _LEAF.split(record)
        shape, texts = tuple(split[::2]), split[1::2]
        if shape not in self._places:
            if len(self._places) >= _MOST_KNOWN:
                self._places.clear()
            self._places[shape] = _places(shape)
        places = self._places[shape]
        if places is None or b"&" in record:
            return words_of(_tree(record))
        return places.mapped(lambda at: texts[int(at[1:-1])].decode("utf-8", "replace").strip() if at else "")

    def _record(self, record: Node) -> None:
        self._count(words_of(record))

    def _count(self, words: Words) -> None:
        if _COUNT.fullmatch(words.messages) is None:
            self.tally.skipped += 1
        else:
            self.tally.add(self._counts_of(words), words.source.encode()[:45], int(words.messages.partition(".")[0]))

    def _counts_of(self, words: Words) -> _Counts:
        counts = self._by_words.get(words[2:])
        if counts is None:
            if len(self._by_words) >= _MOST_KNOWN:
                self._by_words.clear()
            counts = self._by_words[words[2:]] = self.tally.of(outcome_of(words, self._policy_domain()))
        return counts

    def _policy_domain(self) -> DomainName:
        return domain_of(self._tree.root.value("policy_published", "domain")) if self._tree.root else NO_DOMAIN


def _places(shape: tuple[bytes, ...]) -> Words | None:
    """Where the texts of such a record stand, each as its number between marks; None where one is not a single text."""
    marked = shape[0] + b"".join(b">%b%d%b</%b" % (_MARK, at, _MARK, part) for at, part in enumerate(shape[1:]))
    places = words_of(_tree(marked))
    return places if all(not place or _PLACE.fullmatch(place) for place in places.each()) else None


def _tree(record: bytes) -> Node:
    if len(record) > _LONGEST_RECORD:
        raise NotReadable(ReportFault.TOO_LARGE, "a record of more than 1 MiB")
    return tree_of((record + _END).decode("utf-8", "replace").encode(), "record")


def _address(text: bytes) -> str | None:
    if _IPV4.fullmatch(text):
        return text.decode("ascii")
    try:
        address = ip_address(text.decode("ascii", "replace").strip("[] "))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
