"""Column types that read as domain words."""

from typing import Any

from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

from resolvers.domain.lifecycle import ALLOWED_ACTIONS, Action
from resolvers.domain.words import Word


class Words(TypeDecorator[Word]):
    """Text in the database, a member of one enum here; `lookup` says what each text is read as."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Word]) -> None:
        super().__init__()
        self.kind = kind
        self.lookup: dict[str | None, Word | None] = {None: None, **{str(word): word for word in kind}}


class AllowedActions(TypeDecorator[list[Action]]):
    """A status, read as the actions that it allows."""

    impl = Text
    cache_ok = True
    lookup: dict[Any, list[Action] | None] = {None: None, **ALLOWED_ACTIONS}


class Containing(TypeDecorator[str]):
    """A text, sent as the pattern of what contains it; the escape character is a backslash."""

    impl = Text
    cache_ok = True

    @staticmethod
    def written(value: str) -> str:
        """Returns the pattern."""
        for character in ("\\", "%", "_"):
            value = value.replace(character, f"\\{character}")
        return f"%{value}%"
