"""What most changes share: the fields that were sent, and the version that was expected."""

from typing import Any

import msgspec

from resolvers.domain.errors import Code, Refusal

Expected = int | tuple[int, ...] | None
"""The version, or one of the versions, that a change was decided on; None for any."""


def sent(given: msgspec.Struct) -> dict[str, Any]:
    """Returns the fields that the client sent."""
    return {name: value for name, value in msgspec.structs.asdict(given).items() if value is not msgspec.UNSET}


def versions(expected: Expected) -> list[int] | None:
    """Returns all versions that a change may find, or None for any."""
    if expected is None:
        return None
    return list(expected) if isinstance(expected, tuple) else [expected]


def check_version(version: int, expected: Expected) -> None:
    """Refuses a change to a thing that has changed since the client read it."""
    wanted = versions(expected)
    if wanted is not None and version not in wanted:
        raise stale(version, wanted)


def stale(version: int, expected: list[int]) -> Refusal:
    wanted = " or ".join(map(str, expected)) or "none that there ever was"
    message = f"You expected version {wanted}, but it has version {version} now; read it again."
    return Refusal(Code.VERSION_MISMATCH, message)


def changed(old: msgspec.Struct, given: dict[str, Any]) -> dict[str, Any]:
    """Returns those of the given values that differ from what is there."""
    return {name: value for name, value in given.items() if getattr(old, name, None) != value}
