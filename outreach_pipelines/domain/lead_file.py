"""A file of leads as a whole: its name, its content's digest, and what became of its rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NewType

from outreach_pipelines.domain.lead import Rejection

LeadFileName = NewType("LeadFileName", str)
"""The file's name below the tenant's folder of uploads, such as `2026-11-21.csv`."""

FileDigest = NewType("FileDigest", str)
"""SHA-256 of the file's octets, in hex."""


def is_lead_file(name: str) -> bool:
    """Whether a name below a tenant's folder of uploads is taken for leads: `.csv` in whatever case, in no folder of its own."""
    return "/" not in name and name.lower().endswith(".csv")


@dataclass(frozen=True, slots=True)
class LeadFile:
    name: LeadFileName
    digest: FileDigest


@dataclass(frozen=True, slots=True)
class FileApplied:
    """`read = accepted + already_known + rejected`: every row has one fate.

    `already_known` rows are persons the tenant had before; this file became one more source of theirs.
    """

    file: LeadFile
    read: int
    accepted: int
    already_known: int
    rejected: Mapping[Rejection, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        return self.read == self.accepted + self.already_known + sum(self.rejected.values())


@dataclass(frozen=True, slots=True)
class FileKnown:
    """A file with these very octets was applied before; nothing changed."""

    file: LeadFile


@dataclass(frozen=True, slots=True)
class FileRefused:
    """Nothing of the file was applied; from `line` on it could not be read."""

    file: LeadFile
    line: int
    sentence: str


FileOutcome = FileApplied | FileKnown | FileRefused


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What one import did, file by file and added up."""

    files: tuple[FileOutcome, ...]

    @property
    def applied(self) -> tuple[FileApplied, ...]:
        return tuple(outcome for outcome in self.files if isinstance(outcome, FileApplied))

    @property
    def read(self) -> int:
        return sum(outcome.read for outcome in self.applied)

    @property
    def accepted(self) -> int:
        return sum(outcome.accepted for outcome in self.applied)

    @property
    def already_known(self) -> int:
        return sum(outcome.already_known for outcome in self.applied)

    @property
    def rejected(self) -> Mapping[Rejection, int]:
        return sum((Counter(outcome.rejected) for outcome in self.applied), Counter())
