"""The same operation run by graphql-core and compiled, and held side by side."""

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from graphql import DocumentNode, ExecutionResult, Executor, GraphQLSyntaxError, parse
from hypothesis import HealthCheck, Phase, reject, settings

from tests.selections import Asked

FEW = 300
EXAMPLES = int(os.environ.get("ROSTER_EXECUTOR_EXAMPLES", FEW))
LEFT_BEHIND = 20  # turns of the event loop for resolvers that nobody waits for since another has failed
EVERYWHERE = "@experimental_disableErrorPropagation {"

Run = Callable[[type[Executor], DocumentNode, dict[str, Any], list[Any]], Any]
"""Runs a document with variables, where resolvers may say what they did."""


def some(part: float) -> settings:
    """Returns the settings of a test that tries its part of all examples."""
    unheeded = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=int(EXAMPLES * part), deadline=None, database=None, derandomize=EXAMPLES == FEW,
        suppress_health_check=unheeded, phases=[Phase.generate],  # smaller ones take minutes to find
    )  # fmt: skip


class Answer(NamedTuple):
    """What came of an operation: at once or later, its data and errors, and what its resolvers say that they did."""

    at_once: bool
    data: Any
    errors: list[Any]
    told: list[Any]

    def lasting(self) -> list[str]:
        """Returns the errors of places that are null themselves, and the places that are null for an error below."""
        found = set()
        for error in self.errors:
            place, inner = [], json.loads(self.data)
            for key in error[0] or ():
                if inner is None:
                    break
                place, inner = [*place, key], inner[key]
            found.add(repr(error if place == error[0] else place))
        return sorted(found)


async def answered(run: Run, executor: type[Executor], sent: Asked, before: int = 0) -> Answer:
    """Returns the answer to a document that was asked before, with other things skipped and included."""
    try:
        document = parse(sent.document)
    except GraphQLSyntaxError:
        reject()
    others = {name: not value if isinstance(value, bool) else value for name, value in sent.variables.items()}
    for variables in [others] * before + [sent.variables]:
        told: list[Any] = []
        done = run(executor, document, variables, told)
        result = done if isinstance(done, ExecutionResult) else await done
        for _ in range(LEFT_BEHIND):
            await asyncio.sleep(0)
    errors = [(error.path, error.message, error.locations, error.extensions) for error in result.errors or ()]
    return Answer(done is result, json.dumps(result.data, default=repr), errors, told)


async def held_side_by_side(run: Run, sent: Asked, plain: type[Executor], compiling: type[Executor]) -> str:
    """Fails unless both answer alike; returns in which way."""
    expected = await answered(run, plain, sent)
    compiled = await answered(run, compiling, sent, before=2)  # only what comes again is compiled
    assert compiled.data == expected.data
    assert sorted(map(repr, compiled.told)) == sorted(map(repr, expected.told))
    if not expected.errors:
        assert compiled == expected
    # What was tried in vain is done again the exact way, but after what runs beside it, and after it was waited for.
    if expected.at_once:
        assert compiled.errors == expected.errors
    if compiled.errors == expected.errors:
        return "same"
    # Of several errors below a place that is null for them, those count that come first, and nobody says which; but
    # each is one of all that there are.
    everything = await answered(run, plain, sent._replace(document=sent.document.replace("{", EVERYWHERE, 1)))
    possible = [(path, message, more) for path, message, _, more in everything.errors]
    assert compiled.lasting() == expected.lasting()
    assert all((path, message, more) in possible for path, message, _, more in compiled.errors)
    return "in another order"
