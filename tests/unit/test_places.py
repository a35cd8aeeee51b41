"""Names of what a person may pause or hold."""

import pytest

from outreach_pipelines.application.places import Place, PlaceKind, find_place, names_of, words_of
from outreach_pipelines.domain.back_off import (
    AccountScope,
    CampaignScope,
    DomainScope,
    LeadFileId,
    LeadFileScope,
    MailboxScope,
    PathScope,
    RecipientProviderScope,
    Scope,
    TenantAccountScope,
    TenantScope,
)
from outreach_pipelines.domain.ids import AccountId, CampaignId, DomainId, MailboxId
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from outreach_pipelines.errors import NotFound, Refused

ACME = TenantRef(TenantId(1), TenantSlug("acme"))
KIWI = TenantRef(TenantId(2), TenantSlug("kiwi"))
MIA, MAIN = MailboxScope(MailboxId(3)), AccountId(4)
PLACES = (
    Place(ACME, PlaceKind.TENANT, "acme", TenantScope(ACME.id)),
    Place(ACME, PlaceKind.MAILBOX, "mia@go.acme.example", MIA),
    Place(ACME, PlaceKind.DOMAIN, "go.acme.example", DomainScope(DomainId(5))),
    Place(ACME, PlaceKind.CAMPAIGN, "acme", CampaignScope(CampaignId(6))),
    Place(ACME, PlaceKind.CAMPAIGN, "trial", CampaignScope(CampaignId(7))),
    Place(ACME, PlaceKind.LEAD_FILE, "uploads/acme/fair.csv", LeadFileScope(LeadFileId(8))),
    Place(ACME, PlaceKind.ACCOUNT, "main", TenantAccountScope(ACME.id, MAIN)),
    Place(ACME, PlaceKind.SHARED_ACCOUNT, "main", AccountScope(MAIN)),
    Place(KIWI, PlaceKind.CAMPAIGN, "webinar", CampaignScope(CampaignId(7))),
    Place(KIWI, PlaceKind.ACCOUNT, "main", TenantAccountScope(KIWI.id, MAIN)),
)
OF_ACME = tuple(place for place in PLACES if place.tenant == ACME)


@pytest.mark.parametrize(
    ("words", "scope"),
    [
        ("tenant:acme", TenantScope(ACME.id)),
        ("mia@go.acme.example", MIA),
        ("Mia@Go.Acme.Example", MIA),
        ("mailbox:mia@go.acme.example", MIA),
        ("go.acme.example", DomainScope(DomainId(5))),
        ("trial", CampaignScope(CampaignId(7))),
        ("lead-file:uploads/acme/fair.csv", LeadFileScope(LeadFileId(8))),
        ("shared-account:main", AccountScope(MAIN)),
        ("path:mia@go.acme.example:main", PathScope(MIA.mailbox, MAIN)),
        ("provider:mia@go.acme.example:google", RecipientProviderScope(MIA.mailbox, RecipientProvider("google"))),
    ],
)
def test_a_place_is_found_by_its_name(words: str, scope: Scope) -> None:
    assert find_place(words, PLACES).scope == scope


@pytest.mark.parametrize(("words", "hint"), [("acme", "tenant:acme"), ("account:main", "--tenant"), ("main", "kiwi")])
def test_a_name_that_fits_several_is_refused(words: str, hint: str) -> None:
    with pytest.raises(Refused, match=hint):
        find_place(words, PLACES)


@pytest.mark.parametrize(
    ("words", "there_is"),
    [
        ("webinars", "campaign:webinar"),
        ("campaign:trail", "campaign:trial"),
        ("zzz", "tenant:acme; mailbox:mia@go.acme.example; domain:go.acme.example; campaign:acme"),
        ("provider:mia@go.acme.example:nobody", "nothing is called"),
        ("path:mia@go.acme.example", "nothing is called"),
        ("path:bo@go.acme.example:main", "nothing is called"),
        ("", "nothing is called"),
    ],
)
def test_what_nothing_is_called_is_told_with_what_there_is(words: str, there_is: str) -> None:
    with pytest.raises(NotFound, match=there_is):
        find_place(words, PLACES)


@pytest.mark.parametrize(
    "scope",
    [
        *(place.scope for place in OF_ACME),
        PathScope(MIA.mailbox, MAIN),
        RecipientProviderScope(MIA.mailbox, RecipientProvider("google")),
    ],
    ids=str,
)
def test_the_words_for_a_scope_find_it_again(scope: Scope) -> None:
    words = words_of(scope, names_of(OF_ACME))

    assert find_place(words, OF_ACME).scope == scope
