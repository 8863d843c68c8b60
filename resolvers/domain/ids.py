"""Ids: one UUIDv7 per thing, the same in both doors."""

import re
from uuid import UUID

import uuid_utils
import uuid_utils.compat

from resolvers.domain.errors import Code, Refusal

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


def new_id() -> UUID:
    """Makes a UUIDv7; later ones sort after earlier ones of this process."""
    return uuid_utils.compat.uuid7()


def new_log_id() -> str:
    """Makes a UUIDv7 as text, by which the log names a request or an error."""
    return str(uuid_utils.uuid7())


def known_slug(text: str) -> str:
    """Reads a slug; what can't be one names nothing, so NOT_FOUND."""
    if not SLUG.fullmatch(text):
        raise Refusal(Code.NOT_FOUND)
    return text


def known_id(text: str) -> UUID:
    """Reads an id in its usual form of 36 characters; what is none names nothing, so NOT_FOUND."""
    try:
        found = UUID(text)
    except ValueError:
        raise Refusal(Code.NOT_FOUND) from None
    if str(found) != text.lower():
        raise Refusal(Code.NOT_FOUND)
    return found
