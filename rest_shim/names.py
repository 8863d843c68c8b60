"""What operations are called, and under which heading they stand: both follow from their verbs."""

import re
import sys
from types import ModuleType

from resolvers import agent_types, agents, auth, events, members, metrics, projects, sessions, users
from rest_shim.endpoint import Endpoint, Verb
from rest_shim.routes import ENDPOINTS

TAGS = {
    "Signing in": auth,
    "Users": users,
    "Sessions": sessions,
    "Agent types": agent_types,
    "Projects": projects,
    "Members": members,
    "Agents": agents,
}
ADMINISTRATION = "Administration"
HOMES: dict[ModuleType, ModuleType] = {metrics: agents, events: agents}
WORDS = {"search": "list", "update_one": "update", "get_by_slug": "get"}
ENDINGS = {"search": "s", "get_by_slug": "BySlug"}
# What the rules below would call less well.
NAMES: dict[Verb, str] = {
    auth.refresh: "refreshToken",
    users.me: "getMe",
    users.update_me: "updateMe",
    users.change_password: "changePassword",
    users.bulk: "changeUsers",
    users.stats: "getStats",
    sessions.mine: "listMySessions",
    sessions.clean_up: "cleanUpSessions",
    metrics.of_agent: "getAgentMetrics",
    metrics.of_project: "getProjectMetrics",
    events.of_agent: "listAgentEvents",
    events.of_project: "listProjectEvents",
}


def operation_id(endpoint: Endpoint) -> str:
    """Names an operation after its verb, as GraphQL names mutations: spawnAgent."""
    name = NAMES.get(endpoint.verb) or _named(endpoint.verb)
    return f"{name}AsAdmin" if _is_admins(endpoint) and _is_elsewhere(endpoint) else name


def tag(endpoint: Endpoint) -> str:
    """Returns the heading of an operation."""
    if _is_admins(endpoint):
        return ADMINISTRATION
    module = sys.modules[endpoint.verb.__module__]
    return next(name for name, home in TAGS.items() if home is HOMES.get(module, module))


def tags() -> list[dict[str, str]]:
    """Returns all headings, and what their modules say of themselves."""
    found = [{"name": name, "description": _about(module)} for name, module in TAGS.items()]
    return [*found, {"name": ADMINISTRATION, "description": "Users, sessions and counts; for superusers."}]


def camel(name: str) -> str:
    """Turns `_agent_types` into `AgentTypes`."""
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def _named(verb: Verb) -> str:
    if verb.__module__ == auth.__name__:
        return camel(verb.__name__)
    noun = camel(f"_{verb.__module__.rpartition('.')[2]}").removesuffix("s")
    return WORDS.get(verb.__name__, verb.__name__) + noun + ENDINGS.get(verb.__name__, "")


def _is_admins(endpoint: Endpoint) -> bool:
    return endpoint.path.startswith("/admin/")


def _is_elsewhere(endpoint: Endpoint) -> bool:
    return any(other.verb is endpoint.verb and other.path != endpoint.path for other in ENDPOINTS)


def _about(module: ModuleType) -> str:
    said = str(module.__doc__).rpartition(": ")[2]
    return said[0].upper() + said[1:]
