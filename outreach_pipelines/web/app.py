"""The web edge: `uvicorn --factory outreach_pipelines.web.app:create_app --no-access-log`.

The access log stays off because addresses of pages hold tokens, and who has one can unsubscribe its owner.

Belongs here: routes, each one use case and its page. Does not: decisions.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import assert_never

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import StatelessLifespan

from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.adapters.postgres.unsubscribe_register import PostgresUnsubscribeRegister
from outreach_pipelines.application.unsubscribe import (
    UnreadableLink,
    Unsubscribed,
    UnsubscribeRegister,
    UnsubscribeScope,
    link_is_ours,
    unsubscribe,
)
from outreach_pipelines.domain.tracking_token import TokenKeys
from outreach_pipelines.errors import Unreadable
from outreach_pipelines.web.form import wish_of
from outreach_pipelines.web.limits import HeaderLimit, small_body
from outreach_pipelines.web.pages import choice_page, done_page, not_recorded_page, unreadable_page
from outreach_pipelines.web.settings import WebSettings, read_web_settings
from outreach_pipelines.web.wording import Wording, wording_for


def create_app(settings: WebSettings | None = None) -> Starlette:
    """The application on its own database. Without `settings` the environment is read; raises `SettingsFault`."""
    chosen = settings or read_web_settings(os.environ)
    engine = connect(chosen.database_url)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        engine.dispose()

    return web_app(chosen.token_keys, PostgresUnsubscribeRegister(engine), lifespan=lifespan)


def web_app(
    keys: TokenKeys, register: UnsubscribeRegister, *, lifespan: StatelessLifespan[Starlette] | None = None
) -> Starlette:
    """The application on any register."""
    edge = UnsubscribePages(keys, register)
    routes = [
        Route("/u/{token:path}", edge.show, methods=["GET"]),
        Route("/u/{token:path}", edge.act, methods=["POST"]),
        Route("/healthz", _healthz, methods=["GET"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(HeaderLimit)], lifespan=lifespan)


@dataclass(frozen=True, slots=True)
class UnsubscribePages:
    """GET asks, POST acts (RFC 8058 section 3.1: a GET must change nothing, since scanners follow links)."""

    keys: TokenKeys
    register: UnsubscribeRegister

    async def show(self, request: Request) -> HTMLResponse:
        """The question. Changes nothing."""
        wording, ours = _wording(request), link_is_ours(request.path_params["token"], self.keys)
        return choice_page(wording) if ours else unreadable_page(wording)

    async def act(self, request: Request) -> Response:
        """One-click or the page's form: done only after the commit; what asks for nothing gets the question."""
        body = await small_body(request)
        if body is None:
            return PlainTextResponse("The request is too large or too slow.", 413, {"Connection": "close"})
        scope = wish_of(request.headers.get("content-type", ""), body)
        if scope is None:
            return await self.show(request)
        return await run_in_threadpool(self._unsubscribed, request.path_params["token"], scope, _wording(request))

    def _unsubscribed(self, token: str, scope: UnsubscribeScope, wording: Wording) -> HTMLResponse:
        try:
            outcome = unsubscribe(token, scope, keys=self.keys, register=self.register)
        except Unreadable:
            return not_recorded_page(wording)
        match outcome:
            case Unsubscribed(committed):
                return done_page(wording, committed)
            case UnreadableLink():
                return unreadable_page(wording)
        assert_never(outcome)


def _wording(request: Request) -> Wording:
    return wording_for(request.headers.get("accept-language", ""))


async def _healthz(_: Request) -> PlainTextResponse:
    """This process answers. Whether the database does is told by the pages themselves, with 503."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})
