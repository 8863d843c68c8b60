"""What most changes share: the fields that were sent, and the version that was expected."""

from typing import Any

import msgspec

from resolvers.domain.errors import Code, Refusal


def sent(given: msgspec.Struct) -> dict[str, Any]:
    """Returns the fields that the client sent."""
    return {name: value for name, value in msgspec.structs.asdict(given).items() if value is not msgspec.UNSET}


def check_version(version: int, expected: int | None) -> None:
    """Refuses a change to a thing that has changed since the client read it."""
    if expected is not None and expected != version:
        raise stale(version, expected)


def stale(version: int, expected: int) -> Refusal:
    message = f"You expected version {expected}, but it has version {version} now; read it again."
    return Refusal(Code.VERSION_MISMATCH, message)


def changed(old: msgspec.Struct, given: dict[str, Any]) -> dict[str, Any]:
    """Returns those of the given values that differ from what is there."""
    return {name: value for name, value in given.items() if getattr(old, name, None) != value}
