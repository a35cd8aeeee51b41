"""Writes the generated files of the examples: domains, mailboxes, suppressions, leads, zones. Same bytes on every run.

    python examples/generate.py                        # rewrites the files beside this script
    python examples/generate.py --private-keys DIR     # also the DKIM private keys, for a lab that signs

tenant.yaml, campaigns and templates are written by hand. Everybody in here is invented, every name reserved (RFC 2606).
The keys follow from the names alone and are thus public: never publish them for a real domain.
"""

import argparse
import csv
import io
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from generator.uploads import UPLOADS, members, upload_bytes
from generator.world import REGION, SELECTOR, SENDERS, STAFF, Sender
from generator.zones import dkim_key, uses_ses, zone_files

HERE = Path(__file__).parent
DOMAIN_COLUMNS = ("domain", "pool", "direction", "region", "tracking_host", "dkim_selectors", "mail_from", "accounts")
MAILBOX_COLUMNS = (
    *("address", "display_name", "domain", "zone", "daily_cap", "min_gap_seconds", "max_gap_seconds", "hours", "state"),
    "inbox",
)
SUPPRESSED_EACH = 4


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--private-keys", type=Path)
    chosen = options.parse_args()
    for path, content in sorted(files().items()):
        target = HERE / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if chosen.private_keys:
        write_private_keys(chosen.private_keys)


def files() -> dict[str, bytes]:
    """Every generated file under its path."""
    return {f"zones/{name}.zone": text.encode() for name, text in zone_files().items()} | store_files()


def store_files() -> dict[str, bytes]:
    """The files of the object store: the tabular part of the inventories, and the uploads."""
    found: dict[str, bytes] = {}
    for tenant, uploads in UPLOADS.items():
        senders = [sender for sender in SENDERS if sender.tenant == tenant]
        found[f"inventory/{tenant}/domains.csv"] = _table(DOMAIN_COLUMNS, [_domain(sender) for sender in senders])
        found[f"inventory/{tenant}/mailboxes.csv"] = _table(
            MAILBOX_COLUMNS,
            [_mailbox(sender, name, new=name == STAFF[tenant][-1]) for sender in senders for name in STAFF[tenant]],
        )
        found[f"inventory/{tenant}/suppressions.csv"] = _suppressions(tenant)
        persons = members(tenant)
        for upload in uploads:
            found[f"uploads/{tenant}/{upload.path}"] = upload_bytes(upload, persons[upload.path])
    return found


def write_private_keys(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for sender in SENDERS:
        pem = dkim_key(sender.domain).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        target = folder / f"{SELECTOR}.{sender.domain}.pem"
        target.touch(mode=0o600)
        target.write_bytes(pem)


def _domain(sender: Sender) -> tuple[str, ...]:
    host, bounce = f"go.{sender.domain}", f"bounce.{sender.domain}" if uses_ses(sender) else ""
    direction = {"messe-de": "trade-fair", "messe-en": "trade-fair"}.get(sender.pool, sender.pool)
    return (sender.domain, sender.pool, direction, REGION, host, SELECTOR, bounce, sender.accounts)


def _mailbox(sender: Sender, name: str, *, new: bool) -> tuple[str, ...]:
    """One mailbox of each domain is new and on its ramp; the others have sent for long."""
    address = f"{name.lower().replace(' ', '.')}@{sender.domain}"
    inbox = sender.domain.removesuffix(".example")
    return (
        address,
        name,
        sender.domain,
        sender.zone,
        "40",
        "120",
        "300",
        "08:00-18:00",
        "ramping" if new else "active",
        inbox,
    )


def _suppressions(tenant: str) -> bytes:
    """Some people of the tenant's own first file, and for one tenant a whole company."""
    first = members(tenant)[UPLOADS[tenant][0].path]
    kinds = ("unsubscribe", "hard_bounce", "complaint", "objection")
    chosen = [first[7 + 29 * number] for number in range(SUPPRESSED_EACH)]
    rows = [(p.address, kind, "former mailing system", "2026-06-30") for p, kind in zip(chosen, kinds, strict=True)]
    if tenant == "acme":
        rows.append((f"@{first[3].company.domain}", "objection", "letter of the company", "2026-08-12"))
    return _table(("subject", "kind", "source", "since"), rows)


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue().encode()


if __name__ == "__main__":
    main()
