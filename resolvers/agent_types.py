"""Agent types: anyone signed in reads them, superusers write them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Insert,
    Integer,
    Select,
    Update,
    Uuid,
    column,
    func,
    insert,
    select,
    type_coerce,
    update,
)

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
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.domain.sessions import Message, done
from resolvers.idempotency import repeatable
from resolvers.store.access import found
from resolvers.store.changes import Expected, changed, check_version, sent
from resolvers.store.engine import Connection, many, one, returned
from resolvers.store.log import log
from resolvers.store.pages import matches, page_statement, read_page
from resolvers.store.records import AGENT_TYPE, REVISION
from resolvers.store.statements import among, statement
from resolvers.store.tables import agent_type_revisions, agent_types
from resolvers.store.totals import activity, rows_of


async def search(ctx: Context, listing: ListDraft[AgentTypeFilter]) -> Page[AgentType]:
    """Lists agent types."""
    asked = listing.parsed()
    async with ctx.store.read() as db:
        return await read_page(db, _page(asked), AgentType, asked)


@statement
def _page(asked: Listing[AgentTypeFilter]) -> Select[Any]:
    where: list[ColumnElement[bool]] = []
    if asked.where.is_active is not UNSET:
        where.append(agent_types.c.is_active == asked.where.is_active)
    if asked.where.search is not UNSET:
        where.append(matches(asked.where.search, agent_types.c.name, agent_types.c.slug))
    labels = [] if asked.where.is_active is UNSET else [activity(active=asked.where.is_active)]
    total = rows_of(agent_types, *labels) if asked.where.search is UNSET else None
    return page_statement(AGENT_TYPE, agent_types, where, asked, key=agent_types.c.id, total=total)


@statement
def _one(*, lock: bool = False, **named: UUID | str) -> Select[Any]:
    wanted = select(*AGENT_TYPE).where(*(agent_types.c[name] == value for name, value in named.items()))
    return wanted.with_for_update(key_share=True, of=agent_types) if lock else wanted


@statement
def _some(ids: list[UUID]) -> Select[Any]:
    return select(*AGENT_TYPE).where(among(agent_types.c.id, ids))


@statement
def _revisions(ids: list[UUID], numbers: list[int]) -> Select[Any]:
    asked = func.unnest(type_coerce(ids, ARRAY(Uuid)), type_coerce(numbers, ARRAY(Integer)))
    wanted = asked.table_valued(column("id", Uuid), column("number", Integer)).render_derived()
    kept = agent_type_revisions.c
    return select(*REVISION).where(kept.agent_type_id == wanted.c.id, kept.revision == wanted.c.number)


async def get(ctx: Context, id: UUID) -> AgentType:
    """Returns one agent type."""
    return await _get(ctx, id=id)


async def get_by_slug(ctx: Context, slug: str) -> AgentType:
    """Returns the agent type with this slug."""
    return await _get(ctx, slug=known_slug(slug))


async def _get(ctx: Context, **named: UUID | str) -> AgentType:
    async with ctx.store.read() as db:
        return found(await one(db, _one(lock=False, **named), AgentType))


async def by_ids(ctx: Context, ids: Sequence[UUID]) -> list[AgentType]:
    """Returns those of the agent types that there are."""
    async with ctx.store.read() as db:
        return await many(db, _some(list(ids)), AgentType)


async def revisions(ctx: Context, keys: Sequence[tuple[UUID, int]]) -> list[AgentTypeRevision]:
    """Returns what these revisions, each named by its type and number, run on."""
    async with ctx.store.read() as db:
        return await many(db, _revisions([key[0] for key in keys], [key[1] for key in keys]), AgentTypeRevision)


@repeatable
async def create(ctx: Context, draft: Draft[CreateAgentType]) -> AgentType:
    """Makes an agent type, with revision 1; for superusers."""
    ctx.require_superuser()
    new = msgspec.structs.asdict(draft.parsed())
    async with ctx.store.write() as db:
        kind = await returned(db, _made(id=new_id(), **new), AgentType)
        await _keep_revision(db, kind)
        await log(db, ctx.who, EventKind.AGENT_TYPE_CREATED, kind.id, data={"slug": kind.slug})
    return kind


@statement
def _made(**row: Any) -> Insert:
    return insert(agent_types).values(row).returning(*AGENT_TYPE)


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
        old = found(await one(db, _one(id=id, lock=True), AgentType))
        check_version(old.version, expected_version)
        changes = changed(old, given)
        if not changes:
            return old
        revised = not changes.keys().isdisjoint(RUNS_ON)
        if revised:
            await _keep_revision(db, msgspec.structs.replace(old, revision=old.revision + 1, **changes))
        new = await returned(db, _changed(id, **changes, revision=old.revision + revised), AgentType)
        data = {"changed": sorted(changes), "revision": new.revision, "version": new.version}
        await log(db, ctx.who, EventKind.AGENT_TYPE_UPDATED, id, data=data)
    return new


@statement
def _changed(id: UUID, **changes: Any) -> Update:
    values = {**changes, "version": agent_types.c.version + 1, "updated_at": func.now()}
    return update(agent_types).where(agent_types.c.id == id).values(values).returning(*AGENT_TYPE)


async def _keep_revision(db: Connection, kind: AgentType) -> None:
    runs_on = {name: getattr(kind, name) for name in RUNS_ON}
    await db.execute(_kept(agent_type_id=kind.id, revision=kind.revision, **runs_on))


@statement
def _kept(**row: Any) -> Insert:
    return insert(agent_type_revisions).values(row)
