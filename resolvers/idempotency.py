"""Safe retries: a verb that is called again with the same key does nothing and answers as it did."""

import hashlib
import hmac
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

import msgspec
from sqlalchemy import Select, Text, and_, delete, func, literal, select, type_coerce
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from resolvers.context import Context
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.permissions import Right
from resolvers.domain.projects import Project
from resolvers.domain.users import User
from resolvers.store.access import require
from resolvers.store.engine import Connection, Joined
from resolvers.store.statements import statement
from resolvers.store.tables import idempotency_keys as keys

P = ParamSpec("P")
R = TypeVar("R")

REPLAYED = "Idempotency-Replayed"
KEPT = timedelta(hours=24)
SWEEP = 20  # expired keys that each new one takes along
NO_KEY = "A key is 1 to 255 visible ASCII characters; a UUID will do."
KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Key:
    """An idempotency key as it came, and whether the answer to it is an old one."""

    def __init__(self, text: object) -> None:
        self.text = text
        self.replayed = False

    def fits(self) -> bool:
        """Tells whether it is one."""
        return isinstance(self.text, str) and KEY.fullmatch(self.text) is not None


def repeatable(
    verb: Callable[Concatenate[Context, P], Awaitable[R]],
) -> Callable[Concatenate[Context, P], Awaitable[R]]:
    """Lets a verb take an `idempotency_key`, scoped by who asks and by the verb."""
    kind = get_type_hints(verb)["return"]
    signature = inspect.signature(verb)
    scope = f"{verb.__module__.rpartition('.')[2]}.{verb.__name__}"
    about = [part.name for part in signature.parameters.values() if not _is_address(part)][1:]

    @wraps(verb)
    async def keyed(ctx: Context, *args: Any, idempotency_key: Key | None = None, **named: Any) -> Any:
        if idempotency_key is None:
            return await verb(ctx, *args, **named)
        bound = signature.bind(ctx, *args, **named).arguments
        asked = _fingerprint(ctx, {name: bound.get(name) for name in about})
        name = {"user_id": ctx.who.id, "verb": scope, "key": idempotency_key.text}
        async with ctx.store.write() as db:
            own = msgspec.structs.replace(ctx, store=Joined(ctx.store, db))
            if not idempotency_key.fits():
                await verb(own, *args, **named)  # rights come before validity; what it did is undone
                raise Refusal(Code.VALIDATION_FAILED, NO_KEY, field="idempotency_key")
            old = await _answered(db, name, asked)
            if old is not None:
                value = msgspec.json.decode(old, type=kind)
                await _may_still_see(own, value)
                idempotency_key.replayed = True
                return value
            value = await verb(own, *args, **named)
            await _keep(db, {**name, "fingerprint": asked, "answer": msgspec.json.encode(value)})
            return value

    key = inspect.Parameter("idempotency_key", inspect.Parameter.KEYWORD_ONLY, default=None)
    keyed.__signature__ = signature.replace(parameters=[*signature.parameters.values(), key])  # type: ignore[attr-defined]
    keyed.__annotations__["idempotency_key"] = Key | None
    return keyed  # type: ignore[return-value]


def _is_address(part: inspect.Parameter) -> bool:
    # Where the thing is found differs from door to door; what is asked of it does not.
    return part.kind is inspect.Parameter.KEYWORD_ONLY and part.name == "project_id"


async def _answered(db: Connection, name: Mapping[str, object], asked: bytes) -> bytes | None:
    """Returns the answer that is kept under a key, or takes the key until the end of the transaction."""
    words = ":".join(str(part) for part in name.values())
    claimed = (await db.execute(_claim(words, **name))).one()
    if claimed.answer is None:
        if not claimed.mine:
            raise _in_flight()
        return None
    if not hmac.compare_digest(claimed.fingerprint, asked):
        raise Refusal(Code.IDEMPOTENCY_KEY_REUSED, field="idempotency_key")
    return bytes(claimed.answer)


async def _may_still_see(ctx: Context, value: Any) -> None:
    if isinstance(value, User):
        ctx.require_superuser()
    project_id = value.id if isinstance(value, Project) else getattr(value, "project_id", None)
    if project_id is not None:
        await require(ctx.store, ctx.who, project_id, Right.READ)


async def _keep(db: Connection, row: Mapping[str, object]) -> None:
    if (await db.execute(_keeping(**row))).first() is None:
        raise _in_flight()  # it was, and has ended since the look at it


def _in_flight() -> Refusal:
    message = "The first request with this key is not answered yet; try again soon."
    return Refusal(Code.CONFLICT, message, field="idempotency_key", headers={"Retry-After": "1"})


@statement
def _claim(words: str, **name: object) -> Select[Any]:
    mine = func.pg_try_advisory_xact_lock(func.hashtextextended(type_coerce(words, Text), 0))
    same = and_(*(keys.c[column] == value for column, value in name.items()), keys.c.created_at > func.now() - KEPT)
    one = select(literal(1).label("one")).subquery()
    return select(mine.label("mine"), keys.c.fingerprint, keys.c.answer).select_from(one.outerjoin(keys, same))


@statement
def _keeping(**row: object) -> ReturningInsert[Any]:
    expired = keys.c.created_at <= func.now() - KEPT
    old = select(keys.c.user_id, keys.c.verb, keys.c.key).where(expired, keys.c.key != row["key"])
    some = old.order_by(keys.c.created_at).limit(SWEEP).with_for_update(skip_locked=True).cte("some")
    swept = delete(keys).where(*(keys.c[name] == some.c[name] for name in ("user_id", "verb", "key"))).cte("swept")
    made = insert(keys).values(row)
    anew = {name: made.excluded[name] for name in ("fingerprint", "answer")} | {"created_at": func.now()}
    kept = made.on_conflict_do_update(index_elements=["user_id", "verb", "key"], set_=anew, where=expired)
    return kept.returning(keys.c.key).add_cte(swept)


def _fingerprint(ctx: Context, asked: Mapping[str, object]) -> bytes:
    plain = {name: value.raw if isinstance(value, Draft) else value for name, value in asked.items()}
    try:
        packed = json.dumps(plain, sort_keys=True, default=str).encode()
    except RecursionError:
        return b""  # nothing nested so deep is accepted, so no answer to it is ever kept
    # A payload may hold a password, so its plain hash would tell too much.
    return hmac.digest(ctx.keys.secret.encode(), packed, hashlib.sha256)
