"""Documents that were parsed and found valid, so that the next request with the same text need do neither."""

import sys
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

from graphql import DocumentNode, GraphQLSchema, specified_rules
from strawberry.extensions import SchemaExtension

from resolvers.domain.limits import TOKENS
from schema.prepared import Prepared, prepare

MOST, MEMORY, LARGEST = 1_000, 64 * 1024**2, 3 * 1024**2
NAMES = 20  # of the operations of a document, those that are kept ready; clients choose the names
# What was found to be taken at most: 560 bytes for a token by graphql-core, 1,150 once it is compiled, and some of the
# text again in strings.
BYTES_A_TOKEN, TIMES_THE_TEXT = 1_750, 3


class Kept(NamedTuple):
    """A valid document, and its operations as they were prepared, by the names that they were asked for."""

    document: DocumentNode
    operations: dict[str | None, Prepared | None]


class Documents:
    """The valid documents of one schema that were asked for last, within bounds of number and memory."""

    def __init__(self, most: int = MOST, memory: int = MEMORY, largest: int = LARGEST) -> None:
        self._most, self._memory, self._largest = most, memory, largest
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._taken = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> DocumentNode | None:
        """Returns the document kept under a key: the same object each time."""
        found = self._found(key)
        return found and found.document

    def prepared(self, schema: GraphQLSchema, query: str, name: str | None) -> Prepared | None:
        """Returns an operation that came before and can be run at once, of a text and by its name."""
        found = self._found(key_of(query, TOKENS.value))
        if found is None:
            return None
        if name not in found.operations:
            if len(found.operations) >= NAMES:
                return None
            found.operations[name] = prepare(schema, found.document, name)
        return found.operations[name]

    def _found(self, key: Hashable) -> Kept | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: Hashable, document: DocumentNode) -> None:
        """Keeps a document, unless it is too large; lets go of those not asked for the longest."""
        if key in self._kept or size(document) > self._largest:
            return
        self._kept[key] = Kept(document, {})
        self._taken += size(document)
        while len(self._kept) > self._most or self._taken > self._memory:
            self._taken -= size(self._kept.popitem(last=False)[1].document)


def size(document: DocumentNode) -> int:
    """Returns about how many bytes a document takes."""
    text = document.loc.source.body if document.loc else ""
    return TIMES_THE_TEXT * sys.getsizeof(text) + BYTES_A_TOKEN * document.token_count


def key_of(query: str | None, max_tokens: int | None, rules: tuple[Any, ...] = tuple(specified_rules)) -> Hashable:
    """Returns what a document and its validity depend on, beside the schema."""
    return query, max_tokens, rules


class Caches(SchemaExtension):
    """Skips parsing and validation of what is known to be valid; whatever has an error is told of as ever."""

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents
        self._known = self._new = False

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document is None and context.query:
            context.graphql_document = self._documents.get(self._key)
            self._known = context.graphql_document is not None
            self._new = not self._known
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if self._known and context.pre_execution_errors is None:
            context.pre_execution_errors = []
        yield
        if self._new and context.graphql_document and context.pre_execution_errors == []:
            self._documents.keep(self._key, context.graphql_document)

    @property
    def _key(self) -> Hashable:
        context = self.execution_context
        return key_of(context.query, context.parse_options.get("max_tokens"), context.validation_rules)
