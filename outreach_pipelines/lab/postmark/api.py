"""The HTTP face of Postmark: which server asks, sending and searching, answers and faults.

https://postmarkapp.com/developer/api/overview
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from outreach_pipelines.lab.aftermath import Aftermath
from outreach_pipelines.lab.clock import machine_now
from outreach_pipelines.lab.config import PostmarkAccount
from outreach_pipelines.lab.faults import Fault, FaultBoard
from outreach_pipelines.lab.http_faults import (
    ConnectionEndsError,
    StrangeAnswerError,
    ordered_refusal,
    says_error_after_accept,
    strange_answer,
)
from outreach_pipelines.lab.http_server import end_connection
from outreach_pipelines.lab.json_value import JsonObject
from outreach_pipelines.lab.ledger import Acceptance, Ledger
from outreach_pipelines.lab.postmark.refusals import ErrorCode, PostmarkRefusedError, refused_by_fault
from outreach_pipelines.lab.postmark.request import Asked, read_request
from outreach_pipelines.lab.postmark.sent import PostmarkFeedback, PostmarkServer
from outreach_pipelines.lab.wire_message import WireMessage, body_sha256

TAG_FIELD = "tag"
Operation = Callable[[Request, PostmarkServer], Awaitable[JsonObject]]


class PostmarkApi:
    """All Postmark servers of the lab on one port; the token tells which one is meant."""

    def __init__(
        self, accounts: tuple[PostmarkAccount, ...], *, ledger: Ledger, aftermath: Aftermath, faults: FaultBoard
    ) -> None:
        self._ledger, self._aftermath, self._faults = ledger, aftermath, faults
        self._servers = {account.server_token: PostmarkServer(account, faults) for account in accounts}

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/email", self._answering(self._take), methods=["POST"]),
                Route("/messages/outbound", self._answering(self._search), methods=["GET"]),
            ],
            exception_handlers={StrangeAnswerError: strange_answer},
        )

    def _answering(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                return JSONResponse(await operation(request, self._server(request)))
            except PostmarkRefusedError as refused:
                body = {"ErrorCode": int(refused.code), "Message": refused.message}
                return JSONResponse(body, status_code=refused.status)
            except ConnectionEndsError:
                end_connection()
                return Response(status_code=500)

        return answer

    def _server(self, request: Request) -> PostmarkServer:
        server = self._servers.get(request.headers.get("x-postmark-server-token", ""))
        if server is None or self._faults.take(Fault.REVOKE_CREDENTIALS, server.account.name):
            words = "Request does not contain a valid Server token."
            raise PostmarkRefusedError(ErrorCode.BAD_TOKEN, words, status=401)
        return server

    async def _take(self, request: Request, server: PostmarkServer) -> JsonObject:
        message_id = str(uuid4())
        asked = read_request(await _json_body(request), new_id=message_id)
        targets = (server.account.name, *asked.recipients)
        refusal = await ordered_refusal(self._faults, *targets)
        if refusal is not None:
            raise refused_by_fault(refusal)
        server.check(asked)
        # Shielded: the end of the connection must not part the ledger from what follows.
        await asyncio.shield(self._accept(server, message_id, asked))
        if await says_error_after_accept(self._faults, *targets):
            raise PostmarkRefusedError(ErrorCode.INTERNAL, "Internal Server Error", status=500)
        answer = {"To": ", ".join(asked.recipients), "SubmittedAt": machine_now().isoformat()}
        return {**answer, "MessageID": message_id, "ErrorCode": 0, "Message": "OK"}

    async def _accept(self, server: PostmarkServer, message_id: str, asked: Asked) -> None:
        name, tag, digest = server.account.name, asked.metadata.get(TAG_FIELD, ""), body_sha256(asked.raw)
        server.keep(message_id, asked)
        for recipient in asked.recipients:
            await self._ledger.accept(Acceptance(name, asked.mailbox, recipient, asked.message_id, tag, digest))
            message = WireMessage(
                name, "pm_bounces@pm.mtasv.net", recipient, asked.mailbox, asked.message_id, tag, asked.raw
            )
            self._aftermath.follow(message, PostmarkFeedback(server, asked.stream))

    async def _search(self, request: Request, server: PostmarkServer) -> JsonObject:
        return server.search(request.query_params)


async def _json_body(request: Request) -> JsonObject:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        words = "The Content-Type header must be application/json."
        raise PostmarkRefusedError(ErrorCode.JSON_REQUIRED, words, status=415)
    try:
        found = json.loads(await request.body())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PostmarkRefusedError(ErrorCode.INVALID_JSON, "The body is not a JSON object.")
    return found
