"""What weekly seeds need: their store, and a desk to send them from. Configuration only."""

import secrets
from typing import TYPE_CHECKING

from outreach_pipelines.application.prove_domains import SeedDesk
from outreach_pipelines.application.seeds import SeedMark
from outreach_pipelines.settings import load_settings
from resources.database import app_engine, messages
from resources.files import object_store
from resources.keys import tagger

if TYPE_CHECKING:
    from outreach_pipelines.adapters.postgres.seed_store import PostgresSeedStore


def seed_standings() -> "PostgresSeedStore":
    """What seeds showed."""
    from outreach_pipelines.adapters.postgres.seed_store import PostgresSeedStore

    return PostgresSeedStore(app_engine(), object_store())


def seed_desk() -> SeedDesk:
    """All that sending seeds needs, made for one run. Raises as `fences.sending_fence` does."""
    from resources.accounts import account_book
    from resources.fences import sending_fence
    from resources.mail import AccountTransports

    transports = AccountTransports(account_book(load_settings()))
    return SeedDesk(seed_standings(), transports, tagger(), sending_fence(), messages().epoch(), _new_mark)


def _new_mark() -> SeedMark:
    return SeedMark(secrets.token_hex(16))
