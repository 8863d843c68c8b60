"""Compiled execution answers what graphql-core answers, data and errors, whatever is asked of whatever there is.

ROSTER_EXECUTOR_EXAMPLES sets how many operations are tried; `make test` takes a few, always the same ones.
"""

import json
import os
from typing import Any, NamedTuple

from graphql import ExecutionResult, Executor, execute, parse
from graphql.execution.incremental import IncrementalExecutor
from hypothesis import HealthCheck, given, settings

from schema.executor.executor import CompilingExecutor
from tests.nasty import SCHEMA, Context, World, arguments, worlds
from tests.selections import Asked, asked

FEW = 300
EXAMPLES = int(os.environ.get("ROSTER_EXECUTOR_EXAMPLES", FEW))
some = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES == FEW,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip


class Answer(NamedTuple):
    """What came of an operation: at once or later, its data and errors, and what its resolvers say that they did."""

    at_once: bool
    data: Any
    errors: list[Any]
    told: list[Any]


async def answered(executor: type[Executor], world: World, sent: Asked, times: int = 1) -> Answer:
    """Returns the last of several answers to the same document."""
    document = parse(sent.document)
    for _ in range(times):
        context = Context(world)
        done = execute(SCHEMA, document, world.root, context, variable_values=sent.variables, executor_class=executor)
        result = done if isinstance(done, ExecutionResult) else await done
    errors = [(error.path, error.message, error.locations, error.extensions) for error in result.errors or ()]
    return Answer(done is result, json.dumps(result.data, default=repr), errors, context.told)


def lasting(answer: Answer) -> list[Any]:
    """Returns the errors of places that are null themselves, and the places that are null for an error below."""
    found = []
    for error in answer.errors:
        place, inner = [], json.loads(answer.data)
        for key in error[0] or ():
            if inner is None:
                break
            place, inner = [*place, key], inner[key]
        found.append(error if place == error[0] else place)
    return sorted({repr(one) for one in found})


@some
@given(world=worlds(), sent=asked(SCHEMA, arguments, ("query", "query", "query", "mutation")))
async def test_nothing_is_answered_otherwise(world: World, sent: Asked):
    expected = await answered(IncrementalExecutor, world, sent)
    compiled = await answered(CompilingExecutor, world, sent, times=2)  # only what comes again is compiled

    assert compiled.data == expected.data
    if expected.at_once or not expected.errors:
        assert compiled == expected
    elif compiled.errors != expected.errors:
        # Of several errors below a place that is null for them, those count that come first; but each is one of all.
        everything = sent._replace(document=sent.document.replace("{", "@experimental_disableErrorPropagation {", 1))
        everywhere = await answered(IncrementalExecutor, world, everything)
        assert lasting(compiled) == lasting(expected)
        possible = [(path, message, more) for path, message, _, more in everywhere.errors]
        assert all((path, message, more) in possible for path, message, _, more in compiled.errors)
