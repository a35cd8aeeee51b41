"""The HTTP face of SES v2: authorization, dispatch, answers and errors as AWS writes them, faults."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

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
from outreach_pipelines.lab.ses.account import SesAccountState, SesSender, dkim_tokens
from outreach_pipelines.lab.ses.events import ACCOUNT_ID
from outreach_pipelines.lab.ses.outgoing import outgoing
from outreach_pipelines.lab.ses.refusals import SesErrorName, SesRefusedError, refused_by_fault
from outreach_pipelines.lab.ses.request_model import Request, check_answer, parse_request

# Authorization: AWS4-HMAC-SHA256 Credential=KEY/20261123/REGION/ses/aws4_request, SignedHeaders=..., Signature=...
_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
_UNKNOWN_KEY = "The security token included in the request is invalid."


class SesApi:
    """The operations of SES v2 that senders use: SendEmail, GetAccount, GetEmailIdentity, GetTenant."""

    def __init__(self, state: SesAccountState, sender: SesSender, faults: FaultBoard, *, seed: int) -> None:
        self._state, self._sender, self._faults, self._seed = state, sender, faults, seed
        self._operations: Mapping[str, Callable[[Request], Awaitable[JsonObject]]] = {
            "SendEmail": self._send_email,
            "GetAccount": self._get_account,
            "GetEmailIdentity": self._get_email_identity,
            "GetTenant": self._get_tenant,
        }

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [Route("/{path:path}", self._answer, methods=["GET", "POST", "PUT", "DELETE"])]
        return Starlette(routes=routes, exception_handlers={StrangeAnswerError: strange_answer})

    async def _answer(self, http: HttpRequest) -> Response:
        headers = {"x-amzn-requestid": str(uuid4())}
        try:
            return JSONResponse(await self._handle(http), headers=headers)
        except SesRefusedError as refused:
            headers["x-amzn-errortype"] = refused.name
            return JSONResponse({"message": refused.message}, status_code=refused.status, headers=headers)
        except ConnectionEndsError:
            end_connection()
            return Response(status_code=500)

    async def _handle(self, http: HttpRequest) -> JsonObject:
        self._authorize(http.headers.get("authorization", ""))
        path = http.scope["raw_path"].decode("ascii")
        request = parse_request(http.method, path, _json_body(await http.body()))
        operation = self._operations.get(request.operation)
        if operation is None:
            raise SesRefusedError(SesErrorName.NOT_IMPLEMENTED, f"{request.operation} is not played by the lab")
        return check_answer(request.operation, await operation(request))

    def _authorize(self, authorization: str) -> None:
        found = _CREDENTIAL.match(authorization)
        if found is None:
            raise SesRefusedError(SesErrorName.MISSING_TOKEN, "Missing Authentication Token")
        key, region, service = found.groups()
        config = self._state.config
        if key not in config.access_keys or self._faults.take(Fault.REVOKE_CREDENTIALS, config.name):
            raise SesRefusedError(SesErrorName.UNRECOGNIZED_CLIENT, _UNKNOWN_KEY)
        if (region, service) != (config.region, "ses"):
            scope = f"Credential should be scoped to a valid region and service, not '{region}/{service}'."
            raise SesRefusedError(SesErrorName.SIGNATURE_DOES_NOT_MATCH, scope)

    async def _send_email(self, request: Request) -> JsonObject:
        asked = outgoing(request)
        self._state.check_tenant(asked)
        targets = (self._state.config.name, *filter(None, [asked.tenant]), *asked.recipients)
        await self._refuse_by_fault(*targets)
        self._state.check(asked)
        # Shielded: the end of the connection must not part the ledger from what follows.
        message_id = await asyncio.shield(self._sender.accept(asked))
        if await says_error_after_accept(self._faults, *targets):
            raise SesRefusedError(SesErrorName.INTERNAL_FAILURE, "The request failed because of an internal error.")
        return {"MessageId": message_id}

    async def _refuse_by_fault(self, *targets: str) -> None:
        refusal = await ordered_refusal(self._faults, *targets)
        if refusal is not None:
            raise refused_by_fault(refusal)

    async def _get_account(self, request: Request) -> JsonObject:  # noqa: ARG002 - one signature for all operations
        quota: JsonObject = {
            "Max24HourSend": float(self._state.config.daily_quota),
            "MaxSendRate": float(self._state.config.rate),
            "SentLast24Hours": float(self._state.sent_last_24_hours()),
        }
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": True,
            "SendQuota": quota,
            "SendingEnabled": True,
            "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        }

    async def _get_tenant(self, request: Request) -> JsonObject:
        name = str(request.params["TenantName"])
        self._state.known_tenant(name)
        paused = self._faults.stands(Fault.PAUSE_SENDING, name)
        arn = f"arn:aws:ses:{self._state.config.region}:{ACCOUNT_ID}:tenant/{name}/tn-lab"
        tenant: JsonObject = {
            "TenantName": name,
            "TenantId": "tn-lab",
            "TenantArn": arn,
            "CreatedTimestamp": 0,
            "Tags": [],
            "SendingStatus": "DISABLED" if paused else "ENABLED",
        }
        return {"Tenant": tenant}

    async def _get_email_identity(self, request: Request) -> JsonObject:
        identity = str(request.params["EmailIdentity"])
        if identity.lower() not in {known.lower() for known in self._state.config.identities}:
            raise SesRefusedError(SesErrorName.NOT_FOUND, f"Email identity <{identity}> does not exist.")
        dkim: JsonObject = {
            "SigningEnabled": True,
            "Status": "SUCCESS",
            "Tokens": dkim_tokens(identity.rpartition("@")[2], self._seed),
            "SigningAttributesOrigin": "AWS_SES",
            "NextSigningKeyLength": "RSA_2048_BIT",
            "CurrentSigningKeyLength": "RSA_2048_BIT",
        }
        return {
            "IdentityType": "EMAIL_ADDRESS" if "@" in identity else "DOMAIN",
            "FeedbackForwardingStatus": False,
            "VerifiedForSendingStatus": True,
            "VerificationStatus": "SUCCESS",
            "DkimAttributes": dkim,
            "Policies": {},
            "Tags": [],
        }


def _json_body(body: bytes) -> JsonObject:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SesRefusedError(SesErrorName.SERIALIZATION, "The body is not a JSON object.")
    return value
