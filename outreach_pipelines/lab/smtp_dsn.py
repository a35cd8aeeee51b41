"""What a client asks about delivery reports (RFC 3461: RET, ENVID, NOTIFY, ORCPT), which aiosmtpd does not know.

Belongs here: taking these parameters out of the commands. Does not: the reports (`reports`).
"""

from aiosmtpd.smtp import SMTP, Envelope

_OF_MAIL = ("RET=", "ENVID=")
_OF_RCPT = ("NOTIFY=", "ORCPT=")


class DsnSmtp(SMTP):
    """Keeps the parameters as they were written, in `mail_options` and `rcpt_options` of the envelope."""

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """MAIL, with RET and ENVID."""
        rest, asked = _taken_out(arg, _OF_MAIL)
        await super().smtp_MAIL(rest)
        if self.envelope is not None and self.envelope.mail_from:
            self.envelope.mail_options.extend(asked)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """RCPT, with NOTIFY and ORCPT."""
        rest, asked = _taken_out(arg, _OF_RCPT)
        await super().smtp_RCPT(rest)
        if self.envelope is not None:
            self.envelope.rcpt_options.extend(asked)


def envelope_id(envelope: Envelope) -> str:
    """ENVID as the client wrote it; empty without one."""
    return next((option[len("ENVID=") :] for option in envelope.mail_options if option.startswith("ENVID=")), "")


def wants_delay_reports(envelope: Envelope) -> bool:
    """Whether NOTIFY names DELAY, for any recipient; without NOTIFY a server may report as it likes."""
    wishes = [option for option in envelope.rcpt_options if option.startswith("NOTIFY=")]
    return not wishes or any("DELAY" in wish for wish in wishes)


def _taken_out(arg: str | None, names: tuple[str, ...]) -> tuple[str | None, list[str]]:
    if arg is None:
        return None, []
    words = arg.split(" ")
    asked = [word for word in words if word.upper().startswith(names)]
    return " ".join(word for word in words if word not in asked), asked
