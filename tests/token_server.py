"""An issuer of access tokens on loopback: tokens for who asks by a grant, and whose a token is for the mail server."""

import json
import threading
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit


@dataclass
class TokenServer:
    """`revoked` are mailboxes without a grant any more, `dead` are tokens that no mail server takes."""

    seconds: int = 3600
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    owners: dict[str, str] = field(default_factory=dict)

    def grant(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """An answer of RFC 6749, by a Google assertion or by an application's secret (whose tokens are for `anna`)."""
        self.asked.append(form)
        owner = _subject(form["assertion"]) if "assertion" in form else "anna"
        if owner in self.revoked:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        token = f"token-{len(self.asked)}"
        self.owners[token] = owner
        return 200, {"access_token": token, "expires_in": self.seconds, "token_type": "Bearer"}

    def whose(self, token: str) -> tuple[int, dict[str, object]]:
        """What the mail server asks."""
        if token in self.owners and token not in self.dead:
            return 200, {"email": self.owners[token]}
        return 401, {"error": "invalid_token"}


def _subject(assertion: str) -> str:
    claims = assertion.split(".")[1]
    return str(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])


@contextmanager
def token_server() -> Iterator[TokenServer]:
    """It answers for as long as the context lasts."""
    served = TokenServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._say(*served.grant(dict(parse_qsl(body))))

        def do_GET(self) -> None:
            self._say(*served.whose(parse_qs(urlsplit(self.path).query).get("access_token", [""])[0]))

        def _say(self, status: int, answer: dict[str, object]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
