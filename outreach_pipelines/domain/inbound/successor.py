"""Whom a message names as the person to write to instead: an address, and the name beside it."""

import re

from outreach_pipelines.domain.inbound.message import Contact
from outreach_pipelines.domain.inbound.part_text import addresses_in
from outreach_pipelines.domain.inbound.phrases import phrase_book, plain
from outreach_pipelines.domain.inbound.verdict import ReportedAddress

MAX_TEXT = 4_000
_REACH = 120
_UPPER = r"[^\W\d_a-zà-öø-ÿа-яіїєґα-ω]"
_WORD = rf"{_UPPER}[\w'\u2019.-]{{0,30}}"
_PARTICLE = r"(?:van|von|de|da|dos|der|den|di|du|la|le|el|ten|ter|zu|af|av|bin)"
_NAME = re.compile(rf"(?<!\w){_WORD}(?: (?:{_PARTICLE} ){{0,2}}{_WORD}){{1,3}}")
_TITLES = re.compile(
    r"^(?:(?:mr|mrs|ms|miss|dr|prof|herr|herrn|frau|m|mme|mlle|monsieur|madame|sr|sra|señor|señora|sig|signor|signora|dott|"
    r"pan|pani|panem|panią|ceo|cto|cfo|coo|manager|director|head|our|my|new|please|bitte|contact|hello|hi|hallo|kontakt|email|"
    r"e-mail|mail|tel|phone|the|mein|meine|meinen|meinem|meiner|unser|unsere|unseren|unserem|unserer|kollege|kollegen|kollegin|"
    r"nachfolger|nachfolgerin|vertretung|colleague|successor|collègue|successeur|colega|collega|collegue|kolega|koleżanka)\.? )+",
    re.IGNORECASE,
)
"""What may stand before a name with a capital letter, and is none."""
_SENTENCE_END = re.compile(r"[!?\n]|\.(?= +[^\W\d_]{2}| *$)")


def successor_in(text: str, *, sender: ReportedAddress | None) -> Contact | None:
    """The first address in `text` that is not the sender's own, one after a word for "contact" before any other."""
    judged = text[:MAX_TEXT]
    own = (sender or "").lower()
    found = [address for address in addresses_in(judged) if address.lower() != own]
    if not found:
        return None
    address = next((each for each in found if _is_recommended(judged, each)), found[0])
    return Contact(address, _name_beside(judged, address))


def _is_recommended(text: str, address: str) -> bool:
    at = text.index(address)
    return phrase_book().contact.find(plain(text[max(0, at - _REACH) : at])) is not None


def _name_beside(text: str, address: str) -> str:
    """The last name in the same sentence before the address, else the one right behind it in brackets."""
    at = text.index(address)
    before = _SENTENCE_END.split(text[max(0, at - _REACH) : at].replace("\r", ""))[-1]
    names = [_TITLES.sub("", name) for name in _NAME.findall(before)]
    behind = re.match(rf"[>)\]]? ?\(({_NAME.pattern})\)", text[at + len(address) :][:100])
    return next((name for name in reversed(names) if " " in name), behind[1] if behind else "")
