"""`campaigns/*.yaml`: a campaign with its steps. Texts are named here and lie below `templates/TENANT/`.

What a campaign may say is `domain.campaign.faults_of`'s.
"""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated

from jinja2 import TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment
from pydantic import Field

from outreach_pipelines.adapters.inventory_files.values import (
    FieldText,
    FileModel,
    HoursText,
    Slug,
    WeekdayText,
    ZoneText,
)
from outreach_pipelines.domain.attachments import MOST_FILES, Attachment, check_attachments
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
)
from outreach_pipelines.domain.lead import FieldName
from outreach_pipelines.domain.suppression import CampaignName

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$")]
# Header text: one line, within what RFC 5322 section 2.1.1 lets a line hold.
Subject = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]+$")]
TemplateBody = Callable[[TemplateName], str]
"""The text of a template of this tenant. Raises `LookupError` when there is none."""
FileOctets = Callable[[str], bytes]
"""The octets of a file beside the templates. Raises `LookupError` when there is none."""

_JINJA = SandboxedEnvironment(autoescape=False)


class VariantModel(FileModel):
    name: Slug | Annotated[str, Field(pattern=r"^[a-z]$")]
    subject: Subject
    text: FileName
    html: FileName | None = None
    weight: Annotated[int, Field(ge=1, le=100)] = 1


class StepModel(FileModel):
    delay_business_days: Annotated[int, Field(ge=0, le=60)]
    variants: Annotated[tuple[VariantModel, ...], Field(min_length=1, max_length=10)]
    attachments: Annotated[tuple[FileName, ...], Field(max_length=MOST_FILES)] = ()


class WindowModel(FileModel):
    weekdays: Annotated[tuple[WeekdayText, ...], Field(min_length=1)]
    hours: HoursText

    def to_domain(self) -> SendingWindow:
        return SendingWindow(tuple(sorted(set(self.weekdays))), self.hours)


class LeadsModel(FileModel):
    """`files` are patterns of file names below `uploads/TENANT/`; of `where`, all must be equal."""

    files: Annotated[tuple[str, ...], Field(min_length=1)]
    where: dict[FieldText, str] = Field(default_factory=dict)

    def to_domain(self) -> LeadSelection:
        return LeadSelection(tuple(self.files), tuple(sorted(self.where.items())))


class CampaignFile(FileModel):
    name: Slug
    pool: Slug
    state: CampaignState = CampaignState.DRAFT
    priority: Annotated[int, Field(ge=0, le=1000)] = 100
    zone: ZoneText | None = None
    window: WindowModel
    leads: LeadsModel
    required_fields: tuple[FieldText, ...] = ()
    optional_fields: tuple[FieldText, ...] = ()
    steps: Annotated[tuple[StepModel, ...], Field(min_length=1, max_length=20)]

    def to_domain(self, body: TemplateBody, octets: FileOctets) -> Campaign:
        """Raises `BrokenTemplate` for the first text that is missing or no template, or file that may not be attached."""
        return Campaign(
            name=CampaignName(self.name),
            pool=PoolName(self.pool),
            state=self.state,
            priority=self.priority,
            zone=self.zone,
            window=self.window.to_domain(),
            leads=self.leads.to_domain(),
            required_fields=tuple(self.required_fields),
            optional_fields=tuple(self.optional_fields),
            steps=tuple(self._step(index, body, octets) for index in range(len(self.steps))),
        )

    def _step(self, index: int, body: TemplateBody, octets: FileOctets) -> Step:
        step = self.steps[index]
        variants = (
            self._variant(("steps", index, "variants", position), variant, body)
            for position, variant in enumerate(step.variants)
        )
        files = self._files(index, octets)
        return Step(index + 1, step.delay_business_days, tuple(variants), files)

    def _files(self, index: int, octets: FileOctets) -> tuple[Attachment, ...]:
        files = []
        for position, name in enumerate(self.steps[index].attachments):
            place = ("steps", index, "attachments", position)
            try:
                files.append(Attachment(PurePosixPath(name).name, octets(name)))
            except LookupError:
                raise BrokenTemplate(place, f"There is no file {name}.") from None
            refused = check_attachments(files)
            if refused is not None:
                raise BrokenTemplate(place, f"It cannot be attached: {refused.sentence}.")
            if [file.name for file in files].count(files[-1].name) > 1:
                raise BrokenTemplate(place, f"There are two files named {files[-1].name}.")
        return tuple(files)

    def _variant(self, place: tuple[str | int, ...], variant: VariantModel, body: TemplateBody) -> Variant:
        subject_name = TemplateName(f"{self.name}/{place[1]}/{variant.name}/subject")
        subject = _template(subject_name, (*place, "subject"), lambda _: variant.subject)
        text = _template(TemplateName(variant.text), (*place, "text"), body)
        html = _template(TemplateName(variant.html), (*place, "html"), body) if variant.html else None
        return Variant(variant.name, subject, text, html, variant.weight)


class BrokenTemplate(Exception):
    def __init__(self, place: tuple[str | int, ...], sentence: str) -> None:
        super().__init__(sentence)
        self.place = place
        self.sentence = sentence


def _template(name: TemplateName, place: tuple[str | int, ...], body: TemplateBody) -> Template:
    try:
        text = body(name)
        parsed = _JINJA.parse(text)
    except LookupError:
        raise BrokenTemplate(place, f"There is no template {name}.") from None
    except UnicodeDecodeError:
        raise BrokenTemplate(place, f"Template {name} is not UTF-8.") from None
    except TemplateSyntaxError as fault:
        raise BrokenTemplate(place, f"Template {name}, line {fault.lineno}: {fault.message}.") from None
    fields = sorted(FieldName(field) for field in meta.find_undeclared_variables(parsed))
    return Template(name, text, tuple(fields))
