"""How much a GraphQL operation asks for, found out in one walk before anything runs."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

from resolvers.domain.errors import Refusal
from resolvers.domain.fields import MAX_COUNT
from resolvers.domain.limits import ALIASES, COST, DEPTH, DIRECTIVES, ROOT_FIELDS, SCHEMA_ALIASES, SIGN_INS
from resolvers.domain.paging import DEFAULT_LIMIT

SIGN_IN_FIELDS = frozenset({"login", "register", "refreshToken", "changePassword"})
LONG = 12
COST_OF_UNIT = 50


class Shape(NamedTuple):
    """A field as the walk sees it: the type of what it answers, what that costs, and which arguments say how many."""

    kind: str
    own: int
    sizes: frozenset[str] = frozenset()


META = {"__schema": Shape("__Schema", 0), "__type": Shape("__Type", 0)}


class Weight(NamedTuple):
    """What a selection set asks for, with its fragments written out."""

    depth: int = 0
    fields: int = 0
    directives: int = 0
    cost: int = 0
    sign_ins: int = 0
    introspections: int = 0

    def beside(self, other: "Weight") -> "Weight":
        """Returns what both ask for in one selection set."""
        return Weight(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.directives + other.directives,
            self.cost + other.cost,
            self.sign_ins + other.sign_ins,
            self.introspections + other.introspections,
        )


class Asked(NamedTuple):
    """What an operation asks for."""

    weight: Weight
    aliases: Mapping[tuple[str, str], set[str]]

    @property
    def cost(self) -> int:
        return min(self.weight.cost, MAX_COUNT)

    def units(self, kind: OperationType) -> int:
        """Returns what the operation takes of a rate limit: a mutation no less than its fields one by one."""
        return max(1, ceil(self.cost / COST_OF_UNIT), self.weight.fields if kind is OperationType.MUTATION else 0)

    def told(self) -> dict[str, int]:
        """Returns what an answer says of its cost."""
        return {"requested": self.cost, "limit": COST.value}

    def refusals(self) -> list[Refusal]:
        """Returns a refusal for each limit that is exceeded."""
        counts = {
            DEPTH: self.weight.depth,
            DIRECTIVES: self.weight.directives,
            ROOT_FIELDS: self.weight.fields,
            SIGN_INS: self.weight.sign_ins,
            COST: self.weight.cost,
        }
        found = [limit.refusal(min(asked, MAX_COUNT)) for limit, asked in counts.items() if asked > limit.value]
        return found + list(self._too_many_aliases())

    def _too_many_aliases(self) -> Iterator[Refusal]:
        for (kind, name), aliases in self.aliases.items():
            # Introspection has no cost, and each alias of its lists would multiply those below.
            limit = SCHEMA_ALIASES if kind.startswith("__") or name == "__schema" else ALIASES
            if len(aliases) > limit.value:
                yield limit.refusal(len(aliases), field=f"{kind}.{name}")


def weigh(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any] | None,
) -> Asked:
    """Returns what an operation asks for; the document need not be valid."""
    walk = Walk(shapes(schema), document, operation, variables or {})
    root = schema.get_root_type(operation.operation)
    weight = walk.weigh(operation.selection_set, root.name if root else "")
    around = len(operation.directives or ())
    around += sum(len(part.directives or ()) for part in operation.variable_definitions or ())
    around += sum(len(part.directives or ()) for part in walk.fragments.values())
    return Asked(weight.beside(Weight(directives=around)), walk.aliases)


class Walk:
    """One walk through an operation: each fragment is looked at once, and counted as often as it is spread."""

    def __init__(
        self,
        fields: Mapping[str, Mapping[str, Shape]],
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        parts = document.definitions
        self.fragments = {part.name.value: part for part in parts if isinstance(part, FragmentDefinitionNode)}
        self.aliases: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._fields = fields
        self._known: dict[str, Weight] = {}
        defaults = {part.variable.name.value: part.default_value for part in operation.variable_definitions or ()}
        self._values = {name: self._value(value) for name, value in defaults.items()}
        self._values |= {name: size_of(value) for name, value in variables.items()}

    def weigh(self, selections: SelectionSetNode | None, kind: str) -> Weight:
        """Returns what a selection set of a type asks for; one frame a level, so that no document is too deep."""
        total = Weight()
        for part, parent in self._flat(selections, kind):
            if isinstance(part, FieldNode):
                shape = self._fields.get(parent, {}).get(part.name.value) or META.get(part.name.value)
                below = self.weigh(part.selection_set, shape.kind if shape else "") if part.selection_set else None
                total = total.beside(self._field(part, parent, shape, below))
                continue
            if part.directives:
                total = total.beside(Weight(directives=len(part.directives)))
            if isinstance(part, FragmentSpreadNode) and (fragment := self.fragments.get(part.name.value)):
                name = part.name.value
                if name not in self._known:
                    self._known[name] = Weight()  # where it spreads itself, which validation refuses
                    self._known[name] = self.weigh(fragment.selection_set, fragment.type_condition.name.value)
                total = total.beside(self._known[name])
        return total

    def _flat(self, selections: SelectionSetNode | None, kind: str) -> Iterator[tuple[Any, str]]:
        """Yields each selection with the type that it is made of, and what inline fragments hold as well."""
        waiting = [(selections, kind)]
        while waiting:
            inner, parent = waiting.pop()
            for part in inner.selections if inner else ():
                yield part, parent
                if isinstance(part, InlineFragmentNode):
                    condition = part.type_condition
                    waiting.append((part.selection_set, condition.name.value if condition else parent))

    def _field(self, node: FieldNode, parent: str, shape: Shape | None, below: Weight | None) -> Weight:
        name = node.name.value
        if node.alias:
            self.aliases[parent, name].add(node.alias.value)
        directives = len(node.directives or ()) + (below.directives if below else 0)
        if name in META:
            return Weight(1, 1, directives, introspections=1)
        sign_ins = int(parent == "Mutation" and name in SIGN_IN_FIELDS)
        if below is None:
            return Weight(1, 1, directives, sign_ins=sign_ins)
        own, sizes = (shape.own, shape.sizes) if shape else (1, frozenset[str]())
        cost = (own + below.cost) * self._times(node, sizes)
        return Weight(1 + below.depth, 1, directives, cost, sign_ins, below.introspections)

    def _times(self, node: FieldNode, sizes: frozenset[str]) -> int:
        if not sizes:
            return 1
        given = [self._value(argument.value) for argument in node.arguments or () if argument.name.value in sizes]
        return max(0, max((size for size in given if size is not None), default=DEFAULT_LIMIT))

    def _value(self, node: ValueNode | None) -> int | None:
        """Returns the size that an argument says: a number, or how many items it lists; None where it says nothing."""
        if isinstance(node, VariableNode):
            return self._values.get(node.name.value)
        if isinstance(node, IntValueNode):
            return int(node.value[:LONG])
        if isinstance(node, ListValueNode):
            return len(node.values)
        return None if node is None or isinstance(node, NullValueNode) else 1


def size_of(value: object) -> int | None:
    """Returns the size that a variable says; JSON's 5.0 is a 5 too."""
    if isinstance(value, int | float):
        return int(min(value, 10**LONG))
    if isinstance(value, list):
        return len(value)
    return None if value is None else 1


@lru_cache(maxsize=4)
def shapes(schema: GraphQLSchema) -> dict[str, dict[str, Shape]]:
    """Returns each field that answers objects, by its type and its name."""
    kinds = [kind for kind in schema.type_map.values() if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)]
    lists = {
        get_named_type(field.type).name for kind in kinds for field in kind.fields.values() if "first" in field.args
    }
    edges = {get_named_type(kind.fields["edges"].type).name for kind in kinds if kind.name in lists}
    # What a list costs is counted where its length is asked for, so how its items are written costs nothing more.
    free = lists | edges
    return {kind.name: _fields(kind, own=int(kind.name not in free)) for kind in kinds}


def _fields(kind: GraphQLObjectType | GraphQLInterfaceType, *, own: int) -> dict[str, Shape]:
    found = {}
    for name, field in kind.fields.items():
        answer = get_named_type(field.type)
        if is_composite_type(answer):
            found[name] = Shape(answer.name, own, frozenset({"first", "last", "ids"}.intersection(field.args)))
    return found
