"""The event log: every change of an agent, a type, a project or a member, and who made it."""

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from resolvers.domain.errors import Code, Refusal
from resolvers.domain.fields import Count, Id, Input, Record, Time, says
from resolvers.domain.limits import PAGE
from resolvers.domain.paging import DEFAULT_LIMIT
from resolvers.domain.words import Word


class EventKind(Word):
    """What happened."""

    AGENT_SPAWNED = "agent.spawned", "An agent was spawned."
    AGENT_UPDATED = "agent.updated", "An agent was changed, or reported its work."
    AGENT_STARTED = "agent.started", "An agent began or went on working."
    AGENT_WAITED = "agent.waited", "An agent began to wait."
    AGENT_FINISHED = "agent.finished", "An agent was done with its work."
    AGENT_PAUSED = "agent.paused", "An agent was paused."
    AGENT_RESUMED = "agent.resumed", "An agent was resumed."
    AGENT_TERMINATED = "agent.terminated", "An agent was terminated."
    AGENT_TYPE_CREATED = "agent_type.created", "An agent type was made."
    AGENT_TYPE_UPDATED = "agent_type.updated", "An agent type was changed."
    PROJECT_CREATED = "project.created", "A project was made."
    PROJECT_UPDATED = "project.updated", "A project was changed, archived or brought back."
    MEMBER_ADDED = "member.added", "A user joined a project."
    MEMBER_UPDATED = "member.updated", "A member's role was changed."
    MEMBER_REMOVED = "member.removed", "A user left a project."


AGENT_KINDS = [kind for kind in EventKind if kind.startswith("agent.")]
CURSOR = re.compile("[0-9]{1,18}")


def place_of(cursor: str) -> int:
    """Returns the place in the log that an event's cursor names, or raises VALIDATION_FAILED."""
    problem = _no_cursor(cursor)
    if problem:
        raise Refusal(Code.VALIDATION_FAILED, problem, field="after")
    return int(cursor)


def _no_cursor(text: str) -> str | None:
    return None if CURSOR.fullmatch(text) else "This is no cursor of an event."


class Event(Record, frozen=True):
    """One entry of the event log."""

    key: ClassVar[str] = "sequence"

    id: Annotated[Id, says("The event's id.")]
    kind: Annotated[EventKind, says("What happened.")]
    project_id: Annotated[Id | None, says("The project that it happened in; null for agent types.")]
    subject_id: Annotated[Id, says("The agent, agent type, project or user that it happened to.")]
    actor_id: Annotated[Id | None, says("Who did it; null for Roster itself.")]
    data: Annotated[dict[str, Any], says("What changed.")]
    created_at: Annotated[Time, says("When it happened.")]
    sequence: Annotated[Count, says("The event's place in the log.")]
    cursor: Annotated[str, says("Where to go on after this event, as `after` of a list or a subscription.")]


Kinds = Annotated[list[EventKind], Meta(max_length=20)]


class EventFilter(Input, frozen=True):
    """Which events to list."""

    sorts: ClassVar[dict[str, Any]] = {Event.key: int}
    read_cursor: ClassVar[Callable[[str], int]] = staticmethod(place_of)

    kind: Annotated[Kinds | UnsetType, says("Only events of these kinds.")] = UNSET


class ProjectEventFilter(EventFilter, frozen=True):
    """Which events of a project to list."""

    agent_id: Annotated[Id | UnsetType, says("Only events of this agent.")] = UNSET


class LogQuery(ProjectEventFilter, frozen=True):
    """Which part of a project's log to list."""

    after: Annotated[
        Annotated[str, Meta(extra={"check": _no_cursor}, extra_json_schema={"pattern": f"^{CURSOR.pattern}$"})],
        says("Begin with what came after this `cursor` of an event; or else with the first event."),
    ] = "0"
    limit: Annotated[int, Meta(ge=1, le=PAGE.value), says("How many events to list; 20 if left out.")] = DEFAULT_LIMIT


class Stretch(msgspec.Struct, frozen=True):
    """A part of the log: the events, whether more follow now, and the cursor after which to go on."""

    events: list[Event]
    has_next: bool
    after: str
