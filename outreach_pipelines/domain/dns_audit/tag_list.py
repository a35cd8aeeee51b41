"""Tag lists, the common form of DKIM keys and DMARC records (RFC 6376 section 3.2).

Here: text to tags. Not here: what the tags mean.
"""

import re
from collections.abc import Mapping

_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_VALUE = re.compile(r"[\x21-\x3a\x3c-\x7e \t\r\n]*")


class TagListError(ValueError):
    """The text is no tag list."""


def parse_tag_list(text: bytes) -> Mapping[str, str]:
    """Give the tags in order, values stripped; raise `TagListError` for bad syntax or a tag that stands twice."""
    tags: dict[str, str] = {}
    for specification in text.decode("ascii", "replace").removesuffix(";").split(";"):
        name, equals, value = (part.strip(" \t\r\n") for part in specification.partition("="))
        _refuse_bad(name, equals, value, specification)
        if name in tags:
            message = f"tag {name} stands twice"
            raise TagListError(message)
        tags[name] = value
    return tags


def _refuse_bad(name: str, equals: str, value: str, specification: str) -> None:
    if not equals or not _TAG_NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        message = f"no tag: {specification!r}"
        raise TagListError(message)
