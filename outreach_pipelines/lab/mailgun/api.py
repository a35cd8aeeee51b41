"""The HTTP face of Mailgun: who asks, the three operations of a sender, answers and faults.

https://documentation.mailgun.com/docs/mailgun/api-reference/
"""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from outreach_pipelines.lab.aftermath import Aftermath
from outreach_pipelines.lab.config import MailgunAccount
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
from outreach_pipelines.lab.mailgun.events import MailgunEvents
from outreach_pipelines.lab.mailgun.refusals import MailgunRefusedError, refused_by_fault
from outreach_pipelines.lab.mailgun.upload import Upload, read_upload
from outreach_pipelines.lab.wire_message import WireMessage, body_sha256, from_address

TAG_VARIABLE = "outreach"
Operation = Callable[[Request, MailgunAccount], Awaitable[JsonObject]]


class MailgunApi:
    """All Mailgun accounts of the lab on one port; the key tells which one is meant."""

    def __init__(
        self, accounts: tuple[MailgunAccount, ...], *, ledger: Ledger, aftermath: Aftermath, faults: FaultBoard
    ) -> None:
        self._ledger, self._aftermath, self._faults = ledger, aftermath, faults
        self._accounts = {account.api_key: account for account in accounts}
        self._events = {account.name: MailgunEvents(account, faults) for account in accounts}

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/v3/{domain}/messages.mime", self._answering(self._take), methods=["POST"]),
                Route("/v3/{domain}/events", self._answering(self._search), methods=["GET"]),
                Route("/v3/{domain}/events/{page}", self._answering(self._page), methods=["GET"]),
            ],
            exception_handlers={StrangeAnswerError: strange_answer},
        )

    def _answering(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            account = self._account(request.headers.get("authorization", ""))
            if account is None:
                return PlainTextResponse("Forbidden", status_code=401)
            try:
                return JSONResponse(await self._in_domain(operation, request, account))
            except MailgunRefusedError as refused:
                return JSONResponse({"message": refused.message}, status_code=refused.status)
            except ConnectionEndsError:
                end_connection()
                return Response(status_code=500)

        return answer

    def _account(self, authorization: str) -> MailgunAccount | None:
        scheme, _, login = authorization.partition(" ")
        try:
            user, _, key = b64decode(login, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = self._accounts.get(key) if (scheme.lower(), user) == ("basic", "api") else None
        revoked = account is not None and self._faults.take(Fault.REVOKE_CREDENTIALS, account.name)
        return None if revoked else account

    async def _in_domain(self, operation: Operation, request: Request, account: MailgunAccount) -> JsonObject:
        domain = request.path_params["domain"]
        if domain not in account.domains:
            raise MailgunRefusedError(404, f"Domain not found: {domain}")
        return await operation(request, account)

    async def _take(self, request: Request, account: MailgunAccount) -> JsonObject:
        content_type = request.headers.get("content-type", "")
        upload = read_upload(request.path_params["domain"], content_type, await request.body())
        targets = (account.name, *upload.recipients)
        refusal = await ordered_refusal(self._faults, *targets)
        if refusal is not None:
            raise refused_by_fault(refusal, upload.domain)
        # Shielded: the end of the connection must not part the ledger from what follows.
        await asyncio.shield(self._accept(account, upload))
        if await says_error_after_accept(self._faults, *targets):
            raise MailgunRefusedError(500, "Internal Server Error")
        return {"id": upload.message_id, "message": "Queued. Thank you."}

    async def _accept(self, account: MailgunAccount, upload: Upload) -> None:
        mailbox, digest = from_address(upload.raw), body_sha256(upload.raw)
        tag = upload.variables.get(TAG_VARIABLE, "")
        for recipient in upload.recipients:
            await self._ledger.accept(Acceptance(account.name, mailbox, recipient, upload.message_id, tag, digest))
            sender = f"bounce+{uuid4().hex[:6]}.{recipient.replace('@', '=')}@{upload.domain}"
            feedback = self._events[account.name].of(upload, recipient)
            feedback.accepted()
            message = WireMessage(account.name, sender, recipient, mailbox, upload.message_id, tag, upload.raw)
            self._aftermath.follow(message, feedback)

    async def _search(self, request: Request, account: MailgunAccount) -> JsonObject:
        domain, query = request.path_params["domain"], dict(request.query_params)
        return self._events[account.name].search(domain, query, base_url=str(request.base_url))

    async def _page(self, request: Request, account: MailgunAccount) -> JsonObject:
        domain, page = request.path_params["domain"], request.path_params["page"]
        return self._events[account.name].page(domain, page, base_url=str(request.base_url))
