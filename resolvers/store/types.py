"""Column types that read as domain words."""

from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from resolvers.domain.lifecycle import ALLOWED_ACTIONS, Action, Status
from resolvers.domain.words import Word


class Words(TypeDecorator[Word]):
    """Text in the database, a member of one enum here."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Word]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> Word | None:
        return None if value is None else self.kind(value)


class AllowedActions(TypeDecorator[list[Action]]):
    """A status, read as the actions that it allows."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, _dialect: Dialect) -> list[Action] | None:
        return None if value is None else ALLOWED_ACTIONS[Status(value)]
