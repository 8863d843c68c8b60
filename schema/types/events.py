"""Entries of the event log."""

import strawberry

from resolvers.domain import events as records
from schema.context import Info
from schema.dress import dressed, worn
from schema.types.users import User


@dressed(records.Event)
class Event:
    @strawberry.field(description="Who did it; null for Roster itself, or when you can't see them.")
    async def actor(root: strawberry.Parent[records.Event], info: Info) -> User | None:
        return worn(await info.context.users.load(root.actor_id) if root.actor_id else None)
