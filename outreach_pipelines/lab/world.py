"""Puts the parts of one lab together, starts them, tells where they listen, and stops them again. No behaviour here."""

import json
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from outreach_pipelines.lab.aftermath import Aftermath, MailFeedback
from outreach_pipelines.lab.clock import Agenda, SimulatedClock
from outreach_pipelines.lab.config import LabConfig
from outreach_pipelines.lab.control import ControlApi, Controlled
from outreach_pipelines.lab.dns_server import DnsServer
from outreach_pipelines.lab.faults import FaultBoard
from outreach_pipelines.lab.http_server import HttpServer
from outreach_pipelines.lab.imap import ImapServer
from outreach_pipelines.lab.inboxes import Inboxes
from outreach_pipelines.lab.ledger import Ledger
from outreach_pipelines.lab.mailgun.api import MailgunApi
from outreach_pipelines.lab.people import Weights
from outreach_pipelines.lab.population import Population
from outreach_pipelines.lab.postmark.api import PostmarkApi
from outreach_pipelines.lab.ses.account import SesAccountState, SesSender
from outreach_pipelines.lab.ses.api import SesApi
from outreach_pipelines.lab.ses.publisher import EventPublisher, SnsTopics
from outreach_pipelines.lab.smtp import SubmissionHandler, SubmissionServer
from outreach_pipelines.lab.web_client import WebClient
from outreach_pipelines.lab.zones import Zones


class Lab:
    """One mail internet in the running event loop."""

    def __init__(self, config: LabConfig) -> None:
        self._config = config
        self._stack = AsyncExitStack()
        self._clock = SimulatedClock()
        self._faults = FaultBoard()
        self._zones = Zones()
        self._agenda = Agenda(self._clock)
        self._ledger = Ledger(config.data_dir, self._clock)
        self._web = WebClient(config.web_hosts)
        self._imap = ImapServer(config.inboxes, self._faults)
        self._inboxes = Inboxes(config.data_dir, config.inboxes, self._imap, self._clock)
        self._publisher = EventPublisher(SnsTopics(config.aws), self._faults, account=config.ses.name, seed=config.seed)
        self._ses = SesAccountState(config.ses, self._clock)
        people = config.recipients
        self._population = Population(config.seed, Weights(people.weights), people.delays, self._inboxes.receives)
        self._aftermath = Aftermath(
            population=self._population,
            agenda=self._agenda,
            clock=self._clock,
            ledger=self._ledger,
            inboxes=self._inboxes,
            web=self._web,
        )

    async def start(self) -> Mapping[str, int]:
        """Start every server; the port of each. `lab.json` in the data folder says the same, once all listen."""
        self._zones.load(self._config.zones_dir)
        await self._inboxes.load()
        self._ledger.start()
        self._stack.push_async_callback(self._ledger.stop)
        self._stack.push_async_callback(self._web.close)
        self._publisher.start()
        self._stack.push_async_callback(self._publisher.stop)
        self._agenda.start()
        self._stack.push_async_callback(self._agenda.stop)
        ports = await self._listen()
        _write_whereabouts(self._config.data_dir / "lab.json", self._config.host, ports)
        return ports

    async def stop(self) -> None:
        """Let go of whoever hangs, then stop every server; what is on the disk is complete."""
        self._faults.clear()
        await self._stack.aclose()

    async def _listen(self) -> Mapping[str, int]:
        ports = self._config.ports
        servers = (
            ("ses", HttpServer(self._ses_api().app()), ports.ses),
            ("smtp", self._submission(), ports.smtp),
            ("imap", self._imap, ports.imap),
            ("mailgun", HttpServer(self._mailgun_api().app()), ports.mailgun),
            ("postmark", HttpServer(self._postmark_api().app()), ports.postmark),
            ("dns", DnsServer(self._zones, self._faults), ports.dns),
            ("control", HttpServer(self._control().app()), ports.control),
        )
        bound = {}
        for name, server, port in servers:
            bound[name] = await server.start(self._config.host, port)
            self._stack.push_async_callback(server.stop)
        return bound

    def _ses_api(self) -> SesApi:
        sender = SesSender(
            self._ses, clock=self._clock, ledger=self._ledger, aftermath=self._aftermath, publisher=self._publisher
        )
        return SesApi(self._ses, sender, self._faults, seed=self._config.seed)

    def _mailgun_api(self) -> MailgunApi:
        accounts = self._config.mailgun_accounts
        return MailgunApi(accounts, ledger=self._ledger, aftermath=self._aftermath, faults=self._faults)

    def _postmark_api(self) -> PostmarkApi:
        accounts = self._config.postmark_accounts
        return PostmarkApi(accounts, ledger=self._ledger, aftermath=self._aftermath, faults=self._faults)

    def _submission(self) -> SubmissionServer:
        handler = SubmissionHandler(
            {account.name: account for account in self._config.smtp_accounts},
            population=self._population,
            ledger=self._ledger,
            aftermath=self._aftermath,
            feedback=MailFeedback(self._inboxes, self._clock),
            faults=self._faults,
        )
        return SubmissionServer(self._config.smtp_accounts, handler, self._faults)

    def _control(self) -> ControlApi:
        parts = Controlled(
            clock=self._clock,
            agenda=self._agenda,
            ledger=self._ledger,
            publisher=self._publisher,
            faults=self._faults,
            zones=self._zones,
            inboxes=self._inboxes,
            accounts=self._config.account_names,
        )
        return ControlApi(parts)


def _write_whereabouts(path: Path, host: str, ports: Mapping[str, int]) -> None:
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps({"pid": os.getpid(), "host": host, "ports": ports}))
    unfinished.replace(path)
