"""Columns: fields that are filled in for many rows at once, since something must be waited for."""

from asyncio import gather
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from graphql.pyutils import Path

from schema.executor.reads import Edge

if TYPE_CHECKING:
    from schema.executor.executor import CompilingExecutor
    from schema.executor.plan import Selected
    from schema.executor.targets import Target

Rows = list[dict[str, Any]]
Pending = list[tuple["EdgeColumn", Sequence[Any], Rows]]
"""Edges that are yet to be followed, from which parents, into which rows."""


class Column(Protocol):
    """A field that is filled in for all rows at once."""

    def fill(self, objects: Sequence[Any], rows: Rows, pending: Pending) -> None: ...


class InnerColumn(Column):
    """A field that leads to others which must be waited for."""

    def __init__(self, name: str, read: Callable[[Any], Any], target: "Target") -> None:
        self._name, self._read, self._target = name, read, target

    def fill(self, objects: Sequence[Any], rows: Rows, pending: Pending) -> None:
        name, completed = self._name, self._target.take(list(map(self._read, objects)), pending)
        for row, value in zip(rows, completed, strict=True):
            row[name] = value


class EdgeColumn(Column):
    """An edge: found by the keys of all parents at once, and completed once for each key."""

    def __init__(self, name: str, field: "Selected", edge: Edge, target: "Target") -> None:
        self._name, self._field, self._edge, self._target = name, field, edge, target

    def fill(self, objects: Sequence[Any], rows: Rows, pending: Pending) -> None:
        pending.append((self, objects, rows))

    async def follow(self, run: "CompilingExecutor", objects: Sequence[Any], rows: Rows) -> None:
        """Fills the rows with what the edge leads to, and all that is below."""
        name, keys = self._name, list(map(self._edge.key, objects))
        wanted = dict.fromkeys(keys)
        holes = None in wanted
        wanted.pop(None, None)
        arguments = self._field.arguments(run.variable_values, hide_suggestions=run.hide_suggestions)
        values = [*await self._loader(run, arguments).load_many(list(wanted))] if wanted else []
        if holes:
            wanted[None] = None
            values.append(None)
        below: Pending = []
        completed = dict(zip(wanted, self._target.take(values, below), strict=True))
        for row, key in zip(rows, keys, strict=True):
            row[name] = completed[key]
        await follow(run, below)

    def _loader(self, run: "CompilingExecutor", arguments: Mapping[str, Any]) -> Any:
        field = self._field
        assert field.field
        info = run.build_resolve_info(field.field, field.nodes, field.parent, Path(None, self._name, field.parent.name))
        return self._edge.loader(info, **arguments)


async def follow(run: "CompilingExecutor", pending: Pending) -> None:
    """Follows edges at the same time; all have ended when one has failed."""
    if len(pending) == 1:
        edge, objects, rows = pending[0]
        await edge.follow(run, objects, rows)
    elif pending:
        # None is cancelled for the failure of another: what they load is asked for again, the exact way.
        ways = (edge.follow(run, objects, rows) for edge, objects, rows in pending)
        for failed in await gather(*ways, return_exceptions=True):
            if failed is not None:
                raise failed
