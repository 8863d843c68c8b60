"""Shapes: what is selected of one object type, as one generated Python function for all objects of a list.

    def rows(objects):
        fits(objects)
        done = []
        for o in objects:
            done.append({"id": (str(v) if type(v := o.id) in c1 else c2(v)), "agentType": None})
        return done

The function writes what the objects hold themselves. `columns` are then filled in for all rows at once: what a loader
finds, and what leads there. `rest` are fields that only resolvers know; an object with such is completed alone.
"""

from collections.abc import Mapping
from keyword import iskeyword
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    TypeNameMetaFieldDef,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import GroupedFieldSet

from schema.executor.columns import Column, EdgeColumn, InnerColumn
from schema.executor.leaves import Leaf
from schema.executor.plan import MOST_FIELDS, Selected
from schema.executor.reads import Attribute, Edge, Function, heeds_class
from schema.executor.shapes import Shape, fitting
from schema.executor.targets import Leaves, Lists, Nullable, Objects, Target

if TYPE_CHECKING:
    from schema.executor.executor import CompilingExecutor

HEAD = """def rows(objects):
    fits(objects)
    done = []
    add = done.append
    for o in objects:
        add({"""
TAIL = """})
    return done
"""


def target_of(run: "CompilingExecutor", kind: GraphQLOutputType, field: Selected) -> Target | None:
    """Returns how values of a type are completed with what a field selects of them; None where only one by one."""
    if kind not in field.targets:
        field.targets[kind] = _target(run, kind, field)
    return field.targets[kind]


def _target(run: "CompilingExecutor", kind: GraphQLOutputType, field: Selected) -> Target | None:
    bare = kind.of_type if is_non_null_type(kind) else kind
    if is_leaf_type(bare):
        return Leaves(Leaf(bare, nullable=bare is kind).exact)
    inner: Target | None = None
    if is_list_type(bare):
        items = target_of(run, bare.of_type, field)
        inner = items and Lists(items)
    elif is_object_type(bare):
        shape = shape_of(run, bare, field)
        inner = Objects(shape) if shape and not shape.rest else None
    return Nullable(inner) if inner and bare is kind else inner


def shape_of(run: "CompilingExecutor", parent: GraphQLObjectType, field: Selected) -> Shape | None:
    """Returns the shape of what a field selects of an object type; None where graphql-core is to see to it."""
    if parent not in field.shapes:
        field.shapes[parent] = _shape(run, parent, field)
    return field.shapes[parent]


def _shape(run: "CompilingExecutor", parent: GraphQLObjectType, field: Selected) -> Shape | None:
    if parent.is_type_of and not heeds_class(parent.is_type_of):
        return None
    fields: Mapping[str, Any] = run.collect_subfields(parent, field).grouped_field_set
    if not all(isinstance(one, Selected) and one.field for one in fields.values()):
        return None
    assert run.plan
    run.plan.made += len(fields)
    if run.plan.made > MOST_FIELDS:
        return None
    parts = Parts(run, parent)
    for key, one in fields.items():
        parts.add(key, one)
    return parts.shape()


class Parts:
    """The parts of a shape in the making."""

    def __init__(self, run: "CompilingExecutor", parent: GraphQLObjectType) -> None:
        self.run, self.parent = run, parent
        self.entries: list[str] = []
        self.names: dict[str, object] = {"fits": fitting(parent), "none": []}
        self.columns: list[Column] = []
        self.later: GroupedFieldSet = {}
        self.alone = False

    def add(self, key: str, field: Selected) -> None:
        """Adds a field under its response key."""
        self.entries.append(f"{key!r}: {self._entry(key, field)}")

    def _entry(self, key: str, field: Selected) -> str:
        assert field.field
        if field.field is TypeNameMetaFieldDef:
            return repr(self.parent.name)
        target = target_of(self.run, field.field.type, field) if field.read else None
        if target is None or field.read is None:
            self.alone = True
            self.later[key] = field
            return "None"
        if isinstance(field.read, Edge):
            return self._later(key, field, EdgeColumn(key, field, field.read, target))
        if target.deep:
            get = attrgetter(field.read.name) if isinstance(field.read, Attribute) else field.read.read
            return self._later(key, field, InnerColumn(key, get, target))
        return self._now(field, target)

    def _later(self, key: str, field: Selected, column: Column) -> str:
        self.columns.append(column)
        self.later[key] = field
        return "None"

    def _now(self, field: Selected, target: Target) -> str:
        assert field.field
        value = self._access(field)
        kind = field.field.type
        bare = kind.of_type if is_non_null_type(kind) else kind
        if is_leaf_type(bare):
            return Leaf(bare, nullable=bare is kind).expression(value, self.name)
        return f"{self.name(target.take)}(({value},), none)[0]"

    def _access(self, field: Selected) -> str:
        if isinstance(field.read, Function):
            return f"{self.name(field.read.read)}(o)"
        assert isinstance(field.read, Attribute)
        name = field.read.name
        return f"o.{name}" if name.isidentifier() and not iskeyword(name) else f"getattr(o, {name!r})"

    def name(self, thing: object) -> str:
        """Gives a thing a name in the function."""
        name = f"c{len(self.names)}"
        self.names[name] = thing
        return name

    def shape(self) -> Shape:
        """Returns the whole."""
        exec(HEAD + ", ".join(self.entries) + TAIL, self.names)  # noqa: S102 — made of names that GraphQL and Python allow
        rows: Any = self.names["rows"]
        return Shape(rows, [], self.later) if self.alone else Shape(rows, self.columns, {})
