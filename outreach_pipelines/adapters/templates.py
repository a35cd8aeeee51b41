"""Filling templates in: Jinja, cut down to what a letter needs, so that no template can hang, grow or look around.

A template may show a field, change it by one of FILTERS, and choose by `if`. Without loops, calls, assignments,
arithmetic or attributes its work is bounded by its length, before anything runs; Jinja's sandbox is the second wall.

Belongs here: rendering, its limits, the cache by content. Does not: what a campaign must show (`domain.campaign`).
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from jinja2 import Environment, StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from outreach_pipelines.application.stored_objects import ObjectKey, ObjectMissing, ObjectStore, object_key
from outreach_pipelines.domain.attachments import Attachment, AttachmentRef
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.wire_message import Rendered
from outreach_pipelines.errors import TemplateFault

LONGEST_SOURCE: Final = 200_000  # characters
LONGEST_TEXT: Final = 500_000
MOST_NODES: Final = 5_000
MOST_FILTERS: Final = 8  # one upon the other: `urlencode` alone makes nine of one character
KEPT_TEMPLATES: Final = 512
KEPT_FILES: Final = 16

#: None of them makes a text longer than a fixed multiple of what it is given.
FILTERS: Final = frozenset(
    {"capitalize", "default", "d", "e", "escape", "length", "lower", "title", "trim", "truncate", "upper", "urlencode"}
)
TESTS: Final = frozenset({"defined", "undefined"})
_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Filter, nodes.Test),
    *(nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Keyword),
)


def render(source: str, fields: Mapping[str, str], *, html: bool) -> str:
    """`source` with `fields` filled in, escaped when it is HTML.

    Raises `TemplateFault` with its reason in the first word: `template_syntax`, `template_forbidden`, `field_missing`,
    `too_long`.
    """
    return _fill(_compile(source, html=html), fields)


@dataclass(frozen=True, slots=True)
class TemplateStore:
    """Reads templates and files by their SHA-256 from the object store and keeps them, templates compiled. Safe for threads."""

    objects: ObjectStore
    _kept: "_Kept" = field(default_factory=lambda: _Kept(), repr=False)
    _files: "_KeptFiles" = field(default_factory=lambda: _KeptFiles(), repr=False)

    def render_letter(self, letter: Letter, unsubscribe_url: str) -> Rendered:
        """Subject, text and HTML for this recipient.

        Raises `TemplateFault` when one cannot be rendered or is not in the store, `ObjectStoreUnreachable` when the
        store does not answer.
        """
        fields, content = letter_fields(letter, unsubscribe_url), letter.content
        return Rendered(
            subject=_fill(self._kept.compiled(content.subject), fields),
            text=_fill(self._stored(content.text_sha256, html=False), fields),
            html=_fill(self._stored(content.html_sha256, html=True), fields) if content.html_sha256 else None,
            attachments=tuple(self._file(reference) for reference in content.attachments),
        )

    def _file(self, reference: AttachmentRef) -> Attachment:
        body = self._files.get(reference.sha256)
        if body is None:
            body = _got(self.objects, attachment_key(reference.sha256), reference.sha256)
            _require_digest(body, reference.sha256)
            self._files.keep(reference.sha256, body)
        return Attachment(reference.name, body)

    def _stored(self, sha256: str, *, html: bool) -> Template:
        return self._kept.find(sha256, html=html) or self._kept.keep(sha256, self._read(sha256), html=html)

    def _read(self, sha256: str) -> str:
        body = _got(self.objects, template_key(sha256), sha256)
        try:
            source = body.decode("utf-8")
        except UnicodeDecodeError:
            message = f"template_syntax: {sha256} is not UTF-8"
            raise TemplateFault(message) from None
        _require_digest(body, sha256)
        return source


def template_key(sha256: str) -> ObjectKey:
    """Where a template's text is kept for as long as a message may name it."""
    return object_key(f"templates/by-sha256/{sha256}")


def attachment_key(sha256: str) -> ObjectKey:
    """Where a file that goes with letters is kept for as long as a message may name it."""
    return object_key(f"attachments/by-sha256/{sha256}")


def _got(objects: ObjectStore, key: ObjectKey, sha256: str) -> bytes:
    try:
        return objects.get(key)
    except ObjectMissing:
        message = f"template_missing: {sha256} is not in the object store"
        raise TemplateFault(message) from None


def _require_digest(body: bytes, sha256: str) -> None:
    if hashlib.sha256(body).hexdigest() != sha256:
        message = f"template_changed: what is stored as {sha256} is something else"
        raise TemplateFault(message)


def letter_fields(letter: Letter, unsubscribe_url: str) -> Mapping[str, str]:
    """What templates may read. Names that the system fills in win over columns of a lead file that are called alike."""
    sender, own = letter.sender, letter.recipient.fields
    source = own.get("source") or own.get("data_source") or ""
    return {
        **dict.fromkeys(("first_name", "last_name", "company", "country"), ""),
        **own,
        **({"source": source, "data_source": source} if source else {}),
        "sender_name": sender.display_name,
        "sender_address": sender.address,
        "sender_company": sender.company,
        "sender_website": sender.website,
        "sender_contact": sender.contact,
        "sender_identity": f"{sender.company}, {sender.website}",
        "privacy_notice_url": sender.privacy_notice_url,
        "postal_address": sender.postal_address,
        "unsubscribe_url": unsubscribe_url,
        "step": str(letter.step),
    }


@dataclass(slots=True)
class _KeptFiles:
    """The attachments used last: the letters of a step all carry the same."""

    files: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def get(self, sha256: str) -> bytes | None:
        with self.lock:
            if sha256 in self.files:
                self.files.move_to_end(sha256)
            return self.files.get(sha256)

    def keep(self, sha256: str, body: bytes) -> None:
        with self.lock:
            self.files[sha256] = body
            if len(self.files) > KEPT_FILES:
                self.files.popitem(last=False)


@dataclass(slots=True)
class _Kept:
    """The templates used last, compiled."""

    templates: OrderedDict[tuple[str, bool], Template] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def compiled(self, source: str) -> Template:
        sha256 = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
        return self.find(sha256, html=False) or self.keep(sha256, source, html=False)

    def find(self, sha256: str, *, html: bool) -> Template | None:
        with self.lock:
            found = self.templates.get((sha256, html))
            if found is not None:
                self.templates.move_to_end((sha256, html))
            return found

    def keep(self, sha256: str, source: str, *, html: bool) -> Template:
        compiled = _compile(source, html=html)
        with self.lock:
            self.templates[sha256, html] = compiled
            if len(self.templates) > KEPT_TEMPLATES:
                self.templates.popitem(last=False)
        return compiled


def _environment(*, html: bool) -> Environment:
    # Not optimised: constants would be computed while compiling.
    environment = ImmutableSandboxedEnvironment(
        autoescape=html, undefined=StrictUndefined, optimized=False, keep_trailing_newline=True, cache_size=0
    )
    environment.globals.clear()
    return environment


_PLAIN: Final = _environment(html=False)
_HTML: Final = _environment(html=True)


def _compile(source: str, *, html: bool) -> Template:
    if len(source) > LONGEST_SOURCE:
        message = f"too_long: a template has at most {LONGEST_SOURCE} characters"
        raise TemplateFault(message)
    environment = _HTML if html else _PLAIN
    try:
        tree = environment.parse(source)
        _check(tree)
        return environment.from_string(tree)
    except TemplateError as fault:
        message = f"template_syntax: {fault}"
        raise TemplateFault(message) from fault
    except (RecursionError, ValueError, MemoryError, SyntaxError) as fault:
        message = f"template_syntax: {type(fault).__name__}"
        raise TemplateFault(message) from None


def _check(tree: nodes.Template) -> None:
    """Raises `TemplateFault` for all that is not on the lists above."""
    count, waiting = 0, [(node, 0) for node in tree.iter_child_nodes()]
    while waiting:
        node, filters = waiting.pop()
        count, filters = count + 1, filters + isinstance(node, nodes.Filter)
        if count > MOST_NODES or filters > MOST_FILTERS:
            message = f"template_forbidden: more than {MOST_NODES} parts, or {MOST_FILTERS} filters one upon the other"
            raise TemplateFault(message)
        _check_node(node)
        waiting.extend((child, filters) for child in node.iter_child_nodes())


def _check_node(node: nodes.Node) -> None:
    match node:
        case nodes.Name(name="self"):  # the one name that Jinja gives a meaning of its own
            what = "self"
        case nodes.Filter(name=name) if name not in FILTERS:
            what = f"the filter {name}"
        case nodes.Test(name=name) if name not in TESTS:
            what = f"the test {name}"
        case nodes.Filter() if node.dyn_args or node.dyn_kwargs:
            what = "arguments that are unpacked"
        case _ if not isinstance(node, _ALLOWED):
            what = type(node).__name__
        case _:
            return
    message = f"template_forbidden: {what} in line {node.lineno}"
    raise TemplateFault(message)


def _fill(template: Template, fields: Mapping[str, str]) -> str:
    """Raises `TemplateFault` for a missing field and for a text that grows too long, while it grows."""
    parts, length = [], 0
    try:
        for part in template.generate(**fields):
            parts.append(part)
            length += len(part)
            if length > LONGEST_TEXT:
                message = f"too_long: more than {LONGEST_TEXT} characters"
                raise TemplateFault(message)
    except TemplateError as fault:
        message = f"field_missing: {fault}"
        raise TemplateFault(message) from fault
    except (TypeError, ValueError, RecursionError, OverflowError) as fault:
        message = f"template_forbidden: {type(fault).__name__} while it was filled in"
        raise TemplateFault(message) from None
    return "".join(parts)
