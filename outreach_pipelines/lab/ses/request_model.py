"""Holds each request against botocore's own model of SES v2, so that the lab and its client cannot share a mistake.

Stricter than AWS in one point: a member that the model does not know is refused, where AWS ignores it.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from botocore.loaders import Loader
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from outreach_pipelines.lab.json_value import JsonObject, JsonValue
from outreach_pipelines.lab.ses.refusals import SesErrorName, SesRefusedError

# What a member holds once it is decoded: JSON, or the bytes of a blob.
Param = object


@dataclass(frozen=True, slots=True)
class Request:
    """A request that fits the model: the operation's name and its parameters, blobs decoded to bytes."""

    operation: str
    params: Mapping[str, Param]


@cache
def service_model() -> ServiceModel:
    """SES v2 as botocore knows it."""
    return ServiceModel(Loader().load_service_model("sesv2", "service-2"))


def parse_request(method: str, path: str, body: JsonObject) -> Request:
    """The request behind method, path and JSON body. Raises SesRefusedError naming every fault."""
    operation, in_path = _operation(method, path)
    shape = operation.input_shape
    if shape is None:
        return Request(operation.name, {})
    params: dict[str, Param] = {**in_path, **_structure(shape, body, "")}
    faults = _faults(params, shape)
    if faults:
        # AWS checks the form of a request before the operation sees it.
        raise SesRefusedError(SesErrorName.BAD_REQUEST, faults)
    return Request(operation.name, params)


def check_answer(operation: str, answer: JsonObject) -> JsonObject:
    """The same answer. Raises AssertionError where the model says that SES would not answer so."""
    shape = service_model().operation_model(operation).output_shape
    faults = _faults(_structure(shape, answer, ""), shape) if isinstance(shape, StructureShape) else ""
    if faults:
        message = f"the lab's answer to {operation} does not fit: {faults}"
        raise AssertionError(message)
    return answer


def _faults(params: Mapping[str, Param], shape: StructureShape) -> str:
    """All that the model says against it, in words; empty when it fits."""
    report = ParamValidator().validate(params, shape)
    said = [report.generate_report()] if report.has_errors() else []
    return "\n".join([*said, *_unfit_texts(shape, params, "")])


def _unfit_texts(shape: Shape, value: Param, path: str) -> list[str]:
    """Texts outside of their list or pattern: the model has both, and botocore's own validator reads neither."""
    match shape, value:
        case StructureShape(), Mapping():
            inner = [
                (shape.members[name], item, f"{path}.{name}") for name, item in value.items() if name in shape.members
            ]
        case ListShape(), list():
            inner = [(shape.member, item, f"{path}[{i}]") for i, item in enumerate(value)]
        case _, str():
            return _unfit_text(shape, value, path)
        case _:
            return []
    return [fault for member, item, where in inner for fault in _unfit_texts(member, item, where)]


def _unfit_text(shape: Shape, value: str, path: str) -> list[str]:
    listed, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if listed and value not in listed:
        return [
            f"Value at '{path.lstrip('.')}' failed to satisfy constraint: Member must satisfy enum value set: {listed}"
        ]
    if pattern and not re.fullmatch(pattern, value):
        return [f"Value at '{path.lstrip('.')}' failed to satisfy constraint: Member must match: {pattern}"]
    return []


def _operation(method: str, path: str) -> tuple[OperationModel, Mapping[str, Param]]:
    for name, uri_method, pattern in _routes():
        found = pattern.fullmatch(path) if uri_method == method else None
        if found:
            return service_model().operation_model(name), {k: unquote(v) for k, v in found.groupdict().items()}
    raise SesRefusedError(SesErrorName.UNKNOWN_OPERATION, f"{method} {path}")


@cache
def _routes() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    model = service_model()
    routes = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", http["requestUri"].partition("?")[0].rstrip("/"))
        routes.append((name, http["method"], re.compile(pattern + "/?")))
    return tuple(routes)


def _structure(shape: StructureShape, value: JsonValue, path: str) -> dict[str, Param]:
    if not isinstance(value, Mapping):
        raise _serialization(path, "an object")
    by_wire_name = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    params: dict[str, Param] = {}
    for wire_name, item in value.items():
        # Unknown members keep their name: the validator reports them.
        name, member = by_wire_name.get(wire_name, (wire_name, None))
        params[name] = item if member is None else _decoded(member, item, f"{path}.{wire_name}")
    return params


def _decoded(shape: Shape, value: JsonValue, path: str) -> Param:
    if isinstance(shape, StructureShape):
        return _structure(shape, value, path)
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise _serialization(path, "a list")
        return [_decoded(shape.member, item, f"{path}[{i}]") for i, item in enumerate(value)]
    return _blob(value, path) if shape.type_name == "blob" else value


def _blob(value: JsonValue, path: str) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "?", validate=True)
    except (binascii.Error, ValueError):
        raise _serialization(path, "base64") from None


def _serialization(path: str, expected: str) -> SesRefusedError:
    return SesRefusedError(SesErrorName.SERIALIZATION, f"{path.lstrip('.') or 'the body'} is not {expected}")
