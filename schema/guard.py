"""Holds each operation to its limits, on whatever transport it comes."""

from collections.abc import AsyncIterator, Iterator

from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode, OperationType, get_operation_ast, parse
from strawberry.extensions import SchemaExtension

from resolvers.domain.errors import Refusal
from resolvers.domain.limits import EXECUTION, TOKENS
from schema.limits import Asked, weigh
from schema.trusted import looked_up

NOTHING = parse("{__typename}")


class Guard(SchemaExtension):
    """Refuses an operation that asks for too much, or for what is not to be shown, before it is validated."""

    def on_operation(self) -> Iterator[None]:
        self.execution_context.parse_options["max_tokens"] = TOKENS.value
        yield

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        try:
            context.query = looked_up(context.query or "", context.context.profile.trusted)
        except Refusal as refusal:
            context.graphql_document = NOTHING  # which is not parsed, and with an error does not run
            context.pre_execution_errors = [_error(refusal)]
        yield

    async def on_validate(self) -> AsyncIterator[None]:
        context = self.execution_context
        if operation := self._operation():
            assert context.graphql_document
            asked = weigh(context.schema._schema, context.graphql_document, operation, context.variables)  # noqa: SLF001 — told no other way
            refusals = asked.refusals() or await self._unpaid(asked, operation) or await self._hidden(asked)
            if refusals:
                context.pre_execution_errors = list(map(_error, refusals))
            if refusals or operation.operation is not OperationType.SUBSCRIPTION:  # whose events cost nothing
                context.extensions_results["cost"] = asked.told()
        yield

    def _operation(self) -> OperationDefinitionNode | None:
        context = self.execution_context
        if context.pre_execution_errors or not context.graphql_document:
            return None
        return get_operation_ast(context.graphql_document, context.operation_name)

    async def _unpaid(self, asked: Asked, operation: OperationDefinitionNode) -> list[Refusal]:
        meter = self.execution_context.context.guest.client.meter
        try:
            if meter:
                await meter.take(asked.units(operation.operation))
        except Refusal as refusal:
            return [refusal]
        return []

    async def _hidden(self, asked: Asked) -> list[Refusal]:
        asking = self.execution_context.context
        if not (asking.profile.closed and asked.weight.introspections):
            return []
        try:
            await asking.signed_in()
        except Refusal as refusal:
            return [refusal]
        return []


def stopped() -> ExecutionResult:
    """Returns the result of an operation that took too long."""
    return ExecutionResult(None, [_error(EXECUTION.refusal())])


def _error(refusal: Refusal) -> GraphQLError:
    return GraphQLError(refusal.faults[0].message, original_error=refusal)
