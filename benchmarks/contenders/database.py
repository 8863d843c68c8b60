"""What the contenders on SQLAlchemy share: the pool, and who asks."""

import os

import asyncpg
import jwt
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.contenders.models import User, UserSession

SECRET = os.environ["SECRET_KEY"]

engine = create_async_engine(
    "postgresql+asyncpg://",
    async_creator=lambda: asyncpg.connect(os.environ["DATABASE_URL"]),
    pool_size=10,
    max_overflow=0,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def who_asks(db: AsyncSession, authorization: str) -> User | None:
    """Returns the user of an access token whose session is open."""
    scheme, _, token = authorization.partition(" ")
    try:
        claims = jwt.decode(token, SECRET, ["HS256"], issuer="roster", options={"require": ["exp", "sub", "sid"]})
    except jwt.InvalidTokenError:
        return None
    if scheme.lower() != "bearer" or claims["typ"] != "access":
        return None
    wanted = (
        select(User)
        .join(UserSession, UserSession.user_id == User.id)
        .where(User.id == claims["sub"], User.is_active, User.deleted_at.is_(None))
        .where(UserSession.id == claims["sid"], UserSession.revoked_at.is_(None), UserSession.expires_at > func.now())
    )
    return await db.scalar(wanted)
