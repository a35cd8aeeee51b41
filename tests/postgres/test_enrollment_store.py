"""Leads into campaigns: each once, only by campaigns that are active and take them."""

from dataclasses import replace
from datetime import date

import pytest
from tenant_installation import Installation, example, fresh

from outreach_pipelines.domain.campaign import Campaign, CampaignState, LeadSelection
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.lead import FieldName
from outreach_pipelines.domain.suppression import CampaignName, ListedSuppression, SuppressionKind, parse_subject
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)

PEOPLE = "email,first name,country,product\nanna@firma.example,Anna,DE,pump\nben@firma.example,Ben,NZ,fan\n"


def with_campaigns(*campaigns: Campaign) -> TenantInventory:
    return replace(fresh(example("kiwi")), campaigns=campaigns)


def campaign(name: str, *files: str, state: CampaignState = CampaignState.ACTIVE, **where: str) -> Campaign:
    selection = LeadSelection(files or ("*",), tuple((FieldName(field), value) for field, value in where.items()))
    return replace(example("kiwi").campaigns[0], name=CampaignName(name), state=state, leads=selection)


def with_leads(installation: Installation, inventory: TenantInventory, name: str = "a-service.csv") -> TenantRef:
    tenant, _ = installation.apply(inventory)
    installation.upload(tenant, name, PEOPLE)
    installation.import_leads(tenant)
    return tenant


def enrolled(installation: Installation, tenant: TenantRef) -> set[tuple[object, ...]]:
    rows = installation.sql(
        "select c.name, l.first_name from app.enrollment e join app.lead l using (tenant_id, lead_id)"
        " join app.campaign c using (tenant_id, campaign_id) where e.tenant_id = %(t)s",
        t=tenant.id,
    )
    return {tuple(row.values()) for row in rows}


def test_a_new_lead_waits_at_the_first_step_without_a_day(installation: Installation) -> None:
    tenant = with_leads(installation, with_campaigns(campaign("all")))

    summary = installation.enroll(tenant)

    rows = installation.sql(
        "select round, step, due_day, mailbox_id, state from app.enrollment where tenant_id = %(t)s", t=tenant.id
    )
    assert summary.by_campaign == {"all": 2}
    assert [tuple(row.values()) for row in rows] == [(1, 1, None, None, "active")] * 2


def test_enrolling_twice_enrolls_once(installation: Installation) -> None:
    tenant = with_leads(installation, with_campaigns(campaign("all")))
    installation.enroll(tenant)

    again = installation.enroll(tenant)

    assert again.by_campaign == {"all": 0}
    assert len(enrolled(installation, tenant)) == 2


def test_an_ended_enrollment_is_not_begun_anew(installation: Installation) -> None:
    tenant = with_leads(installation, with_campaigns(campaign("all")))
    installation.enroll(tenant)
    installation.sql(
        "update app.enrollment set state = 'finished', reason = 'completed' where tenant_id = %(t)s", t=tenant.id
    )

    again = installation.enroll(tenant)

    assert again.by_campaign == {"all": 0}


@pytest.mark.parametrize(
    ("chosen", "takes"),
    [
        (campaign("c", "*-service.csv"), {"Anna", "Ben"}),
        (campaign("c", "*-SERVICE.csv"), set()),
        (campaign("c", "b-*.csv"), set()),
        (campaign("c", product="PUMP"), {"Anna"}),
        (campaign("c", country="nz"), {"Ben"}),
        (campaign("c", country="NZ", product="pump"), set()),
        (campaign("c", first_name="Anna", lawful_basis="consent"), {"Anna"}),
        (campaign("c", nothing="x"), set()),
        (campaign("c", state=CampaignState.DRAFT), set()),
        (campaign("c", state=CampaignState.PAUSED), set()),
    ],
    ids=["file", "case-of-file", "other-file", "field", "country", "both", "two", "no-such-field", "draft", "paused"],
)
def test_a_campaign_takes_whom_its_files_and_fields_name(
    installation: Installation, chosen: Campaign, takes: set[str]
) -> None:
    tenant = with_leads(installation, with_campaigns(chosen))

    installation.enroll(tenant)

    assert {name for _, name in enrolled(installation, tenant)} == takes


def test_leads_of_a_later_file_join_and_two_campaigns_may_take_one_person(installation: Installation) -> None:
    tenant = with_leads(installation, with_campaigns(campaign("all"), campaign("pumps", product="pump")))
    installation.enroll(tenant)
    installation.upload(tenant, "b-service.csv", "email,first name,product\nzoe@firma.example,Zoe,pump\n")
    installation.import_leads(tenant)

    later = installation.enroll(tenant)

    assert later.by_campaign == {"all": 1, "pumps": 1}
    assert {name for group, name in enrolled(installation, tenant) if group == "pumps"} == {"Anna", "Zoe"}


def test_an_erased_person_is_not_enrolled(installation: Installation) -> None:
    tenant = with_leads(installation, with_campaigns(campaign("all")))
    installation.sql(
        "update app.lead set address = null, erased_at = now() where tenant_id = %(t)s and first_name = 'Anna'",
        t=tenant.id,
    )

    summary = installation.enroll(tenant)

    assert summary.by_campaign == {"all": 1}


def test_a_suppressed_person_is_enrolled_so_that_the_plan_says_why_not(installation: Installation) -> None:
    listed = ListedSuppression(
        parse_subject("anna@firma.example"), SuppressionKind.OBJECTION, "letter", date(2026, 6, 30)
    )  # type: ignore[arg-type]  # a sound subject
    tenant = with_leads(installation, replace(with_campaigns(campaign("all")), suppressions=(listed,)))

    summary = installation.enroll(tenant)

    assert summary.by_campaign == {"all": 2}


def test_a_suppression_that_is_loaded_later_ends_the_sequence_of_that_person_alone(installation: Installation) -> None:
    inventory = with_campaigns(campaign("all"))
    tenant = with_leads(installation, replace(inventory, suppressions=()))
    installation.enroll(tenant)
    listed = ListedSuppression(
        parse_subject("anna@firma.example"), SuppressionKind.HARD_BOUNCE, "list", date(2026, 6, 30)
    )  # type: ignore[arg-type]  # a sound subject

    installation.apply(replace(inventory, suppressions=(listed,)))

    rows = installation.sql(
        "select l.first_name, e.state, e.reason from app.enrollment e join app.lead l using (tenant_id, lead_id) where e.tenant_id = %(t)s order by 1",
        t=tenant.id,
    )
    assert [tuple(row.values()) for row in rows] == [("Anna", "bounced", "hard_bounce"), ("Ben", "active", None)]


def test_tenants_with_the_same_people_enroll_only_their_own(installation: Installation) -> None:
    one, other = (with_leads(installation, with_campaigns(campaign("all"))) for _ in range(2))

    installation.enroll(one)

    assert (len(enrolled(installation, one)), len(enrolled(installation, other))) == (2, 0)
