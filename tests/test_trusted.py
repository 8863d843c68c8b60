"""Trusted documents: asked for by id or by text, and no others beside them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import MutableHeaders

from gql_app.asgi import make_app
from resolvers.context import Guest
from schema.build import schema
from schema.context import Asking, Profile
from schema.manifest import ManifestError, make, read, write
from schema.trusted import DocumentId, document_id
from tests.factories import Scene
from tests.processes import ROOT, Place
from tests.test_graphql_http import GRAPHQL
from tests.test_socket import heard, say, signed_in
from tests.test_start_refusals import check_refused

VIEWER = "{ viewer { email } }"
NAMED = "query($slug: String!) { project(slug: $slug) { name } }\n"
TOUCH = "mutation { updateViewer(input: {}) { userErrors { code } } }"
UNKNOWN = document_id("{ viewer { id } }")
MANIFEST = {document_id(text): text for text in (VIEWER, NAMED, TOUCH)}


@pytest.fixture
async def strict(everyone: Guest, guest: Guest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that has a manifest."""
    transport = httpx.ASGITransport(make_app(everyone, explorer=False, profile=Profile(trusted=MANIFEST)))
    async with httpx.AsyncClient(transport=transport, base_url="http://roster.test") as client:
        yield client


async def post(client: httpx.AsyncClient, scene: Scene, accept: str = GRAPHQL, **body: Any) -> httpx.Response:
    return await client.post("/graphql", json=body, headers=scene.viewer.headers | {"Accept": accept})


def refusal(reply: httpx.Response) -> tuple[int, str]:
    """Returns the status and the code of an answer that is one error."""
    [error] = reply.json()["errors"]
    assert "data" not in reply.json()
    return reply.status_code, error["extensions"]["code"]


def test_an_id_is_that_of_the_draft():
    text = "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"

    assert document_id(text) == "sha256:7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e"


@pytest.mark.parametrize("named", [{"documentId": document_id(NAMED)}, {"query": NAMED}], ids=["id", "text"])
async def test_a_trusted_document_runs(named: dict[str, str], strict, scene: Scene):
    asked = named | {"variables": {"slug": scene.project.slug}}
    by_get = asked | {"variables": json.dumps(asked["variables"])}

    replies = [
        await post(strict, scene, **asked),
        await strict.get("/graphql", params=by_get, headers=scene.viewer.headers),
    ]

    assert [reply.json()["data"] for reply in replies] == [{"project": {"name": scene.project.name}}] * 2


@pytest.mark.parametrize(
    "text", ["{ viewer { id } }", VIEWER + " ", "", "{ nope", UNKNOWN, "{ viewer { email } }\ufeff"]
)
async def test_no_other_text_runs(text: str, strict, scene: Scene):
    assert refusal(await post(strict, scene, query=text)) in {(403, "FORBIDDEN"), (400, "MALFORMED_REQUEST")}


@pytest.mark.parametrize("name", [UNKNOWN, "x", document_id(VIEWER).upper(), document_id(VIEWER)[7:], VIEWER])
async def test_an_unknown_id_is_not_found(name: str, strict, scene: Scene):
    assert refusal(await post(strict, scene, documentId=name)) == (404, "NOT_FOUND")
    assert refusal(await post(strict, scene, accept="application/json", documentId=name)) == (200, "NOT_FOUND")
    by_get = await strict.get("/graphql", params={"documentId": name}, headers=scene.viewer.headers)
    assert refusal(by_get) == (200, "NOT_FOUND")


async def test_without_a_manifest_no_document_has_an_id(http, scene: Scene):
    reply = await post(http, scene, documentId=document_id(VIEWER))

    assert refusal(reply) == (404, "NOT_FOUND")
    assert "`query`" in reply.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": document_id(VIEWER), "query": VIEWER},
        {},
        {"documentId": None},
        {"documentId": ""},
        {"documentId": 5},
    ],
    ids=["both", "neither", "null", "empty", "a number"],
)
async def test_a_request_names_one_document(body: dict[str, Any], strict, http, scene: Scene):
    for client in (strict, http):
        assert refusal(await post(client, scene, **body)) == (400, "MALFORMED_REQUEST")


async def test_a_trusted_mutation_does_not_run_by_get(strict, scene: Scene):
    reply = await strict.get("/graphql", params={"documentId": document_id(TOUCH)}, headers=scene.viewer.headers)

    assert refusal(reply) == (405, "METHOD_NOT_ALLOWED")


async def test_streams_run_no_other_documents_either(guest: Guest, scene: Scene):
    asking = Asking(
        guest, scene.viewer.headers["Authorization"], lambda _: None, MutableHeaders(), Profile(False, MANIFEST)
    )

    async def first(query: str) -> Any:
        [result] = [result async for result in await schema.stream(query, context_value=asking)]
        return result

    assert (await first(DocumentId(document_id(VIEWER)))).data == {"viewer": {"email": scene.viewer.email}}
    assert [error.extensions["code"] for error in (await first("{ viewer { id } }")).errors] == ["FORBIDDEN"]
    assert [error.extensions["code"] for error in (await first(DocumentId(UNKNOWN))).errors] == ["NOT_FOUND"]


async def test_a_socket_takes_ids(address: str, scene: Scene):
    async with signed_in(address, scene.viewer) as socket:
        await say(socket, "subscribe", id="1", payload={"documentId": UNKNOWN})
        told = await heard(socket)

    assert (told["type"], told["payload"][0]["extensions"]["code"]) == ("error", "NOT_FOUND")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of documents that can all run."""
    (tmp_path / "documents" / "deep").mkdir(parents=True)
    (tmp_path / "documents" / "viewer.graphql").write_text(VIEWER)
    (tmp_path / "documents" / "deep" / "named.graphql").write_text(NAMED)
    (tmp_path / "documents" / "notes.txt").write_text("{ nope }")
    return tmp_path / "documents"


def test_a_manifest_is_made_of_a_folder_and_read_again(folder: Path):
    write(make(folder), folder / "trusted.json")

    assert read(folder / "trusted.json") == {document_id(text): text for text in (VIEWER, NAMED)}


BAD = {
    "syntax": ("{ viewer { id }", "Syntax Error"), "schema": ("{ nope }", "Cannot query field 'nope'"),
    "limits": ("{" + "viewer { id } " * 21 + "}", "21 root fields"), "text": (b"\xff", "utf-8"),
    "nothing": ("", "Syntax Error"), "fragment alone": ("fragment a on Viewer { id }", "never used"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_a_document_that_can_not_run_is_told_in_one_line(text: str | bytes, said: str, folder: Path):
    (folder / "bad.graphql").write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "worse.graphql").write_text("{")

    with pytest.raises(ManifestError) as error:
        make(folder)

    first, second = str(error.value).split("\n")
    assert first.startswith(f"{folder}/bad.graphql: ")
    assert said in first
    assert second.startswith(f"{folder}/worse.graphql: ")


def test_a_folder_without_documents_makes_no_manifest(tmp_path: Path):
    with pytest.raises(ManifestError, match=r"no \.graphql files"):
        make(tmp_path)


BROKEN = {
    "missing": None, "a folder": "folder", "no JSON": b"{", "a list": b"[]", "other values": b'{"a": 1}',
    "bytes": b"\xff\xfe",
    "another text": json.dumps({document_id(VIEWER): NAMED}).encode(),
}  # fmt: skip


@pytest.mark.parametrize("kept", BROKEN.values(), ids=BROKEN)
def test_a_broken_manifest_is_told(kept: bytes | str | None, tmp_path: Path):
    path = tmp_path / "trusted.json"
    if isinstance(kept, bytes):
        path.write_bytes(kept)
    elif kept:
        path.mkdir()

    with pytest.raises(ManifestError) as error:
        read(path)

    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_from_a_folder_to_a_server(folder: Path, tmp_path: Path, prepared: Path):
    with Place(tmp_path).settle(prepared) as place:
        check_refused(place.run("serve", trusted_documents="gone.json"), 2, "ROSTER_TRUSTED_DOCUMENTS", "gone.json")
        assert place.run("trust", "documents", "--to", "trusted.json").code == 0
        server = place.serve(trusted_documents="trusted.json", **ROOT)
        asked = {"headers": server.sign_in(), "json": {"documentId": document_id(VIEWER)}}
        assert server.http.post("/graphql", **asked).json()["data"] == {"viewer": {"email": ROOT["superuser_email"]}}
        (folder / "bad.graphql").write_text("{ nope }")
        ended = place.run("trust", "documents", "--to", "trusted.json")
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1)
        assert len(read(tmp_path / "trusted.json")) == 2
