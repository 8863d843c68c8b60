"""Sessions: seeing where one is signed in, and ending that."""

from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, select, update

from resolvers.context import Context
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.paging import ListDraft, Page
from resolvers.domain.sessions import Message, Session, SessionFilter, SessionList, done
from resolvers.store.engine import many
from resolvers.store.pages import page_statement, read_page
from resolvers.store.records import Columns, columns
from resolvers.store.tables import sessions
from resolvers.store.visibility import LIVE_SESSION


def _columns(ctx: Context) -> Columns:
    return columns(Session, sessions, is_current=sessions.c.id == ctx.who.session_id)


async def mine(ctx: Context) -> SessionList:
    """Returns your open sessions, the latest first."""
    own = select(*_columns(ctx)).where(sessions.c.user_id == ctx.who.id, *LIVE_SESSION)
    async with ctx.store.read() as db:
        found = await many(db, own.order_by(sessions.c.created_at.desc(), sessions.c.id.desc()), Session)
    return SessionList(found, len(found))


async def search(ctx: Context, listing: ListDraft[SessionFilter], *, own: bool = False) -> Page[Session]:
    """Lists open sessions: everybody's for superusers, or your own."""
    if not own:
        ctx.require_superuser()
    asked = listing.parsed()
    where: list[ColumnElement[bool]] = [*LIVE_SESSION]
    if own:
        where.append(sessions.c.user_id == ctx.who.id)
    if isinstance(asked.where.user_id, UUID):
        where.append(sessions.c.user_id == asked.where.user_id)
    statement = page_statement(_columns(ctx), sessions, where, asked, key=sessions.c.id)
    async with ctx.store.read() as db:
        return await read_page(db, statement, Session, asked)


async def revoke(ctx: Context, id: UUID) -> Message:
    """Ends one of your sessions, or anyone's for superusers."""
    mine = sessions.c.user_id == ctx.who.id
    ended = (
        update(sessions)
        .where(sessions.c.id == id, *LIVE_SESSION)
        .values(revoked_at=case((mine | ctx.who.is_superuser, func.now()), else_=sessions.c.revoked_at))
        .returning(sessions.c.revoked_at)
    )
    async with ctx.store.write() as db:
        row = (await db.execute(ended)).first()
    if row is None:
        raise Refusal(Code.NOT_FOUND)
    if row[0] is None:
        raise Refusal(Code.FORBIDDEN, "This is another user's session.")
    return done("The session is ended.")


async def clean_up(ctx: Context) -> Message:
    """Deletes your sessions that have expired or were ended."""
    over = sessions.c.revoked_at.is_not(None) | (sessions.c.expires_at <= func.now())
    async with ctx.store.write() as db:
        count = (await db.execute(delete(sessions).where(sessions.c.user_id == ctx.who.id, over))).rowcount
    return done(f"Cleaned up {count} expired sessions")
