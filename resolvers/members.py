"""Members: who belongs to a project, and as what."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from resolvers.context import Context, parsed
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.events import EventKind
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.domain.permissions import Right, Role
from resolvers.domain.projects import AddMember, Member, MemberFilter, UpdateMember
from resolvers.domain.sessions import Message, done
from resolvers.idempotency import repeatable
from resolvers.store.access import found, require, require_in
from resolvers.store.changes import Expected, check_version
from resolvers.store.engine import one
from resolvers.store.log import log
from resolvers.store.pages import Below, page_statement, read_pages
from resolvers.store.records import MEMBER
from resolvers.store.tables import members, users
from resolvers.store.visibility import seen

PEOPLE = members.join(users, users.c.id == members.c.user_id)
HERE = users.c.deleted_at.is_(None)


async def search(ctx: Context, project_id: UUID, listing: ListDraft[MemberFilter]) -> Page[Member]:
    """Lists the members of a project."""
    asked = await parsed(listing, lambda: require(ctx.store, ctx.who, project_id, Right.READ))
    return found((await _in_projects(ctx, [project_id], asked)).get(project_id))


async def in_projects(ctx: Context, ids: Sequence[UUID], listing: ListDraft[MemberFilter]) -> dict[UUID, Page[Member]]:
    """Lists the members of each of these projects that you can see."""
    return await _in_projects(ctx, ids, listing.parsed())


async def _in_projects(ctx: Context, ids: Sequence[UUID], asked: Listing[MemberFilter]) -> dict[UUID, Page[Member]]:
    where: list[ColumnElement[bool]] = [HERE]
    if isinstance(asked.where.role, Role):
        where.append(members.c.role == asked.where.role)
    below = Below(seen(ctx.who, ids), members.c.project_id)
    statement = page_statement(MEMBER, PEOPLE, where, asked, key=members.c.user_id, below=below)
    async with ctx.store.read() as db:
        return await read_pages(db, statement, Member, asked)


@repeatable
async def add(ctx: Context, project_id: UUID, draft: Draft[AddMember]) -> Member:
    """Lets a user into a project; for its owners."""
    new = await parsed(draft, lambda: require(ctx.store, ctx.who, project_id, Right.MANAGE))
    async with ctx.store.write() as db:
        await require_in(db, ctx.who, project_id, Right.MANAGE, lock=True)
        person = select(users.c.id).where(users.c.id == new.user_id, HERE).with_for_update(read=True)
        if (await db.execute(person)).first() is None:
            raise Refusal(Code.NOT_FOUND, "There is no such user.", field="user_id")
        await db.execute(insert(members).values(project_id=project_id, user_id=new.user_id, role=new.role))
        data = {"role": str(new.role)}
        await log(db, ctx.who, EventKind.MEMBER_ADDED, new.user_id, project_id=project_id, data=data)
        return found(await _read(db, project_id, new.user_id))


async def update_one(
    ctx: Context,
    project_id: UUID,
    user_id: UUID,
    draft: Draft[UpdateMember],
    *,
    expected_version: Expected = None,
) -> Member:
    """Changes a member's role; for the project's owners."""
    new = await parsed(draft, lambda: require(ctx.store, ctx.who, project_id, Right.MANAGE))
    async with ctx.store.write() as db:
        await require_in(db, ctx.who, project_id, Right.MANAGE, lock=True)
        old = found(await _read(db, project_id, user_id))
        check_version(old.version, expected_version)
        if old.role is new.role:
            return old
        await _keep_an_owner(db, old)
        values: dict[str, Any] = {"role": new.role, "version": old.version + 1, "updated_at": func.now()}
        await db.execute(update(members).where(*_is(project_id, user_id)).values(values))
        data = {"from": str(old.role), "role": str(new.role)}
        await log(db, ctx.who, EventKind.MEMBER_UPDATED, user_id, project_id=project_id, data=data)
        return found(await _read(db, project_id, user_id))


async def remove(ctx: Context, project_id: UUID, user_id: UUID) -> Message:
    """Takes a user out of a project: yourself, or anyone for its owners."""
    right = Right.READ if user_id == ctx.who.id else Right.MANAGE
    async with ctx.store.write() as db:
        await require_in(db, ctx.who, project_id, right, lock=True)
        old = found(await _read(db, project_id, user_id))
        await _keep_an_owner(db, old)
        await db.execute(delete(members).where(*_is(project_id, user_id)))
        data = {"role": str(old.role)}
        await log(db, ctx.who, EventKind.MEMBER_REMOVED, user_id, project_id=project_id, data=data)
    return done("The member has left the project.")


async def _read(db: AsyncConnection, project_id: UUID, user_id: UUID) -> Member | None:
    return await one(db, select(*MEMBER).select_from(PEOPLE).where(*_is(project_id, user_id), HERE), Member)


async def _keep_an_owner(db: AsyncConnection, leaving: Member) -> None:
    # The project is locked, so no other owner leaves meanwhile.
    owner = (members.c.project_id == leaving.project_id, members.c.role == Role.OWNER, HERE)
    others = select(func.count()).select_from(PEOPLE).where(*owner, members.c.user_id != leaving.user_id)
    if leaving.role is Role.OWNER and not (await db.execute(others)).scalar_one():
        raise Refusal(Code.CONFLICT, "The last owner can't leave; make somebody else an owner first.")


def _is(project_id: UUID, user_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return members.c.project_id == project_id, members.c.user_id == user_id
