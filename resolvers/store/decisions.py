"""The statements that decide about agents: each looks, locks, writes and logs in one round trip."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    type_coerce,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

from resolvers.domain.events import EventKind
from resolvers.domain.lifecycle import STEPS, Action, Status, ways_of
from resolvers.domain.permissions import Right, roles_with
from resolvers.domain.projects import ProjectStatus
from resolvers.domain.users import Viewer
from resolvers.store.log import logging
from resolvers.store.records import AGENT
from resolvers.store.statements import among, statement
from resolvers.store.tables import agent_types, agents, events, projects
from resolvers.store.visibility import role, scope, visible


@statement
def spawning(
    who: Viewer, project_id: UUID, agent_type_id: UUID, name: str, *, agent_id: UUID, event_id: UUID
) -> Select[Any]:
    """Returns (role, project_status, type_is_active, *agent), or no row for an unseen project."""
    # The share locks hold off whoever archives the project or deactivates the type, or wait for them.
    place = scope(who, project_id).with_for_update(read=True, of=projects).cte("place")
    kind = (
        select(agent_types.c.id, agent_types.c.is_active, agent_types.c.revision)
        .where(agent_types.c.id == agent_type_id)
        .with_for_update(read=True)
        .cte("kind")
    )
    fields = ["id", "project_id", "agent_type_id", "agent_type_revision", "name"]
    values = (
        type_coerce(agent_id, agents.c.id.type),
        place.c.id,
        kind.c.id,
        kind.c.revision,
        type_coerce(name, agents.c.name.type),
    )
    ready = (
        select(*values)
        .select_from(place.join(kind, kind.c.id == agent_type_id))
        .where(place.c.role.in_(roles_with(Right.OPERATE)), place.c.status == ProjectStatus.ACTIVE, kind.c.is_active)
    )
    made = insert(agents).from_select(fields, ready).returning(*AGENT).cte("made")
    told = _json(agent_type_id=made.c.agent_type_id, revision=made.c.agent_type_revision, version=made.c.version)
    happened = type_coerce(EventKind.AGENT_SPAWNED, events.c.kind.type)
    return (
        select(
            place.c.role,
            place.c.status.label("project_status"),
            kind.c.is_active.label("type_is_active"),
            *_typed(made),
        )
        .select_from(place.outerjoin(kind, kind.c.id == agent_type_id).outerjoin(made, made.c.project_id == place.c.id))
        .add_cte(logging((who.id, event_id), made, happened, told))
    )


def which(id: UUID, project_id: UUID | None) -> ColumnElement[bool]:
    """Holds for one agent, and for none in another project than the one that is named."""
    here = agents.c.id == id
    return here if project_id is None else and_(here, agents.c.project_id == project_id)


@statement
def stepping(
    who: Viewer,
    id: UUID,
    project_id: UUID | None,
    actions: tuple[Action, ...],
    expected: list[int] | None,
    *,
    event_id: UUID,
) -> Select[Any]:
    """Returns (role, project_status, seen_status, seen_version, *agent), or no row for an unseen agent."""
    ways, target = ways_of(actions), STEPS[actions[0]].target
    seen = _seen(who, which(id, project_id)).cte("seen")
    fit: list[ColumnElement[bool]] = [seen.c.role.in_(roles_with(Right.OPERATE)), agents.c.status.in_(ways)]
    if target is not Status.TERMINATED:
        fit.append(seen.c.project_status == ProjectStatus.ACTIVE)
    if expected is not None:
        fit.append(among(agents.c.version, expected))
    now = func.now()
    stepped = (
        update(agents)
        .where(agents.c.id == seen.c.id, *fit)
        .values(
            status=target,
            version=agents.c.version + 1,
            updated_at=now,
            last_activity_at=now,
            paused_at=now if target is Status.PAUSED else None,
            terminated_at=now if target is Status.TERMINATED else None,
        )
        .returning(*AGENT)
        .cte("stepped")
    )
    kinds = {str(status): str(STEPS[action].event) for status, action in ways.items()}
    happened = case(kinds, value=type_coerce(seen.c.seen_status, Text))
    told = _json(**{"from": seen.c.seen_status, "to": stepped.c.status, "version": stepped.c.version})
    return (
        select(seen.c.role, seen.c.project_status, seen.c.seen_status, seen.c.seen_version, *_typed(stepped))
        .select_from(seen.outerjoin(stepped, stepped.c.id == seen.c.id))
        .add_cte(logging((who.id, event_id), stepped, happened, told, before=seen))
    )


@statement
def locked(who: Viewer, id: UUID, project_id: UUID | None) -> Select[Any]:
    """Returns (role, *agent) and holds the agent until the end of the transaction."""
    joined = agents.join(projects)
    return (
        select(role(who).label("role"), *AGENT)
        .select_from(joined)
        .where(which(id, project_id), visible(who))
        .with_for_update(key_share=True, of=agents)
    )


def _seen(who: Viewer, here: ColumnElement[bool]) -> Select[Any]:
    # Both rows are read as they are once the locks are held, so what follows decides on nothing stale.
    place = (
        scope(who, select(agents.c.project_id).where(here).scalar_subquery())
        .with_for_update(read=True, of=projects)
        .cte("place")
    )
    return (
        select(
            agents.c.id,
            place.c.role,
            place.c.status.label("project_status"),
            agents.c.status.label("seen_status"),
            agents.c.version.label("seen_version"),
        )
        .select_from(agents.join(place, place.c.id == agents.c.project_id))
        .where(here)
        .with_for_update(key_share=True, of=agents)
    )


def _typed(source: CTE) -> list[ColumnElement[Any]]:
    # A CTE's columns forget how the record's own were read.
    return [type_coerce(source.c[str(field.key)], field.type).label(field.key) for field in AGENT]


def _json(**values: ColumnElement[Any]) -> ColumnElement[Any]:
    pairs = [part for name, value in values.items() for part in (literal(name), value)]
    return cast(func.jsonb_build_object(*pairs), JSONB)
