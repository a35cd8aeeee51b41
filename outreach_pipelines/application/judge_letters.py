"""Whether the letters of a plan may leave: filled in as they will be, and judged as their recipients would get them.

Belongs here: which faults keep a plan a draft, as sentences. Does not: the rules (`domain.pre_flight`), nor filling in (`LetterRenderer`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from outreach_pipelines.application.ports import LetterRenderer
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.pre_flight import Finding, SampleLetter, Weight, findings_of
from outreach_pipelines.domain.suppression import CampaignName
from outreach_pipelines.errors import TemplateFault

SAMPLE_LINK: Final = "https://unsubscribe.example/u/sample"
"""Stands for the link of one person, which is made when a letter leaves."""


@dataclass(frozen=True, slots=True)
class PlacedWording:
    """A wording that a plan places, as `people` would get it who have the same fields. `letter` names none of them."""

    campaign: CampaignName
    variant: str
    letter: Letter
    people: int


def letter_faults(wordings: Iterable[PlacedWording], renderer: LetterRenderer) -> tuple[str, ...]:
    """What forbids letters of the plan, each once with the number of its people; advice forbids nothing.

    Raises `ObjectStoreUnreachable` where templates could not be read: a letter that nobody has seen is not called sound.
    """
    people: Counter[str] = Counter()
    for wording in wordings:
        where = f"campaign {wording.campaign}, step {wording.letter.step}, variant {wording.variant}"
        for finding in _faults(wording.letter, renderer):
            people[f"{where}, {finding.part}: {finding.sentence}"] += wording.people
    return tuple(f"{sentence} It would go to {count}." for sentence, count in people.items())


def _faults(letter: Letter, renderer: LetterRenderer) -> Iterator[Finding]:
    try:
        rendered = renderer.render_letter(letter, SAMPLE_LINK)
    except TemplateFault as fault:
        yield Finding("letter", Weight.FAULT, f"It cannot be filled in: {fault}.")
        return
    sample = SampleLetter(
        is_first=letter.step == 1,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        unsubscribe_url=SAMPLE_LINK,
        postal_address=letter.sender.postal_address,
        attached=sum(len(file.body) for file in rendered.attachments),
    )
    yield from (finding for finding in findings_of(sample) if finding.weight is Weight.FAULT)
