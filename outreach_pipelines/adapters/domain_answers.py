"""A provider's HTTP answer about a domain, before anybody reads its fields.

Belongs here: telling "no such domain" and "not heard" from an answer. Does not: what its fields mean (`mailgun_domains`,
`postmark_domains`).
"""

from collections.abc import Mapping, Sequence

from outreach_pipelines.adapters.http_api import HttpAnswer, HttpApi, JsonObject
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.provider_state import NotHeard
from outreach_pipelines.domain.send_answer import NotSent, ReplyLost


async def asked(api: HttpApi, path: str, query: Mapping[str, str]) -> JsonObject | NotHeard | None:
    """GET an object; None where the provider itself says, in JSON, that there is none."""
    match await api.get(path, query):
        case HttpAnswer(status) as answer:
            return _read(status, answer.json_object())
        case NotSent(cause) | ReplyLost(cause):
            return NotHeard(_cause_of(cause))


def objects_in(value: object) -> Sequence[JsonObject] | None:
    """The objects of a list; None for what is no list of objects."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return None
    return value


def text_in(found: JsonObject, name: str) -> str:
    """A text field without its margins; empty where there is none."""
    value = found.get(name)
    return value.strip() if isinstance(value, str) else ""


def _read(status: int, found: JsonObject | None) -> JsonObject | NotHeard | None:
    match status:
        case 200 if found is not None:
            return found
        # A page of a proxy says nothing of domains.
        case 404 if found is not None and any(isinstance(found.get(name), str) for name in ("message", "Message")):
            return None
        case 401 | 403:
            return NotHeard(Cause.REFUSED)
        case _ if status == 429 or status >= 500:
            return NotHeard(Cause.SERVER_FAILURE)
        case _:
            return NotHeard(Cause.MALFORMED)


def _cause_of(cause: str) -> Cause:
    if cause.startswith("unreadable"):
        return Cause.MALFORMED
    return Cause.TIMEOUT if "timeout" in cause.lower() else Cause.UNREACHABLE
