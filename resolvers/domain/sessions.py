"""Sessions: one per sign-in."""

from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, UnsetType

from resolvers.domain.fields import Id, Input, Moment, Record, Time, says


class Session(Record, frozen=True):
    """A sign-in of a user, alive until it expires or is revoked."""

    id: Annotated[Id, says("The session's id.")]
    user_id: Annotated[Id, says("Whose session it is.")]
    device_name: Annotated[str | None, says("What the user calls it.")]
    ip_address: Annotated[str | None, says("Where the user signed in from.")]
    user_agent: Annotated[str | None, says("What the user signed in with.")]
    created_at: Annotated[Time, says("When the user signed in.")]
    last_used_at: Annotated[Time, says("When the session was last refreshed.")]
    expires_at: Annotated[Time, says("When the session ends unless it is refreshed.")]
    is_current: Annotated[bool, says("Whether you are asking through this session.")]


class SessionList(Record, frozen=True):
    """The open sessions of one user."""

    sessions: Annotated[list[Session], says("The sessions, the latest first.")]
    total: Annotated[int, says("How many there are.")]


class SessionFilter(Input, frozen=True):
    """Which sessions to list."""

    sorts: ClassVar[dict[str, Any]] = {"created_at": Moment, "last_used_at": Moment}

    user_id: Annotated[Id | UnsetType, says("Only sessions of this user.")] = UNSET


class Message(Record, frozen=True):
    """Says only that it happened."""

    success: Annotated[bool, Meta(description="Always true.", extra_json_schema={"const": True})]
    message: Annotated[str, says("What happened, in a sentence.")]


def done(sentence: str) -> Message:
    """Makes the answer of what only says that it happened."""
    return Message(success=True, message=sentence)
