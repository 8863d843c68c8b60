"""From a verb's signature to a mutation: one input, one payload, expected refusals as `userErrors`."""

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import strawberry

from resolvers.context import Guest
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import EXPECTED, Code, Refusal
from resolvers.domain.ids import known_id
from resolvers.domain.users import TokenPair
from resolvers.domain.users import User as UserRecord
from resolvers.idempotency import REPLAYED, Key
from schema.context import Info
from schema.dress import described, enum, given, input_fields, make_input
from schema.types.users import User

Verb = Callable[..., Awaitable[Any]]
DRESSES: dict[type, type] = {UserRecord: User}

IDS = {
    "project_id": "The id of the project.",
    "user_id": "The id of the user.",
}
# What a verb may take beside its draft: its type, what it says, and how it is read.
OPTIONS: dict[str, tuple[type, str, Callable[[Any], Any]]] = {
    "expected_version": (
        int,
        "Refuse with VERSION_MISMATCH when the thing has another version by now.",
        lambda sent: sent,
    ),
    "idempotency_key": (
        str,
        "Repeat the request with the same key after a lost answer: it is done once, and answered alike.",
        lambda sent: None if sent is None else Key(sent),
    ),
}


@strawberry.type(description="Why a mutation was refused.")
class UserError:
    """Why a mutation was refused, for code and for people."""

    code: enum(Code) = strawberry.field(description="Why, for code.")  # type: ignore[valid-type]
    message: str = strawberry.field(description="Why, for people.")
    field: list[str] | None = strawberry.field(
        description="The field of the input that is to blame; null when none is."
    )


def mutation(name: str, verb: Verb, **thing: Any) -> Any:
    """Makes a mutation over a verb; the payload holds its record as `thing`, or else the record's own fields."""
    hints = get_type_hints(verb)
    first, *names = inspect.signature(verb).parameters
    public = hints[first] is Guest
    ids = [name for name in names if hints[name] is UUID]
    drafts = [(name, get_args(hints[name])[0]) for name in names if get_origin(hints[name]) is Draft]
    noun = re.sub("(?<!^)([A-Z])", r" \1", name).lower().partition(" ")[2]
    parts = [_id_field(key, noun) for key in ids]
    parts = [*(input_fields(kind) for _, kind in drafts), *parts]
    options = {name: option for name, option in OPTIONS.items() if name in names}
    parts += [_optional(name, kind, says) for name, (kind, says, _) in options.items()]
    payload = _payload(f"{name}Payload", hints["return"], thing)

    async def act(info: Info, sent: dict[str, object]) -> Any:
        try:
            caller = info.context.guest if public else await info.context.signed_in()
            values: dict[str, Any] = {key: known_id(str(sent.pop(key))) for key in ids}
            values |= {name: read(sent.pop(name, None)) for name, (_, _, read) in options.items()}
            values |= {key: Draft(kind, sent) for key, kind in drafts}
            done = await verb(caller, **values)
            info.context.forget()
            _tell_replayed(info, values.get("idempotency_key"))
            if isinstance(done, TokenPair):
                info.context.headers["Cache-Control"] = "no-store"
            return _filled(payload, thing, done)
        except Refusal as refusal:
            if refusal.code in EXPECTED or (public and refusal.code is Code.UNAUTHENTICATED):
                return _refused(payload, refusal)
            raise

    if not parts:

        async def resolve_bare(info: Info) -> Any:
            return await act(info, {})

        resolver: Any = resolve_bare
    else:

        async def resolve(info: Info, input: Any) -> Any:
            return await act(info, given(input))

        resolver = resolve
        told = strawberry.argument(description="What to do it with.")
        made = make_input(f"{name}Input", f"Input of `{name[0].lower()}{name[1:]}`.", *parts)
        resolver.__annotations__["input"] = Annotated[made, told]
    resolver.__annotations__["return"] = payload
    return strawberry.field(resolver=resolver, description=(verb.__doc__ or "").split("\n")[0])


def _tell_replayed(info: Info, key: Key | None) -> None:
    if key is not None and key.replayed:
        info.context.headers[REPLAYED] = "true"


def _id_field(name: str, noun: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return {name: strawberry.ID}, {name: strawberry.field(description=IDS.get(name, f"The id of the {noun}."))}


def _optional(name: str, kind: Any, says: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return {name: kind | None}, {name: strawberry.field(description=says, default=strawberry.UNSET)}


def _payload(name: str, record: type[msgspec.Struct], thing: dict[str, Any]) -> type:
    fields = {key: (kind, f"The {key.replace('_', ' ')}.") for key, kind in thing.items()}
    if not thing:
        fields = {key: (DRESSES.get(kind, kind), says) for key, kind, says in described(record)}
    fields = {key: (kind, f"{says.removesuffix('.')}; null when refused.") for key, (kind, says) in fields.items()}
    hints: dict[str, Any] = {key: kind | None for key, (kind, _) in fields.items()}
    body: dict[str, Any] = {key: strawberry.field(description=says, default=None) for key, (_, says) in fields.items()}
    hints["user_errors"] = list[UserError]
    body["user_errors"] = strawberry.field(description="Why it was refused; empty when it was done.")
    cls = type(name, (), {**body, "__annotations__": hints, "__module__": __name__})
    return strawberry.type(cls, description=f"What came of `{name[0].lower()}{name[1:-7]}`.")


def _filled(payload: type, thing: dict[str, Any], record: msgspec.Struct) -> Any:
    values = dict.fromkeys(thing, record) or {key: getattr(record, key) for key in record.__struct_fields__}
    return payload(**values, user_errors=[])


def _refused(payload: type, refusal: Refusal) -> Any:
    errors = [
        UserError(code=fault.code, message=fault.message, field=[camel(fault.field)] if fault.field else None)
        for fault in refusal.faults
    ]
    return payload(user_errors=errors)


def camel(name: str) -> str:
    """Returns a field's name as GraphQL writes it."""
    return re.sub("_(.)", lambda found: found[1].upper(), name)
