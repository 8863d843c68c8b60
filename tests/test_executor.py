"""Compiled execution answers what graphql-core answers, data and errors, whatever is asked of whatever there is.

ROSTER_EXECUTOR_EXAMPLES sets how many operations are tried; `make test` takes a few, always the same ones.
"""

from typing import Any

from graphql import DocumentNode, Executor, execute
from graphql.execution.incremental import IncrementalExecutor
from hypothesis import given

from schema.executor.executor import CompilingExecutor
from tests.nasty import SCHEMA, Context, World, arguments, worlds
from tests.selections import Asked, asked
from tests.side_by_side import held_side_by_side, some


@some(0.8)
@given(world=worlds(), sent=asked(SCHEMA, arguments, ("query", "query", "query", "mutation")))
async def test_nothing_is_answered_otherwise(world: World, sent: Asked):
    def run(executor: type[Executor], document: DocumentNode, variables: dict[str, Any], told: list[Any]) -> Any:
        context = Context(world, told)
        return execute(SCHEMA, document, world.root, context, variable_values=variables, executor_class=executor)

    await held_side_by_side(run, sent, IncrementalExecutor, CompilingExecutor)
