"""Scalars that GraphQL lacks, or that read otherwise in REST."""

from datetime import datetime
from decimal import Decimal
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from schema.executor.reads import unchanged

BigInt = NewType("BigInt", int)


def _whole(value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError("A BigInt is a whole number.")
    return value


def _number(value: object) -> object:
    # Read by the domain, like REST's, so that both doors take the same forms.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise GraphQLError("A Decimal is a number, or text that says one.")
    return value


# Times, all of them in UTC, and decimals are written by the encoder of the answers, many at once.
SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number that may need more than 32 bits.",
        serialize=unchanged,
        parse_value=_whole,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time in UTC, as RFC 3339 writes it.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=unchanged,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number, as a string.",
        serialize=unchanged,
        parse_value=_number,
    ),
}
