"""The lab's Mailgun and Postmark as our transports and look-ups see them: acceptance, refusals, evidence, faults.

What no transport of ours sends is asked with plain requests.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from lab_process import Aws, RunningLab, end, start_lab
from transport_conformance import soon

from outreach_pipelines.adapters.http_api import HttpApi
from outreach_pipelines.adapters.mailgun import MailgunPath, MailgunTransport, mailgun_access
from outreach_pipelines.adapters.mailgun_events import MailgunLookup
from outreach_pipelines.adapters.postmark import PostmarkTransport, postmark_access
from outreach_pipelines.adapters.postmark_messages import PostmarkLookup
from outreach_pipelines.application.ports import EvidenceLookup, MailTransport
from outreach_pipelines.domain.doubt import CouldNotLook, LookUp, NotSeen, Seen, Sought
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, write_tag
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import WireMessage

pytest_plugins = ("lab_fixtures",)


@dataclass(frozen=True)
class Party:
    """One of the two providers: its account in the lab, and how we speak to it."""

    account: str
    transport: Callable[[RunningLab], MailTransport]
    lookup: Callable[[RunningLab], EvidenceLookup]


def mailgun_api(lab: RunningLab) -> HttpApi:
    access = mailgun_access(f"http://127.0.0.1:{lab.ports['mailgun']}", Secret("mailgun-key"))
    return HttpApi(access, timeout=1.0, connect_timeout=1.0)


def postmark_api(lab: RunningLab) -> HttpApi:
    access = postmark_access(Secret("postmark-token"), f"http://127.0.0.1:{lab.ports['postmark']}")
    return HttpApi(access, timeout=1.0, connect_timeout=1.0)


MAILGUN = Party(
    "mailgun-a",
    lambda lab: MailgunTransport(mailgun_api(lab), path=MailgunPath()),
    lambda lab: MailgunLookup(mailgun_api(lab)),
)
POSTMARK = Party(
    "postmark-a",
    lambda lab: PostmarkTransport(postmark_api(lab), stream="broadcast"),
    lambda lab: PostmarkLookup(postmark_api(lab), stream="broadcast"),
)
both = pytest.mark.parametrize("party", [MAILGUN, POSTMARK], ids=["mailgun", "postmark"])


@pytest.fixture(autouse=True)
def _clean(lab: RunningLab) -> Iterator[None]:
    yield
    lab.clear_faults()


def a_mail(person: str = "deliver", *, sender: str = "anna@sender.test") -> WireMessage:
    """A message to somebody who was never written to before, so that each test finds its own alone."""
    number = uuid.uuid4().int % 10**12
    tag = write_tag(MessageTag(TenantId(1), date(2026, 11, 21), MessageId(number), 1), b"k" * 32)
    recipient, message_id = f"{person}.{number}@people.example", f"<{tag}@sender.test>"
    head = f"From: Anna <{sender}>\r\nTo: {recipient}\r\nSubject: Tea\r\nMessage-ID: {message_id}\r\n\r\n"
    return WireMessage(
        tag, f"bounce+{tag}@sender.test", sender, recipient, "Tea", message_id, f"{head}Hello.\r\n".encode()
    )


def sought(mail: WireMessage) -> Sought:
    return Sought(mail.tag, mail.message_id, mail.sender, mail.recipient, datetime.now(UTC))


async def send(party: Party, lab: RunningLab, mail: WireMessage) -> SendAnswer:
    transport = party.transport(lab)
    try:
        return await transport.send(mail, deadline=soon())
    finally:
        await transport.close()


@asynccontextmanager
async def looking(party: Party, lab: RunningLab) -> AsyncIterator[EvidenceLookup]:
    lookup = party.lookup(lab)
    try:
        yield lookup
    finally:
        await lookup.close()


async def look(party: Party, lab: RunningLab, mail: WireMessage) -> LookUp:
    async with looking(party, lab) as lookup:
        return await lookup.look(sought(mail))


@both
async def test_an_accepted_message_is_in_the_ledger_with_our_tag_and_our_message_id(
    party: Party, lab: RunningLab
) -> None:
    mail = a_mail()

    found = await send(party, lab, mail)

    assert isinstance(found, Accepted)
    (line,) = lab.accepted(mail.recipient)
    assert (line["provider"], line["mailbox"], line["tag"]) == (party.account, "anna@sender.test", mail.tag)
    assert line["message_id"] == found.wire_message_id == mail.message_id


@both
async def test_what_was_accepted_is_seen_as_the_answer_said_it(party: Party, lab: RunningLab) -> None:
    mail, before = a_mail(), datetime.now(UTC)

    answered = await send(party, lab, mail)
    found = await look(party, lab, mail)

    assert isinstance(answered, Accepted)
    assert isinstance(found, Seen)
    assert (found.provider_message_id, found.wire_message_id) == (
        answered.provider_message_id,
        answered.wire_message_id,
    )
    assert before <= found.accepted_at <= datetime.now(UTC)
    assert found.rejected is None


@both
async def test_what_was_never_sent_is_not_seen(party: Party, lab: RunningLab) -> None:
    assert await look(party, lab, a_mail()) == NotSeen()


@both
@pytest.mark.parametrize("fault", ["accept_then_close", "accept_then_hang", "error_500_after_accept"])
async def test_a_lost_answer_leaves_doubt_that_a_look_up_ends(party: Party, lab: RunningLab, fault: str) -> None:
    mail = a_mail()
    lab.fault(fault=fault, recipient=mail.recipient, count=1)

    answered = await send(party, lab, mail)
    found = await look(party, lab, mail)

    assert isinstance(answered, ReplyLost)
    assert len(lab.accepted(mail.recipient)) == 1
    assert isinstance(found, Seen)


@both
async def test_a_message_that_was_read_and_not_taken_leaves_doubt_and_is_not_seen(
    party: Party, lab: RunningLab
) -> None:
    mail = a_mail()
    lab.fault(fault="hang", recipient=mail.recipient, count=1)

    answered = await send(party, lab, mail)
    found = await look(party, lab, mail)

    assert isinstance(answered, ReplyLost)
    assert lab.accepted(mail.recipient) == []
    assert found == NotSeen()


@both
async def test_evidence_that_the_provider_lost_is_not_seen(party: Party, lab: RunningLab) -> None:
    mail = a_mail()
    lab.fault(fault="drop_events", recipient=mail.recipient)

    await send(party, lab, mail)

    assert await look(party, lab, mail) == NotSeen()


@both
async def test_evidence_that_is_told_twice_is_seen_once(party: Party, lab: RunningLab) -> None:
    mail = a_mail()
    lab.fault(fault="repeat_events", recipient=mail.recipient)

    await send(party, lab, mail)

    assert isinstance(await look(party, lab, mail), Seen)


@pytest.mark.parametrize(
    ("party", "fault", "code"),
    [
        (MAILGUN, "throttle", "429"),
        (MAILGUN, "pause_sending", "403"),
        (MAILGUN, "revoke_credentials", "401"),
        (POSTMARK, "throttle", "429"),
        (POSTMARK, "pause_sending", "413"),
        (POSTMARK, "revoke_credentials", "10"),
    ],
)
async def test_an_ordered_refusal_is_read_in_full_and_nothing_is_taken(
    lab: RunningLab, party: Party, fault: str, code: str
) -> None:
    mail = a_mail()
    lab.fault(fault=fault, account=party.account, count=1)

    found = await send(party, lab, mail)

    assert isinstance(found, Refused)
    assert found.code == code
    assert lab.accepted(mail.recipient) == []


@both
async def test_an_outage_leaves_doubt_and_nothing_is_taken(party: Party, lab: RunningLab) -> None:
    mail = a_mail()
    lab.fault(fault="refuse_temporary", recipient=mail.recipient, count=1)

    found = await send(party, lab, mail)

    assert isinstance(found, ReplyLost)
    assert lab.accepted(mail.recipient) == []


@both
async def test_an_account_is_proven_until_its_key_is_revoked(party: Party, lab: RunningLab) -> None:
    async with looking(party, lab) as lookup:
        before = await lookup.probe("anna@sender.test")
        lab.fault(fault="revoke_credentials", account=party.account, count=1)
        after = await lookup.probe("anna@sender.test")

    assert before is None
    assert isinstance(after, CouldNotLook)


async def test_a_domain_that_the_mailgun_account_does_not_have_is_refused(lab: RunningLab) -> None:
    found = await send(MAILGUN, lab, a_mail(sender="anna@other.test"))

    assert found == Refused("404", "", "Domain not found: other.test")


async def test_a_sender_that_the_postmark_server_does_not_know_is_refused(lab: RunningLab) -> None:
    found = await send(POSTMARK, lab, a_mail(sender="anna@other.test"))

    assert isinstance(found, Refused)
    assert found.code == "400"


async def test_a_stream_that_the_postmark_server_does_not_have_is_refused(lab: RunningLab) -> None:
    transport = PostmarkTransport(postmark_api(lab), stream="nowhere")

    found = await transport.send(a_mail(), deadline=soon())
    await transport.close()

    assert isinstance(found, Refused)
    assert found.code == "1235"


async def test_postmark_writes_no_more_to_a_user_who_did_not_exist(lab: RunningLab) -> None:
    mail = a_mail("hard")

    first = await send(POSTMARK, lab, mail)
    lab.step(hours=1)
    second = await send(POSTMARK, lab, mail)

    assert isinstance(first, Accepted)
    assert isinstance(second, Refused)
    assert second.code == "406"


async def test_mailgun_keeps_what_became_of_a_message(lab: RunningLab) -> None:
    mail = a_mail("hard")
    await send(MAILGUN, lab, mail)

    lab.step(hours=1)
    found = mailgun_get(lab, recipient=mail.recipient, ascending="yes")

    kinds = [(event["event"], event.get("severity")) for event in found["items"]]
    assert kinds == [("accepted", None), ("failed", "permanent")]
    assert {event["user-variables"]["outreach"] for event in found["items"]} == {mail.tag}


def mailgun_get(lab: RunningLab, path: str = "", *, status: int = 200, **query: str) -> dict[str, Any]:
    url = path or f"http://127.0.0.1:{lab.ports['mailgun']}/v3/sender.test/events"
    answer = httpx.get(url, params=query or None, auth=("api", "mailgun-key"))
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_pages_of_mailgun_end_with_an_empty_one(lab: RunningLab) -> None:
    mail = a_mail()
    for _ in range(3):
        await send(MAILGUN, lab, mail)

    first = mailgun_get(lab, recipient=mail.recipient, event="accepted", limit="2")
    second = mailgun_get(lab, first["paging"]["next"])
    third = mailgun_get(lab, second["paging"]["next"])

    assert [len(page["items"]) for page in (first, second, third)] == [2, 1, 0]


@pytest.mark.parametrize(
    "query", [{"limit": "301"}, {"limit": "0"}, {"begin": "0"}, {"begin": "noon", "ascending": "yes"}]
)
async def test_mailgun_refuses_a_search_that_it_does_not_document(lab: RunningLab, query: dict[str, str]) -> None:
    await send(MAILGUN, lab, a_mail())

    assert mailgun_get(lab, status=400, **query)["message"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "to parameter is missing"),
        ({"to": "nobody"}, "to parameter is not a valid address"),
        ({"to": "ada@people.example", "o:tracking": "perhaps"}, "o:tracking"),
        ({"to": "ada@people.example", "o:unheard-of": "yes"}, "o:unheard-of"),
        ({"to": "ada@people.example", "o:tag": "x" * 129}, "o:tag"),
    ],
)
def test_mailgun_refuses_an_upload_that_it_does_not_document(lab: RunningLab, form: dict[str, str], words: str) -> None:
    url = f"http://127.0.0.1:{lab.ports['mailgun']}/v3/sender.test/messages.mime"

    answer = httpx.post(url, data=form, files={"message": b"From: a@sender.test\r\n\r\n"}, auth=("api", "mailgun-key"))

    assert answer.status_code == 400
    assert words in answer.json()["message"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"From": "nobody"}, 300),
        ({"To": ""}, 300),
        ({"TextBody": ""}, 300),
        ({"Metadata": {"n" * 21: "v"}}, 300),
        ({"Metadata": {"n": "v" * 81}}, 300),
        ({"Metadata": {"n": 5}}, 300),
        ({"Attachments": [{"Name": "a", "Content": "!", "ContentType": "text/plain"}]}, 300),
        ({"Unheard": "of"}, 403),
        ({"TrackOpens": "no"}, 403),
    ],
)
def test_postmark_refuses_a_request_that_it_does_not_document(
    lab: RunningLab, change: dict[str, object], code: int
) -> None:
    fields = {"From": "anna@sender.test", "To": "ada@people.example", "Subject": "Tea", "TextBody": "Hello.", **change}

    answer = httpx.post(
        f"http://127.0.0.1:{lab.ports['postmark']}/email",
        json=fields,
        headers={"X-Postmark-Server-Token": "postmark-token"},
    )

    assert (answer.status_code, answer.json()["ErrorCode"]) == (422, code)


def test_postmark_makes_a_message_id_of_its_own_unless_it_is_asked_to_keep_ours(lab: RunningLab) -> None:
    recipient = a_mail().recipient
    headers = [{"Name": "Message-ID", "Value": "<ours@sender.test>"}]
    fields = {"From": "anna@sender.test", "To": recipient, "TextBody": "Hello.", "Headers": headers}

    answer = httpx.post(
        f"http://127.0.0.1:{lab.ports['postmark']}/email",
        json=fields,
        headers={"X-Postmark-Server-Token": "postmark-token"},
    )

    (line,) = lab.accepted(recipient)
    assert line["message_id"] == f"<{answer.json()['MessageID']}@mtasv.net>"


async def test_evidence_comes_late_where_the_lab_is_told_so(lab_aws: Aws, tmp_path: Path) -> None:
    late = start_lab(
        lab_aws,
        tmp_path,
        mailgun_accounts=[{"name": "m", "api_key": "mailgun-key", "domains": ["sender.test"], "event_delay": "PT1H"}],
        postmark_accounts=[
            {"name": "p", "server_token": "postmark-token", "identities": ["sender.test"], "search_delay": "PT1H"}
        ],
    )
    mail = a_mail()
    try:
        answers = [await send(party, late, mail) for party in (MAILGUN, POSTMARK)]
        found = [await look(party, late, mail) for party in (MAILGUN, POSTMARK)]
    finally:
        end(late.process)

    assert [type(answer) for answer in answers] == [Accepted, Accepted]
    assert found == [NotSeen(), NotSeen()]


def test_the_accounts_statistics_name_every_account(lab: RunningLab) -> None:
    accounts = httpx.get(f"{lab.control}/accounts").json()["accounts"]

    assert [account["name"] for account in accounts] == ["ses-main", "smtp-a", "smtp-b", "mailgun-a", "postmark-a"]
