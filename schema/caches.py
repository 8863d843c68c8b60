"""Documents that were parsed and found valid, so that the next request with the same text need do neither."""

import sys
from collections import OrderedDict
from collections.abc import Hashable, Iterator

from graphql import DocumentNode
from strawberry.extensions import SchemaExtension

MOST, MEMORY, LARGEST = 1_000, 32 * 1024**2, 1024**2
# What graphql-core was found to take at most: 560 bytes for a token, and some of the text again in strings.
BYTES_A_TOKEN, TIMES_THE_TEXT = 600, 3


class Documents:
    """The valid documents of one schema that were asked for last, within bounds of number and memory."""

    def __init__(self, most: int = MOST, memory: int = MEMORY, largest: int = LARGEST) -> None:
        self._most, self._memory, self._largest = most, memory, largest
        self._kept: OrderedDict[Hashable, DocumentNode] = OrderedDict()
        self._taken = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> DocumentNode | None:
        """Returns the document kept under a key: the same object each time."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: Hashable, document: DocumentNode) -> None:
        """Keeps a document, unless it is too large; lets go of those not asked for the longest."""
        if key in self._kept or size(document) > self._largest:
            return
        self._kept[key] = document
        self._taken += size(document)
        while len(self._kept) > self._most or self._taken > self._memory:
            self._taken -= size(self._kept.popitem(last=False)[1])


def size(document: DocumentNode) -> int:
    """Returns about how many bytes a document takes."""
    text = document.loc.source.body if document.loc else ""
    return TIMES_THE_TEXT * sys.getsizeof(text) + BYTES_A_TOKEN * document.token_count


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
        """What a document and its validity depend on, beside the schema."""
        context = self.execution_context
        return context.query, context.parse_options.get("max_tokens"), context.validation_rules
