"""The few who run most recipients' mail and judge ours. How one is told from an MX: `recipient_mail`."""

from enum import StrEnum


class RecipientProvider(StrEnum):
    """Who runs the recipient's mail, as its MX tells."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"
    YAHOO = "yahoo"
    OTHER = "other"
