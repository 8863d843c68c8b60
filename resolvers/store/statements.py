"""Statements in SQLAlchemy's language, built and compiled once for each shape of their arguments."""

from collections import namedtuple
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import ARRAY, BindParameter, ColumnElement, Executable, TextClause, any_, bindparam, type_coerce
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

from resolvers.domain.fields import Fields, Record, part
from resolvers.domain.paging import Sort
from resolvers.domain.users import User, Viewer

P = ParamSpec("P")
K = TypeVar("K")

MOST = 256  # shapes of one statement that are kept
DIALECT = PGDialect_asyncpg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
VALUES = (UUID, str, int, float, Decimal, datetime, timedelta, bytes, dict)
FORMS = (bool, type(None), msgspec.UnsetType, Enum, type, Sort, Fields)
NEW_EACH_TIME = (UUID, datetime, bytes)
VALUE, ONE, SEVERAL = object(), object(), object()


class Plan:
    """A compiled statement: its text, what to send with it, and how to read its rows."""

    def __init__(self, compiled: SQLCompiler, sources: Mapping[str, str], *, traced: bool) -> None:
        self.text = compiled.string
        self.is_text = isinstance(compiled.statement, TextClause)
        columns = compiled._result_columns  # noqa: SLF001 — the only account of them that is complete
        self.silent = not columns and not self.is_text
        self._names = [str(column.keyname) for column in columns]
        self._lookups = [getattr(column.type, "lookup", None) for column in columns]
        self._makers: dict[Hashable, Callable[[Sequence[asyncpg.Record]], list[Any]]] = {}
        self.arguments = self._sending(compiled, sources, traced=traced)

    def _sending(
        self, compiled: SQLCompiler, sources: Mapping[str, str], *, traced: bool
    ) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        parts, known = [], {}
        for number, name in enumerate(compiled.positiontup or ()):
            part = sources.get(name)
            if part is None:
                part, known[f"c{number}"] = f"c{number}", compiled.params[name]
                if traced and isinstance(compiled.params[name], NEW_EACH_TIME):
                    raise TypeError("This value is made within the statement; hand it in as an argument.")
            written = getattr(compiled.binds[name].type, "written", None) if name in sources else None
            if written:
                part, known[f"w{number}"] = f"w{number}({part})", written
            parts.append(f"{part}, ")
        return _function(f"lambda v: ({''.join(parts)})", known)

    def maker(self, kind: Callable[..., K], skip: int = 0) -> Callable[[Sequence[asyncpg.Record]], list[K]]:
        """Returns what makes records of rows, whose values stand in the order of the fields; some may be skipped."""
        made = self._makers.get((kind, skip))
        if made is None:
            made = self._makers[kind, skip] = self._making(kind, skip)
        return made

    def _making(self, kind: Callable[..., K], skip: int) -> Callable[[Sequence[asyncpg.Record]], list[K]]:
        known = {f"t{number}": lookup for number, lookup in enumerate(self._lookups)}
        names = "".join(f"v{number}, " for number in range(len(self._lookups)))
        values = [f"t{n}[v{n}]" if lookup else f"v{n}" for n, lookup in enumerate(self._lookups)]
        made: Callable[..., Any] = kind
        if isinstance(kind, type) and issubclass(kind, Record) and len(values) - skip < len(kind.__struct_fields__):
            made = part(kind, tuple(self._names[skip:]))
        source = f"lambda rows: [kind({', '.join(values[skip:])}) for {names}in rows]"
        return _function(source, {**known, "kind": made})

    def rows(self, records: Sequence[asyncpg.Record]) -> list[Any]:
        """Returns rows as tuples with names."""
        if not records:
            return []
        if self.is_text:
            row = _row(records[0].keys())
            return [row(*record) for record in records]
        made = self._makers.get("rows")
        if made is None:
            made = self._makers["rows"] = self._making(_row(self._names), 0)
        return made(records)


def _row(names: Iterable[str]) -> Any:
    return namedtuple("Row", names, rename=True)  # noqa: PYI024 — known at run time alone


class Bound(NamedTuple):
    """A compiled statement with the values of one call."""

    plan: Plan
    values: Sequence[Any]


class Several(BindParameter[Any]):
    """The values of a list, as one array; `first` stands for the only value of a list of one."""

    inherit_cache = True
    first: BindParameter[Any] | None = None


class Kind(NamedTuple):
    """How arguments of one type are taken apart, and what stands for them while a statement is built."""

    apart: Callable[[Any, list[Any]], Hashable]
    stand_in: Callable[[Any, list[BindParameter[Any]]], Any]


def statement(build: Callable[P, Executable]) -> Callable[P, Bound]:
    """Makes a function that returns a statement build and compile it once for each shape of its arguments.

    Values are parameters: ids, texts, numbers, times, dicts, and lists, which are one array each. What may decide on
    the form belongs to the shape: booleans, None, UNSET, enum members, names of fields and of keyword arguments. Tuples
    and structs are looked into. A value that is no argument, such as a new id, would stay as it was the first time.
    """
    plans: dict[Hashable, Plan] = {}

    @wraps(build)
    def bind(*args: P.args, **named: P.kwargs) -> Bound:
        values: list[Any] = []
        shape: Hashable = tuple([_apart(arg, values) for arg in args])
        if named:
            shape = (shape, tuple([(name, _apart(named[name], values)) for name in sorted(named)]))
        plan = plans.get(shape)
        if plan is None:
            if len(plans) >= MOST:
                del plans[next(iter(plans))]
            plan = plans[shape] = _traced(build, args, named)
        return Bound(plan, values)

    bind.plans = plans  # type: ignore[attr-defined]
    return bind


def once(built: Executable, values: Mapping[str, object] | None = None) -> Bound:
    """Compiles a statement for this one time; `values` are those that a text names."""
    if isinstance(built, TextClause) and values:
        built = built.bindparams(**values)
    return Bound(_compiled(built, {}, traced=False), ())


def among(column: ColumnElement[Any], values: Any) -> ColumnElement[bool]:
    """Holds where the column is one of the values of a list."""
    # PostgreSQL takes an array for ten values, and so would plan anew for a single one each time.
    if values.first is not None:
        wanted: ColumnElement[bool] = column == values.first
        return wanted
    several: ColumnElement[bool] = column == any_(type_coerce(values, ARRAY(column.type)))
    return several


def several(values: Any) -> bool:
    """Tells whether a list holds anything but a single value."""
    return values.first is None


def _traced(build: Callable[..., Executable], args: Sequence[Any], named: Mapping[str, Any]) -> Plan:
    params: list[BindParameter[Any]] = []
    stand_ins = [_stand_in(arg, params) for arg in args]
    named_ones = {name: _stand_in(named[name], params) for name in sorted(named)}
    sources = {f"v{number}": f"v[{number}]" for number in range(len(params))}
    sources |= {f"v{number}_first": f"v[{number}][0]" for number in range(len(params))}
    return _compiled(build(*stand_ins, **named_ones), sources, traced=True)


def _compiled(built: Executable, sources: Mapping[str, str], *, traced: bool) -> Plan:
    compiled = built.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
    return Plan(compiled, sources, traced=traced)


def _function(source: str, known: Mapping[str, Any]) -> Callable[..., Any]:
    made: Callable[..., Any] = eval(source, dict(known))  # noqa: S307 — made of numbers and of our own names
    return made


def _apart(value: Any, values: list[Any]) -> Hashable:
    kind = KINDS.get(type(value)) or _learned(type(value))
    return kind.apart(value, values)


def _stand_in(value: Any, params: list[BindParameter[Any]]) -> Any:
    kind = KINDS.get(type(value)) or _learned(type(value))
    return kind.stand_in(value, params)


def _learned(type_: type) -> Kind:
    if issubclass(type_, FORMS):
        kind = Kind(lambda value, _: (type_, value), lambda value, _: value)
    elif issubclass(type_, VALUES):
        kind = Kind(_value_apart, _parameter)
    elif issubclass(type_, msgspec.Struct):
        kind = _structure(type_, type_.__struct_fields__)
    elif issubclass(type_, tuple) and hasattr(type_, "_fields"):
        kind = _structure(type_, type_._fields)
    else:
        raise TypeError(f"A {type_.__name__} is no argument for a statement.")
    KINDS[type_] = kind
    return kind


def _value_apart(value: Any, values: list[Any]) -> Hashable:
    values.append(value)
    return VALUE


def _parameter(_value: Any, params: list[BindParameter[Any]]) -> BindParameter[Any]:
    param: BindParameter[Any] = bindparam(f"v{len(params)}", required=False)
    params.append(param)
    return param


def _list_apart(value: list[Any], values: list[Any]) -> Hashable:
    values.append(value)
    return ONE if len(value) == 1 else SEVERAL


def _several(value: list[Any], params: list[BindParameter[Any]]) -> Several:
    param = Several(f"v{len(params)}", required=False)
    if len(value) == 1:
        param.first = bindparam(f"{param.key}_first", required=False)
    params.append(param)
    return param


def _tuple_apart(value: tuple[Any, ...], values: list[Any]) -> Hashable:
    return tuple([_apart(part, values) for part in value])


def _tuple_stand_in(value: tuple[Any, ...], params: list[BindParameter[Any]]) -> tuple[Any, ...]:
    return tuple(_stand_in(part, params) for part in value)


def _structure(type_: Any, fields: Sequence[str]) -> Kind:
    def apart(value: Any, values: list[Any]) -> Hashable:
        return (type_, *[_apart(getattr(value, name), values) for name in fields])

    def stand_in(value: Any, params: list[BindParameter[Any]]) -> Any:
        return type_(**{name: _stand_in(getattr(value, name), params) for name in fields})

    return Kind(apart, stand_in)


def _viewer_apart(who: Viewer, values: list[Any]) -> Hashable:
    values += (who.user.id, who.session_id)
    return Viewer, who.user.is_superuser


def _viewer_stand_in(who: Viewer, params: list[BindParameter[Any]]) -> Viewer:
    # Of who asks, statements know nothing but these.
    nothing: dict[str, Any] = dict.fromkeys(User.__struct_fields__)
    user = User(**{**nothing, "id": _parameter(None, params), "is_superuser": who.is_superuser})
    return Viewer(user, _parameter(None, params), who.expires_at)  # type: ignore[arg-type]


KINDS: dict[type, Kind] = {
    list: Kind(_list_apart, _several),
    tuple: Kind(_tuple_apart, _tuple_stand_in),
    Viewer: Kind(_viewer_apart, _viewer_stand_in),
}
