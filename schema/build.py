"""The schema, put together."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import strawberry
from graphql import ExecutionResult as GraphQLExecutionResult
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from resolvers.domain.errors import Refusal
from resolvers.domain.limits import EXECUTION
from schema.caches import Caches, Documents
from schema.context import Asking
from schema.executor.of_strawberry import StrawberryExecutor, tell_reads
from schema.guard import Guard, stopped
from schema.limits import Asked
from schema.mutation import Mutation
from schema.prepared import Prepared
from schema.problems import Problems, guarded, tell, told
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription
from schema.types.agent_types import AgentType
from schema.types.agents import Agent
from schema.types.projects import Project
from schema.types.users import User


class Schema(strawberry.Schema):
    """Strawberry's schema, silent where Problems logs already."""

    async def execute(self, query: str | None, *args: Any, **more: Any) -> ExecutionResult:
        """Runs an operation that has one answer; what fails around its resolvers is masked like what fails in them."""
        allowed = set(more.get("allowed_operation_types") or OperationType) - {OperationType.SUBSCRIPTION}
        result = await super().execute(query, *args, **more | {"allowed_operation_types": allowed})
        if result.errors:
            result.errors = [told(error) for error in result.errors]
        return result

    async def again(self, query: str, name: str | None, variables: dict[str, Any], asking: Asking) -> Any:
        """Runs an operation that came before, or returns None where it has to go the whole way."""
        prepared = documents.prepared(self._schema, query, name)
        asked = prepared and prepared.asked(variables)
        if not prepared or not asked or asked.weight.introspections or not await admitted(asked, prepared, asking):
            return None
        try:
            async with asyncio.timeout(EXECUTION.value):
                done = await prepared.run(asking, variables)
        except TimeoutError:
            done = stopped()
        except Exception as error:  # noqa: BLE001 — as on the whole way
            done = GraphQLExecutionResult(None, [GraphQLError(str(error), original_error=error)])
        finally:
            asking.forget()  # its loaders know it, and all of it would wait for a garbage collection
        result = ExecutionResult(done.data, done.errors, {"cost": asked.told()})
        tell(result, asking)
        return result

    async def stream(self, query: str | None, *args: Any, **more: Any) -> Any:
        """Runs one of the operations of a connection, each with a context of its own."""
        asking: Asking = more["context_value"]
        return guarded(await super().stream(query, *args, **more | {"context_value": asking.anew()}))

    async def _execute_operation(self, execution_context: ExecutionContext, *more: Any) -> Any:
        # The one place that queries and mutations pass on every transport, and subscriptions never.
        try:
            async with asyncio.timeout(EXECUTION.value):
                return await super()._execute_operation(execution_context, *more)
        except TimeoutError:
            execution_context.result = stopped()
            return execution_context.result
        finally:
            execution_context.context.forget()  # as above

    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leaves errors to the Problems extension, which logs bugs once and refusals never."""


async def admitted(asked: Asked, prepared: Prepared, asking: Asking) -> bool:
    """Tells whether an operation is within its limits and has been paid for; the whole way says why it is not."""
    meter = asking.guest.client.meter
    try:
        if meter:
            await meter.take(asked.units(prepared.kind))
    except Refusal:
        return False
    return not asked.refusals()


documents = Documents()
schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Agent, AgentType, Project, User],
    extensions=[Problems, Guard, partial(Caches, documents)],
    execution_context_class=StrawberryExecutor,
    config=StrawberryConfig(scalar_map=SCALARS),
)
tell_reads(schema)


def sdl() -> str:
    """Returns the schema in GraphQL's own language."""
    return schema.as_str() + "\n"
