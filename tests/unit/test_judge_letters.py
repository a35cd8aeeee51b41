"""The letters that a plan places, judged whole: every part of them, each fault once with the number of its people."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from outreach_pipelines.application.judge_letters import PlacedWording, letter_faults
from outreach_pipelines.domain.attachments import Attachment
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Content, Letter, Recipient, Sender
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.pre_flight import LARGEST_LETTER
from outreach_pipelines.domain.suppression import CampaignName
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import Rendered
from outreach_pipelines.errors import TemplateFault

NOW = datetime(2026, 3, 10, tzinfo=UTC)
ADDRESS = "Acme, Example Street 1, 10115 Berlin"


@dataclass(frozen=True, slots=True)
class Filled:
    """A renderer whose templates say what the test gives; the text ends as it must."""

    subject: str = "Your trial"
    text: str = "Hello, your trial ends on Friday."
    html: str | None = None
    attached: int = 0
    fault: str | None = None

    def render_letter(self, letter: Letter, unsubscribe_url: str) -> Rendered:
        if self.fault is not None:
            raise TemplateFault(self.fault)
        foot = f" {unsubscribe_url} {ADDRESS}"
        return Rendered(self.subject, self.text + foot, self.html, (Attachment("a.pdf", b"x" * self.attached),))


def wording(step: int = 1, people: int = 1, variant: str = "a") -> PlacedWording:
    letter = Letter(
        claim=ClaimedMessage(TenantId(1), NOW.date(), MessageId(1), 1, ClaimToken(UUID(int=0))),
        enrollment_id=1,
        campaign_id=1,
        step=step,
        due_at=NOW,
        window_end=NOW,
        recipient=Recipient("someone@example.com", b"", {}),
        sender=Sender(1, "us@mail.example", "Us", "Acme", "", "", "", ADDRESS, "unsubscribe.example"),
        content=Content("", "", None),
        thread=None,
    )
    return PlacedWording(CampaignName("trial"), variant, letter, people)


def test_a_sound_letter_has_no_fault() -> None:
    assert letter_faults([wording()], Filled()) == ()


def test_a_follow_up_may_read_as_a_reply_and_a_first_message_may_not() -> None:
    first, second = wording(step=1), wording(step=2)

    faults = letter_faults([first, second], Filled(subject="Re: your trial"))

    (fault,) = faults
    assert fault.startswith("campaign trial, step 1, variant a, subject: ")


@pytest.mark.parametrize(
    ("letter", "part"),
    [
        (Filled(html="<p>Hello, your trial ends on Friday.</p>"), "html"),
        (Filled(attached=LARGEST_LETTER + 100_000), "letter"),
        (Filled(fault="field_missing"), "letter"),
        (Filled(text="Hello {{ name }}, your trial ends on Friday."), "text"),
    ],
)
def test_every_part_of_a_letter_is_judged(letter: Filled, part: str) -> None:
    faults = letter_faults([wording()], letter)

    assert faults
    assert {fault.split(":")[0] for fault in faults} == {f"campaign trial, step 1, variant a, {part}"}


def test_people_of_the_same_faulty_wording_are_counted_together_and_other_wordings_apart() -> None:
    found = letter_faults([wording(people=3), wording(people=4), wording(people=1, variant="b")], Filled(fault="gone"))

    assert [fault.rsplit(" ", 1)[1] for fault in found] == ["7.", "1."]


def test_advice_forbids_nothing() -> None:
    assert letter_faults([wording()], Filled(subject="YOUR TRIAL WILL END ON FRIDAY")) == ()
