"""Zones hosted at Cloudflare, through its API v4: read whole, changed record by record.

Belongs here: requests, pages, limits, and what its errors mean. Does not: what to change (`domain.dns_changes`).
Sources: Cloudflare API reference, "Zones: list", "DNS Records: list, create, update (PATCH), delete"; "Rate limits" (1,200
requests in five minutes a user; 429 with Retry-After); "DNS records: troubleshooting" for the codes.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import httpx

from outreach_pipelines.adapters.cloudflare_records import fields_of, hosted_of
from outreach_pipelines.adapters.http_api import HttpAccess, JsonObject, printable
from outreach_pipelines.application.apply_fixes import HostedZone, ZoneChanged
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.findings import ResourceRecord
from outreach_pipelines.domain.dns_changes import HostedRecord, same_record
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import SettingsFault, Unreadable

BASE_URL: Final = "https://api.cloudflare.com"
_ROOT: Final = "/client/v4"
PAGE: Final = 100
MOST_PAGES: Final = 1_000
MOST_TRIES: Final = 5
MOST_WAIT: Final = 300.0
"""Seconds: after that the five minutes of the limit are over."""
REQUESTS, WINDOW = 1_200, 300.0
_KEY_REFUSED: Final = frozenset({6003, 6111, 9103, 9106, 9109, 10000, 10001})
_IDENTICAL: Final = frozenset({81057, 81058})
_IN_THE_WAY: Final = frozenset({81053, 81054, 81055, 81056, 81062})
_GONE: Final = frozenset({81044})


def cloudflare_access(token: Secret, base_url: str = BASE_URL) -> HttpAccess:
    """The API as the holder of a token (permission: Zone, DNS, Edit). Raises `SettingsFault` for an open address."""
    return HttpAccess(base_url, {"Authorization": f"Bearer {token.reveal()}"})


class _ApiError(Exception):
    """What the API said is wrong."""

    def __init__(self, status: int, codes: frozenset[int], text: str) -> None:
        super().__init__(text)
        self.status = status
        self.codes = codes
        self.text = text


class CloudflareZones:
    """`ZoneHost` at Cloudflare. A request that only reads is made again after a failure; a change never is: it is looked for.

    `wait` (seconds) and `now` (a monotonic clock) are given by tests.
    """

    def __init__(
        self,
        access: HttpAccess,
        *,
        timeout: float = 30.0,
        wait: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        headers = {**access.headers, "Accept": "application/json"}
        self._client = httpx.Client(base_url=access.base_url, headers=headers, timeout=timeout, trust_env=False)
        self._wait = wait
        self._now = now
        self._made: deque[float] = deque()
        self._zones: dict[DomainName, HostedZone | None] = {}

    def close(self) -> None:
        """End all connections."""
        self._client.close()

    def zone(self, name: DomainName) -> HostedZone | None:
        """See `ZoneHost.zone`."""
        if name not in self._zones:
            found = [each for each in self._listed("/zones", {"name": name}) if each.get("name") == name]
            # Another account may hold the same name, not yet or no longer asked by anybody.
            found.sort(key=lambda each: each.get("status") != "active")
            self._zones[name] = HostedZone(str(found[0]["id"]), name) if found else None
        return self._zones[name]

    def records(self, zone: HostedZone) -> Sequence[HostedRecord]:
        """See `ZoneHost.records`."""
        found = (hosted_of(each) for each in self._listed(f"/zones/{zone.id}/dns_records", {}))
        return [each for each in found if each is not None]

    def create(self, zone: HostedZone, record: ResourceRecord) -> None:
        """See `ZoneHost.create`."""
        try:
            self._changed("POST", f"/zones/{zone.id}/dns_records", fields_of(record, new=True))
        except _ApiError as fault:
            if not fault.codes & _IDENTICAL or not self._stands(zone, record):
                raise _meaning(fault) from None
        except Unreadable:
            if not self._stands(zone, record):
                raise

    def edit(self, zone: HostedZone, hosted: HostedRecord, record: ResourceRecord) -> None:
        """See `ZoneHost.edit`."""
        try:
            self._changed("PATCH", f"/zones/{zone.id}/dns_records/{hosted.id}", fields_of(record, new=False))
        except _ApiError as fault:
            raise _meaning(fault) from None
        except Unreadable:
            if not self._stands(zone, record):
                raise

    def take_out(self, zone: HostedZone, hosted: HostedRecord) -> None:
        """See `ZoneHost.take_out`."""
        try:
            self._changed("DELETE", f"/zones/{zone.id}/dns_records/{hosted.id}", None)
        except _ApiError as fault:
            if not (fault.codes & _GONE or fault.status == 404):
                raise _meaning(fault) from None
        except Unreadable:
            if any(each.id == hosted.id for each in self.records(zone)):
                raise

    def _stands(self, zone: HostedZone, record: ResourceRecord) -> bool:
        return any(same_record(each.record, record) for each in self.records(zone))

    def _listed(self, path: str, query: Mapping[str, str]) -> Iterator[JsonObject]:
        for page in range(1, MOST_PAGES + 1):
            answer = self._read(path, {**query, "page": str(page), "per_page": str(PAGE)})
            result, info = answer.get("result"), answer.get("result_info")
            found = [each for each in result if isinstance(each, dict)] if isinstance(result, list) else []
            yield from found
            if page >= _pages(info, len(found)):
                return
        message = f"{path} has more than {MOST_PAGES} pages"
        raise Unreadable(message)

    def _read(self, path: str, query: Mapping[str, str]) -> JsonObject:
        for attempt in range(MOST_TRIES):
            try:
                return self._asked("GET", path, query, None)
            except Unreadable:
                if attempt + 1 == MOST_TRIES:
                    raise
                self._wait(2.0**attempt)
            except _ApiError as fault:
                raise _meaning(fault) from None
        raise AssertionError

    def _changed(self, method: str, path: str, body: JsonObject | None) -> None:
        self._asked(method, path, {}, body)

    def _asked(self, method: str, path: str, query: Mapping[str, str], body: JsonObject | None) -> JsonObject:
        """One request, made again only where the API says that it was not taken for its rate."""
        for _ in range(MOST_TRIES):
            self._keep_pace()
            try:
                answer = self._client.request(method, f"{_ROOT}{path}", params=query or None, json=body)
            except httpx.HTTPError as broken:
                message = printable(f"Cloudflare did not answer {method} {path}: {type(broken).__name__}")
                raise Unreadable(message) from None
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                return _told(answer, f"{method} {path}")
            self._wait(_retry_after(answer))
        message = f"Cloudflare takes no more requests for now (429): {method} {path}"
        raise ZoneChanged(message) if method != "GET" else Unreadable(message)

    def _keep_pace(self) -> None:
        while self._made and self._made[0] <= self._now() - WINDOW:
            self._made.popleft()
        if len(self._made) >= REQUESTS:
            self._wait(max(0.0, self._made[0] + WINDOW - self._now()))
        self._made.append(self._now())


def _told(answer: httpx.Response, request: str) -> JsonObject:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or answer.status_code >= 500:
        message = printable(f"Cloudflare answered {request} with {answer.status_code}: {answer.text[:200]}")
        raise Unreadable(message)
    if found.get("success") is True and answer.is_success:
        return found
    errors = [each for each in found.get("errors") or () if isinstance(each, dict)]
    codes = frozenset(each["code"] for each in errors if isinstance(each.get("code"), int))
    text = "; ".join(f"{each.get('message')} ({each.get('code')})" for each in errors)
    raise _ApiError(answer.status_code, codes, printable(text or f"status {answer.status_code}"))


def _meaning(fault: _ApiError) -> Exception:
    if fault.codes & _KEY_REFUSED or fault.status in {401, 403}:
        return SettingsFault(f"Cloudflare refuses the token: {fault.text}")
    if fault.codes & _GONE or fault.status == 404:
        return ZoneChanged(f"the record is gone: {fault.text}")
    if fault.codes & (_IDENTICAL | _IN_THE_WAY):
        return ZoneChanged(f"another record stands in the way: {fault.text}")
    return ZoneChanged(f"Cloudflare refuses the change: {fault.text}")


def _pages(info: object, found: int) -> int:
    """How many there are: as it says, or one more for as long as pages are full."""
    total = info.get("total_pages") if isinstance(info, dict) else None
    if isinstance(total, int):
        return total
    return 1 if found < PAGE else MOST_PAGES + 1


def _retry_after(answer: httpx.Response) -> float:
    try:
        return min(max(float(answer.headers.get("Retry-After", "")), 0.0), MOST_WAIT)
    except ValueError:
        return 60.0
