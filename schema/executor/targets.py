"""Targets: how many values of one output type are completed at once, level by level.

A target takes values that stand in as many places of the result, and gives back what each becomes. Edges are not
followed yet: they are noted as `pending`, and filled in later. What a target can't complete exactly as graphql-core
would raises, whatever it raises; then the values are completed one by one, the exact way, and nothing is lost but the
attempt: it called nothing that may not be called again.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from schema.executor.reads import Surprise

if TYPE_CHECKING:
    from schema.executor.columns import Pending
    from schema.executor.shapes import Shape

SEQUENCES = (list, tuple)


class Target(Protocol):
    """What completes values of one type."""

    deep: bool
    """Whether there are edges in it."""

    def take(self, values: Sequence[Any], pending: "Pending") -> list[Any]:
        """Returns what the values become."""


class Leaves(Target):
    """Scalars and enums."""

    deep = False

    def __init__(self, exact: Callable[[Any], Any]) -> None:
        self._exact = exact

    def take(self, values: Sequence[Any], pending: "Pending") -> list[Any]:  # noqa: ARG002 — for others
        return list(map(self._exact, values))


class Nullable(Target):
    """Whatever may be null."""

    def __init__(self, inner: Target) -> None:
        self._inner, self.deep = inner, inner.deep

    def take(self, values: Sequence[Any], pending: "Pending") -> list[Any]:
        there = [value for value in values if value is not None]
        completed = self._inner.take(there, pending)
        if len(there) == len(values):
            return completed
        following = iter(completed)
        return [None if value is None else next(following) for value in values]


class Lists(Target):
    """Lists, whose items are completed together."""

    def __init__(self, items: Target) -> None:
        self._items, self.deep = items, items.deep

    def take(self, values: Sequence[Any], pending: "Pending") -> list[Any]:
        if not all(type(value) in SEQUENCES for value in values):
            raise Surprise
        if len(values) == 1:
            return [self._items.take(values[0], pending)]
        completed = iter(self._items.take([item for value in values for item in value], pending))
        return [list(islice(completed, len(value))) for value in values]


class Objects(Target):
    """Objects of one type, shaped alike."""

    def __init__(self, shape: "Shape") -> None:
        self._shape, self.deep = shape, bool(shape.columns)

    def take(self, values: Sequence[Any], pending: "Pending") -> list[Any]:
        return self._shape.take(values, pending)
