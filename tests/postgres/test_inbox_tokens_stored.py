"""Where an inbox's access tokens come from: as an inventory file says it, as it is stored, as it is read."""

import json

import pytest
from small_world import SmallWorld

from outreach_pipelines.adapters.inventory_files.tenant_yaml import InboxModel
from outreach_pipelines.adapters.postgres.account_settings import stored_tokens, token_settings
from outreach_pipelines.domain.provider_account import GoogleTokens, MailTokens, MicrosoftTokens

INBOX: dict[str, object] = {
    "name": "replies",
    "host": "imap.example.com",
    "port": "993",
    "username": "mia@go.example.com",
    "password": "env:INBOX_SECRET",
    "receives": ["*@go.example.com"],
}
GOOGLE: dict[str, str] = {"kind": "google"}
MICROSOFT = {"kind": "microsoft", "directory": "client.example", "client_id": "app-1"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [(None, None), (GOOGLE, GoogleTokens()), (MICROSOFT, MicrosoftTokens("client.example", "app-1"))],
)
def test_what_the_file_says_is_what_the_store_gives(written: dict[str, str] | None, meant: MailTokens | None) -> None:
    inbox = InboxModel.model_validate(INBOX | ({"tokens": written} if written else {})).to_domain()

    assert inbox.tokens == meant
    assert stored_tokens(token_settings(inbox.tokens)) == meant


def test_an_inbox_is_read_with_the_tokens_of_its_row(replies, world: SmallWorld) -> None:
    world.sql(
        "update app.inbox set tokens = cast(%(j)s as jsonb) where tenant_id = %(t)s",
        j=json.dumps(token_settings(MicrosoftTokens("client.example", "app-1"))),
        t=world.tenant,
    )

    (inbox,) = replies.inboxes(world.tenant)

    assert inbox.login.tokens == MicrosoftTokens("client.example", "app-1")
