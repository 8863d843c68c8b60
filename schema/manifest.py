"""The manifest of trusted documents: read at the start, and made from a folder of .graphql files."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, specified_rules
from strawberry.schema.schema import validate_document

from resolvers.domain.limits import TOKENS
from schema.build import schema
from schema.limits import weigh
from schema.trusted import Manifest, document_id


class ManifestError(Exception):
    """A manifest that can't be read or made, with a line for each reason."""


def read(path: Path) -> Manifest:
    """Returns the trusted documents of a manifest, or raises ManifestError."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} is no manifest, as `roster trust` makes it: {error}") from error
    for name, text in found.items():
        if name != document_id(text):
            raise ManifestError(f"{path} has another text under {name} than the one that it was made of")
    return found


def make(folder: Path) -> Manifest:
    """Returns the documents of a folder and those below it, one a file; raises ManifestError if one can't run."""
    files = sorted(folder.rglob("*.graphql"))
    if not files:
        raise ManifestError(f"{folder} has no .graphql files")
    found, bad = {}, []
    for file in files:
        try:
            text = file.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            bad.append(f"{file}: {error}")
            continue
        bad += [f"{file}: {' '.join(told.split())}" for told in faults(text)][:1]
        found[document_id(text)] = text
    if bad:
        raise ManifestError("\n".join(bad))
    return found


def write(manifest: Manifest, path: Path) -> None:
    """Writes a manifest, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(manifest, order="sorted")) + b"\n")
    new.replace(path)


def faults(text: str) -> Iterator[str]:
    """Yields why a document can't run, as far as that shows without its variables."""
    try:
        document = parse(text, max_tokens=TOKENS.value)
    except GraphQLError as error:
        yield error.message
        return
    yield from (error.message for error in validate_document(schema._schema, document, tuple(specified_rules)))  # noqa: SLF001 — told no other way
    yield from _excess(document)


def _excess(document: DocumentNode) -> Iterator[str]:
    for part in document.definitions:
        if isinstance(part, OperationDefinitionNode):
            refusals = weigh(schema._schema, document, part, None).refusals()  # noqa: SLF001 — as above
            yield from (refusal.faults[0].message for refusal in refusals)
