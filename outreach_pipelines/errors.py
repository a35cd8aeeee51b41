"""The one tree of errors that our code raises on purpose.

OutreachError
├── SettingsFault          the environment or .env is wrong: one message names every fault
├── FilesFault             files of an operator are wrong: file, line and field of every fault
├── NotFound               a name or an id that an operator gave matches nothing
├── Refused                the request is understood and against a rule that cannot be switched off
├── TemplateFault          a template cannot be rendered for this recipient
└── Unreadable             something that should answer did not: never to be taken for "empty"

Anything else that is raised is a bug or the machine's, and passes through.
"""


class OutreachError(Exception):
    """The root: its text is written for the operator who reads it."""


class SettingsFault(OutreachError):
    """Settings are missing or wrong; the text lists all of them."""


class FilesFault(OutreachError):
    """Files are wrong; the text lists file, line and field of each fault, and nothing was applied."""


class NotFound(OutreachError):
    """What was asked for does not exist here."""


class Refused(OutreachError):
    """Asked for something that a rule forbids; the text names the rule."""


class Unreadable(OutreachError):
    """Could not be read. Never the same as empty."""


class TemplateFault(OutreachError):
    """A template cannot be rendered for this recipient: the message fails, with the fault as its reason."""
