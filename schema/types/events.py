"""Entries of the event log."""

from resolvers.domain import events as records
from schema.dress import dressed
from schema.edges import edge
from schema.types.users import User


@dressed(records.Event)
class Event:
    actor = edge(
        User | None,
        "Who did it; null for Roster itself, or when you can't see them.",
        key="actor_id",
        loader=lambda asking: asking.users,
    )
