"""Enums whose members say what they mean."""

from enum import Enum
from typing import Self


class Word(str, Enum):
    """A string enum; each member is declared with its value and its meaning."""

    says: str

    def __new__(cls, value: str, says: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.says = says
        return member

    def __str__(self) -> str:
        return str(self.value)
