"""Enums whose members say what they mean."""

from enum import StrEnum
from typing import Self

# A bare word in the domain that needs its noun in a schema that everybody shares.
PUBLIC_NAMES = {
    "Status": "AgentStatus", "Action": "AgentAction", "Role": "ProjectRole", "Code": "ErrorCode",
}  # fmt: skip


class Word(StrEnum):
    """A string enum; each member is declared with its value and its meaning."""

    says: str

    def __new__(cls, value: str, says: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.says = says
        return member
