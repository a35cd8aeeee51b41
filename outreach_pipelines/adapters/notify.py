"""Notices to people through Apprise: Slack, Telegram, mail and a hundred others, each by one secret address.

Belongs here: one try, its bounds, and that no secret shows. Does not: what is told and when (`notify_replies`).
Needs the extra `notify`. Source of the addresses: Apprise, "Supported notifications".
"""

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from outreach_pipelines.application.notify_replies import Notice, NotTold, Told
from outreach_pipelines.domain.reference import SecretRef
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import SettingsFault, Unreadable

if TYPE_CHECKING:
    from apprise import Apprise

TIMEOUT_SECONDS: Final = 15.0
# Apprise writes addresses and answers of services to its log, and both may hold secrets.
_SILENT: Final = logging.CRITICAL + 1
_STATUS: Final = re.compile(r"error=(\d{3})\b")


class Secrets(Protocol):
    """What references stand for."""

    def resolve(self, reference: SecretRef) -> Secret:
        """See `secrets.SecretSource.resolve`."""
        ...


@dataclass(frozen=True, slots=True)
class AppriseNotifier:
    """`Notifier`. A reference stands for one Apprise address, such as `slack://...`, `tgram://...` or `mailtos://...`."""

    secrets: Secrets
    timeout: float = TIMEOUT_SECONDS

    def tell(self, target: SecretRef, notice: Notice) -> Told | NotTold:
        """See `Notifier.tell`."""
        try:
            service = _service(self.secrets.resolve(target), self.timeout)
            return _notified(service, notice) if service else NotTold(f"{target} holds no address that Apprise knows")
        except (SettingsFault, Unreadable) as fault:
            return NotTold(str(fault))
        except Exception as broken:  # noqa: BLE001 - one of a hundred plugins: its fault stops nothing, and its words may hold the address
            return NotTold(f"the service could not be told: {type(broken).__name__}")


def _service(address: Secret, timeout: float) -> "Apprise | None":
    try:
        from apprise import Apprise, AppriseAsset
    except ImportError:
        message = "notices need the extra notify: pip install 'outreach-pipelines[notify]'"
        raise SettingsFault(message) from None
    # Nothing in a text is a template or an escape, nothing is kept on disk, and no call outlives its time.
    asset = AppriseAsset(
        app_id="outreach",
        app_desc="outreach",
        async_mode=False,
        allow_templates=False,
        secure_logging=True,
        storage_mode="memory",
        service_timeout=timeout,
    )
    service = Apprise(asset=asset)
    logging.getLogger("apprise").setLevel(_SILENT)
    return service if service.add(address.reveal()) else None


def _notified(service: "Apprise", notice: Notice) -> Told | NotTold:
    from apprise import LogCapture, NotifyFormat

    with LogCapture(level=logging.WARNING) as heard:
        # Text, so that Apprise escapes it where a service wants HTML or markup.
        told = service.notify(
            body=notice.body, title=notice.title, body_format=NotifyFormat.TEXT, interpret_escapes=False
        )
        said = heard.getvalue() if heard else ""
    if told:
        return Told()
    status = _STATUS.search(said)
    return NotTold(f"the service answered {status[1]}" if status else "the service did not take it")
