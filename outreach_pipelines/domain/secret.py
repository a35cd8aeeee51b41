"""A text that must not show: passwords, keys, tokens.

Where it comes from is an adapter's to know, and its reference (`reference`) is all that is stored.
"""

import hmac
from typing import NoReturn


class Secret:
    """A text that shows itself only to who asks by `reveal`: masked in `repr`, `str`, formats, and not picklable."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: hand it to the library that needs it and keep it nowhere."""
        return self._text

    def __repr__(self) -> str:
        """Never the text, nor its length."""
        return "Secret(********)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        """Equal texts, compared in constant time."""
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        """Equal secrets hash alike."""
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        """A pickle would carry the text into files and queues."""
        message = "a secret is not pickled"
        raise TypeError(message)
