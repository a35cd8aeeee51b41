"""The installation's keys, each turned into the one thing it is for."""

import base64

from outreach_pipelines.application.tagging import KeyedTagger
from outreach_pipelines.settings import load_settings
from outreach_pipelines.web.settings import parse_token_keys


def address_key() -> bytes:
    """The HMAC key that names persons without naming them."""
    return base64.b64decode(load_settings().address_key.get_secret_value())


def tagger() -> KeyedTagger:
    """Writes and reads the tags of messages."""
    settings = load_settings()
    tag_key = base64.b64decode(settings.tag_key.get_secret_value())
    return KeyedTagger(tag_key, parse_token_keys(settings.token_keys.get_secret_value()))
