"""Sessions, passwords and what administrators do."""

import pytest

from tests.doors import Door
from tests.factories import PASSWORD, Factory, Scene

NEW = "Another-Horse-43"


async def test_a_spent_refresh_token_ends_its_session(door: Door, make: Factory):
    person = await make.user()
    first = person.tokens.refresh_token
    second = (await door.ask("refresh", refresh_token=first)).value
    assert second["refresh_token"] != first

    assert (await door.ask("refresh", refresh_token=first)).code == "UNAUTHENTICATED"

    assert (await door.ask("refresh", refresh_token=second["refresh_token"])).code == "UNAUTHENTICATED"
    assert (await door.ask("me", person)).code == "UNAUTHENTICATED"


async def test_logging_out_ends_that_session_alone(door: Door, make: Factory):
    here = await make.user()
    there = await make.signed_in(here.email)

    assert (await door.ask("logout", here, refresh_token=here.tokens.refresh_token)).code is None

    assert (await door.ask("me", here)).code == "UNAUTHENTICATED"
    assert (await door.ask("me", there)).code is None


async def test_nobody_logs_another_out(door: Door, make: Factory):
    one, other = await make.user(), await make.user()

    await door.ask("logout", one, refresh_token=other.tokens.refresh_token)

    assert (await door.ask("me", other)).code is None


async def test_logging_out_everywhere_ends_all(door: Door, make: Factory):
    here = await make.user()
    there = await make.signed_in(here.email)

    await door.ask("logout_all", here)

    assert [(await door.ask("me", one)).code for one in (here, there)] == ["UNAUTHENTICATED"] * 2


async def test_a_new_password_ends_the_other_sessions(door: Door, make: Factory):
    here = await make.user()
    there = await make.signed_in(here.email)
    wrong = {"current_password": "Wrong-Horse-42", "new_password": NEW}

    refused = await door.ask("change_password", here, **wrong)
    assert (refused.code, refused.faults[0][0]) in {("FORBIDDEN", "current_password"), ("FORBIDDEN", "currentPassword")}
    weak = await door.ask("change_password", here, current_password=PASSWORD, new_password="weak")
    assert weak.code == "VALIDATION_FAILED"
    assert (await door.ask("change_password", here, current_password=PASSWORD, new_password=NEW)).code is None

    assert (await door.ask("me", here)).code is None
    assert (await door.ask("me", there)).code == "UNAUTHENTICATED"
    assert (await door.ask("login", email=here.email, password=PASSWORD)).code == "UNAUTHENTICATED"
    assert (await door.ask("login", email=here.email, password=NEW)).code is None


async def test_sessions_show_where_one_is_signed_in(door: Door, make: Factory):
    here = await make.user()
    await make.signed_in(here.email)

    shown = (await door.ask("my_sessions", here)).value

    found = shown.get("sessions", shown.get("nodes"))
    assert [session["is_current"] for session in found] == [False, True]
    assert {session["user_agent"] for session in found} == {"tests"}


async def test_anothers_session_is_not_mine_to_end(door: Door, make: Factory, scene: Scene):
    theirs = str(scene.owner.who.session_id)

    assert (await door.ask("revoke_session", scene.stranger, id=theirs)).code == "FORBIDDEN"
    assert (await door.ask("me", scene.owner)).code is None
    assert (await door.ask("revoke_session", scene.root, id=theirs)).code is None
    assert (await door.ask("me", scene.owner)).code == "UNAUTHENTICATED"


async def test_cleaning_up_tells_how_many_sessions_were_over(door: Door, make: Factory):
    here = await make.user()
    for _ in range(3):
        other = await make.signed_in(here.email)
        await door.ask("logout", here, refresh_token=other.tokens.refresh_token)

    assert (await door.ask("clean_up_sessions", here)).value["message"] == "Cleaned up 3 expired sessions"
    assert (await door.ask("me", here)).code is None


async def test_a_deleted_user_is_gone_and_the_address_is_free(door: Door, make: Factory, scene: Scene):
    person = await make.member(scene.owner, scene.project, "operator")
    agent = await make.agent(person, scene.project, scene.kind)

    assert (await door.ask("delete_user", scene.root, id=str(person.id))).code is None

    assert (await door.ask("me", person)).code == "UNAUTHENTICATED"
    assert (await door.ask("login", email=person.email, password=PASSWORD)).code == "UNAUTHENTICATED"
    assert (await door.ask("user", scene.root, id=str(person.id))).code == "NOT_FOUND"
    members = (await door.ask("members", scene.viewer, project_id=str(scene.project.id))).value
    assert str(person.id) not in str(members)
    names = {"project_id": str(scene.project.id), "id": str(agent.id)}
    history = (await door.ask("agent_events", scene.viewer, **names)).value
    assert str(person.id) in str(history)
    assert (await make.user(email=person.email)).id != person.id


@pytest.mark.parametrize("operation", ["deactivate_users", "update_user", "delete_user"])
async def test_the_last_superuser_stays(operation: str, door: Door, make: Factory):
    root = await make.superuser()
    args = {"user_ids": [str(root.id)]} if operation == "deactivate_users" else {"id": str(root.id)}
    change = {"is_superuser": False} if operation == "update_user" else {}

    assert (await door.ask(operation, root, **args, **change)).code == "CONFLICT"
    assert (await door.ask("stats", root)).value["superusers"] == 1


async def test_a_deactivated_user_is_out_at_once_and_back_when_activated(door: Door, make: Factory, scene: Scene):
    person = await make.user()
    these = {"user_ids": [str(person.id), str(scene.project.id)]}

    assert (await door.ask("deactivate_users", scene.root, **these)).value["affected_count"] == 1
    assert (await door.ask("me", person)).code == "UNAUTHENTICATED"
    assert (await door.ask("login", email=person.email, password=PASSWORD)).code == "UNAUTHENTICATED"
    assert (await door.ask("activate_users", scene.root, **these)).value["affected_count"] == 1
    assert (await door.ask("login", email=person.email, password=PASSWORD)).code is None


async def test_a_password_that_an_administrator_sets_ends_the_sessions(door: Door, make: Factory, scene: Scene):
    person = await make.user()

    await door.ask("update_user", scene.root, id=str(person.id), password=NEW)

    assert (await door.ask("me", person)).code == "UNAUTHENTICATED"
    assert (await door.ask("login", email=person.email, password=NEW)).code is None


async def test_the_last_owner_stays(door: Door, make: Factory, scene: Scene):
    me = {"project_id": str(scene.project.id), "user_id": str(scene.owner.id)}

    assert (await door.ask("remove_member", scene.owner, **me)).code == "CONFLICT"
    assert (await door.ask("update_member", scene.owner, **me, role="viewer")).code == "CONFLICT"
    await make.member(scene.owner, scene.project, "owner")
    assert (await door.ask("remove_member", scene.owner, **me)).code is None
    assert (await door.ask("project", scene.owner, id=str(scene.project.id))).code == "NOT_FOUND"


async def test_members_leave_by_themselves(door: Door, scene: Scene):
    project = str(scene.project.id)

    others = {"project_id": project, "user_id": str(scene.operator.id)}
    assert (await door.ask("remove_member", scene.viewer, **others)).code == "FORBIDDEN"
    mine = {"project_id": project, "user_id": str(scene.viewer.id)}
    assert (await door.ask("remove_member", scene.viewer, **mine)).code is None
    assert (await door.ask("agents", scene.viewer, project_id=project)).code == "NOT_FOUND"


async def test_nobody_joins_twice_and_no_stranger_is_found(door: Door, scene: Scene):
    project = {"project_id": str(scene.project.id), "role": "viewer"}

    assert (await door.ask("add_member", scene.owner, **project, user_id=str(scene.viewer.id))).code == "CONFLICT"
    assert (await door.ask("add_member", scene.owner, **project, user_id=str(scene.kind.id))).code == "NOT_FOUND"


async def test_a_change_of_what_agents_run_on_makes_a_revision(door: Door, make: Factory, scene: Scene, http):
    before = scene.agent
    kind = {"id": str(scene.kind.id)}

    renamed = (await door.ask("update_agent_type", scene.root, **kind, description="Better")).value
    assert (renamed["revision"], renamed["version"]) == (1, 2)
    revised = (await door.ask("update_agent_type", scene.root, **kind, personality_prompt="Be kind.")).value
    assert (revised["revision"], revised["version"], revised["instance_count"]) == (2, 3, 1)
    same = (await door.ask("update_agent_type", scene.root, **kind, personality_prompt="Be kind.")).value
    assert (same["revision"], same["version"]) == (2, 3)

    after = await make.agent(scene.operator, scene.project, scene.kind)
    document = '{ nodes(ids: ["%s", "%s"]) { ... on Agent { runsOn { revision personalityPrompt } } } }'
    reply = await http.post("/graphql", json={"query": document % (before.id, after.id)}, headers=scene.viewer.headers)
    assert [node["runsOn"] for node in reply.json()["data"]["nodes"]] == [
        {"revision": 1, "personalityPrompt": "Review."},
        {"revision": 2, "personalityPrompt": "Be kind."},
    ]
