"""Members: who belongs to a project, and as what."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import UNSET
from sqlalchemy import ColumnElement, Delete, Insert, Select, Update, delete, func, insert, select, update

from resolvers.context import Context, parsed
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.events import EventKind
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.domain.permissions import Right, Role
from resolvers.domain.projects import AddMember, Member, MemberFilter, UpdateMember
from resolvers.domain.sessions import Message, done
from resolvers.domain.users import Viewer
from resolvers.idempotency import repeatable
from resolvers.store.access import found, require, require_in
from resolvers.store.changes import Expected, check_version
from resolvers.store.engine import Connection, one
from resolvers.store.log import log
from resolvers.store.pages import Below, page_statement, read_pages
from resolvers.store.records import MEMBER
from resolvers.store.statements import statement
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
    async with ctx.store.read() as db:
        return await read_pages(db, _pages_of_projects(ctx.who, list(ids), asked), Member, asked)


@statement
def _pages_of_projects(who: Viewer, ids: list[UUID], asked: Listing[MemberFilter]) -> Select[Any]:
    where: list[ColumnElement[bool]] = [HERE]
    if asked.where.role is not UNSET:
        where.append(members.c.role == asked.where.role)
    below = Below(seen(who, ids), members.c.project_id)
    return page_statement(MEMBER, PEOPLE, where, asked, key=members.c.user_id, below=below)


@repeatable
async def add(ctx: Context, project_id: UUID, draft: Draft[AddMember]) -> Member:
    """Lets a user into a project; for its owners."""
    new = await parsed(draft, lambda: require(ctx.store, ctx.who, project_id, Right.MANAGE))
    async with ctx.store.write() as db:
        await require_in(db, ctx.who, project_id, Right.MANAGE, lock=True)
        if (await db.execute(_person(new.user_id))).first() is None:
            raise Refusal(Code.NOT_FOUND, "There is no such user.", field="user_id")
        await db.execute(_added(project_id, new.user_id, new.role))
        data = {"role": str(new.role)}
        await log(db, ctx.who, EventKind.MEMBER_ADDED, new.user_id, project_id=project_id, data=data)
        return found(await _read(db, project_id, new.user_id))


@statement
def _person(id: UUID) -> Select[Any]:
    return select(users.c.id).where(users.c.id == id, HERE).with_for_update(read=True)


@statement
def _added(project_id: UUID, user_id: UUID, role: Role) -> Insert:
    return insert(members).values(project_id=project_id, user_id=user_id, role=role)


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
        await db.execute(_changed(project_id, user_id, new.role))
        data = {"from": str(old.role), "role": str(new.role)}
        await log(db, ctx.who, EventKind.MEMBER_UPDATED, user_id, project_id=project_id, data=data)
        return found(await _read(db, project_id, user_id))


@statement
def _changed(project_id: UUID, user_id: UUID, role: Role) -> Update:
    values: dict[str, Any] = {"role": role, "version": members.c.version + 1, "updated_at": func.now()}
    return update(members).where(*_is(project_id, user_id)).values(values)


async def remove(ctx: Context, project_id: UUID, user_id: UUID) -> Message:
    """Takes a user out of a project: yourself, or anyone for its owners."""
    right = Right.READ if user_id == ctx.who.id else Right.MANAGE
    async with ctx.store.write() as db:
        await require_in(db, ctx.who, project_id, right, lock=True)
        old = found(await _read(db, project_id, user_id))
        await _keep_an_owner(db, old)
        await db.execute(_removed(project_id, user_id))
        data = {"role": str(old.role)}
        await log(db, ctx.who, EventKind.MEMBER_REMOVED, user_id, project_id=project_id, data=data)
    return done("The member has left the project.")


@statement
def _removed(project_id: UUID, user_id: UUID) -> Delete:
    return delete(members).where(*_is(project_id, user_id))


@statement
def _one(project_id: UUID, user_id: UUID) -> Select[Any]:
    return select(*MEMBER).select_from(PEOPLE).where(*_is(project_id, user_id), HERE)


async def _read(db: Connection, project_id: UUID, user_id: UUID) -> Member | None:
    return await one(db, _one(project_id, user_id), Member)


@statement
def _other_owners(project_id: UUID, user_id: UUID) -> Select[Any]:
    owner = (members.c.project_id == project_id, members.c.role == Role.OWNER, HERE)
    return select(func.count()).select_from(PEOPLE).where(*owner, members.c.user_id != user_id)


async def _keep_an_owner(db: Connection, leaving: Member) -> None:
    # The project is locked, so no other owner leaves meanwhile.
    others = _other_owners(leaving.project_id, leaving.user_id)
    if leaving.role is Role.OWNER and not (await db.execute(others)).scalar():
        raise Refusal(Code.CONFLICT, "The last owner can't leave; make somebody else an owner first.")


def _is(project_id: UUID, user_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return members.c.project_id == project_id, members.c.user_id == user_id
