"""The pages of the unsubscribe link, as whole HTML documents: no script, no image, nothing from elsewhere.

Belongs here: HTML and the headers that keep it safe. Does not: sentences (`wording`), what was done (`application`).
"""

import base64
import hashlib
from html import escape
from typing import Final

from starlette.responses import HTMLResponse

from outreach_pipelines.application.unsubscribe import UnsubscribeScope
from outreach_pipelines.web.wording import Wording

SCOPE_FIELD: Final = "scope"
_STYLE: Final = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem}"
    "body{color:#1a1a1a;background:#fff}"
    "label{display:block;padding:.7rem 0}input{width:1.2rem;height:1.2rem;margin-right:.6rem;vertical-align:middle}"
    "fieldset{border:0;margin:0;padding:0}"
    "button{font:inherit;width:100%;padding:.8rem;margin-top:1rem;border:0;border-radius:.4rem;color:#fff;background:#0b57a4}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#1a1a1a}}"
)
_VIEWPORT: Final = '<meta name="viewport" content="width=device-width, initial-scale=1">'
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")

#: The token stands in the address of the page: no cache keeps it, and no other site learns of it by Referer.
SAFE_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Strict-Transport-Security": "max-age=31536000",
    "Vary": "Accept-Language",
}


def choice_page(wording: Wording) -> HTMLResponse:
    """The question, with the widest answer chosen. Its form posts to the page's own address."""
    choices = "".join(_choice(scope, text) for scope, text in wording.choices.items())
    button = f'<button type="submit">{escape(wording.button)}</button>'
    form = f'<form method="post"><fieldset>{choices}</fieldset>{button}</form>'
    return _page(wording, wording.title, f"<p>{escape(wording.question)}</p>{form}")


def done_page(wording: Wording, scope: UnsubscribeScope) -> HTMLResponse:
    """Only to be shown after the commit."""
    return _page(wording, wording.done_title, f"<p>{escape(wording.done[scope])}</p>")


def unreadable_page(wording: Wording) -> HTMLResponse:
    """Status 200 like all others: the answer tells nobody which tokens exist."""
    return _page(wording, wording.unreadable_title, f"<p>{escape(wording.unreadable)}</p>")


def not_recorded_page(wording: Wording) -> HTMLResponse:
    """Status 503, so that a mail provider's one-click request is repeated."""
    return _page(wording, wording.not_recorded_title, f"<p>{escape(wording.not_recorded)}</p>", status=503)


def _choice(scope: UnsubscribeScope, text: str) -> str:
    checked = " checked" if scope is UnsubscribeScope.TENANT else ""
    return f'<label><input type="radio" name="{SCOPE_FIELD}" value="{scope.value}"{checked}>{escape(text)}</label>'


def _page(wording: Wording, title: str, body: str, *, status: int = 200) -> HTMLResponse:
    head = f'<meta charset="utf-8">{_VIEWPORT}<title>{escape(title)}</title>'
    document = (
        f'<!doctype html><html lang="{escape(wording.language)}"><head>{head}<style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    headers = SAFE_HEADERS | {"Content-Language": wording.language}
    return HTMLResponse(document, status, headers | ({"Retry-After": "60"} if status == 503 else {}))
