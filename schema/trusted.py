"""Trusted documents: where a manifest names them no others run; they are asked for by id or by text."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from resolvers.domain.errors import Code, Refusal

Manifest = Mapping[str, str]
"""The texts of the trusted documents, by their ids."""


class DocumentId(str):
    """The id of a document, where else its text would stand."""

    __slots__ = ()


def document_id(text: str) -> str:
    """Returns the id of a document, as the draft on persisted documents for GraphQL over HTTP makes it."""
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def with_document(asked: dict[str, Any]) -> dict[str, Any]:
    """Returns a request with its `documentId` where its `query` would stand, for the schema to look up."""
    name = asked.get("documentId")
    if name is None:
        return asked
    if not isinstance(name, str):
        raise Refusal(Code.MALFORMED_REQUEST, "The `documentId` must be a string.")
    if asked.get("query") is not None:
        raise Refusal(Code.MALFORMED_REQUEST, "Send either `documentId` or `query`, and not both.")
    return {**asked, "query": DocumentId(name)}


def looked_up(query: str, manifest: Manifest | None) -> str:
    """Returns the text to run; raises NOT_FOUND for an id that is not known, and FORBIDDEN for text not to be run."""
    if isinstance(query, DocumentId):
        if manifest is None:
            raise Refusal(Code.NOT_FOUND, "No documents are kept here; send the text as `query`.")
        if query not in manifest:
            raise Refusal(Code.NOT_FOUND, "There is no trusted document of this id.")
        return manifest[query]
    if manifest is not None and document_id(query) not in manifest:
        raise Refusal(Code.FORBIDDEN, "Only trusted documents run here, and this is none.")
    return query
