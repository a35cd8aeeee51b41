"""Forms with files as HTTP carries them (RFC 7578), octets untouched. What the fields mean is not known here."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage


class BadFormError(Exception):
    """The body is no such form."""


@dataclass(frozen=True, slots=True)
class Form:
    """`texts` and `files` in the order they came, by name."""

    texts: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, bytes], ...]

    def text(self, name: str) -> str | None:
        """The first text of this name."""
        return next((value for given, value in self.texts if given == name), None)

    def file(self, name: str) -> bytes | None:
        """The first file of this name."""
        return next((content for given, content in self.files if given == name), None)


def parse_form(content_type: str, body: bytes) -> Form:
    """Raises BadFormError for anything that is not a whole multipart/form-data body."""
    boundary = _head(f"Content-Type: {content_type}".encode()).get_boundary()
    if not content_type.lower().startswith("multipart/form-data") or not boundary:
        raise BadFormError(content_type)
    first, *rest = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if first or not rest or not rest[-1].startswith(b"--"):
        msg = "the form does not end"
        raise BadFormError(msg)
    texts: list[tuple[str, str]] = []
    files: list[tuple[str, bytes]] = []
    for part in rest[:-1]:
        raw_head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        disposition = _head(raw_head)["Content-Disposition"]
        name = str(disposition.params.get("name", "")) if disposition is not None else ""
        if disposition is not None and "filename" in disposition.params:
            files.append((name, content))
        else:
            texts.append((name, _text(content)))
    return Form(tuple(texts), tuple(files))


def _head(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw + b"\r\n\r\n", policy=policy.HTTP)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        msg = "a text is not UTF-8"
        raise BadFormError(msg) from None
