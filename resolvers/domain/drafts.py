"""Reading what a client sent into an input, with one fault per field."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

import msgspec

from resolvers.domain.errors import Code, Fault, Refusal

T = TypeVar("T", bound=msgspec.Struct)

MAX_DEPTH = 32
REQUIRED = "This field is required."
UNKNOWN = "There is no such field."
NO_ID = "Must be an id."
KINDS = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list",
    "object": "an object", "null": "null", "uuid": "an id", "decimal": "a number",
}  # fmt: skip
SENTENCES = (
    (r"Expected `str` of length >= 1$", r"Must not be empty."),
    (r"Expected `str` of length >= (\d+)", r"Must have at least \1 characters."),
    (r"Expected `str` of length <= (\d+)", r"Must have at most \1 characters."),
    (r"Expected `array` of length <= (\d+)", r"Must have at most \1 items."),
    (r"Expected `array` of length >= (\d+)", r"Must have at least \1 items."),
    (r"Expected `int` >= (-?\d+)", r"Must be at least \1."),
    (r"Expected `int` <= (\d+)", r"Must be at most \1."),
    (r"Invalid enum value '?(.*?)'?$", r"'\1' is none of the possible values."),
    (r"Invalid UUID", NO_ID),
    (r"Invalid decimal string", r"Must be a number."),
)


class Draft(Generic[T]):
    """Input as it came: not yet looked at, because rights come before validity."""

    def __init__(self, kind: type[T], raw: Mapping[str, object], *, strict: bool = True) -> None:
        self.kind, self.raw, self.strict = kind, raw, strict

    def parsed(self) -> T:
        """Returns the input, or raises VALIDATION_FAILED with one fault per field."""
        values, faults = read_fields(self.kind, self.raw, strict=self.strict)
        if faults:
            raise Refusal.of(faults)
        return self.kind(**values)


class Query(Draft[T]):
    """Input that came as the words of a query string."""

    def __init__(self, kind: type[T], raw: Mapping[str, object]) -> None:
        super().__init__(kind, raw, strict=False)


def read_fields(
    kind: type[msgspec.Struct], raw: Mapping[str, object], *, strict: bool = True
) -> tuple[dict[str, Any], list[Fault]]:
    """Returns the values that can be read and the faults of the others."""
    values: dict[str, Any] = {}
    faults = [Fault(Code.VALIDATION_FAILED, UNKNOWN, name) for name in raw if name not in _fields(kind)]
    for name, field in _fields(kind).items():
        if name not in raw:
            if field.required:
                faults.append(Fault(Code.VALIDATION_FAILED, REQUIRED, name))
            continue
        try:
            values[name] = read_value(raw[name], field.type, strict=strict)
        except Refusal as refusal:
            faults.append(Fault(refusal.code, refusal.faults[0].message, name))
    return values, faults


def read_value(value: object, kind: Any, *, strict: bool = True) -> Any:
    """Reads one value as a field's kind, or raises a refusal that says what is wrong with it."""
    extras = list(_extras(kind))
    problem = unstorable(value) or next((said for extra in extras if (said := _unread(value, extra))), None)
    if problem is None:
        value = _tidy(_whole(value, kind), extras)
        try:
            value = msgspec.convert(value, kind, strict=strict)
        except msgspec.ValidationError as error:
            problem = _sentence(str(error), extras)
    if problem is None:
        checks = (extra["check"] for extra in extras if extra.get("check"))
        items = value if isinstance(value, list) else [] if value is None else [value]
        problem = next((said for check in checks for item in items if (said := check(item))), None)
    if problem is not None:
        # An id that is none names nothing, in a body as in an address.
        raise Refusal(Code.NOT_FOUND if problem == NO_ID else Code.VALIDATION_FAILED, problem)
    return value


def unstorable(value: object, depth: int = 0) -> str | None:
    """Returns why PostgreSQL could not keep a value as it is, or None."""
    if depth > MAX_DEPTH:
        return f"Must not be nested deeper than {MAX_DEPTH} levels."
    if isinstance(value, str):
        if "\x00" in value:
            return "The character NUL can't be kept."
        return None if value.isprintable() or _encodes(value) else "This is no valid Unicode text."
    if isinstance(value, Mapping):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, list):
        inner = value
    elif isinstance(value, float) and value - value != 0:
        return "Must be a finite number."
    else:
        return "Must be a smaller number." if isinstance(value, int) and abs(value) > 10**100 else None
    return next((problem for item in inner if (problem := unstorable(item, depth + 1))), None)


def _unread(value: object, extra: Mapping[str, Any]) -> str | None:
    check = extra.get("unread")
    return check(value) if check else None


def _whole(value: object, kind: Any) -> object:
    # JSON knows numbers alone: 5.0 is as whole as 5.
    if isinstance(value, float) and value.is_integer() and _takes_whole(kind):
        return int(value)
    return value


def _takes_whole(kind: Any) -> bool:
    return kind is int or any(map(_takes_whole, get_args(kind)))


def _encodes(value: str) -> bool:
    return not re.search("[\ud800-\udfff]", value)


def _tidy(value: object, extras: list[dict[str, Any]]) -> object:
    if isinstance(value, list):
        return [_tidy(item, extras) for item in value]
    if isinstance(value, str):
        for extra in extras:
            value = value.strip() if extra.get("trim") else value
            value = value.lower() if extra.get("lower") else value
    return value


def _sentence(message: str, extras: list[dict[str, Any]]) -> str:
    said = message.split(" - at `", maxsplit=1)[0]
    if "matching regex" in said:
        return next(str(extra["hint"]) for extra in extras if extra.get("hint"))
    for pattern, sentence in SENTENCES:
        if found := re.match(pattern, said, re.DOTALL):
            return found.expand(sentence)
    words = re.sub(r"`([^`]*)`", lambda kinds: _say_kinds(kinds[1]), said.removeprefix("Expected "))
    return f"Must be {words}.".replace(", got ", ", not ")


def _say_kinds(kinds: str) -> str:
    return " or ".join(KINDS.get(kind, kind) for kind in kinds.split(" | "))


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.name: field for field in msgspec.structs.fields(kind)}


def _extras(kind: Any) -> Iterator[dict[str, Any]]:
    if get_origin(kind) is Annotated:
        yield from (meta.extra for meta in kind.__metadata__ if isinstance(meta, msgspec.Meta) and meta.extra)
    for inner in get_args(kind):
        if not isinstance(inner, msgspec.Meta):
            yield from _extras(inner)
