"""A server on loopback that behaves as Cloudflare's API v4 documents: pages, limits, error codes, and reads that lag behind."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-tests"
_ALIAS_LIKE = {"A", "AAAA", "CNAME"}


@dataclass
class Cloudflare:
    """Zones by name with their records, and how the server misbehaves.

    `lag`: so many lists show records as before the last change. `limited`: so many requests get 429. `cut`: so many changes
    are made and their answer is lost. `pending`: names that another account holds too, without being asked for them. `most_per_page` is the server's own bound.
    """

    zones: dict[str, list[dict[str, Any]]]
    url: str = ""
    lag: int = 0
    limited: int = 0
    retry_after: str = "7"
    cut: int = 0
    failing: int = 0
    pending: frozenset[str] = frozenset()
    most_per_page: int = 100
    requests: list[tuple[str, str]] = field(default_factory=list)
    _seen: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _next: int = 100

    def add(self, zone: str, kind: str, name: str, content: str, **more: Any) -> dict[str, Any]:
        record = {"id": f"r{self._next}", "type": kind, "name": name, "content": content, "ttl": 1, **more}
        self._next += 1
        self.zones[zone].append(record)
        return record

    def contents(self, zone: str, kind: str) -> list[str]:
        return sorted(each["content"] for each in self.zones[zone] if each["type"] == kind)

    def changes(self) -> list[str]:
        return [method for method, _ in self.requests if method != "GET"]

    def answer(
        self, method: str, path: str, query: dict[str, str], token: str, body: Any
    ) -> tuple[int, dict[str, str], Any]:
        if self.limited:
            self.limited -= 1
            return 429, {"Retry-After": self.retry_after}, _errors(10100, "Rate limited")
        if token != f"Bearer {TOKEN}":
            return 403, {}, _errors(10000, "Authentication error")
        if method == "GET" and self.failing:
            self.failing -= 1
            return 502, {}, None
        parts = path.removeprefix("/client/v4/").split("/")
        if parts == ["zones"]:
            named = [name for name in sorted(self.zones) if query.get("name", name) == name]
            pending = [
                {"id": f"elsewhere-{name}", "name": name, "status": "pending"} for name in named if name in self.pending
            ]
            active = [{"id": f"id-of-{name}", "name": name, "status": "active"} for name in named]
            return 200, {}, self._page([*pending, *active], query)
        zone = parts[1].removeprefix("id-of-")
        if method == "GET":
            return 200, {}, self._page(self._listed(zone), query)
        self._seen[zone] = [dict(each) for each in self.zones[zone]]
        return self._changed(method, zone, parts[3] if len(parts) > 3 else "", body)

    def _listed(self, zone: str) -> list[dict[str, Any]]:
        if self.lag and zone in self._seen:
            self.lag -= 1
            return self._seen[zone]
        return self.zones[zone]

    def _page(self, found: list[dict[str, Any]], query: dict[str, str]) -> Any:
        size, page = min(int(query.get("per_page", "20")), self.most_per_page), int(query.get("page", "1"))
        shown = found[(page - 1) * size : page * size]
        info = {
            "page": page,
            "per_page": size,
            "count": len(shown),
            "total_count": len(found),
            "total_pages": -(-len(found) // size),
        }
        return {"success": True, "errors": [], "messages": [], "result": shown, "result_info": info}

    def _changed(self, method: str, zone: str, record: str, body: Any) -> tuple[int, dict[str, str], Any]:
        old = next((each for each in self.zones[zone] if each["id"] == record), None)
        if record and old is None:
            return 404, {}, _errors(81044, "Record does not exist.")
        if method == "DELETE":
            self.zones[zone].remove(old)
            return 200, {}, {"success": True, "errors": [], "result": {"id": record}}
        others = [each for each in self.zones[zone] if each is not old]
        new = {**(old or {"id": ""}), **body}
        fault = _fault(new, others)
        if fault:
            return 400, {}, fault
        if old is None:
            old = self.add(zone, new["type"], new["name"], new.get("content", ""))
        old.update({name: value for name, value in new.items() if name != "id"})
        return 200, {}, {"success": True, "errors": [], "messages": [], "result": old}


def _fault(new: dict[str, Any], others: list[dict[str, Any]]) -> Any:
    beside = [each for each in others if each["name"] == new["name"]]
    if any((each["type"], each["content"]) == (new["type"], new.get("content")) for each in beside):
        return _errors(81058, "An identical record already exists.")
    if new["type"] == "CNAME" and any(each["type"] in _ALIAS_LIKE for each in beside):
        return _errors(81053, "An A, AAAA, or CNAME record with that host already exists.")
    if any(each["type"] == "CNAME" for each in beside):
        return _errors(81054, "A CNAME record with that host already exists.")
    return None


def _errors(code: int, text: str) -> Any:
    return {"success": False, "errors": [{"code": code, "message": text}], "messages": [], "result": None}


@contextmanager
def cloudflare(*zones: str) -> Iterator[Cloudflare]:
    """The server for as long as the block lasts."""
    state = Cloudflare({zone: [] for zone in zones})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(state: Cloudflare) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the library's names

        def _serve(self) -> None:
            url, length = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            state.requests.append((self.command, url.path))
            status, headers, told = state.answer(
                self.command, url.path, query, self.headers.get("Authorization", ""), body
            )
            if state.cut and self.command != "GET":
                state.cut -= 1
                self.close_connection = True
                return
            content = json.dumps(told).encode() if told is not None else b"<html>bad gateway</html>"
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
