"""Shapes: what is selected of one object type, ready to be taken of any number of objects."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import GroupedFieldSet

from schema.executor.columns import Column, Pending, Rows
from schema.executor.reads import Surprise, ordinary


class Shape:
    """What objects hold themselves as rows, columns to be filled in, and the rest, which is done for each alone."""

    def __init__(self, rows: Callable[[Sequence[Any]], Rows], columns: Sequence[Column], rest: GroupedFieldSet) -> None:
        self._rows, self.columns, self.rest = rows, columns, rest

    def take(self, objects: Sequence[Any], pending: Pending) -> Rows:
        """Returns the rows of objects; filled in but for the rest, and for the edges that are pending."""
        rows = self._rows(objects)
        for column in self.columns:
            column.fill(objects, rows, pending)
        return rows


FITTING: "WeakKeyDictionary[GraphQLObjectType, Callable[[Sequence[Any]], None]]" = WeakKeyDictionary()


def fitting(parent: GraphQLObjectType) -> Callable[[Sequence[Any]], None]:
    """Returns what raises unless all objects are of classes that stand for a type."""
    if parent not in FITTING:
        FITTING[parent] = _fits(parent.is_type_of)
    return FITTING[parent]


def _fits(is_type_of: Any) -> Callable[[Sequence[Any]], None]:
    known: set[type] = set()

    def learn(one: Any) -> None:
        kind = type(one)
        if not ordinary(kind) or issubclass(kind, Mapping) or (is_type_of and is_type_of(one, None) is not True):
            raise Surprise
        known.add(kind)

    def fits(objects: Sequence[Any]) -> None:
        if not known.issuperset(map(type, objects)):
            for one in objects:
                learn(one)

    return fits
