"""Who sees which project, as one predicate: lists, totals, metrics, nodes and events all stand on it."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    ScalarSelect,
    Select,
    Uuid,
    any_,
    column,
    exists,
    func,
    or_,
    select,
    true,
    type_coerce,
)  # fmt: skip

from resolvers.domain.permissions import SUPERUSER_ROLE, Role
from resolvers.domain.projects import Project
from resolvers.domain.users import Viewer
from resolvers.store.records import Columns, columns
from resolvers.store.statements import among, statement
from resolvers.store.tables import members, projects, sessions, users
from resolvers.store.types import Words

LIVE_USER = (users.c.deleted_at.is_(None), users.c.is_active)
LIVE_SESSION = (sessions.c.revoked_at.is_(None), sessions.c.expires_at > func.now())


def membership(who: Viewer) -> ScalarSelect[Any]:
    """The viewer's own role in the project of the row."""
    own = select(members.c.role).where(members.c.project_id == projects.c.id, members.c.user_id == who.id)
    return own.scalar_subquery()


def role(who: Viewer) -> ColumnElement[Any]:
    """The role that counts: the viewer's own, or a superuser's."""
    return type_coerce(SUPERUSER_ROLE, Words(Role)) if who.is_superuser else membership(who)


def visible(who: Viewer, project_id: ColumnElement[Any] = projects.c.id) -> ColumnElement[bool]:
    """Holds for the projects that the viewer may see."""
    return true() if who.is_superuser else _takes_part(type_coerce(who.id, Uuid), project_id)


def among_own(who: Viewer) -> ColumnElement[bool]:
    """Holds for the projects that the viewer may see, for lists: these begin with their own, however many there are."""
    own = select(members.c.project_id).where(members.c.user_id == who.id)
    return true() if who.is_superuser else projects.c.id == any_(func.array(own.scalar_subquery()))


def _takes_part(user_id: ColumnElement[Any], project_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(members.c.project_id == project_id, members.c.user_id == user_id)


@statement
def standing(user_ids: list[UUID], session_ids: list[UUID], project_ids: list[UUID]) -> Select[Any]:
    """Selects number, signed_in and sees, for each (user, session, project) as things are now."""
    names = ("user_id", "session_id", "project_id")
    arrays = [type_coerce(part, ARRAY(Uuid)) for part in (user_ids, session_ids, project_ids)]
    rows = func.unnest(*arrays).table_valued(*(column(name, Uuid) for name in names), with_ordinality="number")
    one = rows.render_derived()
    user = users.join(sessions, sessions.c.user_id == users.c.id)
    live = (users.c.id == one.c.user_id, sessions.c.id == one.c.session_id, *LIVE_USER, *LIVE_SESSION)
    super_ = exists().where(users.c.id == one.c.user_id, users.c.is_superuser)
    return select(
        one.c.number,
        exists().select_from(user).where(*live).label("signed_in"),
        or_(super_, _takes_part(one.c.user_id, one.c.project_id)).label("sees"),
    )


def visible_user(who: Viewer) -> ColumnElement[bool]:
    """Holds for the users that the viewer may see: themselves, and those they share a project with."""
    if who.is_superuser:
        return true()
    theirs, mine = members.alias("theirs"), members.alias("mine")
    shared = exists().where(
        theirs.c.user_id == users.c.id, mine.c.project_id == theirs.c.project_id, mine.c.user_id == who.id
    )
    return or_(users.c.id == who.id, shared)


def project_columns(who: Viewer) -> Columns:
    """The columns of a project, with the viewer's own role."""
    return columns(Project, projects, viewer_role=membership(who))


def scope(who: Viewer, project_id: object) -> Select[Any]:
    """Selects id, status and role of one project, or nothing when the viewer can't see it."""
    return select(projects.c.id, projects.c.status, role(who).label("role")).where(
        projects.c.id == project_id, visible(who)
    )


def seen(who: Viewer, project_ids: list[UUID]) -> Select[Any]:
    """Selects the ids of those of the projects that the viewer can see."""
    return select(projects.c.id).where(among(projects.c.id, project_ids), visible(who))
