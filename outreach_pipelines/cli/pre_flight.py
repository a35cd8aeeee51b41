"""`outreach plan preflight`: every letter of every campaign, filled in for a sample recipient and judged.

Belongs here: the sample, and telling. Does not: the rules (`domain.pre_flight`); what a campaign must declare, the
inventory's reader asks for, and its faults are told instead.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

import typer
from rich.console import Console

from outreach_pipelines.adapters.templates import render
from outreach_pipelines.application.import_inventory import FaultyInventory
from outreach_pipelines.cli.plan_sources import listed
from outreach_pipelines.domain.campaign import LEAD_FIELDS, Campaign, Step, Variant
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.pre_flight import Finding, SampleLetter, Weight, findings_of, lacking
from outreach_pipelines.errors import FilesFault, NotFound, TemplateFault
from resources import files

console = Console()
UNSUBSCRIBE_URL = "https://unsubscribe.example/u/sample"
_SYSTEM = {
    "sender_name": "Sample Sender",
    "sender_address": "sample@mail.example",
    "sender_company": "Sample Ltd",
    "sender_website": "https://www.example.com",
    "sender_contact": "contact@example.com",
    "sender_identity": "Sample Ltd, https://www.example.com",
    "privacy_notice_url": "https://www.example.com/privacy",
    "source": "our web site, 2026-03-01",
    "data_source": "our web site, 2026-03-01",
    "tenant_name": "sample",
    "campaign": "sample",
    "message_id": "sample",
    "tracking_url": "https://unsubscribe.example/t/sample",
}


def pre_flight(
    campaign: Annotated[str | None, typer.Argument(help="one campaign; all when left out")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="one tenant; all when left out")] = None,
    field: Annotated[
        list[str] | None, typer.Option("--field", help="a value of the sample, NAME=VALUE; any number of them")
    ] = None,
) -> None:
    """Read each campaign's letters as a recipient would; exit code 1 when one must not leave."""
    faults = checked = 0
    given = _given(field or ())
    for inventory in _inventories(tenant):
        for each in inventory.campaigns:
            if campaign in (None, each.name):
                checked += 1
                faults += _report(f"{inventory.tenant.slug}/{each.name}", list(_findings(inventory, each, given)))
    if not checked:
        message = f"there is no campaign {campaign!r}" if campaign else "there is no campaign"
        raise NotFound(message)
    if faults:
        raise typer.Exit(1)


def _inventories(tenant: str | None) -> Iterator[TenantInventory]:
    source = files.inventory_files()
    known = source.tenants()
    if tenant is not None and tenant not in known:
        message = f"no tenant is called {tenant!r} in the inventory files; there are {', '.join(known) or 'none'}"
        raise NotFound(message)
    for slug in known:
        if tenant not in (None, slug):
            continue
        loaded = source.load(slug)
        if isinstance(loaded, FaultyInventory):
            raise FilesFault(listed(f"{slug}: its inventory files are faulty", [str(each) for each in loaded.faults]))
        yield loaded.inventory


def _given(pairs: Iterable[str]) -> Mapping[str, str]:
    """Values of the sample by name; a name that no letter reads changes nothing."""
    split = [pair.partition("=") for pair in pairs]
    wrong = [name for name, equals, _ in split if not (name and equals)]
    if wrong:
        message = f"--field takes NAME=VALUE, not {', '.join(map(repr, wrong))}"
        raise typer.BadParameter(message)
    return {name: value for name, _, value in split}


def _findings(
    inventory: TenantInventory, campaign: Campaign, given: Mapping[str, str]
) -> Iterator[tuple[str, Finding]]:
    postal = "\n".join(inventory.tenant.postal_address)
    fields = dict.fromkeys((*LEAD_FIELDS, *campaign.required_fields, *campaign.optional_fields), "Sample")
    known = {str(name): value for name, value in fields.items()} | _SYSTEM
    known |= given
    filled: Mapping[str, str] = known | {"postal_address": postal, "unsubscribe_url": UNSUBSCRIBE_URL}
    for step in campaign.steps:
        for variant in step.variants:
            where = f"step {step.number}, variant {variant.name}"
            sample = {**filled, "step": str(step.number)}
            for finding in (*_letter_findings(step, variant, sample), *_lacking(campaign, variant, sample)):
                yield where, finding


def _lacking(campaign: Campaign, variant: Variant, fields: Mapping[str, str]) -> Iterator[Finding]:
    """The letter without each field that a lead may lack. What cannot be filled in is a finding already."""
    always = {*campaign.required_fields, *_SYSTEM, "email", "unsubscribe_url", "postal_address", "step"}
    parts = (("subject", variant.subject), ("text", variant.text), ("html", variant.html))
    for part, template in parts:
        for name in () if template is None else template.reads:
            if template is not None and name in fields and name not in always:
                try:
                    whole, without = (
                        render(template.body, each, html=part == "html") for each in (fields, {**fields, name: ""})
                    )
                except TemplateFault:
                    continue
                yield from lacking(part, name, whole, without)


def _letter_findings(step: Step, variant: Variant, fields: Mapping[str, str]) -> tuple[Finding, ...]:
    try:
        letter = SampleLetter(
            is_first=step.number == 1,
            subject=render(variant.subject.body, fields, html=False),
            text=render(variant.text.body, fields, html=False),
            html=None if variant.html is None else render(variant.html.body, fields, html=True),
            unsubscribe_url=fields["unsubscribe_url"],
            postal_address=fields["postal_address"],
            attached=sum(len(each.body) for each in step.attachments),
        )
    except TemplateFault as fault:
        return (Finding("letter", Weight.FAULT, f"It cannot be filled in: {fault}."),)
    return findings_of(letter)


def _report(name: str, found: list[tuple[str, Finding]]) -> int:
    faults = sum(finding.weight is Weight.FAULT for _, finding in found)
    console.print(
        f"{name}: {faults} faults, {len(found) - faults} pieces of advice",
        style="red" if faults else "green",
        highlight=False,
    )
    for where, finding in found:
        console.print(f"  {finding.weight}: {where}, {finding.part}: {finding.sentence}", highlight=False, markup=False)
    return faults
