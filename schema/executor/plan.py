"""Plans: what there is to know of an operation before it runs, found out once and kept with its document."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    get_argument_values,
    is_leaf_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.utilities.coerce_input_value import coerce_input_value

from schema.executor.reads import Edge, Read, read_of

if TYPE_CHECKING:
    from schema.executor.shapes import Shape
    from schema.executor.targets import Target

CONDITIONS = {"skip", "include"}
INCREMENTAL = {"defer", "stream"}
MOST_WAYS = 4  # to decide on what is skipped and included, for which the fields are kept
MOST_FIELDS = 300  # that are compiled: fragments make much of few words
Way = tuple[bool | None, ...]


class Selected(list[FieldDetails]):
    """A field as it was selected of one object type, with what was found out about it."""

    __slots__ = ("below", "constant", "field", "nodes", "parent", "read", "resolve", "shapes", "targets")

    def __init__(self, details: FieldDetailsList, schema: GraphQLSchema, parent: GraphQLObjectType) -> None:
        super().__init__(details)
        self.parent = parent
        self.nodes: list[FieldNode] = [detail.node for detail in details]
        node = self.nodes[0]
        self.field: GraphQLField | None = schema.get_field(parent, node.name.value)
        self.resolve = self.field.resolve if self.field else None
        self.read: Read | None = None
        self.constant: dict[str, Any] | None = None
        if self.field:
            self.constant = constant_arguments(self.field, node)
            self.read = read_of(self.field, node.name.value)
            if self.constant != {} and not isinstance(self.read, Edge):
                self.read = None  # whose arguments may be wrong, though nothing heeds them
        self.below: dict[GraphQLObjectType, CollectedFields] = {}
        self.shapes: dict[GraphQLObjectType, Shape | None] = {}
        self.targets: dict[GraphQLOutputType, Target | None] = {}

    def arguments(self, variables: VariableValues, *, hide_suggestions: bool) -> Mapping[str, Any]:
        """Returns the arguments as graphql-core coerces them."""
        if self.constant is not None:
            return self.constant
        assert self.field
        return get_argument_values(self.field, self.nodes[0], variables, None, hide_suggestions)


def constant_arguments(field: GraphQLField, node: FieldNode) -> dict[str, Any] | None:
    """Returns arguments that are the same each time and that nobody can change; None where they may be others."""
    if not field.args:
        return {}
    if any(isinstance(part, VariableNode) for part in nodes_of(*node.arguments or ())):
        return None
    try:
        values = get_argument_values(field, node)
    except Exception:  # noqa: BLE001 — it is told at its place each time
        return None
    fixed = all(isinstance(value, str | int | float | Enum | None) for value in values.values())
    return values if fixed else None


def selected(collected: GroupedFieldSet, schema: GraphQLSchema, parent: GraphQLObjectType) -> GroupedFieldSet:
    """Returns the fields that graphql-core has collected, for keeping."""
    return {name: Selected(details, schema, parent) for name, details in collected.items()}


def nodes_of(*roots: Node) -> Iterator[Node]:
    """Yields nodes and all that they are made of."""
    waiting: list[Any] = [*roots]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Node):
            yield part
            waiting += [inner for name, inner in vars(part).items() if name != "loc"]
        elif isinstance(part, list | tuple):
            waiting += part


class Plan:
    """One operation of a document over a schema; its fields by what is skipped and included."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.schema, self.operation = schema, operation
        parts = [part for part in document.definitions if isinstance(part, FragmentDefinitionNode)]
        self.definitions = {part.name.value: part for part in parts}
        self.fragments = {name: FragmentDetails(part) for name, part in self.definitions.items()}
        self.runs = self.made = 0
        self.fit = True  # for anything else than graphql-core
        self._conditions = sorted(set(self._condition_names(document)))
        self._ways: dict[Way, GroupedFieldSet] = {}
        self._signatures = [get_variable_signature(schema, part) for part in operation.variable_definitions or ()]

    def _condition_names(self, document: DocumentNode) -> Iterator[str]:
        for node in nodes_of(document):
            if node.kind == "directive" and node.name.value in INCREMENTAL:  # type: ignore[attr-defined]
                self.fit = False
            elif node.kind == "directive" and node.name.value in CONDITIONS:  # type: ignore[attr-defined]
                yield from (part.name.value for part in nodes_of(node) if isinstance(part, VariableNode))
            elif isinstance(node, FragmentDefinitionNode) and node.variable_definitions:
                self.fit = False

    def fields(self, root: GraphQLObjectType, variables: VariableValues) -> GroupedFieldSet | None:
        """Returns the root fields, the same objects each time; None where graphql-core must find them itself."""
        way: Way = tuple(variables.coerced.get(name) for name in self._conditions)
        if not self.fit or not all(isinstance(value, bool | None) for value in way):
            return None
        found = self._ways.get(way)
        if found is None and len(self._ways) < MOST_WAYS:
            try:
                collected = collect_fields(self.schema, self.fragments, variables, root, self.operation)
            except (GraphQLError, RecursionError):
                return None
            found = self._ways[way] = selected(collected.grouped_field_set, self.schema, root)
        return found

    def variables(self, raw: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """Returns the coerced variables, or what is wrong with them."""
        values = VariableValues({}, {})
        for signature in self._signatures:
            if isinstance(signature, GraphQLError) or not self._coerced(signature, raw, values):
                return get_variable_values(self.schema, self.operation.variable_definitions or (), raw, max_errors=50)
        return values

    def _coerced(self, signature: GraphQLVariableSignature, raw: dict[str, Any], values: VariableValues) -> bool:
        """Coerces a plain variable; what is left out, null, a list, an object or wrong needs more."""
        value = raw.get(signature.name)
        if value is None or not is_leaf_type(getattr(signature.type, "of_type", signature.type)):
            return False
        with suppress(Exception):
            coerced = coerce_input_value(value, signature.type)
            if coerced is not Undefined:
                values.sources[signature.name] = VariableValueSource(signature, value)
                values.coerced[signature.name] = coerced
                return True
        return False


PLANS = "_plans"


def plan_of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Plan:
    """Returns the plan of an operation, which is kept in its document and goes with it."""
    kept: dict[int, Plan] = vars(document).setdefault(PLANS, {})
    plan = kept.get(id(operation))
    if plan is None or plan.schema is not schema:
        plan = kept[id(operation)] = Plan(schema, document, operation)
    return plan
