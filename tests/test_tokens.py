"""Tokens that speak for nobody, and rights that hold at once, through both doors."""

import base64
import hashlib
import hmac
import json
import math
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

import jwt
import msgspec
import pytest
from sqlalchemy import func, update

from resolvers import tokens
from resolvers.store.tables import sessions
from tests.conftest import SECRET
from tests.doors import Answer, Door
from tests.factories import Factory, Person, Scene
from tests.test_bad_input import watch

NOBODY = "01a203d9-f1cc-77a8-8796-a569ca74571e"
LATER = int((datetime.now(UTC) + timedelta(hours=1)).timestamp())


@pytest.fixture(autouse=True)
def watched(http):
    watch(http)


class Tomorrow(datetime):
    """A clock that is a day ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + timedelta(days=1)


class Bearer(NamedTuple):
    """Someone as far as a request shows: a header."""

    headers: dict[str, str | bytes]


async def signed_in(door: Door, authorization: str | bytes) -> Answer:
    """Asks who one is, with an Authorization header as it is given."""
    answer = await door.ask("me", Bearer({"Authorization": authorization}))  # type: ignore[arg-type]
    assert answer.code in {None, "UNAUTHENTICATED"}, answer
    return answer


async def use(door: Door, kind: str, token: str) -> Answer:
    """Uses a token for what it says that it is for."""
    return (
        await signed_in(door, f"Bearer {token}") if kind == "access" else await door.ask("refresh", refresh_token=token)
    )


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(payload: object, *, header: object = None, secret: str = SECRET, digest: Any = hashlib.sha256) -> str:
    """Signs whatever is given, also what no library would."""
    body = f"{encoded(header or {'alg': 'HS256', 'typ': 'JWT'})}.{encoded(payload)}"
    return f"{body}.{encoded(hmac.new(secret.encode(), body.encode(), digest).digest())}"


def said(person: Person, kind: str = "access") -> dict[str, Any]:
    """Returns what a person's own token says."""
    return jwt.decode(getattr(person.tokens, f"{kind}_token"), options={"verify_signature": False})


@pytest.fixture
async def person(make: Factory) -> Person:
    return await make.user()


NO_TOKENS: dict[str, str | bytes] = {
    "nothing": "", "a scheme alone": "Bearer", "a scheme and a blank": "Bearer ", "only blanks after it": "Bearer    ",
    "basic": "Basic cGVyc29uOnBhc3N3b3Jk", "another scheme": "Token {0}", "no scheme": "{0}", "a comma": "Bearer,{0}",
    "two tokens": "Bearer {0} {0}", "in quotes": 'Bearer "{0}"', "twice the scheme": "Bearer Bearer {0}",
    "accents": "Bearer \u00e9.\u00e9.\u00e9".encode(), "no UTF-8": b"Bearer \xff\xfe\x80", "garbage": "Bearer x",
    "dots": "Bearer ...", "two dots": "Bearer ..", "no signature": "Bearer {1}.{2}.", "no payload": "Bearer {1}..{3}",
    "no header": "Bearer .{2}.{3}", "two parts": "Bearer {1}.{2}", "four parts": "Bearer {0}.{3}",
    "cut off": "Bearer {0}", "long": "Bearer " + "x" * 6_000, "nested": "Bearer " + encoded(b"[" * 4_000) + ".{2}.{3}",
    "null": "Bearer null", "a list as header": "Bearer " + encoded([]) + ".{2}.{3}",
    "no UTF-8 in it": "Bearer " + encoded(b"\xff") + ".{2}.{3}",
}  # fmt: skip


@pytest.mark.parametrize("header", NO_TOKENS.values(), ids=NO_TOKENS)
async def test_what_is_no_token_speaks_for_nobody(header: str | bytes, door: Door, person: Person, request):
    token = person.tokens.access_token
    sent = header if isinstance(header, bytes) else header.format(token, *token.split("."))
    sent = sent[:-4] if "cut off" in request.node.name else sent
    assert (await signed_in(door, sent)).code == "UNAUTHENTICATED"


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
async def test_a_token_speaks_for_its_owner(scheme: str, door: Door, person: Person):
    assert (await signed_in(door, scheme + person.tokens.access_token)).value["email"] == person.email
    # The tests' own signature is the real one, so that what it signs below is refused for what it says.
    assert (await signed_in(door, scheme + signed(said(person)))).value["email"] == person.email


HEADERS: dict[str, Any] = {
    "none": {"alg": "none"}, "None": {"alg": "None"}, "null": {"alg": None}, "no algorithm": {"typ": "JWT"},
    "a list": {"alg": ["HS256"]}, "lower case": {"alg": "hs256"}, "HS384": {"alg": "HS384"}, "HS512": {"alg": "HS512"},
    "RS256": {"alg": "RS256"}, "critical": {"alg": "HS256", "crit": ["x"]}, "odd critical": {"alg": "HS256", "crit": 5},
    "odd key id": {"alg": "HS256", "kid": 5}, "detached": {"alg": "HS256", "b64": False, "crit": ["b64"]},
}  # fmt: skip


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
async def test_only_our_algorithm_signs(header: Any, door: Door, person: Person):
    digest = {"HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(str(header.get("alg")), hashlib.sha256)
    token = signed(said(person), header=header, digest=digest)
    unsigned = f"{token.rpartition('.')[0]}."
    for sent in (token, unsigned):
        assert (await signed_in(door, f"Bearer {sent}")).code == "UNAUTHENTICATED"


@pytest.mark.parametrize("secret", ["another key of forty characters, or about", "", SECRET[:-1], SECRET + " "])
async def test_only_our_key_signs(secret: str, door: Door, person: Person):
    forged = signed(said(person), secret=secret)
    assert (await signed_in(door, f"Bearer {forged}")).code == "UNAUTHENTICATED"
    refresh = signed(said(person, "refresh"), secret=secret)
    assert (await door.ask("refresh", refresh_token=refresh)).code == "UNAUTHENTICATED"


ODD_CLAIMS: dict[str, list[Any]] = {
    "sub": [5, None, [], {}, True, 1.5, "", "x", "\x00", NOBODY, [NOBODY]],
    "sid": [5, None, [], {}, True, 1.5, "", "x", "\x00", NOBODY, [NOBODY], {"a": NOBODY}],
    "rot": [None, [], {}, "x", "", "0", "\u0660", True, -1, 0.9, 1e308, math.inf, math.nan, 2**31, 2**63, 10**40],
    "typ": [None, [], 5, "x", "", ["access"], ["refresh"], "Access", True],
    "iss": [None, [], 5, "x", "", ["roster"], "Roster", "roster "],
    "exp": [None, [], {}, "x", "", 0, -1, math.inf, math.nan],
    "iat": [None, [], {}, "x", LATER, math.inf, 10**40],
    "nbf": [LATER, "x", [], math.inf], "aud": ["x", ["x"], 5],
}  # fmt: skip


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("claim", ODD_CLAIMS)
async def test_a_signed_token_with_an_odd_claim_speaks_for_nobody(claim: str, kind: str, door: Door, make: Factory):
    for value in ODD_CLAIMS[claim]:
        # Each gets a session of its own, since a refresh token of the past ends one.
        token = signed({**said(await make.user(), kind), claim: value})
        assert (await use(door, kind, token)).code == "UNAUTHENTICATED", value


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("claim", ["sub", "sid", "rot", "typ", "iss", "exp", "iat"])
async def test_a_signed_token_without_a_claim_speaks_for_nobody(claim: str, kind: str, door: Door, person: Person):
    claims = said(person, kind)
    del claims[claim]
    assert (await use(door, kind, signed(claims))).code == "UNAUTHENTICATED"


NONSENSE = [b"", b"x", b"\xff", b"[]", b"5", b"null", b"[" * 2_000, b'{"exp":' + b"9" * 2_500 + b"}"]


@pytest.mark.parametrize("payload", NONSENSE, ids=lambda payload: ascii(payload)[1:12])
@pytest.mark.parametrize("kind", ["access", "refresh"])
async def test_a_signed_token_of_nonsense_speaks_for_nobody(payload: bytes, kind: str, door: Door, person: Person):
    assert (await use(door, kind, signed(payload))).code == "UNAUTHENTICATED"


async def test_a_token_ends_with_its_time(door: Door, person: Person):
    for kind in ("access", "refresh"):
        ended = {**said(person, kind), "exp": int(datetime.now(UTC).timestamp()) - 1}
        assert (await use(door, kind, signed(ended))).code == "UNAUTHENTICATED"
    assert (await use(door, "refresh", person.tokens.refresh_token)).code is None


async def test_a_token_is_for_one_use_only(door: Door, person: Person):
    assert (await use(door, "access", person.tokens.refresh_token)).code == "UNAUTHENTICATED"
    assert (await use(door, "refresh", person.tokens.access_token)).code == "UNAUTHENTICATED"
    assert (await door.ask("logout", person, refresh_token=person.tokens.access_token)).code == "UNAUTHENTICATED"
    assert (await use(door, "refresh", person.tokens.refresh_token)).code is None


async def test_sub_and_sid_must_belong_together(door: Door, make: Factory, person: Person):
    other = await make.user()
    for kind in ("access", "refresh"):
        mixed = {**said(person, kind), "sid": str(other.who.session_id)}
        assert (await use(door, kind, signed(mixed))).code == "UNAUTHENTICATED"


@pytest.mark.parametrize(("token", "code"), [
    ("", None), ("x", None), ("\u00e9.\u00e9.\u00e9", None), ("x" * 4_096, None), ("x" * 4_097, "VALIDATION_FAILED"),
    ("\x00", "VALIDATION_FAILED"), ("." * 100, None), ("\U0001f44d", None),
], ids=lambda value: ascii(value)[:12])  # fmt: skip
async def test_garbage_is_no_refresh_token(token: str, code: str | None, door: Door, person: Person):
    assert (await door.ask("refresh", refresh_token=token)).code == (code or "UNAUTHENTICATED")
    assert (await door.ask("logout", person, refresh_token=token)).code == (code or "UNAUTHENTICATED")


async def gone(name: str, person: Person, root: Person, door: Door) -> None:
    """Does to someone what ends their session."""
    match name:
        case "deleted":
            assert (await door.ask("delete_user", root, id=str(person.id))).code is None
        case "deactivated":
            assert (await door.ask("deactivate_users", root, user_ids=[str(person.id)])).code is None
        case "deactivated and back":
            await gone("deactivated", person, root, door)
            assert (await door.ask("activate_users", root, user_ids=[str(person.id)])).code is None
        case "revoked":
            assert (await door.ask("revoke_session", root, id=str(person.who.session_id))).code is None
        case "given a new password":
            assert (await door.ask("update_user", root, id=str(person.id), password="Another-Horse-43")).code is None
        case "out of time":
            async with person.store.write() as db:
                past = func.now() - timedelta(seconds=1)
                await db.execute(update(sessions).where(sessions.c.id == person.who.session_id).values(expires_at=past))
        case "logged out":
            assert (await door.ask("logout_all", person)).code is None


@pytest.mark.parametrize("end", [
    "deleted", "deactivated", "deactivated and back", "revoked", "given a new password", "out of time", "logged out",
])  # fmt: skip
async def test_the_token_of_someone_gone_speaks_for_nobody(end: str, door: Door, person: Person, make: Factory):
    root = await make.superuser()
    assert (await door.ask("me", person)).code is None
    await gone(end, person, root, door)
    for kind in ("access", "refresh"):
        assert (await use(door, kind, getattr(person.tokens, f"{kind}_token"))).code == "UNAUTHENTICATED"
    assert (await door.ask("create_project", person, name="x", slug="x")).code == "UNAUTHENTICATED"
    assert (await door.ask("create_project", root, name="x", slug="x")).code is None


async def test_unauthenticated_says_how_to_sign_in(http, person: Person):
    for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer x"}):
        reply = await http.get("/api/v1/users/me", headers=headers)
        assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_a_role_holds_from_the_next_request_on(door: Door, scene: Scene):
    async def spawn() -> str | None:
        new = {"project_id": str(scene.project.id), "agent_type_id": str(scene.kind.id), "name": "x"}
        return (await door.ask("spawn", scene.viewer, **new)).code

    member = {"project_id": str(scene.project.id), "user_id": str(scene.viewer.id)}
    assert await spawn() == "FORBIDDEN"
    assert (await door.ask("update_member", scene.owner, **member, role="operator")).code is None
    assert await spawn() is None
    assert (await door.ask("update_member", scene.owner, **member, role="viewer")).code is None
    assert await spawn() == "FORBIDDEN"
    assert (await door.ask("remove_member", scene.owner, **member)).code is None
    assert await spawn() == "NOT_FOUND"


async def test_a_superusers_right_holds_from_the_next_request_on(door: Door, scene: Scene):
    for right, code in ((True, None), (False, "FORBIDDEN"), (True, None)):
        changed = await door.ask("update_user", scene.root, id=str(scene.stranger.id), is_superuser=right)
        assert changed.code is None
        assert (await door.ask("stats", scene.stranger)).code == code
    assert (await door.ask("update_user", scene.stranger, id=str(scene.root.id), is_superuser=False)).code is None
    assert (await door.ask("stats", scene.root)).code == "FORBIDDEN"


async def test_a_token_never_says_what_one_may_do(door: Door, person: Person):
    bold = {**said(person), "is_superuser": True, "role": "owner", "scope": "*", "admin": True}
    token = msgspec.structs.replace(person.tokens, access_token=signed(bold))
    assert (await door.ask("stats", msgspec.structs.replace(person, tokens=token))).code == "FORBIDDEN"
    assert said(person).keys() == {"iss", "typ", "iat", "exp", "sub", "sid", "rot"}


async def test_a_token_that_was_good_expires_all_the_same(door: Door, make: Factory, monkeypatch: pytest.MonkeyPatch):
    person = await make.user()
    assert (await signed_in(door, person.headers["Authorization"])).code is None
    monkeypatch.setattr(tokens, "datetime", Tomorrow)
    assert (await signed_in(door, person.headers["Authorization"])).code == "UNAUTHENTICATED"
