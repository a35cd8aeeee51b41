"""MTA-STS: the record that announces a policy, and the policy (RFC 8461 sections 3.1 and 3.2).

Here: their texts to values and back. Not here: judgement (mta_sts_check.py).
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from outreach_pipelines.domain.address import DomainName

_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_WEEK = 604_800
_LONGEST_AGE = 31_557_600


class PolicyMode(StrEnum):
    """What senders do when no host of the policy can be reached by TLS."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MtaStsPolicy:
    """A policy. `hosts` as written: names, or `*.` before a name for one label more; `max_age` in seconds."""

    mode: PolicyMode
    hosts: tuple[str, ...]
    max_age: int

    def names(self, host: DomainName) -> bool:
        """Tell whether a mail host is one of the policy's."""
        parent = host.partition(".")[2]
        return any(
            pattern.lower().removesuffix(".") in (host, f"*.{parent}") if parent else pattern.lower() == host
            for pattern in self.hosts
        )

    @property
    def text(self) -> str:
        """The policy as it is served."""
        hosts = "".join(f"mx: {host}\n" for host in self.hosts)
        return f"version: STSv1\nmode: {self.mode}\n{hosts}max_age: {self.max_age}\n"

    @property
    def record(self) -> str:
        """The record that announces it; another policy, another id."""
        return f"v=STSv1; id={hashlib.sha256(self.text.encode()).hexdigest()[:20]}"


class PolicyError(ValueError):
    """Senders would not use it; the message says why."""


def is_announcement(text: bytes) -> bool:
    """Tell whether a TXT record is an MTA-STS record."""
    return re.match(rb"v=STSv1[ \t]*(;|$)", text) is not None


def announced_id(text: bytes) -> str:
    """Read the id; raises `PolicyError`."""
    pairs = [part.partition("=") for part in text.decode("ascii", "replace").split(";")]
    ids = [value.strip() for name, _, value in pairs if name.strip() == "id"]
    if len(ids) != 1 or not _ID.fullmatch(ids[0]):
        message = "id= must stand once, with 1 to 32 letters and digits"
        raise PolicyError(message)
    return ids[0]


def parse_policy(text: str) -> MtaStsPolicy:
    """Read a policy; raises `PolicyError`."""
    pairs = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in text.splitlines())]
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    hosts = tuple(value for name, value in pairs if name == "mx")
    if fields.get("version") != "STSv1":
        message = "version is not STSv1"
        raise PolicyError(message)
    if fields.get("mode") not in set(PolicyMode):
        message = f"mode {fields.get('mode', '')!r} is none of enforce, testing, none"
        raise PolicyError(message)
    mode, age = PolicyMode(fields["mode"]), fields.get("max_age", "")
    if not age.isdecimal() or not age.isascii() or len(age) > 10 or int(age) > _LONGEST_AGE:
        message = f"max_age {age!r} is no number of seconds up to {_LONGEST_AGE}"
        raise PolicyError(message)
    if mode is not PolicyMode.NONE and not hosts:
        message = "no mx is named"
        raise PolicyError(message)
    return MtaStsPolicy(mode, hosts, int(age))


def first_policy(hosts: Iterable[DomainName], mode: PolicyMode = PolicyMode.TESTING) -> MtaStsPolicy:
    """Make the policy that a domain begins with: its hosts, and reports instead of refusals."""
    return MtaStsPolicy(mode, tuple(dict.fromkeys(hosts)), _WEEK)
