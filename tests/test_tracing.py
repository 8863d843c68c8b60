"""Statements are built once for each shape of their arguments, and no value of one call shows in another."""

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec import UNSET
from sqlalchemy import Select, Update, func, insert, select, update

from resolvers import agents
from resolvers.context import Guest
from resolvers.domain.agents import Agent, AgentFilter
from resolvers.domain.ids import new_id
from resolvers.domain.lifecycle import Status
from resolvers.domain.paging import ConnectionList, pack_cursor
from resolvers.domain.users import Viewer
from resolvers.store import statements as traced
from resolvers.store.pages import matches
from resolvers.store.records import AGENT
from resolvers.store.statements import MOST, Bound, among, statement
from resolvers.store.tables import agents as rows
from resolvers.store.tables import events
from tests.doors import Door
from tests.factories import Factory, Scene


@statement
def named(name: str, status: Status | None = None, **more: object) -> Select:
    wanted = select(rows.c.id).where(rows.c.name == name, *(rows.c[key] == value for key, value in more.items()))
    return wanted if status is None else wanted.where(rows.c.status == status)


@statement
def some(ids: list[UUID]) -> Select:
    return select(rows.c.id).where(among(rows.c.id, ids))


def sent(bound: Bound) -> tuple:
    return bound.plan.arguments(bound.values)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are compiled while the test runs."""
    texts, compiling = [], traced._compiled

    def noting(*args, **more):
        plan = compiling(*args, **more)
        texts.append(plan.text)
        return plan

    monkeypatch.setattr(traced, "_compiled", noting)
    return texts


def test_what_has_one_shape_is_compiled_once():
    first, second = named("one"), named("two")

    assert first.plan is second.plan
    assert (sent(first), sent(second)) == (("one",), ("two",))


def test_each_form_is_a_shape_of_its_own():
    plans = {named("a").plan, named("a", Status.IDLE).plan, named("a", Status.PAUSED).plan, named("a", version=1).plan}

    assert len(plans) == 4
    assert sent(named("b", Status.PAUSED)) == ("b", "paused")


def test_the_order_of_names_makes_no_other_shape():
    one, other = named("a", version=1, tokens_used=2), named("b", tokens_used=3, version=4)

    assert one.plan is other.plan
    assert (set(sent(one)), set(sent(other))) == ({"a", 1, 2}, {"b", 3, 4})


def test_a_list_is_one_array_however_long():
    ids = [new_id() for _ in range(10)]

    assert sent(some(ids)) == (ids,)
    assert {some(ids[:length]).plan for length in (0, 2, 3, 10)} == {some(ids).plan}


def test_a_list_of_one_is_a_plain_value():
    one, other = [new_id()], [new_id()]

    assert (sent(some(one)), sent(some(other))) == ((one[0],), (other[0],))
    assert "ANY" not in some(one).plan.text


def test_shapes_are_bounded():
    @statement
    def counted(*parts: str) -> Select:
        return select(*parts)

    for length in range(1, MOST + 20):
        counted(*["x"] * length)

    assert len(counted.plans) == MOST


def test_a_value_that_is_no_argument_is_refused():
    @statement
    def fresh() -> Select:
        return select(rows.c.id).where(rows.c.id == new_id())

    with pytest.raises(TypeError, match="hand it in"):
        fresh()


@pytest.mark.parametrize("argument", [{1, 2}, rows.c.id, object()], ids=["set", "column", "object"])
def test_what_has_no_shape_is_refused(argument):
    with pytest.raises(TypeError, match="is no argument"):
        named(argument)


def test_python_decides_nothing_on_a_value():
    @statement
    def deciding(name: str) -> Select:
        return select(rows.c.id) if name else select(rows.c.name)

    with pytest.raises(TypeError):
        deciding("a")


def test_of_the_viewer_only_the_rights_are_a_shape(scene: Scene):
    @statement
    def mine(who: Viewer) -> Select:
        return select(rows.c.id).where(rows.c.id == who.id)

    assert mine(scene.owner.who).plan is mine(scene.stranger.who).plan is not mine(scene.root.who).plan
    assert sent(mine(scene.stranger.who)) == (scene.stranger.id,)


@pytest.mark.parametrize("text", ["100%", "a_b", "back\\slash", "/", "plain"])
async def test_a_search_finds_its_text_and_takes_no_sign_for_a_pattern(text: str, make: Factory, scene: Scene):
    @statement
    def found(text: str) -> Select:
        return select(rows.c.name).where(matches(text, rows.c.name))

    names = {f"An agent {text.upper()} here", "100 agents", "aXb", "backslash"}
    for name in names:
        await make.agent(scene.owner, scene.project, scene.kind, name=name)
    async with scene.owner.store.read() as db:
        assert set((await db.execute(found(text))).scalars()) == {name for name in names if text in name.lower()}


WHERES = {
    "all": {},
    "status": {"status": ["idle", "paused"]},
    "one status": {"status": ["idle"]},
    "search": {"search": "agent"},
}


@pytest.mark.parametrize("where", WHERES.values(), ids=WHERES)
@pytest.mark.parametrize("size", ["first", "last"])
async def test_a_list_is_compiled_once_whatever_its_cursors(
    where, size: str, make: Factory, scene: Scene, compiled: list[str]
):
    ids = [scene.agent.id, *[(await make.agent(scene.owner, scene.project, scene.kind)).id for _ in range(4)]]
    cursor, cursors = {"first": "after", "last": "before"}[size], []
    compiled.clear()

    seen: list[UUID] = []
    while True:
        asked = ConnectionList(AgentFilter, {"where": where, size: 1, **dict.fromkeys([cursor], *cursors[-1:])})
        page = await agents.search(scene.viewer, scene.project.id, asked)
        seen += [agent.id for agent in page.items]
        if not (page.has_next if size == "first" else page.has_prev):
            break
        cursors.append(pack_cursor(page.items[0], page.sort))

    assert seen == (ids[::-1] if size == "first" else ids)
    assert len(compiled) <= 2  # without a cursor, and with one


async def test_absent_filters_are_none_at_all(scene: Scene):
    empty = agents._pages_of_projects(scene.viewer.who, [scene.project.id], ConnectionList(AgentFilter, {}).parsed())

    assert ConnectionList(AgentFilter, {}).parsed().where.status is UNSET
    assert "status =" not in empty.plan.text


@pytest.mark.parametrize("name", ["agents", "agent", "pause", "spawn", "project_metrics", "projects", "update_agent"])
async def test_what_was_done_before_compiles_nothing(
    name: str, door: Door, make: Factory, scene: Scene, compiled: list[str]
):
    async def do(number: int) -> None:
        agent = await make.agent(scene.operator, scene.project, scene.kind)
        where = {} if name == "projects" else {"project_id": str(scene.project.id)}
        where |= {"id": str(agent.id)} if name in {"agent", "pause", "update_agent"} else {}
        new = {"agent_type_id": str(scene.kind.id), "name": f"Agent {number}"}
        given = {"spawn": new, "update_agent": {"name": f"Agent {number}"}}.get(name, {})
        assert (await door.ask(name, scene.operator, **where, **given)).code is None

    await do(1)
    await do(2)  # from now on, a list in GraphQL reads only what is asked for
    compiled.clear()
    await do(3)

    assert compiled == []


async def test_records_are_read_as_the_domain_knows_them(scene: Scene):
    @statement
    def one(id: UUID) -> Select:
        return select(*AGENT).where(rows.c.id == id)

    async with scene.owner.store.read() as db:
        bound = one(scene.agent.id)
        [agent] = bound.plan.maker(Agent)(await db.fetch(bound))

    assert agent == scene.agent
    assert (type(agent.status), type(agent.cost_incurred), type(agent.allowed_actions)) == (Status, Decimal, list)


async def test_who_leaves_in_the_middle_of_a_transaction_leaves_nothing(guest: Guest, scene: Scene, caplog):
    @statement
    def renamed(id: UUID, name: str) -> Update:
        return update(rows).where(rows.c.id == id).values(name=name)

    begun = asyncio.Event()

    async def leave() -> None:
        async with guest.store.write() as db:
            await db.execute(renamed(scene.agent.id, "Halfway"))
            begun.set()
            await asyncio.sleep(60)

    leaving = asyncio.create_task(leave())
    await begun.wait()
    leaving.cancel()
    await asyncio.wait([leaving])

    assert guest.store.busy == 0
    assert not caplog.records
    assert (await agents.get(scene.owner, scene.agent.id)).name == scene.agent.name


async def test_json_goes_in_and_comes_out_as_it_was(guest: Guest, scene: Scene):
    data = {"deep": [1, 2.5, None, {"ä": "\u2028"}], "empty": {}}
    row = {"id": new_id(), "kind": "agent.spawned", "subject_id": scene.agent.id, "actor_id": scene.owner.id}

    async with guest.store.write() as db:
        await db.execute(insert(events).values(**row, project_id=scene.project.id, data=data))
        kept = (await db.execute(select(events.c.data).where(events.c.id == row["id"]))).scalar()

    assert kept == data


async def test_a_query_sees_the_settings_of_a_connection(guest: Guest):
    async with guest.store.read() as db:
        row = (await db.execute(select(func.current_setting("TimeZone"), func.current_setting("jit")))).one()

    assert tuple(row) == ("UTC", "off")
