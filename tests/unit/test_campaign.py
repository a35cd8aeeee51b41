"""Whom a campaign takes, and what no campaign may do."""

from dataclasses import replace
from datetime import time

import pytest

from outreach_pipelines.domain.address import Address, parse_address
from outreach_pipelines.domain.campaign import (
    Campaign,
    CampaignState,
    LeadSelection,
    PoolName,
    SendingWindow,
    Step,
    Template,
    TemplateName,
    Variant,
    faults_of,
    fields_of,
    takes_fields,
    takes_file,
)
from outreach_pipelines.domain.lead import FieldName, LawfulBasis, Lead
from outreach_pipelines.domain.place import CountryCode
from outreach_pipelines.domain.sending_policy import Hours
from outreach_pipelines.domain.suppression import CampaignName


def fields(*names: str) -> tuple[FieldName, ...]:
    return tuple(map(FieldName, names))


def template(*reads: str, body: str = "text") -> Template:
    return Template(TemplateName("a.txt"), body, fields(*reads))


COMPLETE = template("postal_address", "source", "unsubscribe_url")
SUBJECT = template(body="The slides")
VARIANT = Variant("a", SUBJECT, COMPLETE, COMPLETE)
CAMPAIGN = Campaign(
    name=CampaignName("tips"),
    pool=PoolName("webinar"),
    state=CampaignState.ACTIVE,
    priority=10,
    zone=None,
    window=SendingWindow((0, 1, 2, 3, 4), Hours(time(9), time(17))),
    leads=LeadSelection(("2026-11-*.csv",)),
    required_fields=fields("first_name", "topic"),
    optional_fields=fields("note"),
    steps=(Step(1, 0, (VARIANT,)), Step(2, 3, (VARIANT,))),
)


def lead(**extra: str) -> Lead:
    address = parse_address("anna@firma.example")
    assert isinstance(address, Address)
    pairs = tuple((FieldName(name), value) for name, value in extra.items())
    basis = LawfulBasis.CONSENT
    return Lead(2, address, "Anna", "", "Firma", CountryCode("DE"), None, basis, "form", "web site", pairs)


def with_first(variant: Variant) -> Campaign:
    return replace(CAMPAIGN, steps=(Step(1, 0, (variant,)), *CAMPAIGN.steps[1:]))


def test_a_complete_campaign_has_no_faults() -> None:
    assert faults_of(CAMPAIGN) == ()


@pytest.mark.parametrize(
    ("selection", "file", "taken"),
    [
        (LeadSelection(("2026-11-*.csv",)), "2026-11-02.csv", True),
        (LeadSelection(("2026-11-*.csv",)), "2026-12-02.csv", False),
        (LeadSelection(("a.csv", "b.csv")), "b.csv", True),
        (LeadSelection(("*",), ((FieldName("language"), "DE"),)), "a.csv", True),
        (LeadSelection(("*",), ((FieldName("language"), "en"),)), "a.csv", False),
        (LeadSelection(("*",), ((FieldName("country"), "de"), (FieldName("language"), "en"))), "a.csv", False),
        (LeadSelection(("*",), ((FieldName("unknown"), ""),)), "a.csv", True),
    ],
)
def test_a_campaign_takes_leads_by_file_and_by_field(selection: LeadSelection, file: str, *, taken: bool) -> None:
    anna = fields_of(lead(language="de"))

    assert (takes_file(selection, file) and takes_fields(selection, anna)) is taken


def test_a_field_is_found_among_the_leads_own_and_the_files() -> None:
    anna = fields_of(lead(topic="pumps"))

    assert [anna.get(name) for name in fields("email", "topic", "last_name", "never_heard_of")] == [
        "anna@firma.example",
        "pumps",
        "",
        None,
    ]


@pytest.mark.parametrize("missing", ["postal_address", "source", "unsubscribe_url"])
@pytest.mark.parametrize("part", ["text", "html"])
def test_a_first_message_shows_address_source_and_unsubscribe_link(missing: str, part: str) -> None:
    lacking = template(*(name for name in COMPLETE.reads if name != missing))

    variant = replace(VARIANT, text=lacking) if part == "text" else replace(VARIANT, html=lacking)

    faults = faults_of(with_first(variant))

    assert [fault.field for fault in faults] == [f"steps.0.variants.0.{part}"]
    assert missing in faults[0].sentence


def test_a_follow_up_need_not_repeat_the_source() -> None:
    variant = replace(VARIANT, text=template("postal_address", "unsubscribe_url"))

    assert faults_of(replace(CAMPAIGN, steps=(CAMPAIGN.steps[0], Step(2, 3, (variant,))))) == ()


@pytest.mark.parametrize("subject", ["Re: our call", "RE:call", "  Fwd: x", "AW: Termin", "Re[2]: x", "Antw : x"])
def test_a_first_message_does_not_pretend_to_be_a_reply(subject: str) -> None:
    faults = faults_of(with_first(replace(VARIANT, subject=template(body=subject))))

    assert [fault.field for fault in faults] == ["steps.0.variants.0.subject"]


@pytest.mark.parametrize("subject", ["Reading list: pumps", "Regarding your visit", "Awning: prices"])
def test_a_word_that_only_begins_like_a_prefix_is_no_pretence(subject: str) -> None:
    assert faults_of(with_first(replace(VARIANT, subject=template(body=subject)))) == ()


def test_a_follow_up_may_answer_its_own_thread() -> None:
    answering = replace(VARIANT, subject=template(body="Re: The slides"))

    assert faults_of(replace(CAMPAIGN, steps=(CAMPAIGN.steps[0], Step(2, 3, (answering,))))) == ()


def test_a_template_may_read_only_fields_the_campaign_declares() -> None:
    reading = template(*COMPLETE.reads, "topic", "note", "company", "typo")

    faults = faults_of(with_first(replace(VARIANT, text=reading)))

    assert [(fault.field, fault.sentence.split()[0]) for fault in faults] == [("steps.0.variants.0.text", "typo")]


def test_delays_are_none_at_first_and_a_day_or_more_after() -> None:
    steps = (Step(1, 2, (VARIANT,)), Step(2, 0, (VARIANT,)))

    faults = faults_of(replace(CAMPAIGN, steps=steps))

    assert [fault.field for fault in faults] == ["steps.0.delay_business_days", "steps.1.delay_business_days"]


def test_a_campaign_without_steps_is_a_fault() -> None:
    assert [fault.field for fault in faults_of(replace(CAMPAIGN, steps=()))] == ["steps"]


def test_another_text_has_another_digest() -> None:
    assert template(body="one").digest != template(body="two").digest
