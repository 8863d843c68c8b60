"""What a Strawberry schema knows of how its fields read, told to the executor."""

from inspect import signature
from typing import Any

from graphql import DocumentNode, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from schema.executor import executor
from schema.executor.executor import Compiled, CompilingExecutor
from schema.executor.reads import TOLD, Attribute, Edge, Function, Read


class StrawberryExecutor(CompilingExecutor, StrawberryGraphQLCoreExecutionContext):
    """The executor, with what Strawberry's resolvers look for in their info."""


def compiled(schema: GraphQLSchema, document: DocumentNode, operation_name: str | None = None) -> Compiled | None:
    """Returns a query or mutation of a valid document, ready to run; None where it has to go the whole way."""
    return executor.compiled(
        schema,
        document,
        operation_name,
        StrawberryExecutor,
        is_awaitable=optimized_is_awaitable,
        operation_extensions=None,
    )


def tell_reads(schema: Schema) -> None:
    """Tells of each field of a schema how it reads, as far as its declaration says."""
    for kind in schema._schema.type_map.values():  # noqa: SLF001 — graphql-core's schema is not to be had otherwise
        for field in kind.fields.values() if isinstance(kind, GraphQLObjectType) else ():
            declared = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            read = _read(schema, declared) if type(declared) is StrawberryField else None
            if read:
                field.extensions[TOLD] = read


def _read(schema: Schema, field: StrawberryField) -> Read | None:
    if field.extensions or schema.exception_handlers:
        return None
    edge = field.metadata.get(TOLD)
    if isinstance(edge, Edge):
        return _converting(schema, field, edge)
    resolver = field.base_resolver
    if not resolver:
        return Attribute(field.python_name) if field.default_resolver is getattr else None
    function: Any = resolver.wrapped_func
    alone = resolver.self_parameter or resolver.parent_parameter or resolver.root_parameter
    if resolver.is_async or not alone or len(signature(function).parameters) > 1:
        return None
    return Function(function)


def _converting(schema: Schema, field: StrawberryField, edge: Edge) -> Edge:
    config, scalars = schema.config, schema.schema_converter.scalar_registry

    def loader(info: GraphQLResolveInfo[Any], **raw: Any) -> Any:
        told = config.info_class(_raw_info=info, _field=field)
        return edge.loader(told, **convert_arguments(raw, field.arguments, scalars, config, told))

    return edge._replace(loader=loader)
