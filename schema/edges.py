"""Edges: fields that lead to what a loader finds, for all parents of a list at once."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import strawberry

from schema.context import Asking, Info
from schema.executor.loader import Loader
from schema.executor.reads import TOLD, Edge


def edge(answer: Any, says: str, *, key: str | tuple[str, ...], loader: Callable[[Asking], Loader[Any, Any]]) -> Any:
    """Makes a field whose value a loader finds by a field of the parent, or by several; null where there is none."""
    fields = (key,) if isinstance(key, str) else key
    read = attrgetter(*fields)

    async def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        wanted = read(root)
        return None if wanted is None else await loader(info.context).load(wanted)

    resolve.__annotations__["return"] = answer
    told = Edge(read, lambda info: loader(info.context), fields)
    return strawberry.field(resolver=resolve, description=says, metadata={TOLD: told})
