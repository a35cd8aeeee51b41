"""The examples, loaded whole: what stands in the files is in the tables, counted with nothing but the csv module."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from example_zones import example_zones
from tenant_installation import EXAMPLES, Installation

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.recipient_store import PostgresRecipientStore
from outreach_pipelines.application.resolve_recipients import resolve_recipients
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)

TENANTS = ("acme", "kiwi", "nordwind")
REFUSED_ROWS = 34  # examples/README.md
IN_BOTH_FILES = 20
Loaded = Mapping[str, TenantRef]


@pytest.fixture(scope="module")
def loaded(installation: Installation) -> Loaded:
    applied = installation.load(InventoryFiles(LocalObjectStore(EXAMPLES), read_table))
    tenants = {slug: installation.tenant(slug) for slug in applied}
    for tenant in tenants.values():
        installation.import_examples(tenant)
        installation.enroll(tenant)
    return tenants


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of their first line; what is no UTF-8 stays odd."""
    text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    next(reader)
    first = reader.line_num + 1
    for cells in reader:
        yield first, cells
        first = reader.line_num + 1


def uploads(slug: str) -> dict[str, dict[int, list[str]]]:
    folder = EXAMPLES / "uploads" / slug
    return {f"uploads/{slug}/{path.name}": dict(csv_rows(path)) for path in sorted(folder.glob("*.csv"))}


def placed(installation: Installation, tenant: TenantRef, table: str) -> dict[tuple[object, object], dict[str, object]]:
    extra = "l.address, l.lead_id" if table == "lead_source" else "x.reason"
    join = "join app.lead l using (tenant_id, lead_id)" if table == "lead_source" else ""
    rows = installation.sql(
        f"select f.object_key, x.line, {extra} from app.{table} x join app.lead_file f using (tenant_id, lead_file_id) {join} where tenant_id = %(t)s",
        t=tenant.id,
    )
    return {(row["object_key"], row["line"]): row for row in rows}


def count(installation: Installation, table: str) -> int:
    (number,) = installation.values(f"select count(*) from app.{table}")
    return int(str(number))


def test_tenants_domains_mailboxes_and_suppressions_are_those_of_the_files(
    installation: Installation, loaded: Loaded
) -> None:
    listed = {
        name: [row for slug in TENANTS for row in csv_rows(EXAMPLES / "inventory" / slug / f"{name}.csv")]
        for name in ("domains", "mailboxes", "suppressions")
    }

    assert tuple(loaded) == TENANTS
    assert count(installation, "sending_domain") == len(listed["domains"]) == 12
    assert count(installation, "mailbox") == len(listed["mailboxes"]) == 48
    assert count(installation, "suppression") == len(listed["suppressions"]) == 13
    assert count(installation, "provider_account") == 3


@pytest.mark.parametrize("slug", TENANTS)
def test_each_row_of_each_file_is_a_lead_or_a_refusal(installation: Installation, loaded: Loaded, slug: str) -> None:
    files = uploads(slug)

    accepted = placed(installation, loaded[slug], "lead_source")
    rejected = placed(installation, loaded[slug], "rejected_row")

    rows: dict[tuple[object, object], list[str]] = {
        (key, line): cells for key, of_file in files.items() for line, cells in of_file.items()
    }
    assert accepted.keys() | rejected.keys() == rows.keys()
    assert accepted.keys() & rejected.keys() == set()
    people = {place: str(row["address"]).lower() for place, row in accepted.items()}
    wrong = [person for place, person in people.items() if person not in {cell.strip().lower() for cell in rows[place]}]
    assert all("@xn--" in person for person in wrong)  # written in the file with its own letters


def test_as_many_rows_are_refused_as_the_readme_says(installation: Installation, loaded: Loaded) -> None:
    rows = sum(len(of_file) for slug in loaded for of_file in uploads(slug).values())

    assert rows == 1_200
    assert count(installation, "rejected_row") == REFUSED_ROWS
    assert count(installation, "lead") == rows - REFUSED_ROWS - IN_BOTH_FILES
    assert count(installation, "lead_source") == rows - REFUSED_ROWS


def test_each_lead_is_enrolled_in_the_campaign_of_its_file_and_language(
    installation: Installation, loaded: Loaded
) -> None:
    wanted: Counter[object] = Counter()
    for slug, tenant in loaded.items():
        files = uploads(slug)
        for key, line in placed(installation, tenant, "lead_source"):
            wanted[_campaign(str(key), files[str(key)][int(str(line))])] += 1

    rows = installation.sql(
        "select c.name, count(*) as n from app.enrollment e join app.campaign c using (tenant_id, campaign_id) group by 1"
    )

    assert {row["name"]: row["n"] for row in rows} == wanted
    assert count(installation, "enrollment") == 1_200 - REFUSED_ROWS


def test_each_enrolled_lead_has_all_fields_that_its_campaign_asks_for(
    installation: Installation, loaded: Loaded
) -> None:
    missing = installation.sql(
        "select l.lead_id, c.name, f.name as field from app.enrollment e join app.lead l using (tenant_id, lead_id)"
        " join app.campaign c using (tenant_id, campaign_id) cross join unnest(c.required_fields) as f (name)"
        " where coalesce(to_jsonb(l) ->> f.name, l.fields ->> f.name, '') = ''"
    )

    assert missing == []
    assert loaded


def _campaign(key: str, cells: list[str]) -> str:
    match key.rpartition("-")[2]:
        case "webinar.csv":
            return "webinar-follow-up"
        case "trial.csv":
            return "trial-tips"
        case "service.csv":
            return "season-check"
        case _:
            return {"de": "messe-nachlese", "en": "trade-fair-follow-up"}[cells[11]]


def test_every_entry_of_the_suppression_lists_hits_somebody(installation: Installation, loaded: Loaded) -> None:
    hit = installation.values(
        "select count(distinct s.suppression_id) from app.suppression s join app.lead l"
        " on l.tenant_id = s.tenant_id and s.subject_hmac in (l.address_hmac, l.domain_hmac)"
    )

    assert hit == [count(installation, "suppression")]
    assert loaded


async def test_the_mail_hosts_of_all_companies_are_found(installation: Installation, loaded: Loaded) -> None:
    store = PostgresRecipientStore(installation.app)

    found = [await resolve_recipients(example_zones(), store, tenant=tenant.id) for tenant in loaded.values()]

    hosts = Counter(
        {
            str(row["p"]): int(str(row["n"]))
            for row in installation.sql(
                "select recipient_provider as p, count(distinct split_part(address, '@', 2)) as n from app.lead group by 1"
            )
        }
    )
    assert sum(each.unanswered + each.take_no_mail for each in found) == 0
    assert hosts.keys() == {"google", "microsoft", "other"}
    assert hosts.total() == 60
