"""Everything that has an id of its own."""

import strawberry


@strawberry.interface(description="Anything that has an id of its own.")
class Node:
    id: strawberry.ID = strawberry.field(description="The id, the same in GraphQL and REST.")
