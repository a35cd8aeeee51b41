"""The invented world of the examples: who sends, and who the companies and people written to are.

Nothing is drawn at random: every choice follows from names and numbers, so that the files never change by themselves.
"""

import hashlib
import unicodedata
from dataclasses import dataclass

SELECTOR = "s2026"
REGION = "eu-central-1"
RELAY = "203.0.113.25"


@dataclass(frozen=True, slots=True)
class Sender:
    tenant: str
    domain: str
    pool: str
    accounts: str
    zone: str
    ready: bool = True


SENDERS = (
    Sender("acme", "acme-news.example", "webinar", "ses-main", "America/New_York"),
    Sender("acme", "acme-tools.example", "webinar", "ses-main", "America/New_York"),
    Sender("acme", "acme-works.example", "customers", "ses-main", "America/New_York"),
    Sender("acme", "acme-desk.example", "customers", "ses-main", "America/Chicago"),
    Sender("acme", "acme-letters.example", "customers", "ses-main", "America/New_York", ready=False),
    Sender("nordwind", "nordwind-messe.example", "messe-de", "ses-main smtp-nordwind", "Europe/Berlin"),
    Sender("nordwind", "nordwind-post.example", "messe-de", "ses-main smtp-nordwind", "Europe/Berlin"),
    Sender("nordwind", "nordwind-kontakt.example", "messe-en", "ses-main smtp-nordwind", "Europe/Berlin"),
    Sender("nordwind", "nordwind-info.example", "messe-en", "smtp-nordwind", "Europe/Berlin"),
    Sender("kiwi", "kiwi-mail.example", "orchards", "smtp-kiwi", "Pacific/Auckland"),
    Sender("kiwi", "kiwi-harvest.example", "orchards", "smtp-kiwi", "Pacific/Auckland"),
    Sender("kiwi", "kiwi-orchard.example", "orchards", "smtp-kiwi", "Pacific/Auckland"),
)
STAFF = {
    "acme": ("Dana Reed", "Luis Ortega", "Grace Kim", "Paul Novak"),
    "nordwind": ("Jana Petersen", "Timo Brandt", "Svenja Lorenz", "Ole Hansen"),
    "kiwi": ("Aroha Ngata", "Sam Fletcher", "Moana Rangi", "Jack Turner"),
}
# Country, zone (empty: only the country is known), how many companies.
PLACES = (
    *(("US", "America/New_York", 6), ("US", "America/Chicago", 4), ("US", "America/Los_Angeles", 4)),
    *(("CA", "America/St_Johns", 2), ("BR", "America/Sao_Paulo", 2), ("GB", "Europe/London", 4)),
    *(("IE", "Europe/Dublin", 2), ("DE", "Europe/Berlin", 10), ("AT", "Europe/Vienna", 3), ("CH", "", 2)),
    *(("FR", "Europe/Paris", 2), ("PL", "Europe/Warsaw", 2), ("FI", "Europe/Helsinki", 1), ("ZA", "", 1)),
    *(("IN", "Asia/Kolkata", 2), ("NP", "Asia/Kathmandu", 1), ("JP", "Asia/Tokyo", 1), ("AU", "Australia/Sydney", 3)),
    *(("AU", "Australia/Adelaide", 1), ("NZ", "Pacific/Auckland", 5), ("TO", "Pacific/Tongatapu", 1), ("WS", "", 1)),
)
_WORDS = "Alder Birch Cedar Delta Ember Falcon Garnet Harbor Indigo Juniper Keystone Lumen Maple Nimbus Opal"
COMPANY_NAMES = tuple(f"{word} {kind}" for kind in ("Works", "Logistics", "Foods", "Optics") for word in _WORDS.split())
# This company's domain is not ASCII: its A-label is what DNS and the suppressions know.
INTERNATIONAL = "Alder Foods"
_WOMEN = "Anna Clara Elif Greta Ines Keiko Lena Nadia Priya Rosa Tara Vera Xenia Zoë Åsa Chloé"
_MEN = "Ben David Farid Hugo Jonas Marek Omar Quentin Stefan Umberto Wiremu Yusuf Björn Dieter"
_FAMILIES = (
    "Adler Bauer Costa Dvořák Eriksen Fischer García Huber Ivanova Jansen Kowalski Lindqvist Müller Nakamura Okafor "
    "Pereira Quinn Rossi Schäfer Tanaka Urban Vogel Weber Xu Yılmaz Zimmermann Brown Clarke Evans Foster"
)
WOMEN, MEN, FAMILIES = _WOMEN.split(), _MEN.split(), _FAMILIES.split()


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    domain: str
    country: str
    zone: str
    mail_host: str


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    first: str
    last: str
    address: str
    company: Company


def draw(*what: object) -> int:
    """A number that follows from `what` alone: the examples never change by themselves."""
    return int.from_bytes(hashlib.blake2b(repr(what).encode(), digest_size=8).digest())


def companies() -> tuple[Company, ...]:
    places = [(country, zone) for country, zone, count in PLACES for _ in range(count)]
    return tuple(
        _company(index, name, *place) for index, (name, place) in enumerate(zip(COMPANY_NAMES, places, strict=True))
    )


def _company(index: int, name: str, country: str, zone: str) -> Company:
    label = "bäckerei-sonne" if name == INTERNATIONAL else name.lower().replace(" ", "-")
    domain = f"{label}.{('example', 'test')[index % 2]}"
    ascii_domain = domain.encode("idna").decode()
    hosts = (
        "aspmx.l.google.com.",
        f"{ascii_domain.replace('.', '-')}.mail.protection.outlook.com.",
        f"mx.{ascii_domain}.",
    )
    return Company(name, domain, country, zone, hosts[index % 3])


def people(tenant: str, homes: tuple[Company, ...], count: int) -> tuple[Person, ...]:
    """Different persons with different addresses, the companies in turn."""
    found: dict[str, Person] = {}
    attempt = 0
    while len(found) < count:
        person = _person(tenant, attempt, len(found), homes[attempt % len(homes)])
        found.setdefault(person.address, person)
        attempt += 1
    return tuple(found.values())


def _person(tenant: str, attempt: int, number: int, company: Company) -> Person:
    first = (WOMEN + MEN)[draw(tenant, attempt, "first") % len(WOMEN + MEN)]
    last = FAMILIES[draw(tenant, attempt, "last") % len(FAMILIES)]
    return Person(number, first, last, f"{_ascii(first)}.{_ascii(last)}@{company.domain}", company)


def _ascii(name: str) -> str:
    plain = name.lower().replace("ı", "i").replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
