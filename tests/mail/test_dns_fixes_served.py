"""Fixes as an operator applies them: printed by the command, put into the zone of a real server, gone from the next audit."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.zone
import pytest
from loopback_dns import serving
from typer.testing import CliRunner

from outreach_pipelines.cli.main import app

HEAD = "$ORIGIN .\n$TTL 300\n. SOA ns1.dns.test. hostmaster.dns.test. 1 3600 600 86400 60\n"
SOUND = {
    "ns": "acme.example. NS ns1.dns.test.\nacme.example. NS ns2.dns.test.",
    "glue": "ns1.dns.test. A 192.0.2.1\nns2.dns.test. A 198.51.100.1",
    "mx": "acme.example. MX 10 mx.acme.example.\nmx.acme.example. A 192.0.2.25",
    "spf": 'acme.example. TXT "v=spf1 ip4:203.0.113.7 include:spf.provider.test ~all"',
    "included": 'spf.provider.test. TXT "v=spf1 ip4:198.51.100.0/24 -all"',
    "dmarc": '_dmarc.acme.example. TXT "v=DMARC1; p=reject; rua=mailto:d@acme.example"',
    "tls": '_smtp._tls.acme.example. TXT "v=TLSRPTv1; rua=mailto:d@acme.example"',
    "sts": '_mta-sts.acme.example. TXT "v=STSv1; id=1"',
    "ptr": "7.113.0.203.in-addr.arpa. PTR relay.acme.example.\nrelay.acme.example. A 203.0.113.7",
}
WANTED = ("--include", "spf.provider.test", "--ip", "203.0.113.7=relay.acme.example", "--reports-to", "d@acme.example")


@contextmanager
def served(zone: str) -> Iterator[str]:
    """Serve a zone from a thread, since the command runs a loop of its own; gives HOST:PORT."""
    loop, ready, told = asyncio.new_event_loop(), threading.Event(), list[str]()
    done = asyncio.Event()

    async def run() -> None:
        async with serving(zone) as (_, address):
            told.append(str(address))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    ready.wait(10)
    try:
        yield told[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def findings(zone: str) -> list[dict[str, object]]:
    with served(zone) as address:
        said = CliRunner().invoke(app, ["dns", "audit", "acme.example", "--resolver", address, *WANTED, "--json"])
    found: list[dict[str, object]] = json.loads(said.stdout)["findings"]
    return found


def repaired(zone: str) -> str:
    """The zone after the operator took out what `withdraw` names and pasted what `publish` names."""
    with served(zone) as address:
        said = CliRunner().invoke(app, ["dns", "fixes", "acme.example", "--resolver", address, *WANTED])
    held = dns.zone.from_text(zone, relativize=False, check_origin=False)
    gone = [line.removeprefix("; ") for line in said.stdout.splitlines() if line.startswith("; ") and " IN " in line]
    new = [line for line in said.stdout.splitlines() if line and not line.startswith(";")]
    for line in gone:
        old = dns.zone.from_text("$ORIGIN .\n" + line, relativize=False, check_origin=False)
        for name, _, rdata in old.iterate_rdatas():
            rest = [each for each in held.find_rdataset(name, rdata.rdtype) if each != rdata]
            held.delete_rdataset(name, rdata.rdtype)
            for each in rest:
                held.find_rdataset(name, each.rdtype, create=True).add(each, 300)
    text: str = held.to_text(relativize=False)
    return "$ORIGIN .\n" + text + "\n".join(new)


def test_the_sound_zone_has_no_finding() -> None:
    assert findings(HEAD + "\n".join(SOUND.values())) == []


@pytest.mark.parametrize(
    ("changed", "text", "check"),
    [
        ("spf", 'acme.example. TXT "other"', "spf_record"),
        ("spf", SOUND["spf"] + '\nacme.example. TXT "v=spf1 -all"', "spf_record"),
        ("spf", 'acme.example. TXT "v=spf1 mx ~all"', "spf_authorises"),
        ("spf", SOUND["spf"].replace("~all", "+all"), "spf_all"),
        ("spf", SOUND["spf"].replace("ip4:", "ip4:203.0.113.0/24 ip4:"), "spf_redundant"),
        ("dmarc", "", "dmarc_record"),
        ("dmarc", SOUND["dmarc"].replace("reject", "maybe").replace("; rua=mailto:d@acme.example", ""), "dmarc_record"),
        ("tls", "", "tls_reports"),
        ("sts", "", "mta_sts"),
        ("sts", '_mta-sts.acme.example. TXT "v=STSv1"', "mta_sts"),
        ("ptr", "relay.acme.example. A 203.0.113.7", "reverse_name"),
        ("ptr", "7.113.0.203.in-addr.arpa. PTR other.acme.example.", "reverse_name"),
        ("tls", SOUND["tls"] + "\nwww.acme.example. CNAME gone.cloud.test.", "dangling_alias"),
    ],
)
def test_the_printed_fix_put_into_the_zone_ends_the_finding(changed: str, text: str, check: str) -> None:
    broken = HEAD + "\n".join({**SOUND, changed: text}.values())
    before = {str(finding["check"]) for finding in findings(broken)}

    after = {str(finding["check"]) for finding in findings(repaired(broken))}

    assert check in before
    assert check not in after
