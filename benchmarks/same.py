"""Whether two answers say the same, however they write times and amounts of money."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*")
AMOUNT = re.compile(r"\d+\.\d+")


def plain(value: Any, apart: frozenset[str] = frozenset()) -> Any:
    """Returns an answer in one form, without the fields that differ by nature."""
    if isinstance(value, dict):
        return {name: plain(part, apart) for name, part in value.items() if name not in apart}
    if isinstance(value, list):
        return [plain(part, apart) for part in value]
    if isinstance(value, str) and TIME.fullmatch(value):
        time = datetime.fromisoformat(value).astimezone(UTC)
        return time.replace(microsecond=time.microsecond // 1000 * 1000)  # as finely as all can say
    if isinstance(value, str) and AMOUNT.fullmatch(value):
        return Decimal(value)
    return value


def difference(left: Any, right: Any, place: str = "") -> str | None:
    """Says where two answers differ first, if they do."""
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return f"{place or 'the answer'} has other fields: {sorted(left.keys() ^ right.keys())}"
        pairs = [(left[name], right[name], f"{place}.{name}") for name in left]
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = [
            (one, other, f"{place}[{number}]") for number, (one, other) in enumerate(zip(left, right, strict=True))
        ]
    else:
        return None if left == right else f"{place or 'the answer'} is {left!r:.200} and not {right!r:.200}"
    return next((found for one, other, at in pairs if (found := difference(one, other, at))), None)
