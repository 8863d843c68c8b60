"""Projects: making them, seeing them, putting them away."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Insert, Select, Update, func, insert, select, type_coerce, update

from resolvers.context import Context, Guest, parsed
from resolvers.domain.drafts import Draft
from resolvers.domain.events import EventKind
from resolvers.domain.ids import known_slug, new_id
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.domain.permissions import Right, Role
from resolvers.domain.projects import CreateProject, Project, ProjectFilter, ProjectStatus, UpdateProject
from resolvers.domain.sessions import Message, done
from resolvers.domain.users import Viewer
from resolvers.idempotency import repeatable
from resolvers.store.access import found, require, require_in
from resolvers.store.changes import Expected, changed, check_version, sent
from resolvers.store.engine import many, one, returned
from resolvers.store.log import log
from resolvers.store.pages import matches, page_statement, read_page
from resolvers.store.records import columns
from resolvers.store.statements import among, statement
from resolvers.store.tables import members, projects
from resolvers.store.totals import rows_of
from resolvers.store.visibility import among_own, project_columns, visible


async def search(ctx: Context, listing: ListDraft[ProjectFilter]) -> Page[Project]:
    """Lists the projects that you can see."""
    asked = listing.parsed()
    async with ctx.store.read() as db:
        return await read_page(db, _page(ctx.who, asked), Project, asked)


@statement
def _page(who: Viewer, asked: Listing[ProjectFilter]) -> Select[Any]:
    where: list[ColumnElement[bool]] = [among_own(who)]
    if asked.where.status is not UNSET:
        where.append(projects.c.status == asked.where.status)
    total = rows_of(projects, *([] if asked.where.status is UNSET else [str(asked.where.status)]))
    if asked.where.search is not UNSET:
        where.append(matches(asked.where.search, projects.c.name, projects.c.slug))
    counted = who.is_superuser and asked.where.search is UNSET
    return page_statement(
        project_columns(who), projects, where, asked, key=projects.c.id, total=total if counted else None
    )


@statement
def _one(who: Viewer, **named: object) -> Select[Any]:
    which = (projects.c[name] == value for name, value in named.items())
    return select(*project_columns(who)).where(*which, visible(who))


@statement
def _some(who: Viewer, ids: list[UUID]) -> Select[Any]:
    return select(*project_columns(who)).where(among(projects.c.id, ids), visible(who))


async def get(ctx: Context, id: UUID) -> Project:
    """Returns one project."""
    return await _get(ctx, id=id)


async def get_by_slug(ctx: Context, slug: str) -> Project:
    """Returns the project with this slug."""
    return await _get(ctx, slug=known_slug(slug))


async def _get(ctx: Context, **named: object) -> Project:
    async with ctx.store.read() as db:
        return found(await one(db, _one(ctx.who, **named), Project))


async def by_ids(ctx: Context, ids: Sequence[UUID]) -> list[Project]:
    """Returns those of the projects that you can see."""
    async with ctx.store.read() as db:
        return await many(db, _some(ctx.who, list(ids)), Project)


@repeatable
async def create(ctx: Context, draft: Draft[CreateProject]) -> Project:
    """Makes a project that you own."""
    new = msgspec.structs.asdict(draft.parsed())
    async with ctx.store.write() as db:
        project = await returned(db, _made(id=new_id(), **new), Project)
        await db.execute(_owned(project.id, ctx.who.id))
        await log(
            db, ctx.who, EventKind.PROJECT_CREATED, project.id, project_id=project.id, data={"slug": project.slug}
        )
    return project


@statement
def _made(**row: Any) -> Insert:
    own = columns(Project, projects, viewer_role=type_coerce(Role.OWNER, members.c.role.type))
    return insert(projects).values(row).returning(*own)


@statement
def _owned(id: UUID, user_id: UUID) -> Insert:
    return insert(members).values(project_id=id, user_id=user_id, role=Role.OWNER)


async def update_one(
    ctx: Context, id: UUID, draft: Draft[UpdateProject], *, expected_version: Expected = None
) -> Project:
    """Changes what is sent of a project; for its owners."""
    changes = await parsed(draft, lambda: require(ctx.store, ctx.who, id, Right.MANAGE))
    return await _change(ctx, id, sent(changes), expected_version)


async def archive(ctx: Context, id: UUID, *, expected_version: Expected = None) -> Project:
    """Puts a project away: nothing is spawned or moved there after it, terminating aside; for its owners."""
    return await _change(ctx, id, {"status": ProjectStatus.ARCHIVED}, expected_version)


async def delete(ctx: Context, id: UUID, *, expected_version: Expected = None) -> Message:
    """Archives a project; for its owners."""
    await _change(ctx, id, {"status": ProjectStatus.ARCHIVED}, expected_version)
    return done("The project is archived.")


async def none(guest: Guest) -> bool:
    """Tells whether there is no project at all; for those who run the server."""
    async with guest.store.read() as db:
        return (await db.execute(_any())).first() is None


@statement
def _any() -> Select[Any]:
    return select(projects.c.id).limit(1)


async def _change(ctx: Context, id: UUID, given: dict[str, Any], expected_version: Expected) -> Project:
    async with ctx.store.write() as db:
        # The lock waits for the spawns and steps that hold the project, and lets none begin.
        await require_in(db, ctx.who, id, Right.MANAGE, lock=True)
        old = found(await one(db, _one(ctx.who, id=id), Project))
        check_version(old.version, expected_version)
        changes = changed(old, given)
        if not changes:
            return old
        data = {
            "changed": sorted(changes),
            "status": str(changes.get("status", old.status)),
            "version": old.version + 1,
        }
        new = await returned(db, _changed(ctx.who, id, **changes), Project)
        await log(db, ctx.who, EventKind.PROJECT_UPDATED, id, project_id=id, data=data)
    return new


@statement
def _changed(who: Viewer, id: UUID, **changes: Any) -> Update:
    if "status" in changes:
        changes["archived_at"] = func.now() if changes["status"] is ProjectStatus.ARCHIVED else None
    values = {**changes, "version": projects.c.version + 1, "updated_at": func.now()}
    return update(projects).where(projects.c.id == id).values(values).returning(*project_columns(who))
