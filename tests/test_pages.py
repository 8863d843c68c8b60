"""The pages apart from the browser: how they are served and built, and that starter tabs fit the schema."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from graphql import build_schema, parse, validate
from starlette.applications import Starlette
from starlette.routing import Route

from gql_app.asgi import make_app
from gql_app.pages import build
from gql_app.pages.explorer import DOCS_POLICY, MISSING, POLICY, TYPES, Explorer
from resolvers.context import Guest
from schema.build import sdl

STARTERS = sorted((build.SOURCES / "src/starters").glob("*.graphql"))
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def client(app) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://roster.test")


def served(built: Path) -> httpx.AsyncClient:
    explorer = Explorer(built)
    return client(Starlette(routes=[Route("/graphql", explorer.page), *explorer.routes(docs=True)]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks as if GraphiQL had been built there, beside a file that is nobody's business."""
    (tmp_path / "dist/assets").mkdir(parents=True)
    (tmp_path / "dist/index.html").write_text("<title>Built</title>")
    (tmp_path / "dist/docs.html").write_text("<title>Built docs</title>")
    (tmp_path / "secret.js").write_text("secret")
    (tmp_path / "dist/assets/index.js.map").write_text("secret")
    for suffix in TYPES:
        (tmp_path / f"dist/assets/index-B2xk{suffix}").write_text("asset")
    return tmp_path


@pytest.fixture
def pages(folder: Path) -> httpx.AsyncClient:
    return served(folder / "dist")


def kept_safe(headers: httpx.Headers, wanted: dict[str, str] = POLICY) -> bool:
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy == wanted
    return headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"


async def test_the_page_is_asked_for_anew_and_may_load_nothing_from_elsewhere(pages):
    page = await pages.get("/graphql")

    assert (page.status_code, page.text) == (200, "<title>Built</title>")
    assert kept_safe(page.headers)
    assert (page.headers["cache-control"], page.headers["vary"]) == ("no-cache", "Accept")
    assert not {"*", "http:", "https:", "'unsafe-eval'"} & set(" ".join(POLICY.values()).split())
    assert POLICY["default-src"] == POLICY["frame-ancestors"] == "'none'"
    assert "'unsafe-inline'" not in POLICY["script-src"]


async def test_the_reference_may_do_no_more_and_not_even_style_inline(pages):
    page = await pages.get("/docs")

    assert (page.status_code, page.text) == (200, "<title>Built docs</title>")
    assert kept_safe(page.headers, DOCS_POLICY)
    assert page.headers["cache-control"] == "no-cache"
    assert POLICY | {"style-src": "'self'"} == DOCS_POLICY


@pytest.mark.parametrize("suffix", TYPES)
async def test_a_file_of_the_page_has_its_type_and_is_kept_for_good(suffix: str, pages):
    asset = await pages.get(f"/graphql/assets/index-B2xk{suffix}")

    assert (asset.status_code, asset.text) == (200, "asset")
    assert asset.headers["content-type"].partition(";")[0] == TYPES[suffix]
    assert "immutable" in asset.headers["cache-control"]
    assert kept_safe(asset.headers)


ABOVE = ["%2e%2e", "%2e%2e/%2e%2e/secret.js", "..%2f..%2fsecret.js", "..%5c..%5csecret.js"]


@pytest.mark.parametrize("name", [*ABOVE, "", "index.js.map", "other.js", "index-B2xk.js/x", "%00.js", "x" * 5000])
async def test_nothing_else_is_served(name: str, folder: Path, pages):
    url = httpx.URL("http://roster.test").copy_with(raw_path=f"/graphql/assets/{name}".encode())

    reply = await pages.get(url)

    assert reply.status_code == 404
    assert "secret" not in reply.text


async def test_without_a_build_one_sentence_says_how_to_get_it(tmp_path: Path):
    pages = served(tmp_path / "nothing")

    page = await pages.get("/graphql")

    assert page.status_code == 200
    assert MISSING.format(name="GraphiQL") in page.text
    assert MISSING.format(name="The REST reference") in (await pages.get("/docs")).text
    assert "make explorer" in MISSING
    assert kept_safe(page.headers)
    assert (await pages.get("/graphql/assets/index.js")).status_code == 404


async def test_browsers_get_the_page_and_programs_get_json_from_one_address(http):
    page = await http.get("/graphql", headers=BROWSER)
    answer = await http.get("/graphql", params={"query": "{ __typename }"}, headers={"Accept": "application/json"})

    assert page.headers["content-type"].startswith("text/html")
    assert kept_safe(page.headers)
    assert answer.json()["data"] == {"__typename": "Query"}


async def test_where_it_is_off_there_is_no_page_and_no_file(everyone: Guest):
    off = client(make_app(everyone, explorer=False, docs=False))

    assert (await off.get("/docs")).status_code == 404
    page = await off.get("/graphql", headers=BROWSER)
    assert not page.headers["content-type"].startswith("text/html")
    built = [file.name for file in (build.BUILT / "assets").glob("*.js")]
    for name in [*built[:1], "index.js"]:
        assert (await off.get(f"/graphql/assets/{name}")).status_code == 404


@pytest.mark.parametrize("starter", STARTERS, ids=lambda file: file.stem)
def test_a_starter_tab_fits_the_schema(starter: Path):
    document = parse(starter.read_text())

    assert validate(build_schema(sdl()), document) == []
    wanted = {it.variable.name.value for part in document.definitions for it in part.variable_definitions or ()}
    variables = starter.with_suffix(".json")
    assert wanted == (set(json.loads(variables.read_text())) if variables.exists() else set())


def test_the_lock_names_no_registry():
    lock = json.loads((build.SOURCES / "package-lock.json").read_text())

    assert not any("resolved" in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


# Building


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder with a source and a package to build from, neither of which would take long."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.js").touch()
    (tmp_path / "package-lock.json").touch()
    vite = tmp_path / "node_modules/vite/bin/vite.js"
    vite.parent.mkdir(parents=True)
    vite.write_text(
        "const fs = require('fs'), to = process.argv[4]; fs.mkdirSync(to); fs.writeFileSync(to + '/index.html', '')"
    )
    (tmp_path / "node_modules/.package-lock.json").touch()
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    monkeypatch.setattr(build, "BUILT", tmp_path / "dist")
    monkeypatch.setattr(build, "PACKAGES", tmp_path / "node_modules")
    monkeypatch.setattr("sys.argv", ["build"])
    return SimpleNamespace(folder=tmp_path, vite=vite, index=tmp_path / "dist/index.html")


def test_it_is_built_again_only_when_a_source_is_newer(place):
    build.main()
    first = place.index.stat()
    build.main()
    assert place.index.stat() == first

    os.utime(place.folder / "src/main.js", (first.st_mtime + 9, first.st_mtime + 9))
    build.main()
    assert place.index.stat().st_ino != first.st_ino


def test_a_build_that_fails_is_told_in_one_line_and_leaves_the_last_one(place):
    build.main()
    os.utime(place.index, (0, 0))
    place.vite.write_text("console.error('vite: error: no such thing\\n  at line 1'); process.exit(3)")

    with pytest.raises(SystemExit, match="vite build failed: vite: error: no such thing") as stopped:
        build.main()

    assert "\n" not in str(stopped.value)
    assert place.index.exists()


def test_a_build_without_the_network_gives_up_soon(place, monkeypatch: pytest.MonkeyPatch):
    (place.folder / "node_modules/.package-lock.json").unlink()
    for name in ("package.json", "package-lock.json", ".npmrc"):
        (place.folder / name).write_bytes((Path(build.__file__).parent / "graphiql" / name).read_bytes())
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_cache", str(place.folder / "cache"))

    with pytest.raises(
        SystemExit, match=r"^GraphiQL and the REST reference are not built \(npm ci failed: .*ECONNREFUSED"
    ):
        build.main()


def test_a_build_that_takes_too_long_is_ended(place, monkeypatch: pytest.MonkeyPatch):
    place.vite.write_text("setInterval(() => {}, 1000)")
    monkeypatch.setattr("sys.argv", ["build", "--seconds", "0.2"])

    with pytest.raises(SystemExit, match="vite build took too long"):
        build.main()
