"""`outreach dns audit --inventory`: providers are asked before the DNS is, where there is something to ask with."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dns_audit_cases import rsa_key
from typer.testing import CliRunner, Result

from outreach_pipelines.cli.main import app

pytest_plugins = ("settings_fixtures",)

EXAMPLES = Path(__file__).parents[2] / "examples"
DOMAIN = "kiwi-mail.example"
WORD = {
    "domain": {"name": DOMAIN, "state": "active", "is_disabled": False},
    "sending_dns_records": [
        {"record_type": "TXT", "valid": "valid", "name": f"mg._domainkey.{DOMAIN}", "value": f"p={rsa_key(1024)}"},
        {"record_type": "CNAME", "valid": "valid", "name": f"email.{DOMAIN}", "value": "eu.mailgun.org"},
    ],
}
NOBODY = "127.0.0.1:1"


class Mailgun(BaseHTTPRequestHandler):
    """Says `WORD` to everything, and notes what it was asked."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = json.dumps(WORD).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def mailgun() -> Iterator[tuple[str, list[str]]]:
    """A server's address, and what it is asked."""
    handler = type("Asked", (Mailgun,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler.asked  # type: ignore[attr-defined]  # set above
        server.shutdown()
        thread.join()


@pytest.fixture
def installed(environment: pytest.MonkeyPatch, tmp_path: Path, mailgun: tuple[str, list[str]]) -> pytest.MonkeyPatch:
    """An inventory whose account is at Mailgun, and its key."""
    folder = tmp_path / "files" / "inventory" / "kiwi"
    shutil.copytree(EXAMPLES / "inventory" / "kiwi", folder)
    shutil.copytree(EXAMPLES / "templates", tmp_path / "files" / "templates")
    text = (folder / "tenant.yaml").read_text("utf-8")
    start, end = text.index("    kind: smtp"), text.index("    allowed_basis")
    account = "    kind: mailgun\n    region: eu\n    api_key: env:MAILGUN_KEY\n    base_url: env:MAILGUN_URL\n"
    (folder / "tenant.yaml").write_text(text[:start] + account + text[end:], "utf-8")
    environment.setenv("OUTREACH_FILES", str(tmp_path / "files"))
    environment.setenv("OUTREACH_SENDING", "off")
    environment.setenv("MAILGUN_URL", mailgun[0])
    environment.setenv("MAILGUN_KEY", "key")
    return environment


def audit(*more: str) -> Result:
    return CliRunner().invoke(app, ["dns", "audit", DOMAIN, "--inventory", "--resolver", NOBODY, "--json", *more])


@pytest.mark.usefixtures("installed")
def test_what_the_provider_wants_is_expected(mailgun: tuple[str, list[str]]) -> None:
    said = audit()

    told = json.loads(said.stdout)
    assert mailgun[1] == [f"/v4/domains/{DOMAIN}"]
    assert f"mg._domainkey.{DOMAIN}" in {gap["name"] for gap in told["unanswered"]}
    assert "eu.mailgun.org; not needed" in " ".join(fact["text"] for fact in told["facts"])
    assert said.stderr == ""


@pytest.mark.parametrize("why", ["key", "lab"])
def test_a_provider_that_cannot_be_asked_is_named_beside_the_output(
    installed: pytest.MonkeyPatch, mailgun: tuple[str, list[str]], why: str
) -> None:
    if why == "key":
        installed.delenv("MAILGUN_KEY")
    else:
        installed.setenv("OUTREACH_SENDING", "lab")

    said = audit()

    assert mailgun[1] == []
    assert json.loads(said.stdout)["domain"] == DOMAIN
    assert said.stderr.startswith("smtp-kiwi: its provider was not asked (")
    assert ("MAILGUN_KEY" if why == "key" else "OUTREACH_SENDING=lab") in said.stderr


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("quiet", ["--no-providers", "--answers"])
def test_nobody_is_asked_where_that_is_not_wanted(mailgun: tuple[str, list[str]], tmp_path: Path, quiet: str) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text('{"format": "outreach-dns-answers/1", "answers": []}', "utf-8")

    said = audit(quiet, *([str(answers)] if quiet == "--answers" else []))

    assert (mailgun[1], said.stderr, said.exit_code) == ([], "", 3)
