"""Projects: making them, seeing them, putting them away."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, func, insert, literal, or_, select, update

from resolvers.context import Context, Guest, parsed
from resolvers.domain.drafts import Draft
from resolvers.domain.events import EventKind
from resolvers.domain.ids import known_slug, new_id
from resolvers.domain.paging import ListDraft, Page
from resolvers.domain.permissions import Right, Role
from resolvers.domain.projects import CreateProject, Project, ProjectFilter, ProjectStatus, UpdateProject
from resolvers.domain.sessions import Message, done
from resolvers.idempotency import repeatable
from resolvers.store.access import found, require, require_in
from resolvers.store.changes import Expected, changed, check_version, sent
from resolvers.store.engine import among, many, one, returned
from resolvers.store.log import log
from resolvers.store.pages import page_statement, read_page
from resolvers.store.records import columns
from resolvers.store.tables import members, projects
from resolvers.store.visibility import project_columns, visible


async def search(ctx: Context, listing: ListDraft[ProjectFilter]) -> Page[Project]:
    """Lists the projects that you can see."""
    asked = listing.parsed()
    where: list[ColumnElement[bool]] = [visible(ctx.who)]
    if isinstance(asked.where.status, ProjectStatus):
        where.append(projects.c.status == asked.where.status)
    if isinstance(asked.where.search, str):
        texts = (projects.c.name, projects.c.slug)
        where.append(or_(*(column.icontains(asked.where.search, autoescape=True) for column in texts)))
    statement = page_statement(project_columns(ctx.who), projects, where, asked, key=projects.c.id)
    async with ctx.store.read() as db:
        return await read_page(db, statement, Project, asked)


async def get(ctx: Context, id: UUID) -> Project:
    """Returns one project."""
    return await _get(ctx, projects.c.id == id)


async def get_by_slug(ctx: Context, slug: str) -> Project:
    """Returns the project with this slug."""
    return await _get(ctx, projects.c.slug == known_slug(slug))


async def _get(ctx: Context, which: ColumnElement[bool]) -> Project:
    async with ctx.store.read() as db:
        return found(await one(db, select(*project_columns(ctx.who)).where(which, visible(ctx.who)), Project))


async def by_ids(ctx: Context, ids: Sequence[UUID]) -> list[Project]:
    """Returns those of the projects that you can see."""
    wanted = select(*project_columns(ctx.who)).where(among(projects.c.id, ids), visible(ctx.who))
    async with ctx.store.read() as db:
        return await many(db, wanted, Project)


@repeatable
async def create(ctx: Context, draft: Draft[CreateProject]) -> Project:
    """Makes a project that you own."""
    new = msgspec.structs.asdict(draft.parsed())
    fields = columns(Project, projects, viewer_role=literal(Role.OWNER, members.c.role.type))
    async with ctx.store.write() as db:
        made = insert(projects).values(id=new_id(), **new).returning(*fields)
        project = await returned(db, made, Project)
        await db.execute(insert(members).values(project_id=project.id, user_id=ctx.who.id, role=Role.OWNER))
        await log(
            db, ctx.who, EventKind.PROJECT_CREATED, project.id, project_id=project.id, data={"slug": project.slug}
        )
    return project


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
        return (await db.execute(select(projects.c.id).limit(1))).first() is None


async def _change(ctx: Context, id: UUID, given: dict[str, Any], expected_version: Expected) -> Project:
    async with ctx.store.write() as db:
        # The lock waits for the spawns and steps that hold the project, and lets none begin.
        await require_in(db, ctx.who, id, Right.MANAGE, lock=True)
        old = found(await one(db, select(*project_columns(ctx.who)).where(projects.c.id == id), Project))
        check_version(old.version, expected_version)
        changes = changed(old, given)
        if not changes:
            return old
        data = {
            "changed": sorted(changes),
            "status": str(changes.get("status", old.status)),
            "version": old.version + 1,
        }
        if "status" in changes:
            changes["archived_at"] = func.now() if changes["status"] is ProjectStatus.ARCHIVED else None
        values = {**changes, "version": old.version + 1, "updated_at": func.now()}
        turned = update(projects).where(projects.c.id == id).values(values).returning(*project_columns(ctx.who))
        new = await returned(db, turned, Project)
        await log(db, ctx.who, EventKind.PROJECT_UPDATED, id, project_id=id, data=data)
    return new
