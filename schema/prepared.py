"""Operations that came before: parsed, found valid, weighed and compiled once, and then only run."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
)

from schema.executor.executor import Compiled
from schema.executor.of_strawberry import compiled
from schema.limits import Asked, size_of, weigh

SIZES = 50  # of each operation, for as many combinations its weight is kept


class Prepared:
    """An operation of a valid document, and what was found out about it."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, compiled: Compiled
    ) -> None:
        self.document, self.operation = document, operation
        self._schema, self._compiled = schema, compiled
        self._names = tuple(part.variable.name.value for part in operation.variable_definitions or ())
        self._weighed: dict[tuple[int | None, ...], Asked] = {}

    async def run(self, context: object, variables: dict[str, Any]) -> ExecutionResult:
        """Runs it."""
        return await self._compiled.run(None, context, variables)

    @property
    def kind(self) -> OperationType:
        return self.operation.operation

    def asked(self, variables: Mapping[str, Any]) -> Asked:
        """Returns what it asks for; of the variables only those count that say how many."""
        sizes = tuple(size_of(variables[name]) if name in variables else -1 for name in self._names)
        known = self._weighed.get(sizes)
        if known is None:
            known = weigh(self._schema, self.document, self.operation, variables)
            if len(self._weighed) < SIZES:
                self._weighed[sizes] = known
        return known


def prepare(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Prepared | None:
    """Returns the operation of this name, or the only one; None where there is none, or another way is right."""
    operation = get_operation_ast(document, name)
    ready = compiled(schema, document, name)
    return Prepared(schema, document, operation, ready) if operation and ready else None
