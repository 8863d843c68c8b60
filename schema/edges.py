"""Edges: fields that lead to what a loader finds, for all parents of a list at once."""

from collections.abc import Callable, Hashable
from typing import Any

import strawberry

from schema.context import Asking, Info
from schema.executor.loader import Loader
from schema.executor.reads import TOLD, Edge


def edge(
    answer: Any, says: str, *, key: Callable[[Any], Hashable], loader: Callable[[Asking], Loader[Any, Any]]
) -> Any:
    """Makes a field whose value a loader finds by a key of the parent; null where there is no key."""

    async def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        wanted = key(root)
        return None if wanted is None else await loader(info.context).load(wanted)

    resolve.__annotations__["return"] = answer
    told = Edge(key, lambda info: loader(info.context))
    return strawberry.field(resolver=resolve, description=says, metadata={TOLD: told})
