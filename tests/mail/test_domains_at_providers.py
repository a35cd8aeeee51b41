"""Domains asked about at Mailgun, Postmark and SES, against a small HTTP server that answers as they document it."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from dns_audit_cases import rsa_key
from http_provider import CUT, SILENT, Provider, Request, Say, answer, provider

from outreach_pipelines.adapters.http_api import HttpApi
from outreach_pipelines.adapters.mailgun import mailgun_access
from outreach_pipelines.adapters.mailgun_domains import MailgunDomains
from outreach_pipelines.adapters.postmark_domains import PostmarkDomains, postmark_account_access
from outreach_pipelines.adapters.ses_client import SesAccess, ses_clients
from outreach_pipelines.adapters.ses_domains import SesDomains
from outreach_pipelines.application.ask_providers import DomainDesk
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, TrackingHost
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, NotHeard, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import ProviderWord, Word
from outreach_pipelines.domain.inventory import Selector
from outreach_pipelines.domain.secret import Secret

DOMAIN = DomainName("mail.acme.example")
VERIFIED, PENDING, FAILED = ProviderState.VERIFIED, ProviderState.PENDING, ProviderState.FAILED
SUSPENDED, ABSENT, UNSAID = ProviderState.SUSPENDED, ProviderState.ABSENT, ProviderState.UNSAID
Json = dict[str, Any]
DeskAt = Callable[..., DomainDesk]


def mailgun_at(url: str, timeout: float = 10.0) -> DomainDesk:
    return MailgunDomains(HttpApi(mailgun_access(url, Secret("key")), timeout=timeout))


def postmark_at(url: str, timeout: float = 10.0) -> DomainDesk:
    return PostmarkDomains(HttpApi(postmark_account_access(Secret("token"), url), timeout=timeout))


def ses_at(url: str, timeout: float = 10.0) -> DomainDesk:
    access = SesAccess("eu-west-1", url, Secret("key-id"), Secret("key"))
    return SesDomains(ses_clients(access), timeout=timeout, seconds_between=0.0)


@asynccontextmanager
async def asking(at: DeskAt, says: Say | bytes) -> AsyncIterator[tuple[DomainDesk, Provider]]:
    async with provider(says) as met:
        desk = at(met.url)
        try:
            yield desk, met
        finally:
            await desk.close()


async def asked(at: DeskAt, says: Say | bytes, domain: DomainName = DOMAIN) -> tuple[Word, list[Request]]:
    async with asking(at, says) as (desk, met):
        return await desk.ask(domain), met.requests


async def state_of(at: DeskAt, says: Say | bytes) -> DomainState:
    word, _ = await asked(at, says)
    assert isinstance(word, ProviderWord)
    return word.state


# Mailgun


def mailgun(state: str = "active", valid: str = "valid", **domain: object) -> Json:
    return {
        "domain": {"name": DOMAIN, "state": state, "is_disabled": False, "web_scheme": "https", **domain},
        "receiving_dns_records": [
            {"record_type": "MX", "priority": "10", "valid": "unknown", "value": "mxa.eu.mailgun.org", "cached": []}
        ],
        "sending_dns_records": [
            {"record_type": "TXT", "valid": valid, "name": DOMAIN, "value": "v=spf1 include:eu.mailgun.org ~all"},
            {
                "record_type": "TXT",
                "valid": valid,
                "name": f"pic._domainkey.{DOMAIN}",
                "value": f"k=rsa; p={rsa_key(2048)}",
            },
            {"record_type": "CNAME", "valid": "invalid", "name": f"email.{DOMAIN}", "value": "eu.mailgun.org"},
        ],
    }


async def test_mailgun_tells_its_state_and_its_own_key_and_include() -> None:
    word, (request,) = await asked(mailgun_at, answer(200, mailgun()))

    assert word == ProviderWord(
        state=DomainState(identity=VERIFIED, dkim=VERIFIED, spf=VERIFIED),
        dkim=(DkimExpectation(Selector("pic"), public_key=rsa_key(2048)),),
        spf_includes=(DomainName("eu.mailgun.org"),),
        link_host=TrackingHost(DomainName(f"email.{DOMAIN}"), DomainName("eu.mailgun.org")),
    )
    assert (request.method, request.path) == ("GET", "/v4/domains/mail.acme.example")
    assert request.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("says", "identity"),
    [
        (mailgun("unverified", "unknown"), PENDING),
        (mailgun("unverified", "invalid"), FAILED),
        (mailgun("disabled"), SUSPENDED),
        (mailgun("active", is_disabled=True), SUSPENDED),
    ],
)
async def test_mailguns_states_are_told_in_our_words(says: Json, identity: ProviderState) -> None:
    state = await state_of(mailgun_at, answer(200, says))

    assert state.identity is identity
    assert ("pic._domainkey" in state.reason) is (identity is FAILED)


async def test_an_active_domain_of_mailgun_is_not_refused_for_a_record_that_it_saw_long_ago() -> None:
    state = await state_of(mailgun_at, answer(200, mailgun("active", "invalid")))

    assert state == DomainState(identity=VERIFIED)


async def test_mailguns_managed_keys_are_expected_as_aliases() -> None:
    says = mailgun()
    says["sending_dns_records"][1] = {
        "record_type": "CNAME",
        "valid": "valid",
        "name": f"pdk1._domainkey.{DOMAIN}",
        "value": "pdk1._domainkey.0a1b.dkim1.eu.mgsend.example",
    }

    word, _ = await asked(mailgun_at, answer(200, says))

    assert isinstance(word, ProviderWord)
    alias = DomainName("pdk1._domainkey.0a1b.dkim1.eu.mgsend.example")
    assert word.dkim == (DkimExpectation(Selector("pdk1"), alias),)
    assert word.link_host == TrackingHost(DomainName(f"email.{DOMAIN}"), DomainName("eu.mailgun.org"))


async def test_a_key_that_signs_as_the_parent_is_left_to_the_inventory() -> None:
    says = mailgun()
    says["sending_dns_records"][1]["name"] = "pic._domainkey.acme.example"

    word, _ = await asked(mailgun_at, answer(200, says))

    assert isinstance(word, ProviderWord)
    assert word.dkim == ()


async def test_a_domain_that_mailgun_does_not_have_is_absent() -> None:
    state = await state_of(mailgun_at, answer(404, {"message": "Domain not found"}))

    assert state.identity is ABSENT


# Postmark

DETAILS: Json = {
    "Name": DOMAIN,
    "SPFVerified": True,
    "DKIMVerified": True,
    "WeakDKIM": False,
    "DKIMHost": f"2026pm._domainkey.{DOMAIN}",
    "DKIMTextValue": f"k=rsa;p={rsa_key(1024)}",
    "DKIMPendingHost": "",
    "DKIMPendingTextValue": "",
    "ReturnPathDomain": f"pm-bounces.{DOMAIN}",
    "ReturnPathDomainVerified": True,
    "ReturnPathDomainCNAMEValue": "pm.mtasv.net",
    "ID": 36,
}


def postmark(details: Json | bytes = DETAILS, names: tuple[str, ...] = (DOMAIN,), signed: tuple[str, ...] = ()) -> Say:
    listed = [{"Name": name, "ID": 36 + number} for number, name in enumerate(names)]
    signatures = [{"Domain": name, "EmailAddress": f"bo@{name}", "Confirmed": True, "ID": 7} for name in signed]

    def say(request: Request) -> bytes:
        start = int(request.query.get("offset", "0"))
        match request.path:
            case "/domains":
                return answer(200, {"TotalCount": len(listed), "Domains": listed[start : start + 1]})
            case "/senders":
                return answer(200, {"TotalCount": len(signatures), "SenderSignatures": signatures[start:]})
            case _:
                return details if isinstance(details, bytes) else answer(200, details)

    return say


async def test_postmark_tells_its_key_and_where_the_return_path_leads() -> None:
    word, requests = await asked(postmark_at, postmark(names=("first.example", DOMAIN)))

    assert word == ProviderWord(
        state=DomainState(identity=VERIFIED, dkim=VERIFIED, return_path=VERIFIED),
        dkim=(DkimExpectation(Selector("2026pm"), public_key=rsa_key(1024)),),
        return_path=DomainName(f"pm-bounces.{DOMAIN}"),
        return_path_alias=DomainName("pm.mtasv.net"),
    )
    assert [request.path for request in requests] == ["/domains", "/domains", "/domains/37"]
    assert {request.headers["x-postmark-account-token"] for request in requests} == {"token"}


async def test_a_key_that_postmark_waits_for_is_pending_and_expected() -> None:
    waiting = {
        **DETAILS,
        "DKIMVerified": False,
        "DKIMHost": "",
        "DKIMTextValue": "",
        "DKIMPendingHost": f"new._domainkey.{DOMAIN}",
        "DKIMPendingTextValue": f"k=rsa; p={rsa_key(1024)}",
        "ReturnPathDomain": "",
        "ReturnPathDomainVerified": False,
    }

    word, _ = await asked(postmark_at, postmark(waiting))

    assert isinstance(word, ProviderWord)
    assert word.state == DomainState(identity=PENDING, dkim=PENDING, return_path=ABSENT)
    assert [key.selector for key in word.dkim] == ["new"]
    assert word.return_path is None


@pytest.mark.parametrize(("safe", "spare"), [(False, ["next", "last"]), (True, ["next"])])
async def test_keys_that_postmark_changes_are_expected_beside_the_one_that_signs(safe: bool, spare: list[str]) -> None:
    changing = {
        **DETAILS,
        "DKIMPendingHost": f"next._domainkey.{DOMAIN}",
        "DKIMPendingTextValue": f"k=rsa; p={rsa_key(1024)}",
        "DKIMRevokedHost": f"last._domainkey.{DOMAIN}",
        "DKIMRevokedTextValue": f"k=rsa; p={rsa_key(1024)}",
        "SafeToRemoveRevokedKeyFromDNS": safe,
    }

    word, _ = await asked(postmark_at, postmark(changing))

    assert isinstance(word, ProviderWord)
    assert [(key.selector, key.spare) for key in word.dkim] == [("2026pm", False), *((name, True) for name in spare)]


@pytest.mark.parametrize(("signed", "identity"), [((), ABSENT), ((DOMAIN,), UNSAID)])
async def test_a_domain_that_postmark_does_not_list_may_still_have_confirmed_addresses(
    signed: tuple[str, ...], identity: ProviderState
) -> None:
    state = await state_of(postmark_at, postmark(names=(), signed=signed))

    assert state.identity is identity


async def test_an_address_that_nobody_confirmed_at_postmark_sends_nothing() -> None:
    def say(request: Request) -> bytes:
        if request.path == "/senders":
            waiting = {"Domain": DOMAIN, "EmailAddress": f"bo@{DOMAIN}", "Confirmed": False, "ID": 7}
            return answer(200, {"TotalCount": 1, "SenderSignatures": [waiting]})
        return answer(200, {"TotalCount": 0, "Domains": []})

    state = await state_of(postmark_at, say)

    assert state.identity is ABSENT


async def test_postmarks_list_is_read_once_for_all_domains() -> None:
    async with asking(postmark_at, postmark()) as (desk, met):
        await desk.ask(DOMAIN)
        await desk.ask(DOMAIN)

    assert [request.path for request in met.requests] == ["/domains", "/domains/36", "/domains/36"]


async def test_a_list_of_postmark_that_ends_too_early_tells_of_no_absence() -> None:
    word, _ = await asked(postmark_at, answer(200, {"TotalCount": 3, "Domains": []}))

    assert word == NotHeard(Cause.MALFORMED)


# SES

TOKENS = [letter * 32 for letter in "abc"]


def ses(verified: bool = True, status: str = "SUCCESS", **dkim: object) -> Json:
    return {
        "IdentityType": "DOMAIN",
        "FeedbackForwardingStatus": True,
        "VerifiedForSendingStatus": verified,
        "VerificationStatus": status,
        "DkimAttributes": {
            "SigningEnabled": True,
            "Status": status,
            "Tokens": TOKENS,
            "SigningAttributesOrigin": "AWS_SES",
            "SigningHostedZone": "dkim.eu-west-1.amazonses.example",
            **dkim,
        },
        "MailFromAttributes": {
            "MailFromDomain": f"bounce.{DOMAIN}",
            "MailFromDomainStatus": "SUCCESS",
            "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
        },
    }


def no_identity() -> bytes:
    return answer(404, {"message": "Email identity does not exist."}, headers="x-amzn-ErrorType: NotFoundException\r\n")


def ses_with(identities: dict[str, Json], addresses: tuple[str, ...] = ()) -> Say:
    def say(request: Request) -> bytes:
        if request.path == "/v2/email/list-identities":
            start = int(json.loads(request.body).get("NextToken", "0"))
            page = [{"IdentityName": name, "IdentityType": "EMAIL_ADDRESS"} for name in addresses[start : start + 1]]
            more = {"NextToken": str(start + 1)} if start + 1 < len(addresses) else {}
            return answer(200, {"EmailIdentities": page, **more})
        name = request.path.removeprefix("/v2/email/identities/")
        return answer(200, identities[name]) if name in identities else no_identity()

    return say


async def test_ses_tells_its_tokens_its_zone_and_its_mail_from() -> None:
    word, (request,) = await asked(ses_at, answer(200, ses()))

    assert word == ProviderWord(
        state=DomainState(identity=VERIFIED, dkim=VERIFIED, return_path=VERIFIED),
        dkim=tuple(
            DkimExpectation(Selector(token), DomainName(f"{token}.dkim.eu-west-1.amazonses.example"))
            for token in TOKENS
        ),
        return_path=DomainName(f"bounce.{DOMAIN}"),
    )
    assert (request.method, request.path) == ("GET", f"/v2/email/identities/{DOMAIN}")


@pytest.mark.parametrize(
    ("says", "state"),
    [
        (ses(verified=False, status="PENDING"), DomainState(identity=PENDING, dkim=PENDING, return_path=VERIFIED)),
        (ses(verified=False, status="FAILED"), DomainState(identity=FAILED, dkim=FAILED, return_path=VERIFIED)),
        (ses(verified=False, status="NOT_STARTED"), DomainState(identity=FAILED, dkim=FAILED, return_path=VERIFIED)),
        (ses(SigningEnabled=False), DomainState(identity=VERIFIED, dkim=SUSPENDED, return_path=VERIFIED)),
        (
            ses(verified=False, status="TEMPORARY_FAILURE"),
            DomainState(identity=ProviderState.UNSURE, dkim=ProviderState.UNSURE, return_path=VERIFIED),
        ),
        ({**ses(), "MailFromAttributes": {}}, DomainState(identity=VERIFIED, dkim=VERIFIED, return_path=ABSENT)),
    ],
)
async def test_the_states_of_ses_are_told_in_our_words(says: Json, state: DomainState) -> None:
    assert await state_of(ses_at, answer(200, says)) == state


async def test_a_key_of_our_own_at_ses_is_no_alias() -> None:
    word, _ = await asked(ses_at, answer(200, ses(SigningAttributesOrigin="EXTERNAL", Tokens=["own"])))

    assert isinstance(word, ProviderWord)
    assert word.dkim == (DkimExpectation(Selector("own")),)


async def test_a_domain_below_an_identity_of_ses_may_send_by_it() -> None:
    word, _ = await asked(ses_at, ses_with({"acme.example": ses()}))

    assert word == ProviderWord(state=DomainState(identity=VERIFIED))


@pytest.mark.parametrize(
    ("addresses", "identity"),
    [((), ABSENT), (("x@other.example", "y@other.example"), ABSENT), (("x@other.example", f"bo@{DOMAIN}"), UNSAID)],
)
async def test_a_domain_without_identity_at_ses_may_still_have_confirmed_addresses(
    addresses: tuple[str, ...], identity: ProviderState
) -> None:
    state = await state_of(ses_at, ses_with({}, addresses))

    assert state == DomainState(identity=identity)


async def test_ses_is_not_asked_more_often_than_it_answers() -> None:
    asked_at: list[float] = []

    def say(_: Request) -> bytes:
        asked_at.append(time.monotonic())
        return answer(200, ses())

    def patient(url: str) -> DomainDesk:
        access = SesAccess("eu-west-1", url, Secret("key-id"), Secret("key"))
        return SesDomains(ses_clients(access), seconds_between=0.3)

    async with asking(patient, say) as (desk, _):
        await desk.ask(DOMAIN)
        await desk.ask(DOMAIN)

    # From the first question's start to the second's: a little less where the first took long to arrive.
    assert asked_at[1] - asked_at[0] > 0.15


# All of them

SILENCES = [
    (answer(401, b"Forbidden"), Cause.REFUSED),
    (answer(403, {"message": "no"}, headers="x-amzn-ErrorType: AccessDeniedException\r\n"), Cause.REFUSED),
    (answer(429, {"message": "slow"}, headers="x-amzn-ErrorType: TooManyRequestsException\r\n"), Cause.SERVER_FAILURE),
    (answer(503, b"<html>down</html>"), Cause.SERVER_FAILURE),
    (answer(200, b"<html>Please log in</html>"), Cause.MALFORMED),
    (answer(200, {}), Cause.MALFORMED),
    (answer(200, b"[" * 100_000), Cause.MALFORMED),
    (SILENT, Cause.TIMEOUT),
    (CUT, Cause.UNREACHABLE),
]


@pytest.mark.parametrize(("says", "cause"), SILENCES, ids=[str(number) for number in range(len(SILENCES))])
@pytest.mark.parametrize("at", [mailgun_at, postmark_at, ses_at])
async def test_what_is_no_answer_is_not_heard(at: DeskAt, says: bytes, cause: Cause) -> None:
    hasty = partial(at, timeout=0.3) if says == SILENT else at

    word, _ = await asked(hasty, says)

    assert word == NotHeard(cause)


@pytest.mark.parametrize("at", [mailgun_at, postmark_at, ses_at])
async def test_a_page_of_a_proxy_is_no_absent_domain(at: DeskAt) -> None:
    word, _ = await asked(at, answer(404, b"<html>not here</html>"))

    assert isinstance(word, NotHeard)


@pytest.mark.parametrize("at", [mailgun_at, postmark_at])
async def test_an_answer_of_five_megabytes_is_not_read(at: DeskAt) -> None:
    word, _ = await asked(at, answer(200, b'{"message": "' + b"x" * 5_000_000 + b'"}'))

    assert word == NotHeard(Cause.MALFORMED)


@pytest.mark.parametrize("at", [mailgun_at, postmark_at])
async def test_an_answer_about_another_domain_is_not_believed(at: DeskAt) -> None:
    says = (
        answer(200, mailgun(name="other.example")) if at is mailgun_at else postmark({**DETAILS, "Name": "x.example"})
    )

    word, _ = await asked(at, says)

    assert word == NotHeard(Cause.MALFORMED)


async def test_nobody_at_the_port_is_unreachable() -> None:
    word = await mailgun_at("http://127.0.0.1:1").ask(DOMAIN)

    assert word == NotHeard(Cause.UNREACHABLE)
