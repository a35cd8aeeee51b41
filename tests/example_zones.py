"""The zones of `examples/` as a fake DNS."""

from functools import cache
from pathlib import Path

import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.zone
from dns_audit_cases import FakeDns

ZONES = Path(__file__).parents[1] / "examples" / "zones"
_SERVED = {"A", "AAAA", "CNAME", "MX", "NS", "TXT"}


@cache
def _lines() -> tuple[str, ...]:
    return tuple(line for path in sorted(ZONES.glob("*.zone")) for line in _lines_of(path))


def _lines_of(path: Path) -> list[str]:
    zone = dns.zone.from_file(str(path), origin=f"{path.stem}.", relativize=False)
    found = ((name, rdata) for name, _, rdata in zone.iterate_rdatas())
    kept = ((name, rdata) for name, rdata in found if dns.rdatatype.to_text(rdata.rdtype) in _SERVED)
    return [
        f"{name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(rdata.rdtype)} {_text(rdata)}"
        for name, rdata in kept
    ]


def _text(rdata: dns.rdata.Rdata) -> str:
    if isinstance(rdata, dns.rdtypes.ANY.TXT.TXT):
        return b"".join(rdata.strings).decode("latin-1")
    return rdata.to_text()


def example_zones(*, without: tuple[str, ...] = ()) -> FakeDns:
    """All of them, less the lines that begin with `without`."""
    return FakeDns(tuple(line for line in _lines() if not (without and line.startswith(without))))
