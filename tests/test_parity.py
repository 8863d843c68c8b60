"""Every verb, through both doors: the same things are done, and the same ones are refused."""

from typing import Any

import pytest

from resolvers.domain.lifecycle import Status
from tests.doors import OPERATIONS, Door, GraphQLDoor, RestDoor
from tests.factories import PASSWORD, Factory, Person, Scene

NEW_PASSWORD = "Another-Horse-43"
NOBODY = "01a203d9-f1cc-77a8-8796-a569ca74571e"


class Case:
    """How an operation succeeds: who asks, and with what."""

    def __init__(self, who: str | None, **args: Any) -> None:
        self.who, self.args = who, args

    async def ready(self, scene: Scene, make: Factory) -> tuple[Person | None, dict[str, Any]]:
        """Returns who asks and with what, once what it needs is there."""
        return self.who and getattr(scene, self.who), {
            key: (await value(scene, make)) if callable(value) else value for key, value in self.args.items()
        }


def of(path: str):
    """Looks something up in the scene, such as `agent.id`."""

    async def find(scene: Scene, make: Factory) -> Any:
        value: Any = scene
        for part in path.split("."):
            value = getattr(value, part)
        return str(value)

    return find


async def somebody(scene: Scene, make: Factory) -> str:
    return str((await make.user()).id)


async def paused(scene: Scene, make: Factory) -> str:
    return str((await make.agent(scene.operator, scene.project, scene.kind, Status.PAUSED)).id)


async def refresh_token(scene: Scene, make: Factory) -> str:
    return (await make.signed_in(scene.owner.email)).tokens.refresh_token


async def other_session(scene: Scene, make: Factory) -> str:
    return str((await make.signed_in(scene.owner.email)).who.session_id)


async def some_ids(scene: Scene, make: Factory) -> list[str]:
    return [await somebody(scene, make), await somebody(scene, make)]


AGENT = {"project_id": of("project.id"), "id": of("agent.id")}
PROJECT = {"id": of("project.id")}
MEMBER = {"project_id": of("project.id"), "user_id": of("viewer.id")}
TYPE = {"name": "Reviewer", "slug": "reviewer", "personality_prompt": "Review.", "primary_model": "m"}
PERSON = {"email": "new@example.com", "password": PASSWORD, "first_name": "New"}

CASES = {
    "register": Case(None, **PERSON),
    "login": Case(None, email=of("owner.email"), password=PASSWORD),
    "refresh": Case(None, refresh_token=refresh_token),
    "logout": Case("owner", refresh_token=refresh_token),
    "logout_all": Case("owner"),
    "me": Case("owner"),
    "update_me": Case("owner", first_name="Grace"),
    "change_password": Case("owner", current_password=PASSWORD, new_password=NEW_PASSWORD),
    "my_sessions": Case("owner"),
    "clean_up_sessions": Case("owner"),
    "revoke_session": Case("owner", id=other_session),
    "users": Case("root"),
    "user": Case("root", id=of("owner.id")),
    "create_user": Case("root", **PERSON),
    "update_user": Case("root", id=of("owner.id"), last_name="Hopper"),
    "delete_user": Case("root", id=of("stranger.id")),
    "activate_users": Case("root", user_ids=some_ids),
    "deactivate_users": Case("root", user_ids=some_ids),
    "sessions": Case("root"),
    "stats": Case("root"),
    "agent_types": Case("stranger"),
    "agent_type": Case("stranger", id=of("kind.id")),
    "agent_type_by_slug": Case("stranger", slug=of("kind.slug")),
    "create_agent_type": Case("root", **TYPE),
    "update_agent_type": Case("root", id=of("kind.id"), name="Better"),
    "deactivate_agent_type": Case("root", id=of("kind.id")),
    "projects": Case("viewer"),
    "project": Case("viewer", **PROJECT),
    "project_by_slug": Case("viewer", slug=of("project.slug")),
    "create_project": Case("stranger", name="Mine", slug="mine"),
    "update_project": Case("owner", **PROJECT, name="Better"),
    "archive_project": Case("owner", **PROJECT),
    "members": Case("viewer", project_id=of("project.id")),
    "add_member": Case("owner", project_id=of("project.id"), user_id=somebody, role="viewer"),
    "update_member": Case("owner", **MEMBER, role="operator"),
    "remove_member": Case("owner", **MEMBER),
    "agents": Case("viewer", project_id=of("project.id")),
    "agent": Case("viewer", **AGENT),
    "spawn": Case("operator", project_id=of("project.id"), agent_type_id=of("kind.id"), name="One"),
    "update_agent": Case("operator", **AGENT, name="Better"),
    "pause": Case("operator", **AGENT),
    "resume": Case("operator", project_id=of("project.id"), id=paused),
    "terminate": Case("operator", **AGENT),
    "transition": Case("operator", **AGENT, to="working"),
    "agent_metrics": Case("viewer", **AGENT),
    "project_metrics": Case("viewer", project_id=of("project.id")),
    "agent_events": Case("viewer", **AGENT),
    "project_events": Case("viewer", project_id=of("project.id")),
}
PUBLIC = {"register", "login", "refresh"}
# What a superuser alone may do, and what in a project needs more than to see it.
FOR_SUPERUSERS = {
    "users", "create_user", "update_user", "delete_user", "activate_users", "deactivate_users", "sessions", "stats",
    "create_agent_type", "update_agent_type", "deactivate_agent_type",
}  # fmt: skip
FOR_OWNERS = {"update_project", "archive_project", "add_member", "update_member"}
FOR_OPERATORS = {"spawn", "update_agent", "pause", "resume", "terminate", "transition"}
IN_PROJECT = FOR_OWNERS | FOR_OPERATORS | {
    "project", "project_by_slug", "members", "remove_member", "agents", "agent", "agent_metrics", "project_metrics",
    "agent_events", "project_events",
}  # fmt: skip


def test_every_operation_has_a_case():
    assert CASES.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", CASES)
async def test_each_verb_works(name: str, door: Door, scene: Scene, make: Factory):
    who, args = await CASES[name].ready(scene, make)
    answer = await door.ask(name, who, **args)
    assert answer.code is None, answer


@pytest.mark.parametrize("name", sorted(CASES.keys() - PUBLIC))
async def test_nobody_does_anything_without_signing_in(name: str, door: Door, scene: Scene, make: Factory):
    _, args = await CASES[name].ready(scene, make)
    assert (await door.ask(name, None, **args)).code == "UNAUTHENTICATED"


@pytest.mark.parametrize("name", sorted(FOR_SUPERUSERS))
async def test_only_superusers_administer(name: str, door: Door, scene: Scene, make: Factory):
    _, args = await CASES[name].ready(scene, make)
    assert (await door.ask(name, scene.owner, **args)).code == "FORBIDDEN"


@pytest.mark.parametrize("name", sorted(IN_PROJECT))
async def test_a_strangers_project_does_not_exist(name: str, door: Door, scene: Scene, make: Factory):
    _, args = await CASES[name].ready(scene, make)
    assert (await door.ask(name, scene.stranger, **args)).code == "NOT_FOUND"


@pytest.mark.parametrize("name", sorted(IN_PROJECT))
async def test_superusers_do_everything(name: str, door: Door, scene: Scene, make: Factory):
    _, args = await CASES[name].ready(scene, make)
    assert (await door.ask(name, scene.root, **args)).code is None


@pytest.mark.parametrize("name", sorted(FOR_OPERATORS | FOR_OWNERS))
async def test_viewers_only_look(name: str, door: Door, scene: Scene, make: Factory):
    _, args = await CASES[name].ready(scene, make)
    assert (await door.ask(name, scene.viewer, **args)).code == "FORBIDDEN"


@pytest.mark.parametrize("name", sorted(FOR_OWNERS))
async def test_operators_manage_nothing(name: str, door: Door, scene: Scene, make: Factory):
    _, args = await CASES[name].ready(scene, make)
    assert (await door.ask(name, scene.operator, **args)).code == "FORBIDDEN"


@pytest.mark.parametrize(("name", "args"), [
    ("spawn", {"name": "", "agent_type_id": NOBODY}),
    ("update_agent", {"name": ""}),
    ("update_project", {"slug": "No Slug"}),
    ("add_member", {"user_id": "no id", "role": "viewer"}),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
async def test_rights_come_before_validity(name: str, args: dict[str, Any], door: Door, scene: Scene, make: Factory):
    _, good = await CASES[name].ready(scene, make)
    bad = good | args
    assert (await door.ask(name, scene.stranger, **bad)).code == "NOT_FOUND"
    assert (await door.ask(name, scene.viewer, **bad)).code == "FORBIDDEN"
    assert (await door.ask(name, scene.root, **bad)).code in {"VALIDATION_FAILED", "NOT_FOUND"}


@pytest.mark.parametrize("name", ["create_agent_type", "update_agent_type", "create_user", "update_user"])
async def test_only_superusers_learn_what_is_invalid(name: str, door: Door, scene: Scene, make: Factory):
    _, good = await CASES[name].ready(scene, make)
    field = "first_name" if "user" in name else "name"
    assert (await door.ask(name, scene.owner, **good | {field: ""})).code == "FORBIDDEN"
    assert (await door.ask(name, scene.root, **good | {field: ""})).faults == (
        (camel_or(door, field), "VALIDATION_FAILED"),
    )


def camel_or(door: Door, field: str) -> str:
    return {"first_name": "firstName"}.get(field, field) if type(door).__name__ == "GraphQLDoor" else field


@pytest.mark.parametrize("name", sorted(name for name, case in CASES.items() if {"id", "user_id"} & case.args.keys()))
async def test_what_is_not_there_is_not_found(name: str, door: Door, scene: Scene, make: Factory):
    _, args = await CASES[name].ready(scene, make)
    key = "user_id" if "user_id" in args else "id"
    for absent in (NOBODY, "no-uuid", f"{{{NOBODY}}}", NOBODY.replace("-", "")):
        assert (await door.ask(name, scene.root, **args | {key: absent})).code == "NOT_FOUND", absent


@pytest.mark.parametrize("name", [
    "update_agent", "pause", "terminate", "transition", "update_project", "update_agent_type", "update_user",
    "update_me", "update_member",
])  # fmt: skip
async def test_a_stale_version_is_refused(name: str, door: Door, scene: Scene, make: Factory):
    who, args = await CASES[name].ready(scene, make)
    assert (await door.ask(name, who, **args, expected_version=7)).code == "VERSION_MISMATCH"
    assert (await door.ask(name, who, **args, expected_version=1)).code is None
    assert (await door.ask(name, who, **args, expected_version=1)).code == "VERSION_MISMATCH"


async def test_what_is_taken_conflicts(door: Door, scene: Scene):
    new = PERSON | {"email": scene.owner.email.upper()}
    assert (await door.ask("register", **new)).faults == (("email", "CONFLICT"),)
    kind = TYPE | {"slug": scene.kind.slug}
    assert (await door.ask("create_agent_type", scene.root, **kind)).faults == (("slug", "CONFLICT"),)
    taken = {"name": "Mine", "slug": scene.project.slug}
    assert (await door.ask("create_project", scene.owner, **taken)).faults == (("slug", "CONFLICT"),)


async def test_both_doors_show_the_same_agent(http, scene: Scene):
    answers = [(await kind(http).ask("agent", scene.viewer, **scene.names)).value for kind in (RestDoor, GraphQLDoor)]
    assert answers[0] == answers[1]


async def test_both_doors_tell_the_same_events(door: Door, scene: Scene, make: Factory):
    other = await make.agent(scene.operator, scene.project, scene.kind, Status.PAUSED)
    asked = [{}, {"limit": 2}, {"agent_id": str(other.id)}, {"agent_id": NOBODY}]
    expected = [["spawned", "spawned", "paused"], ["spawned"] * 2, ["spawned", "paused"], []]
    for more, kinds in zip(asked, expected, strict=True):
        answer = await door.ask("project_events", scene.viewer, project_id=str(scene.project.id), **more)
        found = answer.value["data" if type(door) is RestDoor else "nodes"]
        assert [(event["kind"].replace("_", "."), event["project_id"]) for event in found] == [
            (f"agent.{kind}", str(scene.project.id)) for kind in kinds
        ], more
