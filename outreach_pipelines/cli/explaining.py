"""`outreach explain`: from the line of a file to the last event."""

import re
from typing import Annotated

import typer
from rich.console import Console

from outreach_pipelines.adapters.postgres.lead_store import tenant_key
from outreach_pipelines.application.explain import Story, explain_address, explain_message
from outreach_pipelines.cli.explain import print_story
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.address import Address, address_hmac, parse_address
from outreach_pipelines.errors import NotFound
from resources import database, files

console = Console()
