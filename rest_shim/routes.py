"""All of /api/v1 on one page: a method, a path, the verb that answers."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from resolvers import agent_types, agents, auth, events, members, metrics, projects, sessions, users
from resolvers.domain.errors import Code, Refusal
from rest_shim.endpoint import Endpoint, Verb, serve
from rest_shim.stream import Follow

PREFIX = "/api/v1"
PROJECT = "/projects/{project_id}"
AGENT = PROJECT + "/agents/{id}"
MEMBER = PROJECT + "/members/{user_id}"


def get(path: str, verb: Verb, follow: Follow | None = None) -> Endpoint:
    return Endpoint("GET", path, verb, follow=follow)


def post(path: str, verb: Verb, status: int = 200, location: str | None = None) -> Endpoint:
    return Endpoint("POST", path, verb, status, location)


def patch(path: str, verb: Verb) -> Endpoint:
    return Endpoint("PATCH", path, verb)


def put(path: str, verb: Verb) -> Endpoint:
    return Endpoint("PUT", path, verb)


def delete(path: str, verb: Verb) -> Endpoint:
    return Endpoint("DELETE", path, verb)


# The first path that fits answers: fixed words stand before ids.
ENDPOINTS = (
    post("/auth/register", auth.register, 201, PREFIX + "/users/{id}"),
    post("/auth/login", auth.login),
    post("/auth/refresh", auth.refresh),
    post("/auth/logout", auth.logout),
    post("/auth/logout-all", auth.logout_all),
    get("/users/me", users.me),
    patch("/users/me", users.update_me),
    patch("/users/me/password", users.change_password),
    get("/users", users.search),
    get("/users/{id}", users.get),
    patch("/users/{id}", users.update_one),
    delete("/users/{id}", users.delete),
    get("/sessions/me", sessions.mine),
    delete("/sessions/me/expired", sessions.clean_up),
    delete("/sessions/{id}", sessions.revoke),
    get("/admin/users", users.search),
    post("/admin/users", users.create, 201),
    post("/admin/users/bulk-action", users.bulk),
    get("/admin/users/{id}", users.inspect),
    put("/admin/users/{id}", users.administer),
    delete("/admin/users/{id}", users.delete),
    post("/admin/users/{id}/activate", users.activate),
    post("/admin/users/{id}/deactivate", users.deactivate),
    get("/admin/sessions", sessions.search),
    get("/admin/stats", users.stats),
    get("/agent-types", agent_types.search),
    post("/agent-types", agent_types.create, 201),
    get("/agent-types/slug/{slug}", agent_types.get_by_slug),
    get("/agent-types/{id}", agent_types.get),
    patch("/agent-types/{id}", agent_types.update_one),
    delete("/agent-types/{id}", agent_types.delete),
    get("/projects", projects.search),
    post("/projects", projects.create, 201),
    get("/projects/slug/{slug}", projects.get_by_slug),
    get("/projects/{id}", projects.get),
    patch("/projects/{id}", projects.update_one),
    delete("/projects/{id}", projects.delete),
    get(PROJECT + "/events", events.of_project, events.follow),
    get(PROJECT + "/members", members.search),
    post(PROJECT + "/members", members.add, 201),
    patch(MEMBER, members.update_one),
    delete(MEMBER, members.remove),
    get(PROJECT + "/agents", agents.search),
    post(PROJECT + "/agents", agents.spawn, 201),
    get(PROJECT + "/agents/metrics", metrics.of_project),
    get(AGENT, agents.get),
    patch(AGENT, agents.update_one),
    delete(AGENT, agents.delete),
    post(AGENT + "/pause", agents.pause),
    post(AGENT + "/resume", agents.resume),
    post(AGENT + "/transition", agents.transition),
    get(AGENT + "/metrics", metrics.of_agent),
    get(AGENT + "/events", events.of_agent),
)


def routes() -> list["Branch"]:
    """Returns one route per path, by their first word; the first that fits answers, whatever the method."""
    found = []
    for path, same in groupby(ENDPOINTS, key=lambda endpoint: endpoint.path):
        handlers = {endpoint.method: serve(endpoint) for endpoint in same}
        found.append(Route(PREFIX + path, ByMethod(handlers)))
    by_word = groupby(found, key=lambda route: route.path.removeprefix(PREFIX).split("/")[1])
    return [Branch(f"{PREFIX}/{word}", list(same)) for word, same in by_word]


class Branch(BaseRoute):
    """Routes that begin alike: what begins otherwise need not be compared with each of them."""

    def __init__(self, start: str, routes: Sequence[Route]) -> None:
        self.start, self.routes = start, routes

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["path"].startswith(self.start):
            for route in self.routes:
                match, found = route.matches(scope)
                if match is not Match.NONE:
                    return match, {**found, "route": route}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].handle(scope, receive, send)


class ByMethod:
    """Answers the methods of one path, and tells any other which those are."""

    def __init__(self, handlers: dict[str, Callable[[Request], Awaitable[Response]]]) -> None:
        self.handlers = handlers | ({"HEAD": handlers["GET"]} if "GET" in handlers else {})
        self.allow = {"Allow": ", ".join(sorted([*self.handlers, "OPTIONS"]))}
        self.handlers["OPTIONS"] = self._options

    async def _options(self, _: Request) -> Response:
        return Response(status_code=204, headers=self.allow)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        if request.method not in self.handlers:
            raise Refusal(Code.METHOD_NOT_ALLOWED, headers=self.allow)
        response = await self.handlers[request.method](request)
        await response(scope, receive, send)
