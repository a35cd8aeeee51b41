"""From an upload of a MIME message to what it asks for: who, to whom, which octets. Pure but for the id that it may make.

Stricter than Mailgun in one point: an option that its documentation does not name is refused, where Mailgun ignores it.
https://documentation.mailgun.com/docs/mailgun/api-reference/ ("Send an email in MIME format")
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.utils import getaddresses
from uuid import uuid4

from outreach_pipelines.lab.form_data import BadFormError, Form, parse_form
from outreach_pipelines.lab.mailgun.refusals import MailgunRefusedError
from outreach_pipelines.lab.wire_message import prepend_headers

MAX_BYTES = 25 * 1024 * 1024
MAX_LABELS = 10
MAX_LABEL_LENGTH = 128
_YES_NO = ("yes", "no", "true", "false")
_SWITCHES = {
    "o:tracking": (*_YES_NO, "htmlonly"),
    "o:tracking-clicks": (*_YES_NO, "htmlonly"),
    "o:tracking-opens": _YES_NO,
    "o:require-tls": _YES_NO,
    "o:skip-verification": _YES_NO,
    "o:testmode": _YES_NO,
}
_LABEL = "o:tag"


@dataclass(frozen=True, slots=True)
class Upload:
    """A valid upload. `raw` is the message as its recipients see it, `message_id` has its angle brackets."""

    domain: str
    recipients: tuple[str, ...]
    variables: Mapping[str, str]
    labels: tuple[str, ...]
    message_id: str
    raw: bytes


def read_upload(domain: str, content_type: str, body: bytes) -> Upload:
    """Raises MailgunRefusedError as Mailgun does for what is missing or malformed."""
    if len(body) > MAX_BYTES:
        raise MailgunRefusedError(413, "Request Entity Too Large")
    try:
        form = parse_form(content_type, body)
    except BadFormError as error:
        raise MailgunRefusedError(400, f"Bad request: {error}") from None
    raw = form.file("message")
    if raw is None:
        raise MailgunRefusedError(400, "message parameter is missing")
    recipients = _recipients(form)
    _check_options(form)
    variables = {name.removeprefix("v:"): value for name, value in form.texts if name.startswith("v:")}
    labels = tuple(value for name, value in form.texts if name == _LABEL)
    message_id, raw = _with_message_id(raw, domain)
    seen = (("X-Mailgun-Sid", uuid4().hex), ("X-Mailgun-Variables", json.dumps(variables)))
    return Upload(domain, recipients, variables, labels, message_id, prepend_headers(raw, *seen))


def _recipients(form: Form) -> tuple[str, ...]:
    given = form.text("to")
    if given is None:
        raise MailgunRefusedError(400, "to parameter is missing")
    addresses = tuple(address for _, address in getaddresses([given]))
    if not addresses or any("@" not in each.strip("@") or not each.isascii() for each in addresses):
        raise MailgunRefusedError(400, "to parameter is not a valid address. please check documentation")
    return addresses


def _check_options(form: Form) -> None:
    labels = [value for name, value in form.texts if name == _LABEL]
    if len(labels) > MAX_LABELS or not all(each.isascii() and len(each) <= MAX_LABEL_LENGTH for each in labels):
        raise MailgunRefusedError(400, "o:tag parameter is not valid. please check documentation")
    for name, value in form.texts:
        known = name in (_LABEL, "to") or name.startswith(("v:", "h:")) or value in _SWITCHES.get(name, ())
        if not known:
            raise MailgunRefusedError(400, f"{name} parameter is not valid. please check documentation")


def _with_message_id(raw: bytes, domain: str) -> tuple[str, bytes]:
    given = str(message_from_bytes(raw, policy=policy.compat32).get("Message-ID", "")).strip()
    if given:
        return given, raw
    made = f"<{uuid4().hex}@{domain}>"
    return made, prepend_headers(raw, ("Message-ID", made))
