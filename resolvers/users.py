"""Users: themselves, and as administrators see them."""

import itertools
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Executable, Insert, Select, Update, func, insert, select, update
from sqlalchemy.dialects import postgresql

from resolvers.context import Context, Guest
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.ids import new_id
from resolvers.domain.lifecycle import ACTIVE
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.domain.projects import ProjectStatus
from resolvers.domain.sessions import Message, done
from resolvers.domain.users import (
    Affected,
    BulkAction,
    BulkUserAction,
    ChangePassword,
    CreateUser,
    Register,
    SelectUsers,
    Stats,
    UpdateUser,
    UpdateViewer,
    User,
    UserFilter,
    Viewer,
)  # fmt: skip
from resolvers.idempotency import repeatable
from resolvers.store.access import found
from resolvers.store.changes import Expected, changed, check_version, sent
from resolvers.store.engine import Connection, many, one, returned
from resolvers.store.pages import matches, page_statement, read_page
from resolvers.store.records import USER
from resolvers.store.statements import among, statement
from resolvers.store.tables import agent_type_counts, agent_types, projects, sessions, users
from resolvers.store.totals import activity, having, rows_of
from resolvers.store.visibility import LIVE_SESSION, visible_user

HERE = users.c.deleted_at.is_(None)
FOR_SUPERUSERS = set(UpdateUser.__struct_fields__) - set(UpdateViewer.__struct_fields__)


async def me(ctx: Context) -> User:
    """Returns who asks."""
    return ctx.who.user


async def search(ctx: Context, listing: ListDraft[UserFilter]) -> Page[User]:
    """Lists users; for superusers."""
    ctx.require_superuser()
    asked = listing.parsed()
    async with ctx.store.read() as db:
        return await read_page(db, _page(asked), User, asked)


@statement
def _page(asked: Listing[UserFilter]) -> Select[Any]:
    where: list[ColumnElement[bool]] = [HERE]
    where += [users.c[name] == value for name, value in sent(asked.where).items() if name != "search"]
    if asked.where.search is not UNSET:
        where.append(matches(asked.where.search, users.c.email, users.c.first_name, users.c.last_name))
    total = rows_of(users, *_labels(asked.where)) if asked.where.search is UNSET else None
    return page_statement(USER, users, where, asked, key=users.c.id, total=total)


def _labels(where: UserFilter) -> list[str]:
    pairs = itertools.product((True, False), repeat=2)
    return [
        activity(active=active) + " superuser" * superuser
        for active, superuser in pairs
        if where.is_active in (UNSET, active) and where.is_superuser in (UNSET, superuser)
    ]


@statement
def _one(id: UUID, *, lock: bool = False) -> Select[Any]:
    wanted = select(*USER).where(users.c.id == id, HERE)
    return wanted.with_for_update(key_share=True) if lock else wanted


@statement
def _some(who: Viewer, ids: list[UUID]) -> Select[Any]:
    return select(*USER).where(among(users.c.id, ids), HERE, visible_user(who))


async def get(ctx: Context, id: UUID) -> User:
    """Returns one user: yourself, or anyone for superusers."""
    _self_or_superuser(ctx, id)
    async with ctx.store.read() as db:
        return found(await one(db, _one(id), User))


async def inspect(ctx: Context, id: UUID) -> User:
    """Returns one user; for superusers."""
    ctx.require_superuser()
    async with ctx.store.read() as db:
        return found(await one(db, _one(id), User))


async def by_ids(ctx: Context, ids: Sequence[UUID]) -> list[User]:
    """Returns those of the users that you may see: yourself and those you share a project with."""
    async with ctx.store.read() as db:
        return await many(db, _some(ctx.who, list(ids)), User)


@repeatable
async def create(ctx: Context, draft: Draft[CreateUser]) -> User:
    """Makes a user; for superusers."""
    ctx.require_superuser()
    new = msgspec.structs.asdict(draft.parsed())
    hashed = await ctx.hasher.hash(new.pop("password"))
    async with ctx.store.decide() as db:
        return await returned(db, _made(id=new_id(), password_hash=hashed, **new), User)


@statement
def _made(**row: Any) -> Insert:
    return insert(users).values(row).returning(*USER)


async def update_me(ctx: Context, draft: Draft[UpdateViewer], *, expected_version: Expected = None) -> User:
    """Changes your own name or address."""
    return await _change(ctx, ctx.who.id, sent(draft.parsed()), expected_version)


async def update_one(ctx: Context, id: UUID, draft: Draft[UpdateUser], *, expected_version: Expected = None) -> User:
    """Changes a user: yourself, or anyone for superusers; rights and passwords are for superusers to change."""
    _self_or_superuser(ctx, id)
    if not ctx.who.is_superuser and FOR_SUPERUSERS.intersection(draft.raw):
        raise Refusal(Code.FORBIDDEN, "Only superusers change passwords and rights here.")
    return await _change(ctx, id, sent(draft.parsed()), expected_version)


async def administer(ctx: Context, id: UUID, draft: Draft[UpdateUser], *, expected_version: Expected = None) -> User:
    """Changes what is sent of a user; for superusers."""
    ctx.require_superuser()
    return await _change(ctx, id, sent(draft.parsed()), expected_version)


async def _change(ctx: Context, id: UUID, changes: dict[str, Any], expected_version: Expected) -> User:
    if "password" in changes:
        changes["password_hash"] = await ctx.hasher.hash(changes.pop("password"))
    async with ctx.store.write() as db:
        keeper = changes.get("is_active", True) and changes.get("is_superuser", True)
        if not keeper:
            await _keep_a_superuser(db, [id])
        user = found(await one(db, _one(id, lock=True), User))
        check_version(user.version, expected_version)
        changes = changed(user, changes)
        if not changes:
            return user
        if "password_hash" in changes or changes.get("is_active") is False:
            await db.execute(_sessions_ended([id]))
        return await returned(db, _changed(id, **changes), User)


@statement
def _changed(id: UUID, **changes: Any) -> Update:
    return update(users).where(users.c.id == id).values(**changes, **_touched()).returning(*USER)


async def change_password(ctx: Context, draft: Draft[ChangePassword]) -> Message:
    """Changes your password and ends your other sessions."""
    given = draft.parsed()
    async with ctx.store.read() as db:
        old = (await db.execute(_hash_of(ctx.who.id))).scalar()
    if not await ctx.hasher.verify(given.current_password, old):
        raise Refusal(Code.FORBIDDEN, "The current password is wrong.", field="current_password")
    new = await ctx.hasher.hash(given.new_password)
    async with ctx.store.write() as db:
        if not (await db.execute(_password_changed(ctx.who.id, old, new))).changed:
            raise Refusal(Code.CONFLICT, "The password was changed in the meantime.")
        await db.execute(_sessions_ended([ctx.who.id], ctx.who.session_id))
    return done("The password is changed, and your other sessions are ended.")


@statement
def _hash_of(id: UUID) -> Select[Any]:
    return select(users.c.password_hash).where(users.c.id == id)


@statement
def _password_changed(id: UUID, old: str, new: str) -> Update:
    mine = (users.c.id == id, users.c.password_hash == old, HERE)
    return update(users).where(*mine).values(password_hash=new, **_touched())


async def delete(ctx: Context, id: UUID) -> Message:
    """Deletes a user: the address is free again, the history stays; for superusers."""
    ctx.require_superuser()
    async with ctx.store.write() as db:
        if not await _delete(db, [id]):
            raise Refusal(Code.NOT_FOUND)
    return done("The user is deleted.")


async def activate(ctx: Context, id: UUID) -> User:
    """Lets a user sign in; for superusers."""
    ctx.require_superuser()
    return await _change(ctx, id, {"is_active": True}, None)


async def deactivate(ctx: Context, id: UUID) -> User:
    """Ends a user's sessions and lets them sign in no more; for superusers."""
    ctx.require_superuser()
    return await _change(ctx, id, {"is_active": False}, None)


async def activate_many(ctx: Context, draft: Draft[SelectUsers]) -> Affected:
    """Lets users sign in; for superusers."""
    ctx.require_superuser()
    return await _bulk(ctx, BulkAction.ACTIVATE, draft.parsed().user_ids)


async def deactivate_many(ctx: Context, draft: Draft[SelectUsers]) -> Affected:
    """Ends users' sessions and lets them sign in no more; for superusers."""
    ctx.require_superuser()
    return await _bulk(ctx, BulkAction.DEACTIVATE, draft.parsed().user_ids)


async def bulk(ctx: Context, draft: Draft[BulkUserAction]) -> Affected:
    """Does one thing to several users; for superusers."""
    ctx.require_superuser()
    asked = draft.parsed()
    return await _bulk(ctx, asked.action, asked.user_ids)


async def stats(ctx: Context) -> Stats:
    """Counts everything; for superusers."""
    ctx.require_superuser()
    async with ctx.store.read() as db:
        return await returned(db, _counts(), Stats)


@statement
def _counts() -> Executable:
    return select(
        rows_of(users),
        rows_of(users, *_labels(UserFilter(is_active=True))),
        rows_of(users, *_labels(UserFilter(is_superuser=True))),
        select(func.count()).select_from(sessions).where(*LIVE_SESSION).scalar_subquery(),
        rows_of(agent_types),
        rows_of(agent_types, activity(active=True)),
        rows_of(projects),
        rows_of(projects, ProjectStatus.ACTIVE),
        select(having(agent_type_counts)).scalar_subquery(),
        select(having(agent_type_counts, *ACTIVE)).scalar_subquery(),
    )


async def nobody(guest: Guest) -> bool:
    """Tells whether there is no user at all; for the start of an empty server."""
    async with guest.store.read() as db:
        return (await db.execute(_any())).first() is None


@statement
def _any() -> Select[Any]:
    return select(users.c.id).limit(1)


async def ensure_superuser(guest: Guest, draft: Draft[Register]) -> bool:
    """Makes a superuser of this address, from nothing or from a user; for those who run the server."""
    new = msgspec.structs.asdict(draft.parsed())
    hashed = await guest.hasher.hash(new.pop("password"))
    row = {**new, "id": new_id(), "password_hash": hashed, "is_active": True, "is_superuser": True}
    async with guest.store.write() as db:
        made = await db.execute(_made_if_new(**row))
        await db.execute(_promoted(new["email"]))
        return bool(made.changed)


@statement
def _made_if_new(**row: Any) -> postgresql.Insert:
    return postgresql.insert(users).values(row).on_conflict_do_nothing()


@statement
def _promoted(email: str) -> Update:
    lacking = (func.lower(users.c.email) == email, HERE, ~(users.c.is_superuser & users.c.is_active))
    return update(users).where(*lacking).values(is_superuser=True, is_active=True, **_touched())


async def _bulk(ctx: Context, action: BulkAction, ids: list[UUID]) -> Affected:
    async with ctx.store.write() as db:
        if action is BulkAction.DELETE:
            return Affected(await _delete(db, ids))
        active = action is BulkAction.ACTIVATE
        if not active:
            await _keep_a_superuser(db, ids)
            await db.execute(_sessions_ended(ids))
        return Affected((await db.execute(_turned(ids, active=active))).changed)


@statement
def _turned(ids: list[UUID], *, active: bool) -> Update:
    these = (among(users.c.id, ids), users.c.is_active != active, HERE)
    return update(users).where(*these).values(is_active=active, **_touched())


async def _delete(db: Connection, ids: list[UUID]) -> int:
    await _keep_a_superuser(db, ids)
    await db.execute(_sessions_ended(ids))
    return (await db.execute(_deleted(ids))).changed


@statement
def _deleted(ids: list[UUID]) -> Update:
    return update(users).where(among(users.c.id, ids), HERE).values(deleted_at=func.now(), **_touched())


async def _keep_a_superuser(db: Connection, leaving: list[UUID]) -> None:
    left = set((await db.execute(_superusers_held())).scalars())
    if left and left <= set(leaving):
        raise Refusal(Code.CONFLICT, "At least one active superuser must remain.")


@statement
def _superusers_held() -> Select[Any]:
    # The lock makes two administrators who remove each other wait for one another.
    able = select(users.c.id).where(users.c.is_superuser, users.c.is_active, HERE)
    return able.order_by(users.c.id).with_for_update()


@statement
def _sessions_ended(user_ids: list[UUID], other_than: UUID | None = None) -> Update:
    which = [among(sessions.c.user_id, user_ids), sessions.c.revoked_at.is_(None)]
    if other_than is not None:
        which.append(sessions.c.id != other_than)
    return update(sessions).where(*which).values(revoked_at=func.now())


def _touched() -> dict[str, Any]:
    return {"version": users.c.version + 1, "updated_at": func.now()}


def _self_or_superuser(ctx: Context, id: UUID) -> None:
    if id != ctx.who.id:
        ctx.require_superuser()
