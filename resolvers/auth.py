"""Signing up, in, on and out; and finding out who asks."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Insert, Interval, Select, Update, case, func, insert, select, type_coerce, update

from resolvers.context import Context, Guest
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.ids import new_id
from resolvers.domain.sessions import Message, done
from resolvers.domain.users import Login, RefreshToken, Register, TokenPair, User, Viewer
from resolvers.store import throttle
from resolvers.store.engine import one, record, returned
from resolvers.store.records import USER
from resolvers.store.statements import statement
from resolvers.store.tables import sessions, users
from resolvers.store.visibility import LIVE_SESSION, LIVE_USER
from resolvers.tokens import Claims, unauthenticated


async def identify(guest: Guest, authorization: str) -> Context:
    """Returns the context of whoever an Authorization header speaks for; one indexed read."""
    claims = guest.keys.bearer(authorization)
    async with guest.store.read() as db:
        user = await one(db, _live(claims.user_id, claims.session_id), User)
    if user is None:
        raise unauthenticated("This session has ended; sign in again.")
    return guest.signed_in(Viewer(user, claims.session_id, claims.expires_at))


@statement
def _live(user_id: UUID, session_id: UUID) -> Select[Any]:
    joined = users.join(sessions, sessions.c.user_id == users.c.id)
    named = (users.c.id == user_id, sessions.c.id == session_id)
    return select(*USER).select_from(joined).where(*named, *LIVE_USER, *LIVE_SESSION)


async def register(guest: Guest, draft: Draft[Register]) -> User:
    """Makes an account; anyone may."""
    await guest.count_sign_in()
    new = draft.parsed()
    hashed = await guest.hasher.hash(new.password)
    row = {"id": new_id(), "email": new.email, "first_name": new.first_name, "last_name": new.last_name}
    async with guest.store.decide() as db:
        return await returned(db, _registered(**row, password_hash=hashed), User)


@statement
def _registered(**row: Any) -> Insert:
    return insert(users).values(**row, is_active=True, is_superuser=False).returning(*USER)


async def login(guest: Guest, draft: Draft[Login]) -> TokenPair:
    """Opens a session with an e-mail address and a password; failures are counted by address and account."""
    await guest.count_sign_in()
    given = draft.parsed()
    email = given.email.strip().lower()
    keys = throttle.keys_of(email, guest.client.ip_address)
    async with guest.store.read() as db:
        hashed, wait = (await db.execute(throttle.asked(email, keys))).one()
    if wait:
        message = f"Too many failed logins; try again in {wait} seconds."
        raise Refusal(Code.RATE_LIMITED, message, headers={"Retry-After": str(wait)})
    if not await guest.hasher.verify(given.password, hashed):
        async with guest.store.decide() as db:
            await db.execute(throttle.count_failure(keys))
            await db.execute(throttle.sweep())
        raise unauthenticated("The e-mail address or the password is wrong.")
    return await _open_session(guest, email, hashed, keys, given.device_name)


async def _open_session(
    guest: Guest, email: str, hashed: str, keys: throttle.Keys, device_name: str | None
) -> TokenPair:
    session_id = new_id()
    async with guest.store.write() as db:
        # Whoever was deactivated, or changed the password, since it was verified gets no session.
        user = await one(db, _owner(email, hashed), User)
        if user is None:
            raise unauthenticated("The e-mail address or the password is wrong.")
        row = {"id": session_id, "user_id": user.id, "device_name": device_name}
        row |= {"ip_address": guest.client.ip_address, "user_agent": guest.client.user_agent}
        await db.execute(_opened(guest.keys.refresh, **row))
        await db.execute(throttle.forget(keys))
    return _pair(guest, user, session_id, rotation=0)


@statement
def _owner(email: str, hashed: str) -> Select[Any]:
    wanted = select(*USER).where(func.lower(users.c.email) == email, users.c.password_hash == hashed, *LIVE_USER)
    return wanted.with_for_update(read=True)


@statement
def _opened(lifetime: timedelta, **row: Any) -> Insert:
    return insert(sessions).values(**row, expires_at=_after(lifetime))


def _after(lifetime: timedelta) -> ColumnElement[Any]:
    return func.now() + type_coerce(lifetime, Interval)


def _pair(guest: Guest, user: User, session_id: UUID, rotation: int) -> TokenPair:
    claims = Claims(user.id, session_id, rotation)
    seconds = int(guest.keys.access.total_seconds())
    return TokenPair(guest.keys.access_token(claims), guest.keys.refresh_token(claims), "bearer", seconds, user)


async def refresh(guest: Guest, draft: Draft[RefreshToken]) -> TokenPair:
    """Spends a refresh token for a new pair; a spent one that comes again ends its session."""
    claims = guest.keys.read(draft.parsed().refresh_token, "refresh")
    turn = _refreshed(claims.user_id, claims.session_id, claims.rotation, guest.keys.refresh)
    async with guest.store.decide() as db:
        row = (await db.execute(turn)).first()
    if row is None:
        raise unauthenticated("This session has ended; sign in again.")
    if row[0] is not None:
        raise unauthenticated("This refresh token was used before, so its session was ended; sign in again.")
    return _pair(guest, record(User, row[2:]), claims.session_id, row[1])


@statement
def _refreshed(user_id: UUID, session_id: UUID, rotation: int, lifetime: timedelta) -> Update:
    fresh = sessions.c.rotation == rotation
    return (
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.user_id == user_id, *LIVE_SESSION)
        .where(users.c.id == sessions.c.user_id, *LIVE_USER)
        .values(
            rotation=case((fresh, sessions.c.rotation + 1), else_=sessions.c.rotation),
            last_used_at=func.now(),
            expires_at=case((fresh, _after(lifetime)), else_=sessions.c.expires_at),
            revoked_at=case((fresh, sessions.c.revoked_at), else_=func.now()),
        )
        .returning(sessions.c.revoked_at, sessions.c.rotation, *USER)
    )


async def logout(ctx: Context, draft: Draft[RefreshToken]) -> Message:
    """Ends the session of a refresh token."""
    claims = ctx.keys.read(draft.parsed().refresh_token, "refresh")
    async with ctx.store.decide() as db:
        await db.execute(_ended(ctx.who.id, claims.session_id))
    return done("Logged out.")


async def logout_all(ctx: Context) -> Message:
    """Ends all of your sessions, this one included."""
    async with ctx.store.decide() as db:
        ended = (await db.execute(_ended(ctx.who.id))).changed
    return done(f"Logged out of {ended} sessions.")


@statement
def _ended(user_id: UUID, session_id: UUID | None = None) -> Update:
    which = [sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None)]
    if session_id is not None:
        which.append(sessions.c.id == session_id)
    return update(sessions).where(*which).values(revoked_at=func.now())
