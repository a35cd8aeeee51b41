"""Mail domains that anybody may have an address at, so that two people there are not of one company.

Belongs here: the list, which is data. Does not: who runs a domain's mail (`recipient_mail`).
"""

import tomllib
from functools import cache
from importlib import resources

from outreach_pipelines.domain.address import DomainName


@cache
def free_mail_domains() -> frozenset[DomainName]:
    """Every domain of `free_mail.toml`, canonical. A domain that it lacks counts as a company."""
    text = resources.files(__package__).joinpath("free_mail.toml").read_text("utf-8")
    return frozenset(DomainName(name) for row in tomllib.loads(text)["operator"] for name in row["domains"])
