import io
from datetime import timedelta

import pytest
from planned_world import PlannedWorld
from rich.console import Console
from small_world import HOUR, NOON
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.story_reader import PostgresStoryReader
from outreach_pipelines.application.explain import Chapter, Heading, Story, explain_address, explain_message
from outreach_pipelines.cli.story import print_story
from outreach_pipelines.domain.address import AddressHash
from outreach_pipelines.domain.delivery_event import BounceFacts, EventKind
from outreach_pipelines.domain.inbound.verdict import BounceClass, HardCause
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.send_answer import RefusalAction, RefusalVerdict, Refused
from outreach_pipelines.errors import NotFound

NO_SUCH_USER = BounceFacts(
    BounceClass.HARD, HardCause.UNKNOWN_USER, "5.1.1", "550 5.1.1 no such user", "rule enhanced_5_1_1"
)


@pytest.fixture
def planned(new_world: NewWorld, engine: Engine, ingest: Engine) -> PlannedWorld:
    return PlannedWorld(new_world(), engine, ingest)


def imported(planned: PlannedWorld, enrollment: int, *, line: int = 17, refused: str | None = None) -> None:
    """The person's line of a file, and another line that was refused."""
    world = planned.world
    world.sql(
        """with file as (insert into app.lead_file (tenant_id, sha256, object_key, row_count, accepted, already_known, rejected)
             values (%(t)s, repeat('a', 64), 'uploads/acme/2026-11-17.csv', 2, 1, 0, 1) returning lead_file_id),
           source as (insert into app.lead_source (tenant_id, lead_file_id, line, lead_id)
             select %(t)s, lead_file_id, %(line)s, (select lead_id from app.enrollment where enrollment_id = %(e)s) from file)
           insert into app.rejected_row (tenant_id, lead_file_id, line, reason, detail, raw)
             select %(t)s, lead_file_id, 18, 'no_evidence', 'The cell evidence is empty.', %(raw)s from file""",
        t=world.tenant, line=line, e=enrollment, raw=refused or "",
    )  # fmt: skip
    world.sql(
        "update app.lead_file set imported_at = imported_at - interval '1 day' where tenant_id = %(t)s", t=world.tenant
    )
    world.sql(
        "update app.enrollment set created_at = created_at - interval '1 hour' where enrollment_id = %(e)s",
        e=enrollment,
    )


def person(planned: PlannedWorld, enrollment: int) -> AddressHash:
    row = planned.world.one(
        "select encode(l.address_hmac, 'hex') as hmac from app.lead l join app.enrollment e using (tenant_id, lead_id) where e.enrollment_id = %(e)s",
        e=enrollment,
    )
    return AddressHash(str(row["hmac"]))


def about_person(planned: PlannedWorld, enrollment: int, address: str | None = None) -> Story:
    return explain_address(
        PostgresStoryReader(planned.engine), planned.world.tenant, person(planned, enrollment), address=address
    )


def of(story: Story, heading: Heading) -> list[Chapter]:
    return [chapter for chapter in story.chapters if chapter.heading is heading]


def test_the_walk_of_one_lead_is_told_from_its_line_in_a_file_to_its_suppression(planned: PlannedWorld) -> None:
    enrollment = planned.enrolled(1)
    imported(planned, enrollment)
    planned.release([], refused=[enrollment])
    planned.release([enrollment])
    (letter,) = planned.send()
    planned.tell(letter, EventKind.SENT)
    planned.tell(letter, EventKind.BOUNCED, NO_SUCH_USER)

    story = about_person(planned, enrollment)

    assert [chapter.heading for chapter in story.chapters] == [
        Heading.ORIGIN, Heading.ENROLLMENT, Heading.PLAN, Heading.PLAN, Heading.ATTEMPT, Heading.MESSAGE, Heading.EVENT, Heading.EVENT, Heading.SUPPRESSION,
    ]  # fmt: skip
    origin, enrolled, refused, placed, attempt, message, _, bounce, suppression = story.chapters
    number = letter.claim.message_id
    assert origin.sentence == "line 17 of uploads/acme/2026-11-17.csv"
    assert origin.detail[0] == "basis: consent, evidence: form"
    assert enrolled.sentence == "in campaign c, round 1"
    assert (
        refused.sentence
        == "2026-11-18 version 2 (revoked): step 1 of c not placed, the daily caps of the mailboxes leave no room"
    )
    assert refused.detail == ("mailboxes: 3 mailbox_cap",)
    assert placed.sentence.startswith(
        "2026-11-18 version 3 (released): step 1 of c placed at 2026-11-18 12:00:00 UTC from box0@"
    )
    assert placed.detail == (f"message {number}",)
    assert (attempt.at, attempt.sentence) == (
        NOON,
        f"attempt 1 of message {number} through account-{_slug(planned)}: accepted",
    )
    assert f"tag tag{number}x1" in attempt.detail[0]
    assert message.sentence == f"message {number} (step 1, variant A) is accepted"
    assert "window 2026-11-18 09:00:00 UTC to 2026-11-18 15:00:00 UTC" in message.detail
    assert "outcome: hard bounced" in message.detail
    assert bounce.sentence == f"message {number} bounced: hard, unknown user"
    assert bounce.detail[:3] == ("code 5.1.1", "diagnostic: 550 5.1.1 no such user", "decided by: rule enhanced_5_1_1")
    assert suppression.sentence == "the address, for everyone of this tenant: hard bounce"
    assert suppression.detail == (f"because of: bounced of message 2026-11-18/{number}",)


def _slug(planned: PlannedWorld) -> object:
    return planned.world.one("select slug from app.tenant_directory where id = %(t)s", t=planned.world.tenant)["slug"]


def test_a_refusal_is_told_with_the_providers_own_words(planned: PlannedWorld) -> None:
    enrollment = planned.enrolled(1)
    planned.release([enrollment])
    (letter,) = planned.claim()
    planned.begin(letter)
    refused, verdict = Refused("554", "5.7.1", "not from you"), RefusalVerdict(RefusalAction.FAIL, 0, "policy")
    PostgresMessageStore(planned.engine).record_refused(letter.claim, refused, verdict)

    story = about_person(planned, enrollment)

    assert "answer: 554 5.7.1 not from you" in of(story, Heading.ATTEMPT)[0].detail
    assert of(story, Heading.MESSAGE)[0].sentence.endswith("is failed: policy: 554 5.7.1 not from you")
    assert "finished (message failed)" in of(story, Heading.ENROLLMENT)[0].detail[0]


def test_a_message_that_no_account_may_send_is_told_with_the_first_fault_of_its_domain(planned: PlannedWorld) -> None:
    enrollment = planned.enrolled(1)
    planned.release([enrollment])
    reason = (
        "spf_limits of example.test: 12 look-ups; they are too many; dkim_record of s1._domainkey.example.test: none."
    )
    planned.world.sql(
        "update app.domain_account set state = 'not_ready', definite_state = 'not_ready', reason = %(r)s where tenant_id = %(t)s",
        r=reason, t=planned.world.tenant,
    )  # fmt: skip

    with pytest.raises(AssertionError, match="no_usable_account"):
        planned.send()

    (message,) = of(about_person(planned, enrollment), Heading.MESSAGE)
    domain = planned.world.one("select name from app.sending_domain where tenant_id = %(t)s", t=planned.world.tenant)
    account = planned.world.one(
        "select a.name from app.provider_account a join app.domain_account r using (account_id) where r.tenant_id = %(t)s",
        t=planned.world.tenant,
    )
    assert "no_usable_account" in message.sentence
    assert message.detail[-2:] == (
        f"not ready, {account['name']}: spf_limits of example.test: 12 look-ups; they are too many",
        f"all of it, with the records that mend it: outreach dns audit {domain['name']} --inventory",
    )


def test_a_refused_row_is_told_when_the_address_is_given_and_only_for_the_whole_address(planned: PlannedWorld) -> None:
    enrollment = planned.enrolled(1)
    imported(planned, enrollment, refused="hada@example.com,Ada,,consent")

    asked = {
        address: of(about_person(planned, enrollment, address), Heading.REFUSED_ROW)
        for address in ("ada@example.com", "hada@example.com")
    }

    assert asked["ada@example.com"] == []
    assert [chapter.sentence for chapter in asked["hada@example.com"]] == [
        "line 18 of uploads/acme/2026-11-17.csv became no lead: no evidence"
    ]


def test_a_hold_is_told_only_if_it_touched_a_window_of_a_message(planned: PlannedWorld) -> None:
    enrollment = planned.enrolled(1)
    planned.release([enrollment])
    mailbox, other = planned.world.mailboxes[0], planned.world.mailboxes[1]
    holds = [
        (f"mailbox:{mailbox}", NOON - HOUR, "complaint_rate"),
        (f"mailbox:{other}", NOON - HOUR, "another mailbox"),
        ("tenant", NOON - timedelta(days=2), "over before"),
    ]
    for scope, since, reason in holds:
        planned.world.sql(
            "insert into app.hold (tenant_id, scope_key, factor, level, reason, since, until) values (%(t)s, %(s)s, 0, 'stop', %(r)s, %(since)s, %(since)s + interval '2 hours')",
            t=planned.world.tenant, s=scope, r=reason, since=since,
        )  # fmt: skip

    story = about_person(planned, enrollment)

    planned.world.sql(
        "insert into app.account_hold (account_id, level, factor, reason, since) values (%(a)s, 'manual', 0.5, 'a person', %(at)s)",
        a=planned.world.account,
        at=NOON,
    )
    both = about_person(planned, enrollment)

    assert [chapter.sentence for chapter in of(both, Heading.HOLD)][1:] == [
        f"manual on account account-{_slug(planned)}, 50% of the cap: a person"
    ]
    assert [chapter.sentence for chapter in of(story, Heading.HOLD)] == [
        f"stop on mailbox box0@{_slug(planned)}.example, nothing may leave: too many people complain"
    ]


def test_mail_that_came_back_is_told_with_its_class_evidence_and_words(planned: PlannedWorld) -> None:
    enrollment = planned.enrolled(1)
    planned.world.sql(
        """insert into app.inbound_message (tenant_id, inbox_id, folder, uid_validity, uid, dedupe_key, class, routed, enrollment_id, reply_text, confidence, evidence, object_key, received_at)
           select tenant_id, inbox_id, 'INBOX', 1, 1, 'k', 'reply', true, %(e)s, 'Please call me.', 'high', 'In-Reply-To', 'mail/1.eml', %(at)s from app.inbox where tenant_id = %(t)s""",
        t=planned.world.tenant, e=enrollment, at=NOON,
    )  # fmt: skip

    (mail,) = of(about_person(planned, enrollment), Heading.INBOUND)

    assert mail == Chapter(
        NOON,
        Heading.INBOUND,
        "reply in INBOX of inbox in",
        ("evidence: In-Reply-To (confidence high)", "it says: Please call me.", "kept as mail/1.eml"),
    )


def test_the_story_of_a_message_leaves_other_messages_of_the_person_out(planned: PlannedWorld) -> None:
    enrollment = planned.enrolled(1)
    planned.release([enrollment])
    (first,) = planned.send()
    planned.tell(first, EventKind.SENT)
    planned.release([], refused=[enrollment])
    planned.world.sql("update app.decision set step = 2 where not placed and enrollment_id = %(e)s", e=enrollment)
    planned.world.sql(
        """insert into app.message select (jsonb_populate_record(m, '{"message_id": 999999999, "step": 2, "state": "planned", "state_at": "2026-11-19T00:00:00Z"}'::jsonb)).*
             from app.message m where m.message_id = %(m)s""",
        m=first.claim.message_id,
    )
    reader = PostgresStoryReader(planned.engine)

    one = explain_message(reader, planned.world.tenant, first.claim.plan_day, first.claim.message_id)
    all_of_them = about_person(planned, enrollment)

    assert (len(of(one, Heading.MESSAGE)), len(of(all_of_them, Heading.MESSAGE))) == (1, 2)
    assert len(of(all_of_them, Heading.PLAN)) == 2
    assert (len(of(one, Heading.ATTEMPT)), len(of(one, Heading.EVENT)), len(of(one, Heading.PLAN))) == (1, 1, 1)
    assert explain_message(reader, planned.world.tenant, None, first.claim.message_id) == one


@pytest.mark.parametrize("plan_day", [None, NOON.date()])
def test_a_message_that_is_another_tenants_or_of_another_day_is_not_found(
    planned: PlannedWorld, new_world: NewWorld, plan_day: object
) -> None:
    other = new_world()
    strange = other.message(1)

    with pytest.raises(NotFound, match=f"no message {strange}"):
        explain_message(PostgresStoryReader(planned.engine), planned.world.tenant, plan_day, MessageId(strange))  # type: ignore[arg-type]  # parametrized


def test_a_person_who_was_suppressed_and_never_imported_has_a_story(planned: PlannedWorld) -> None:
    planned.world.sql(
        "insert into app.suppression (tenant_id, scope, subject, subject_hmac, kind, source, created_at) values (%(t)s, 'tenant', 'address', decode(repeat('ab', 32), 'hex'), 'imported', 'list.csv', now())",
        t=planned.world.tenant,
    )

    story = explain_address(PostgresStoryReader(planned.engine), planned.world.tenant, AddressHash("ab" * 32))

    assert [chapter.heading for chapter in story.chapters] == [Heading.SUPPRESSION]


def test_a_printed_story_shows_strangers_words_as_words(planned: PlannedWorld) -> None:
    hostile = Chapter(
        NOON,
        Heading.EVENT,
        "bounced: [red]not markup[/red] \x1b[2J",
        ("diagnostic: [link=https://evil.example]x[/link]",),
    )
    console = Console(file=io.StringIO(), width=120, force_terminal=False)

    print_story(Story("message 1", (hostile,), stepped=True), console)

    shown = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "[red]not markup[/red]" in shown
    assert "[link=https://evil.example]x[/link]" in shown
    assert "\x1b" not in shown
    assert "Policy time is stepped" in shown
