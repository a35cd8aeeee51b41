"""To whom an installation may write."""

from enum import StrEnum


class SendingMode(StrEnum):
    """`off` writes to nobody, `lab` reaches servers on loopback only, `live` needs the fences of production."""

    OFF = "off"
    LAB = "lab"
    LIVE = "live"
