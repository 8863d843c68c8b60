"""Agent types: anyone signed in reads them, superusers write them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, func, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from resolvers.context import Context
from resolvers.domain.agent_types import (
    RUNS_ON,
    AgentType,
    AgentTypeFilter,
    AgentTypeRevision,
    CreateAgentType,
    UpdateAgentType,
)  # fmt: skip
from resolvers.domain.drafts import Draft
from resolvers.domain.events import EventKind
from resolvers.domain.ids import known_slug, new_id
from resolvers.domain.paging import ListDraft, Page
from resolvers.domain.sessions import Message, done
from resolvers.idempotency import repeatable
from resolvers.store.access import found
from resolvers.store.changes import Expected, changed, check_version, sent
from resolvers.store.engine import among, many, one, returned
from resolvers.store.log import log
from resolvers.store.pages import page_statement, read_page
from resolvers.store.records import AGENT_TYPE, REVISION
from resolvers.store.tables import agent_type_revisions, agent_types


async def search(ctx: Context, listing: ListDraft[AgentTypeFilter]) -> Page[AgentType]:
    """Lists agent types."""
    asked = listing.parsed()
    where: list[ColumnElement[bool]] = []
    if isinstance(asked.where.is_active, bool):
        where.append(agent_types.c.is_active == asked.where.is_active)
    if isinstance(asked.where.search, str):
        texts = (agent_types.c.name, agent_types.c.slug)
        where.append(or_(*(column.icontains(asked.where.search, autoescape=True) for column in texts)))
    statement = page_statement(AGENT_TYPE, agent_types, where, asked, key=agent_types.c.id)
    async with ctx.store.read() as db:
        return await read_page(db, statement, AgentType, asked)


async def get(ctx: Context, id: UUID) -> AgentType:
    """Returns one agent type."""
    return await _get(ctx, agent_types.c.id == id)


async def get_by_slug(ctx: Context, slug: str) -> AgentType:
    """Returns the agent type with this slug."""
    return await _get(ctx, agent_types.c.slug == known_slug(slug))


async def _get(ctx: Context, which: ColumnElement[bool]) -> AgentType:
    async with ctx.store.read() as db:
        return found(await one(db, select(*AGENT_TYPE).where(which), AgentType))


async def by_ids(ctx: Context, ids: Sequence[UUID]) -> list[AgentType]:
    """Returns those of the agent types that there are."""
    async with ctx.store.read() as db:
        return await many(db, select(*AGENT_TYPE).where(among(agent_types.c.id, ids)), AgentType)


async def revisions(ctx: Context, keys: Sequence[tuple[UUID, int]]) -> list[AgentTypeRevision]:
    """Returns what these revisions, each named by its type and number, run on."""
    named = tuple_(agent_type_revisions.c.agent_type_id, agent_type_revisions.c.revision)
    async with ctx.store.read() as db:
        return await many(db, select(*REVISION).where(named.in_(keys)), AgentTypeRevision)


@repeatable
async def create(ctx: Context, draft: Draft[CreateAgentType]) -> AgentType:
    """Makes an agent type, with revision 1; for superusers."""
    ctx.require_superuser()
    new = msgspec.structs.asdict(draft.parsed())
    async with ctx.store.write() as db:
        made = insert(agent_types).values(id=new_id(), **new).returning(*AGENT_TYPE)
        kind = await returned(db, made, AgentType)
        await _keep_revision(db, kind)
        await log(db, ctx.who, EventKind.AGENT_TYPE_CREATED, kind.id, data={"slug": kind.slug})
    return kind


async def update_one(
    ctx: Context, id: UUID, draft: Draft[UpdateAgentType], *, expected_version: Expected = None
) -> AgentType:
    """Changes what is sent of an agent type; running agents keep their revision; for superusers."""
    ctx.require_superuser()
    return await _change(ctx, id, sent(draft.parsed()), expected_version)


async def deactivate(ctx: Context, id: UUID, *, expected_version: Expected = None) -> AgentType:
    """Lets no more agents be spawned of a type; for superusers."""
    ctx.require_superuser()
    return await _change(ctx, id, {"is_active": False}, expected_version)


async def delete(ctx: Context, id: UUID, *, expected_version: Expected = None) -> Message:
    """Lets no more agents be spawned of a type; for superusers."""
    ctx.require_superuser()
    await _change(ctx, id, {"is_active": False}, expected_version)
    return done("The agent type is deactivated.")


async def _change(ctx: Context, id: UUID, given: dict[str, Any], expected_version: Expected) -> AgentType:
    async with ctx.store.write() as db:
        locked = select(*AGENT_TYPE).where(agent_types.c.id == id).with_for_update(key_share=True, of=agent_types)
        old = found(await one(db, locked, AgentType))
        check_version(old.version, expected_version)
        changes = changed(old, given)
        if not changes:
            return old
        revised = not changes.keys().isdisjoint(RUNS_ON)
        if revised:
            await _keep_revision(db, msgspec.structs.replace(old, revision=old.revision + 1, **changes))
        values = {**changes, "version": old.version + 1, "updated_at": func.now(), "revision": old.revision + revised}
        turned = update(agent_types).where(agent_types.c.id == id).values(values).returning(*AGENT_TYPE)
        new = await returned(db, turned, AgentType)
        data = {"changed": sorted(changes), "revision": new.revision, "version": new.version}
        await log(db, ctx.who, EventKind.AGENT_TYPE_UPDATED, id, data=data)
    return new


async def _keep_revision(db: AsyncConnection, kind: AgentType) -> None:
    runs_on = {name: getattr(kind, name) for name in RUNS_ON}
    await db.execute(insert(agent_type_revisions).values(agent_type_id=kind.id, revision=kind.revision, **runs_on))
