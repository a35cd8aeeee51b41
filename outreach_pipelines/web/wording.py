"""What the pages say, in each language that we write.

Belongs here: sentences, and the choice of a language by Accept-Language. Does not: HTML.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from outreach_pipelines.application.unsubscribe import UnsubscribeScope


@dataclass(frozen=True, slots=True)
class Wording:
    """One language. `language` is a tag of RFC 5646."""

    language: str
    title: str
    question: str
    choices: Mapping[UnsubscribeScope, str]
    button: str
    done_title: str
    done: Mapping[UnsubscribeScope, str]
    unreadable_title: str
    unreadable: str
    not_recorded_title: str
    not_recorded: str


ENGLISH: Final = Wording(
    language="en",
    title="Unsubscribe",
    question="From whom do you want no more mail? Nothing has been changed yet.",
    choices=MappingProxyType(
        {
            UnsubscribeScope.TENANT: "From everyone at this organisation",
            UnsubscribeScope.MAILBOX: "From this sender only",
            UnsubscribeScope.CAMPAIGN: "About this subject only",
        }
    ),
    button="Unsubscribe",
    done_title="Done",
    done=MappingProxyType(
        {
            UnsubscribeScope.TENANT: "This organisation will send you no more mail of this kind.",
            UnsubscribeScope.MAILBOX: "This sender will send you no more mail of this kind.",
            UnsubscribeScope.CAMPAIGN: "You will get no more mail about this subject.",
        }
    ),
    unreadable_title="This link cannot be read",
    unreadable="It may have been cut off on its way. Nothing was changed. "
    "To be removed, reply to the message with the word “unsubscribe”, or write to its sender.",
    not_recorded_title="Not recorded yet",
    not_recorded="We could not record your wish just now. Please try again in a minute, "
    "or reply to the message with the word “unsubscribe”.",
)

GERMAN: Final = Wording(
    language="de",
    title="Abmelden",
    question="Von wem möchten Sie keine E-Mails mehr? Noch wurde nichts geändert.",
    choices=MappingProxyType(
        {
            UnsubscribeScope.TENANT: "Von allen in diesem Unternehmen",
            UnsubscribeScope.MAILBOX: "Nur von diesem Absender",
            UnsubscribeScope.CAMPAIGN: "Nur zu diesem Thema",
        }
    ),
    button="Abmelden",
    done_title="Erledigt",
    done=MappingProxyType(
        {
            UnsubscribeScope.TENANT: "Dieses Unternehmen schickt Ihnen keine solchen E-Mails mehr.",
            UnsubscribeScope.MAILBOX: "Dieser Absender schickt Ihnen keine solchen E-Mails mehr.",
            UnsubscribeScope.CAMPAIGN: "Sie erhalten keine E-Mails zu diesem Thema mehr.",
        }
    ),
    unreadable_title="Dieser Link ist nicht lesbar",
    unreadable="Vielleicht wurde er unterwegs abgeschnitten. Es wurde nichts geändert. "
    "Antworten Sie auf die Nachricht mit dem Wort „abmelden“, oder schreiben Sie dem Absender, um entfernt zu werden.",
    not_recorded_title="Noch nicht gespeichert",
    not_recorded="Ihr Wunsch konnte gerade nicht gespeichert werden. Bitte versuchen Sie es in einer Minute "
    "noch einmal, oder antworten Sie auf die Nachricht mit dem Wort „abmelden“.",
)

_LANGUAGES: Final = MappingProxyType({wording.language: wording for wording in (ENGLISH, GERMAN)})


def wording_for(accept_language: str) -> Wording:
    """The language asked for most (RFC 9110 section 12.5.4), by its primary subtag; English when none is ours."""
    ranked = sorted((_weighed(part) for part in accept_language.split(",")[:20]), key=lambda pair: -pair[0])
    ours = (_LANGUAGES[language] for weight, language in ranked if weight > 0 and language in _LANGUAGES)
    return next(ours, ENGLISH)


def _weighed(part: str) -> tuple[float, str]:
    tag, _, parameter = part.partition(";")
    language = tag.strip().lower().partition("-")[0]
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0, language
    try:
        return float(value), language
    except ValueError:
        return 0.0, language
