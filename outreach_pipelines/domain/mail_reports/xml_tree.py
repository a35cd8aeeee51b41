"""XML to small trees, one of a stream's records at a time: no document type, no entity of the file's own, nothing external.

Names are local and in lower case: reporters use the right namespace, another one, or none. Not here: what the names mean.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

from outreach_pipelines.domain.mail_reports.report import NotReadable, ReportFault

MOST_DEPTH = 32
MOST_NODES = 20_000
"""Beside records: a report of real life has some thirty."""
LONGEST_TEXT = 1 << 16
LONGEST_TOKEN = 4 << 20


@dataclass(slots=True)
class Node:
    """An element: its local name, its own text, its children."""

    name: str
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def child(self, name: str) -> "Node | None":
        """The first of this name."""
        return next((each for each in self.children if each.name == name), None)

    def all(self, *names: str) -> list["Node"]:
        """All of these names, in order."""
        return [each for each in self.children if each.name in names]

    def value(self, *path: str) -> str:
        """The stripped text at the end of a path of names; empty where it ends before."""
        node: Node | None = self
        for name in path:
            node = node.child(name) if node is not None else None
        return node.text.strip() if node is not None else ""


class TreeReader:
    """Reads a stream in pieces. Each `record` below the root goes to `on_record` and is forgotten; the rest is in `root`.

    Raises `NotReadable` from `feed` and `close`.
    """

    def __init__(self, root: str, on_record: Callable[[Node], None]) -> None:
        self.root: Node | None = None
        self._wanted = root
        self._on_record = on_record
        self._open: list[Node] = []
        self._nodes = 0
        self._fed = 0
        self._parser = _parser(self._start, self._end, self._text)

    @property
    def at_top(self) -> bool:
        """Whether the root is open and nothing below it."""
        return len(self._open) == 1

    def feed(self, octets: bytes) -> None:
        """Read on."""
        self._parse(octets, final=False)
        self._fed += len(octets)
        if self._fed - self._parser.CurrentByteIndex > LONGEST_TOKEN:
            raise NotReadable(ReportFault.TOO_LARGE, "one piece of markup without an end")

    def close(self) -> Node:
        """The root. A stream that ends within it is not well-formed."""
        self._parse(b"", final=True)
        if self.root is None:
            raise NotReadable(ReportFault.EMPTY)
        return self.root

    def _parse(self, octets: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(octets, final)
        except expat.ExpatError as broken:
            raise NotReadable(ReportFault.BROKEN_XML, str(broken)) from None

    def _start(self, name: str, _: object) -> None:
        self._nodes += 1
        if len(self._open) >= MOST_DEPTH or self._nodes > MOST_NODES:
            raise NotReadable(ReportFault.TOO_LARGE, "too many elements, or too deep")
        node = Node(name.rpartition(":")[2].lower())
        if self.root is None:
            if node.name != self._wanted:
                raise NotReadable(ReportFault.NOT_A_REPORT, f"the root is {node.name[:40]!r}")
            self.root = node
        self._open.append(node)

    def _end(self, _: str) -> None:
        node = self._open.pop()
        if self.at_top and node.name == "record":
            self._nodes = 0
            self._on_record(node)
        elif self._open:
            self._open[-1].children.append(node)

    def _text(self, text: str) -> None:
        node = self._open[-1]
        if len(node.text) + len(text) > LONGEST_TEXT:
            if text.isspace():
                return
            raise NotReadable(ReportFault.TOO_LARGE, f"a text of more than {LONGEST_TEXT >> 10} KiB")
        node.text += text


def tree_of(octets: bytes, root: str) -> Node:
    """One whole element. Raises `NotReadable`."""
    reader = TreeReader(root, lambda _: None)
    reader.feed(octets)
    return reader.close()


def _refuse_dtd(*_: object) -> None:
    raise NotReadable(ReportFault.HAS_DTD)


def _parser(
    start: Callable[[str, object], None], end: Callable[[str], None], text: Callable[[str], None]
) -> expat.XMLParserType:
    # Without a namespace separator: a record that was cut out of its root has lost where prefixes are bound.
    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse_dtd
    return parser
