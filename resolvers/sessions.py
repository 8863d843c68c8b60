"""Sessions: seeing where one is signed in, and ending that."""

from typing import Any
from uuid import UUID

from msgspec import UNSET
from sqlalchemy import ColumnElement, Delete, Select, Update, case, delete, func, select, update

from resolvers.context import Context
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.domain.sessions import Message, Session, SessionFilter, SessionList, done
from resolvers.domain.users import Viewer
from resolvers.store.engine import many
from resolvers.store.pages import page_statement, read_page
from resolvers.store.records import Columns, columns
from resolvers.store.statements import statement
from resolvers.store.tables import sessions
from resolvers.store.visibility import LIVE_SESSION


def _columns(who: Viewer) -> Columns:
    return columns(Session, sessions, is_current=sessions.c.id == who.session_id)


async def mine(ctx: Context) -> SessionList:
    """Returns your open sessions, the latest first."""
    async with ctx.store.read() as db:
        found = await many(db, _own(ctx.who), Session)
    return SessionList(found, len(found))


@statement
def _own(who: Viewer) -> Select[Any]:
    own = select(*_columns(who)).where(sessions.c.user_id == who.id, *LIVE_SESSION)
    return own.order_by(sessions.c.created_at.desc(), sessions.c.id.desc())


async def search(ctx: Context, listing: ListDraft[SessionFilter], *, own: bool = False) -> Page[Session]:
    """Lists open sessions: everybody's for superusers, or your own."""
    if not own:
        ctx.require_superuser()
    asked = listing.parsed()
    async with ctx.store.read() as db:
        return await read_page(db, _page(ctx.who, asked, own=own), Session, asked)


@statement
def _page(who: Viewer, asked: Listing[SessionFilter], *, own: bool) -> Select[Any]:
    where: list[ColumnElement[bool]] = [*LIVE_SESSION]
    if own:
        where.append(sessions.c.user_id == who.id)
    if asked.where.user_id is not UNSET:
        where.append(sessions.c.user_id == asked.where.user_id)
    return page_statement(_columns(who), sessions, where, asked, key=sessions.c.id)


async def revoke(ctx: Context, id: UUID) -> Message:
    """Ends one of your sessions, or anyone's for superusers."""
    async with ctx.store.decide() as db:
        row = (await db.execute(_revoked(ctx.who, id))).first()
    if row is None:
        raise Refusal(Code.NOT_FOUND)
    if row[0] is None:
        raise Refusal(Code.FORBIDDEN, "This is another user's session.")
    return done("The session is ended.")


@statement
def _revoked(who: Viewer, id: UUID) -> Update:
    mine = sessions.c.user_id == who.id
    return (
        update(sessions)
        .where(sessions.c.id == id, *LIVE_SESSION)
        .values(revoked_at=case((mine | who.is_superuser, func.now()), else_=sessions.c.revoked_at))
        .returning(sessions.c.revoked_at)
    )


async def clean_up(ctx: Context) -> Message:
    """Deletes your sessions that have expired or were ended."""
    async with ctx.store.decide() as db:
        count = (await db.execute(_cleaned_up(ctx.who))).changed
    return done(f"Cleaned up {count} expired sessions")


@statement
def _cleaned_up(who: Viewer) -> Delete:
    over = sessions.c.revoked_at.is_not(None) | (sessions.c.expires_at <= func.now())
    return delete(sessions).where(sessions.c.user_id == who.id, over)
