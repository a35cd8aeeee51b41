"""Which refused lead files are still to be mended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from outreach_pipelines.application.refused_files import standing_refusals
from outreach_pipelines.domain.lead_file import FileDigest, FileRefused, LeadFile, LeadFileName, is_lead_file
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug

ACME = TenantRef(TenantId(1), TenantSlug("acme"))


@dataclass(frozen=True)
class Lying:
    """Files that lie there, by name with their digests."""

    there: Mapping[str, str]

    def files(self, tenant: TenantSlug) -> Sequence[LeadFileName]:
        return [LeadFileName(name) for name in sorted(self.there)]

    def digest(self, tenant: TenantSlug, name: LeadFileName) -> FileDigest:
        return FileDigest(self.there[name])


@dataclass(frozen=True)
class Refused:
    """`RefusalStore` of these names and digests."""

    known: Mapping[str, str]

    def refusals(self, tenant: TenantId) -> Sequence[FileRefused]:
        return [
            FileRefused(LeadFile(LeadFileName(name), FileDigest(digest)), 3, "It is broken.")
            for name, digest in self.known.items()
        ]


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ({"fair.csv": "as refused"}, ["fair.csv"]),
        ({"fair.csv": "mended"}, []),
        ({"other.csv": "as refused"}, []),
        ({}, []),
    ],
)
def test_a_refused_file_is_named_until_it_is_mended_or_taken_away(there: Mapping[str, str], named: list[str]) -> None:
    found = standing_refusals(Lying(there), Refused({"fair.csv": "as refused"}), ACME)

    assert [each.file.name for each in found] == named


@pytest.mark.parametrize(
    ("name", "taken"),
    [("fair.csv", True), ("FAIR.CSV", True), ("fair.xlsx", False), ("old/fair.csv", False), ("fair.csv.bak", False)],
)
def test_a_lead_file_is_known_by_its_suffix_and_lies_in_no_folder_of_its_own(name: str, *, taken: bool) -> None:
    assert is_lead_file(name) is taken
