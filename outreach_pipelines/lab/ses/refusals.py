"""Errors of the SES v2 API with the names and HTTP status codes of AWS. When they are raised is decided elsewhere.

Operation errors: botocore's model of sesv2. Common errors:
https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from types import MappingProxyType
from typing import assert_never

from outreach_pipelines.lab.http_faults import Refusal


@unique
class SesErrorName(StrEnum):
    """What `x-amzn-errortype` says."""

    ACCOUNT_SUSPENDED = "AccountSuspendedException"
    BAD_REQUEST = "BadRequestException"
    LIMIT_EXCEEDED = "LimitExceededException"
    MESSAGE_REJECTED = "MessageRejected"
    NOT_FOUND = "NotFoundException"
    SENDING_PAUSED = "SendingPausedException"
    TOO_MANY_REQUESTS = "TooManyRequestsException"

    INTERNAL_FAILURE = "InternalFailure"
    MISSING_TOKEN = "MissingAuthenticationTokenException"  # noqa: S105 - AWS's name of an error
    NOT_IMPLEMENTED = "NotImplemented"
    SERIALIZATION = "SerializationException"
    SERVICE_UNAVAILABLE = "ServiceUnavailable"
    SIGNATURE_DOES_NOT_MATCH = "SignatureDoesNotMatch"
    UNKNOWN_OPERATION = "UnknownOperationException"
    UNRECOGNIZED_CLIENT = "UnrecognizedClientException"


HTTP_STATUS: Mapping[SesErrorName, int] = MappingProxyType(
    {
        SesErrorName.ACCOUNT_SUSPENDED: 400,
        SesErrorName.BAD_REQUEST: 400,
        SesErrorName.LIMIT_EXCEEDED: 400,
        SesErrorName.MESSAGE_REJECTED: 400,
        SesErrorName.NOT_FOUND: 404,
        SesErrorName.SENDING_PAUSED: 400,
        SesErrorName.TOO_MANY_REQUESTS: 429,
        SesErrorName.INTERNAL_FAILURE: 500,
        SesErrorName.MISSING_TOKEN: 403,
        SesErrorName.NOT_IMPLEMENTED: 501,
        SesErrorName.SERIALIZATION: 400,
        SesErrorName.SERVICE_UNAVAILABLE: 503,
        SesErrorName.SIGNATURE_DOES_NOT_MATCH: 403,
        SesErrorName.UNKNOWN_OPERATION: 404,
        SesErrorName.UNRECOGNIZED_CLIENT: 403,
    }
)


class SesRefusedError(Exception):
    """The request is answered by an error of AWS."""

    def __init__(self, name: SesErrorName, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return HTTP_STATUS[self.name]


def refused_by_fault(refusal: Refusal) -> SesRefusedError:
    """The words of an ordered refusal."""
    match refusal:
        case Refusal.THROTTLED:
            return SesRefusedError(SesErrorName.TOO_MANY_REQUESTS, "Maximum sending rate exceeded.")
        case Refusal.UNAVAILABLE:
            words = "The service is temporarily unable to handle this."
            return SesRefusedError(SesErrorName.SERVICE_UNAVAILABLE, words)
        case Refusal.PAUSED:
            return SesRefusedError(SesErrorName.SENDING_PAUSED, "Email sending is disabled for this account.")
        case _:
            assert_never(refusal)
