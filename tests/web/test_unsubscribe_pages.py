"""The unsubscribe link as people, mail providers and scanners meet it, on a register that remembers."""

import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from outreach_pipelines.application.unsubscribe import UnsubscribeScope
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.tracking_token import TokenKeyId, TokenKeys, TokenPurpose, UnsubscribeClaim, seal
from outreach_pipelines.errors import Unreadable
from outreach_pipelines.web.app import web_app

KEYS = TokenKeys(TokenKeyId(1), {TokenKeyId(1): bytes(64)})
CLAIM = UnsubscribeClaim(TenantId(3), b"\x07" * 32, 11, 13, "tag")
LINK = f"/u/{seal(CLAIM, KEYS)}"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@dataclass
class RememberingRegister:
    wishes: list[tuple[UnsubscribeClaim, UnsubscribeScope]] = field(default_factory=list)
    broken: bool = False

    def unsubscribe(self, claim: UnsubscribeClaim, scope: UnsubscribeScope) -> None:
        if self.broken:
            message = "no answer"
            raise Unreadable(message)
        self.wishes.append((claim, scope))


@dataclass(frozen=True)
class Browser:
    app: Starlette

    def get(self, path: str, **request: Any) -> httpx.Response:
        return self.request("GET", path, **request)

    def post(self, path: str, **request: Any) -> httpx.Response:
        return self.request("POST", path, **request)

    def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        return asyncio.run(self._request(method, path, request))

    async def _request(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://u.client.example") as client:
            return await client.request(method, path, **request)


@pytest.fixture
def register() -> RememberingRegister:
    return RememberingRegister()


@pytest.fixture
def web(register: RememberingRegister) -> Browser:
    return Browser(web_app(KEYS, register))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_following_the_link_changes_nothing_since_scanners_follow_links(
    web: Browser, register: RememberingRegister, method: str
) -> None:
    answer = web.request(method, LINK)

    assert answer.status_code == 200
    assert register.wishes == []


def test_the_page_asks_for_campaign_sender_or_everyone(web: Browser) -> None:
    page = web.get(LINK).text

    assert re.findall(r'type="radio" name="scope" value="(\w+)"', page) == ["tenant", "mailbox", "campaign"]
    assert '<form method="post">' in page


@pytest.mark.parametrize("sent", [{"data": ONE_CLICK}, {"files": {"List-Unsubscribe": (None, "One-Click")}}])
def test_one_click_acts_at_once_for_the_whole_tenant_without_redirect_or_cookie(
    web: Browser, register: RememberingRegister, sent: dict[str, dict[str, str]]
) -> None:
    answer = web.post(LINK, **sent)

    assert (answer.status_code, "location" in answer.headers, "set-cookie" in answer.headers) == (200, False, False)
    assert register.wishes == [(CLAIM, UnsubscribeScope.TENANT)]


def test_one_click_is_understood_in_any_case_of_letters(web: Browser, register: RememberingRegister) -> None:
    web.post(
        LINK, content=b"list-unsubscribe=one-click\r\n", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert register.wishes == [(CLAIM, UnsubscribeScope.TENANT)]


@pytest.mark.parametrize("scope", list(UnsubscribeScope))
def test_the_form_acts_for_the_scope_that_was_chosen(
    web: Browser, register: RememberingRegister, scope: UnsubscribeScope
) -> None:
    answer = web.post(LINK, data={"scope": scope.value})

    assert "<h1>Done</h1>" in answer.text
    assert register.wishes == [(CLAIM, scope)]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b""),
        ("application/x-www-form-urlencoded", b"scope=world"),
        ("application/x-www-form-urlencoded", b"&" * 8000),
        ("application/x-www-form-urlencoded", b"a=1&" * 2000),
        ("multipart/form-data", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 1500),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="scope"\r\n\r\n\xff\x00\r\n--x--',
        ),
        ("application/json", b'{"scope": "tenant"}'),
    ],
)
def test_a_post_that_asks_for_nothing_we_know_gets_the_question_and_changes_nothing(
    web: Browser, register: RememberingRegister, content_type: str, body: bytes
) -> None:
    answer = web.post(LINK, content=body, headers={"Content-Type": content_type})

    assert (answer.status_code, "<form" in answer.text) == (200, True)
    assert register.wishes == []


def test_done_is_not_said_when_the_register_did_not_confirm(web: Browser, register: RememberingRegister) -> None:
    register.broken = True

    answer = web.post(LINK, data=ONE_CLICK)

    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert "Done" not in answer.text
    assert "reply to the message" in answer.text


@pytest.mark.parametrize(
    "token",
    [
        "x",
        LINK[3:-1],
        LINK[3:] + "A",
        LINK[3:-9] + "AAAAAAAAA",
        seal(CLAIM, KEYS, purpose=TokenPurpose.CLICK),
        seal(CLAIM, TokenKeys(TokenKeyId(9), {TokenKeyId(9): bytes(64)})),
        "",
        "%00",
        "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "A" * 8000,
    ],
)
def test_a_link_that_cannot_be_read_says_how_to_be_removed_and_changes_nothing(
    web: Browser, register: RememberingRegister, token: str
) -> None:
    shown, posted = web.get(f"/u/{token}"), web.post(f"/u/{token}", data=ONE_CLICK)

    assert (shown.status_code, posted.status_code) == (200, 200)
    assert shown.text == posted.text
    assert "cannot be read" in shown.text
    assert "write to its sender" in shown.text
    assert "script" not in shown.text
    assert register.wishes == []


def test_a_known_and_an_unknown_person_get_the_same_answer(web: Browser) -> None:
    stranger = f"/u/{seal(UnsubscribeClaim(TenantId(3), bytes(32), 11, 13, 'tag'), KEYS)}"

    assert web.post(LINK, data=ONE_CLICK).text == web.post(stranger, data=ONE_CLICK).text
    assert web.get(LINK).text == web.get(stranger).text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.5, de;q=0.9", "de"),
        ("fr, en;q=0.5, de;q=0.4", "en"),
        ("fr", "en"),
        ("de;q=0", "en"),
        ("de;q=nan,;;=,q", "en"),
        ("," * 5000, "en"),
    ],
)
def test_the_page_speaks_the_language_that_is_asked_for_most(web: Browser, accepted: str, language: str) -> None:
    answer = web.get(LINK, headers={"Accept-Language": accepted})

    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["content-language"] == language


def test_german_says_done_in_german(web: Browser) -> None:
    answer = web.post(LINK, data={"scope": "mailbox"}, headers={"Accept-Language": "de"})

    assert "<h1>Erledigt</h1>" in answer.text


def test_no_cache_keeps_the_page_and_no_other_site_learns_its_address(web: Browser) -> None:
    headers = web.get(LINK).headers

    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "noindex" in headers["x-robots-tag"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_the_policy_lets_the_pages_own_style_pass_and_no_script(web: Browser) -> None:
    answer = web.get(LINK)
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text)
    (allowed,) = re.findall(r"style-src 'sha256-([^']+)'", answer.headers["content-security-policy"])

    assert hashlib.sha256(style.encode()).digest() == base64.b64decode(allowed)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in answer.text


def test_a_body_of_five_megabytes_is_refused_and_changes_nothing(web: Browser, register: RememberingRegister) -> None:
    answer = web.post(LINK, content=b"List-Unsubscribe=One-Click&x=" + b"a" * 5_000_000)

    assert answer.status_code == 413
    assert register.wishes == []


def test_headers_of_many_kilobytes_are_refused(web: Browser) -> None:
    answers = [
        web.get(LINK, headers={"X-Long": "a" * 20_000}),
        web.get(f"/u/{'A' * 60_000}"),
        web.get(LINK + "?" + "a" * 20_000),
    ]

    assert [answer.status_code for answer in answers] == [431, 431, 431]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_do_nothing(web: Browser, register: RememberingRegister, method: str) -> None:
    answer: httpx.Response = web.request(method, LINK)

    assert answer.status_code == 405
    assert register.wishes == []


def test_health_is_asked_without_a_token(web: Browser) -> None:
    assert web.get("/healthz").text == "ok\n"
