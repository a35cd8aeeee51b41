"""What all parts of both documents are made of: numbers with their ranges, keys, and the strict form of an object.

Belongs here: small parts. Does not: any whole row.
"""

from datetime import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Limit = Annotated[int, Field(ge=0)] | None
Percent = Annotated[int, Field(ge=0, le=100)]
Weekday = Annotated[int, Field(ge=0, le=6)]
Hmac = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2}){16,64}$")]
Provider = Literal["google", "microsoft", "yahoo", "other"]
Basis = Literal["consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interest"]


class Document(BaseModel):
    """Exactly these fields, of exactly these types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class DailyHours(Document):
    """Wall-clock hours. `end` at or before `start` means the next day; both equal mean the whole day."""

    start: time
    end: time
