"""graphql-core's executor, which takes the compiled way wherever there is one."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLResolveInfoHelpers,
    GraphQLSchema,
    OperationType,
    default_field_resolver,
    default_type_resolver,
    get_operation_ast,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, GroupedFieldSet
from graphql.execution.incremental import IncrementalExecutor
from graphql.pyutils import Path

from schema.executor.columns import Pending, follow
from schema.executor.compile import shape_of, target_of
from schema.executor.plan import Plan, Selected, plan_of, selected

WARM = 2  # from which run on it pays to compile


class CompilingExecutor(IncrementalExecutor):
    """Runs an operation by its plan: what is compiled at once, and all else as graphql-core does."""

    plan: Plan | None = None
    warm = False

    @classmethod
    def build(cls, schema: Any, document: Any, *args: Any, **more: Any) -> Any:
        """Builds an executor as graphql-core does, with the plan of its operation if that can be run by one."""
        built = super().build(schema, document, *args, **more)
        if isinstance(built, CompilingExecutor) and built.plain:
            built.follow(plan_of(schema, document, built.operation))
        return built

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """What an info hands to resolvers, made anew: kept, it would make a cycle of the executor and all it holds."""
        return GraphQLResolveInfoHelpers(gather=self.gather_async_work, track=self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, _: GraphQLResolveInfoHelpers) -> None: ...

    @property
    def plain(self) -> bool:
        """Whether nobody looks into what runs."""
        middlewares = self.middleware_manager and self.middleware_manager.middlewares
        watched = middlewares or self.abort_signal or self.hooks
        return not watched and self.field_resolver is default_field_resolver

    def follow(self, plan: Plan) -> None:
        """Runs by a plan."""
        plan.runs += 1
        self.plan, self.warm = plan, plan.runs >= WARM

    def execute_operation(self, serially: bool | None = None) -> Any:  # noqa: FBT001 — graphql-core's own signature
        """Executes the operation."""
        operation = self.operation.operation
        root = self.schema.get_root_type(operation)
        fields = self.plan.fields(root, self.variable_values) if self.plan and root else None
        if root is None or fields is None:
            return super().execute_operation(serially)
        one_by_one = operation is OperationType.MUTATION if serially is None else serially
        try:
            data = self.execute_root_grouped_field_set(root, self.root_value, fields, one_by_one, None)
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            return self.build_response(None)
        return self._responded(data) if self.is_awaitable(data) else self.build_response(data)  # type: ignore[arg-type]

    async def _responded(self, data: Awaitable[dict[str, Any]]) -> Any:
        try:
            return self.build_response(await data)
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            return self.build_response(None)

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        """Collects the fields of an object type, once for a plan."""
        if not isinstance(field_details_list, Selected):
            return super().collect_subfields(return_type, field_details_list)
        found = field_details_list.below.get(return_type)
        if found is None:
            collected = super().collect_subfields(return_type, field_details_list)
            fields = selected(collected.grouped_field_set, self.schema, return_type)
            found = field_details_list.below[return_type] = collected._replace(grouped_field_set=fields)
        return found

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        """Executes a field with what its plan knows of it."""
        if not isinstance(field_details_list, Selected) or not field_details_list.resolve:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        one, field = field_details_list, field_details_list.field
        assert field
        info = self.build_resolve_info(field, one.nodes, parent_type, path)
        try:
            arguments = one.arguments(self.variable_values, hide_suggestions=self.hide_suggestions)
            result = field_details_list.resolve(source, info, **arguments)
            if self.is_awaitable(result):
                return self.complete_awaitable_value(field.type, one, info, path, result, position_context)
            completed = self.complete_value(field.type, one, info, path, result, position_context)
        except Exception as error:  # noqa: BLE001 — whatever a resolver raises
            self.handle_field_error(error, field.type, one, path)
            return None
        return self._caught(completed, field.type, one, path) if self.is_awaitable(completed) else completed

    async def _caught(self, completed: Any, kind: GraphQLOutputType, field: Selected, path: Path) -> Any:
        try:
            return await completed
        except Exception as error:  # noqa: BLE001 — whatever a resolver below raises
            self.handle_field_error(error, kind, field, path)
            return None

    def complete_list_value(  # noqa: PLR0917
        self,
        return_type: GraphQLList[Any],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Completes a list, all items together where that can be."""

        def exactly() -> Any:
            return super_(return_type, field_details_list, info, path, result, position_context)

        super_ = super().complete_list_value
        if not self.warm or not isinstance(field_details_list, Selected) or type(result) not in {list, tuple}:
            return exactly()
        try:
            target = target_of(self, return_type, field_details_list)
            pending: Pending = []
            completed = target.take([result], pending)[0] if target else None
        except Exception:  # noqa: BLE001 — graphql-core tells it
            target = None
        if not target:
            return exactly()
        return self._followed(completed, pending, exactly) if pending else completed

    def complete_object_value(  # noqa: PLR0917
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Completes an object, at least what it holds itself at once."""

        def exactly() -> Any:
            return super_(return_type, field_details_list, info, path, result, position_context)

        super_ = super().complete_object_value
        if not self.warm or not isinstance(field_details_list, Selected):
            return exactly()
        try:
            shape = shape_of(self, return_type, field_details_list)
            pending: Pending = []
            row = shape.take([result], pending)[0] if shape else {}
        except Exception:  # noqa: BLE001 — graphql-core tells it
            shape = None
        if not shape:
            return exactly()
        if pending:
            return self._followed(row, pending, exactly)
        return self._with_rest(shape.rest, return_type, result, path, row) if shape.rest else row

    async def _followed(self, completed: Any, pending: Pending, exactly: Callable[[], Any]) -> Any:
        with suppress(Exception):
            await follow(self, pending)
            return completed
        completed = exactly()
        return await completed if self.is_awaitable(completed) else completed

    def _with_rest(
        self, fields: GroupedFieldSet, kind: GraphQLObjectType, source: Any, path: Path, row: dict[str, Any]
    ) -> Any:
        rest = self.execute_fields(kind, source, path, fields, None)

        async def later(rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
            return row | await rest

        return later(rest) if self.is_awaitable(rest) else row | rest  # type: ignore[operator]


class Compiled:
    """An operation that can be run at once, past all that finds it."""

    def __init__(self, executor: type[CompilingExecutor], plan: Plan, **more: Any) -> None:
        self._executor, self._plan, self._more = executor, plan, more

    async def run(self, root: Any, context: Any, variables: dict[str, Any]) -> ExecutionResult:
        """Runs the operation with variables as they came."""
        plan, values = self._plan, self._plan.variables(variables)
        if isinstance(values, list):
            return ExecutionResult(None, values)
        running = self._executor(
            plan.schema, plan.definitions, plan.fragments, root, context, plan.operation, values,
            default_field_resolver, default_type_resolver, default_field_resolver, **self._more,
        )  # fmt: skip
        running.follow(plan)
        done = running.execute_operation()
        return await done if running.is_awaitable(done) else done


def compiled(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None = None,
    executor: type[CompilingExecutor] = CompilingExecutor,
    **more: Any,
) -> Compiled | None:
    """Returns a query or mutation of a valid document, ready to run; None where graphql-core is to run it."""
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation is OperationType.SUBSCRIPTION:
        return None
    plan = plan_of(schema, document, operation)
    return Compiled(executor, plan, **more) if plan.fit else None
