"""How a refusal looks in GraphQL, and how a bug shows nothing but an error id."""

import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError, OperationDefinitionNode
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from resolvers.domain.errors import Code, Fault, Refusal
from resolvers.domain.ids import new_log_id
from resolvers.domain.limits import ERRORS, TOKENS
from schema.context import Asking
from schema.payload import camel

logger = logging.getLogger("roster.schema")
TOO_LONG = re.compile(r"Syntax Error: Document contains more than \d+ tokens")
SUGGESTION = re.compile(r" Did you mean .*\?", re.DOTALL)


class Problems(SchemaExtension):
    """Gives each error its code, and masks what is a bug of ours."""

    def on_validate(self) -> Iterator[None]:
        document = self.execution_context.graphql_document
        several = document and sum(isinstance(part, OperationDefinitionNode) for part in document.definitions) > 1
        if several and not self.execution_context._provided_operation_name:  # noqa: SLF001 — told no other way
            self.execution_context.pre_execution_errors = [GraphQLError("Say by operationName which one to run.")]
        yield

    async def on_operation(self) -> AsyncIterator[None]:
        yield
        tell(self.execution_context.result, self.execution_context.context)

    def on_stream_result(self, result: Any) -> Iterator[None]:
        tell(result, self.execution_context.context)
        yield


def tell(result: Any, asking: Asking) -> None:
    """Puts in place of a result's errors what the client may see of them."""
    errors = getattr(result, "errors", None)
    if errors:
        for error in errors:
            _tell_when_to_come_back(error.original_error, asking)
        errors = first(errors, getattr(result, "data", None))
        result.errors = [told(error, closed=asking.profile.closed) for error in errors]


def _tell_when_to_come_back(cause: BaseException | None, asking: Asking) -> None:
    if isinstance(cause, Refusal) and "Retry-After" in cause.headers:
        asking.headers["Retry-After"] = cause.headers["Retry-After"]


def first(errors: Sequence[GraphQLError], data: object) -> Sequence[GraphQLError]:
    """Returns the errors to tell: of a document that never ran a few, and of what ran all that left a null."""
    ran = data is not None or any(error.path for error in errors)
    return errors if ran else errors[: ERRORS.value]


async def guarded(results: AsyncGenerator[Any, None]) -> AsyncIterator[Any]:
    """Gives what a stream gives, and tells of what fails around its resolvers too, which Strawberry leaves to it."""
    async with aclosing(results):
        try:
            async for result in results:
                yield result
        except Exception as error:  # noqa: BLE001 — the same that Strawberry does for a single answer
            yield ExecutionResult(data=None, errors=[told(GraphQLError(str(error), original_error=error))])


def told(error: GraphQLError, *, closed: bool = False) -> GraphQLError:
    """Returns an error as the client may see it; closed, without a word of what the schema has instead."""
    if "code" in (error.extensions or ()):
        return error  # what was told once
    cause = unfit(error.original_error) or error.original_error
    if isinstance(error, GraphQLSyntaxError) and TOO_LONG.match(error.message):
        cause = TOKENS.refusal()
    if isinstance(cause, Refusal):
        return _like(error, cause.faults[0].message, extensions(cause))
    if cause is None or (isinstance(cause, GraphQLError) and _blames_the_client(error, cause)):
        code = Code.MALFORMED_REQUEST if isinstance(error, GraphQLSyntaxError) else Code.VALIDATION_FAILED
        return _like(error, SUGGESTION.sub("", error.message) if closed else error.message, {"code": code.value})
    if isinstance(cause, ValueError) and error.path is None and error.nodes:
        # A literal that no scalar can read, such as a number of 5,000 digits; nothing has run yet.
        return _like(error, Code.VALIDATION_FAILED.says, {"code": Code.VALIDATION_FAILED.value})
    error_id = new_log_id()
    logger.error("a resolver failed", exc_info=cause, extra={"error_id": error_id, "path": error.path})
    return _like(error, Code.INTERNAL.says, {"code": Code.INTERNAL.value, "errorId": error_id})


def unfit(cause: BaseException | None) -> Refusal | None:
    """Returns the refusal of an operation that is none, or that must not come this way."""
    match cause:
        case MissingQueryError():
            return Refusal(Code.MALFORMED_REQUEST, "No GraphQL query found in the request.")
        case CannotGetOperationTypeError():
            return Refusal(Code.MALFORMED_REQUEST, cause.as_http_error_reason())
        case InvalidOperationTypeError(operation_type=OperationType.SUBSCRIPTION):
            ways = "Subscriptions are answered over WebSocket (graphql-transport-ws) or as text/event-stream."
            return Refusal(Code.NOT_ACCEPTABLE, ways)
        case InvalidOperationTypeError():
            return Refusal(Code.METHOD_NOT_ALLOWED, "Mutations are sent by POST.", headers={"Allow": "POST"})
    return None


def extensions(refusal: Refusal) -> dict[str, Any]:
    """Returns what a top-level error says beside its message."""
    found: dict[str, Any] = {"code": refusal.code.value}
    faults = [_fault(fault) for fault in refusal.faults if fault.field]
    if faults:
        found["errors"] = faults
    if refusal.limit:
        found["limit"] = refusal.limit
    if "Retry-After" in refusal.headers:
        found["retryAfter"] = int(refusal.headers["Retry-After"])  # a socket has no headers
    return found


def top_level(refusal: Refusal, error_id: str | None = None) -> dict[str, Any]:
    """Returns the body of a request that was refused before anything ran."""
    more = {"errorId": error_id} if error_id else {}
    return {"errors": [{"message": refusal.faults[0].message, "extensions": {**extensions(refusal), **more}}]}


def _blames_the_client(error: GraphQLError, cause: GraphQLError) -> bool:
    # The document or its variables are wrong, or an argument is; what blames no part of the document while it runs is
    # a value of ours that the schema can't express.
    return error.path is None or bool(cause.nodes)


def _fault(fault: Fault) -> dict[str, object]:
    return {"code": fault.code.value, "message": fault.message, "field": [camel(fault.field or "")]}


def _like(error: GraphQLError, message: str, more: dict[str, Any]) -> GraphQLError:
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, extensions=more)
