"""Lead files in the database: whole or not at all, once, each row with its fate, each tenant with its own hashes."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from threading import Barrier

import pytest
from tenant_installation import KEY, Installation, example, fresh

from outreach_pipelines.adapters.postgres.lead_store import PostgresLeadStore
from outreach_pipelines.application.import_leads import LeadRecord
from outreach_pipelines.domain.address import Address, address_hmac, domain_hmac, parse_address
from outreach_pipelines.domain.address_keys import global_address_key, tenant_address_key
from outreach_pipelines.domain.delimited import UnreadableFile
from outreach_pipelines.domain.lead import LawfulBasis, Lead
from outreach_pipelines.domain.lead_file import FileDigest, FileRefused, LeadFile, LeadFileName
from outreach_pipelines.domain.suppression import ListedSuppression, SuppressionKind, parse_subject
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)

PEOPLE = "email,first name,product,zone\nAnna@firma.example,Anna,pump,Europe/Berlin\nben@firma.example,Ben,,\nnot an address,C,,\n"
FILE = LeadFile(LeadFileName("a-service.csv"), FileDigest(hashlib.sha256(b"a").hexdigest()))


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    return installation.apply(fresh(example("kiwi")))[0]


def address(text: str) -> Address:
    parsed = parse_address(text)
    assert isinstance(parsed, Address)
    return parsed


def lead(line: int, text: str) -> Lead:
    return Lead(line, address(text), "", "", "", None, None, LawfulBasis.CONSENT, "form", "our web site")


def rows(installation: Installation, tenant: TenantRef, table: str) -> list[dict[str, object]]:
    return installation.sql(f"select * from app.{table} where tenant_id = %(t)s order by 2", t=tenant.id)


def counts(installation: Installation, tenant: TenantRef) -> tuple[int, ...]:
    return tuple(
        len(rows(installation, tenant, table)) for table in ("lead_file", "lead", "lead_source", "rejected_row")
    )


def test_each_row_is_a_lead_or_a_refusal_with_its_line(installation: Installation, tenant: TenantRef) -> None:
    installation.upload(tenant, "a-service.csv", PEOPLE)

    summary = installation.import_leads(tenant)

    anna, ben = rows(installation, tenant, "lead")
    (refused,) = rows(installation, tenant, "rejected_row")
    (file,) = rows(installation, tenant, "lead_file")
    assert (summary.read, summary.accepted, dict(summary.rejected)) == (3, 2, {"bad_address": 1})
    assert (anna["address"], anna["first_name"], anna["zone"]) == ("Anna@firma.example", "Anna", "Europe/Berlin")
    assert (anna["fields"], anna["basis"], anna["basis_evidence"]) == (
        {"product": "pump"},
        "consent",
        "form of 2026-10-01",
    )
    assert (ben["zone"], ben["last_name"], ben["verified"], ben["engaged"]) == (None, None, False, False)
    assert (refused["line"], refused["reason"], refused["raw"]) == (4, "bad_address", '["not an address", "C", "", ""]')
    assert (file["row_count"], file["accepted"], file["already_known"], file["rejected"]) == (3, 2, 0, 1)
    assert file["object_key"] == f"uploads/{tenant.slug}/a-service.csv"


def test_the_same_octets_under_another_name_change_nothing(installation: Installation, tenant: TenantRef) -> None:
    installation.upload(tenant, "a-service.csv", PEOPLE)
    installation.import_leads(tenant)
    before = counts(installation, tenant)
    installation.upload(tenant, "b-service.csv", PEOPLE)

    summary = installation.import_leads(tenant)

    assert summary.applied == ()
    assert counts(installation, tenant) == before == (1, 2, 2, 1)


def test_a_person_in_two_files_is_one_lead_with_two_sources(installation: Installation, tenant: TenantRef) -> None:
    installation.upload(tenant, "a-service.csv", PEOPLE)
    installation.import_leads(tenant)
    installation.upload(
        tenant, "b-service.csv", "email,first name\nANNA@FIRMA.example,Another\nzoe@firma.example,Zoe\n"
    )

    summary = installation.import_leads(tenant)

    assert (summary.accepted, summary.already_known) == (1, 1)
    people = {row["first_name"]: row["lead_id"] for row in rows(installation, tenant, "lead")}
    sources = [row["lead_id"] for row in rows(installation, tenant, "lead_source")]
    assert set(people) == {"Anna", "Ben", "Zoe"}
    assert sources.count(people["Anna"]) == 2


def test_a_later_file_fills_what_was_empty_and_changes_nothing_else(
    installation: Installation, tenant: TenantRef
) -> None:
    installation.upload(tenant, "a-service.csv", "email,first name,product,note\nanna@firma.example,Anna,pump,\n")
    installation.import_leads(tenant)
    installation.upload(
        tenant,
        "b-service.csv",
        "email,first name,company,product,note,due,evidence\nanna@firma.example,Hannah,Firma,fan,urgent,May,contract 7\n",
    )

    installation.import_leads(tenant)

    (anna,) = rows(installation, tenant, "lead")
    shown = [row["basis_evidence"] for row in rows(installation, tenant, "lead_source")]
    assert (anna["first_name"], anna["company"], anna["basis_evidence"]) == ("Anna", "Firma", "form of 2026-10-01")
    assert anna["fields"] == {"product": "pump", "note": "urgent", "due": "May"}
    assert shown == ["form of 2026-10-01", "contract 7"]


def test_a_fault_in_the_middle_leaves_nothing_of_the_file(installation: Installation, tenant: TenantRef) -> None:
    def records() -> Iterator[LeadRecord]:
        yield lead(2, "anna@firma.example")
        raise UnreadableFile(3, "A quotation mark is opened here and not closed properly.")

    with pytest.raises(UnreadableFile):
        PostgresLeadStore(installation.app, KEY).apply_file(tenant.id, FILE, records())

    assert counts(installation, tenant) == (0, 0, 0, 0)


def test_a_file_that_cannot_be_read_is_remembered_with_its_line_once(
    installation: Installation, tenant: TenantRef
) -> None:
    installation.upload(tenant, "a-service.csv", 'email\nanna@firma.example\n"ben@firma.example\n')

    installation.import_leads(tenant)
    installation.import_leads(tenant)

    (refused,) = rows(installation, tenant, "refused_file")
    assert (refused["line"], counts(installation, tenant)) == (3, (0, 0, 0, 0))


def test_two_imports_of_one_file_at_once_apply_it_once(installation: Installation, tenant: TenantRef) -> None:
    store = PostgresLeadStore(installation.app, KEY)
    # Both have found the file unknown and are in the middle of it.
    together = Barrier(2, timeout=20)

    def records() -> Iterator[LeadRecord]:
        yield lead(2, "anna@firma.example")
        together.wait()
        yield lead(3, "ben@firma.example")

    with ThreadPoolExecutor(2) as pool:
        written = list(pool.map(lambda _: store.apply_file(tenant.id, FILE, records()), range(2)))

    assert [each is None for each in written].count(True) == 1
    assert counts(installation, tenant) == (1, 2, 2, 0)


def test_an_erased_person_is_not_brought_back_by_another_file(installation: Installation, tenant: TenantRef) -> None:
    installation.upload(tenant, "a-service.csv", PEOPLE)
    installation.import_leads(tenant)
    installation.sql("update app.lead set address = null, erased_at = now() where tenant_id = %(t)s", t=tenant.id)
    installation.upload(tenant, "b-service.csv", "email\nanna@firma.example\n")

    summary = installation.import_leads(tenant)

    assert (summary.accepted, summary.already_known) == (0, 1)
    assert {row["address"] for row in rows(installation, tenant, "lead")} == {None}
    assert rows(installation, tenant, "lead_source")[-1]["basis_evidence"] is None


def test_two_tenants_hash_one_person_apart_and_see_only_their_own(
    installation: Installation, tenant: TenantRef
) -> None:
    other, _ = installation.apply(fresh(example("kiwi")))
    for each in (tenant, other):
        installation.upload(each, "a-service.csv", PEOPLE)

    imported = [installation.import_leads(each).accepted for each in (tenant, other)]

    (anna, _), (their_anna, _) = (rows(installation, each, "lead") for each in (tenant, other))
    assert imported == [2, 2]
    assert (anna["address_hmac"], anna["domain_hmac"]) != (their_anna["address_hmac"], their_anna["domain_hmac"])
    assert anna["global_hmac"] == their_anna["global_hmac"]
    assert anna["address_hmac"] != anna["global_hmac"]


def test_hashes_follow_from_the_installations_key_and_the_slug(installation: Installation, tenant: TenantRef) -> None:
    installation.upload(tenant, "a-service.csv", PEOPLE)
    installation.import_leads(tenant)

    anna = rows(installation, tenant, "lead")[0]

    own, person = tenant_address_key(KEY, tenant.slug), address("anna@firma.example")
    hashes = (address_hmac(person, own), domain_hmac(person.domain, own), address_hmac(person, global_address_key(KEY)))
    assert tuple(anna[name] for name in ("address_hmac", "domain_hmac", "global_hmac")) == tuple(
        map(bytes.fromhex, hashes)
    )


@pytest.mark.parametrize(
    ("subject", "hit"),
    [("Anna@Firma.example", {"Anna"}), ("@firma.example", {"Anna", "Ben"}), ("c@firma.example", set())],
)
def test_an_entry_of_suppressions_csv_hits_the_lead_of_the_same_person(
    installation: Installation, subject: str, hit: set[str]
) -> None:
    listed = ListedSuppression(parse_subject(subject), SuppressionKind.OBJECTION, "letter", date(2026, 6, 30))  # type: ignore[arg-type]  # sound subjects
    tenant, _ = installation.apply(replace(fresh(example("kiwi")), suppressions=(listed,)))
    installation.upload(tenant, "a-service.csv", PEOPLE)
    installation.import_leads(tenant)

    found = installation.values(
        "select l.first_name from app.lead l join app.suppression s on s.tenant_id = l.tenant_id"
        " and s.subject_hmac = case s.subject when 'address' then l.address_hmac else l.domain_hmac end where l.tenant_id = %(t)s",
        t=tenant.id,
    )

    assert set(found) == hit


def test_text_that_could_break_a_copy_arrives_as_it_was(installation: Installation, tenant: TenantRef) -> None:
    odd = "back\\slash\\N \\. \ttab\nline Müller 😀"
    given = replace(lead(2, "jürgen@bücher.example"), first_name="\\N", extra=(("note", odd),))  # type: ignore[arg-type]  # a field's name

    PostgresLeadStore(installation.app, KEY).apply_file(tenant.id, FILE, [given])

    (row,) = rows(installation, tenant, "lead")
    assert (row["first_name"], row["fields"]) == ("\\N", {"note": odd})
    assert row["address"] == "jürgen@xn--bcher-kva.example"


def test_a_refused_file_is_remembered_until_its_octets_are_applied(
    installation: Installation, tenant: TenantRef
) -> None:
    store = PostgresLeadStore(installation.app, KEY)
    refusal = FileRefused(FILE, 3, "A quotation mark is opened here and not closed properly.")
    store.refuse_file(tenant.id, refusal)

    remembered = store.refusals(tenant.id)
    store.apply_file(tenant.id, FILE, iter([lead(2, "anna@firma.example")]))

    assert (remembered, store.refusals(tenant.id)) == ([refusal], [])
