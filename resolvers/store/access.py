"""May the viewer do this in that project? What can't be seen answers 404, what isn't allowed 403."""

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select

from resolvers.domain.errors import Code, Refusal
from resolvers.domain.permissions import RIGHTS, Right, Role, needs
from resolvers.domain.users import Viewer
from resolvers.store.engine import Connection, Store
from resolvers.store.statements import statement
from resolvers.store.tables import projects
from resolvers.store.visibility import scope

T = TypeVar("T")


def found(thing: T | None) -> T:
    """Returns what was found, or raises NOT_FOUND."""
    if thing is None:
        raise Refusal(Code.NOT_FOUND)
    return thing


def allow(role: Role | None, right: Right) -> None:
    """Raises NOT_FOUND without a role, FORBIDDEN with one that lacks the right."""
    if right not in RIGHTS[found(role)]:
        raise Refusal(Code.FORBIDDEN, needs(right))


@statement
def _role(who: Viewer, project_id: UUID, *, lock: bool) -> Select[Any]:
    wanted = scope(who, project_id)
    return wanted.with_for_update(key_share=True, of=projects) if lock else wanted


async def require_in(db: Connection, who: Viewer, project_id: UUID, right: Right, *, lock: bool = False) -> None:
    """Raises unless the viewer has the right; with `lock` the project waits for this transaction."""
    place = (await db.execute(_role(who, project_id, lock=lock))).first()
    allow(found(place).role, right)


async def require(store: Store, who: Viewer, project_id: UUID, right: Right) -> None:
    """Raises unless the viewer has the right in the project."""
    async with store.read() as db:
        await require_in(db, who, project_id, right)
