"""Signed tokens: short-lived ones to ask with, single-use ones to go on with."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

import jwt
import msgspec
from msgspec import Meta

from resolvers.domain.errors import Code, Refusal

ALGORITHM = "HS256"
ISSUER = "roster"
FOREVER = datetime(9000, 1, 1, tzinfo=UTC)


class Claims(msgspec.Struct, frozen=True):
    """What a token says: whose it is, of which session, how often that was refreshed before, and how long it holds."""

    user_id: UUID
    session_id: UUID
    rotation: Annotated[int, Meta(ge=0, lt=2**31)]
    expires_at: datetime = FOREVER


class Keys(msgspec.Struct, frozen=True):
    """The secret that signs, and how long tokens hold."""

    secret: str
    access: timedelta
    refresh: timedelta

    def access_token(self, claims: Claims) -> str:
        return self._sign("access", claims, self.access)

    def refresh_token(self, claims: Claims) -> str:
        return self._sign("refresh", claims, self.refresh)

    def _sign(self, kind: str, claims: Claims, lifetime: timedelta) -> str:
        now = datetime.now(UTC)
        body: dict[str, Any] = {"iss": ISSUER, "typ": kind, "iat": now, "exp": now + lifetime}
        body |= {"sub": str(claims.user_id), "sid": str(claims.session_id), "rot": claims.rotation}
        return jwt.encode(body, self.secret, ALGORITHM)

    def bearer(self, authorization: str) -> Claims:
        """Returns what the access token of an Authorization header says, or raises UNAUTHENTICATED."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated("Send an access token as `Authorization: Bearer …`.")
        return self.read(token.strip(), "access")

    def read(self, token: str, kind: str) -> Claims:
        """Returns what a token of this kind says, or raises UNAUTHENTICATED."""
        claims = _signed(self.secret, token, kind)
        if claims.expires_at <= datetime.now(UTC):
            raise _expired(kind)
        return claims


@lru_cache(maxsize=2_048)
def _signed(secret: str, token: str, kind: str) -> Claims:
    # A token is read twice for each request, by the rate limits first, and in many requests; what is bad is not kept.
    required = ["iss", "typ", "iat", "exp", "sub", "sid", "rot"]
    try:
        body = jwt.decode(token, secret, [ALGORITHM], issuer=ISSUER, options={"require": required})
        if body["typ"] != kind:
            raise unauthenticated(f"This is no {kind} token.")
        said = {"user_id": body["sub"], "session_id": body["sid"], "rotation": body["rot"]}
        said["expires_at"] = datetime.fromtimestamp(body["exp"], UTC)
        return msgspec.convert(said, Claims)
    except jwt.ExpiredSignatureError:
        raise _expired(kind) from None
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
        raise unauthenticated(f"This is no valid {kind} token.") from None


def _expired(kind: str) -> Refusal:
    return unauthenticated(f"The {kind} token has expired.")


def unauthenticated(message: str) -> Refusal:
    """Makes the refusal of someone we don't know."""
    return Refusal(Code.UNAUTHENTICATED, message, headers={"WWW-Authenticate": "Bearer"})
