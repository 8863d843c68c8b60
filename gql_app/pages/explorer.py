"""The pages that `make explorer` builds, GraphiQL and the REST reference: the files they load, and what they may do."""

from pathlib import Path

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

BUILT = Path(__file__).parent / "graphiql" / "dist"
MISSING = "{name} is not built yet: run `make explorer`, which needs the network once, and load this page again."
PLAIN = f'<!doctype html><html lang="en"><title>{{name}}</title><p>{MISSING}</p></html>'

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "worker-src": "'self'",
    # Monaco writes the place of each line into a style attribute, by innerHTML, and its themes into style elements; it
    # takes no nonce. Under the other lines no style can send or fetch anything.
    "style-src": "'self' 'unsafe-inline'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
}
# Swagger UI styles by classes, and by properties that a policy does not look at.
DOCS_POLICY = POLICY | {"style-src": "'self'"}


def _written(policy: dict[str, str]) -> str:
    return "; ".join(f"{kind} {sources}" for kind, sources in policy.items())


GUARDS = {
    "Content-Security-Policy": _written(POLICY),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# A new build is met at once, and programs get JSON from the same address.
PAGE = GUARDS | {"Cache-Control": "no-cache", "Vary": "Accept"}
DOCS = PAGE | {"Content-Security-Policy": _written(DOCS_POLICY)}
# A worker obeys the policy of its own script; and a file's name changes with what is in it.
ASSET = GUARDS | {"Cache-Control": "public, max-age=31536000, immutable"}
# Not the machine's table of types, which may lack fonts or have scripts wrong.
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


class Explorer:
    """The built pages in a folder, or the sentence that says how to get them."""

    def __init__(self, folder: Path = BUILT) -> None:
        self._folder = folder
        self._assets = folder / "assets"

    async def page(self, _: Request) -> Response:
        """Answers GraphiQL, as it is built now."""
        return HTMLResponse(await run_sync(self._read, "index.html", "GraphiQL"), headers=PAGE)

    async def docs(self, _: Request) -> Response:
        """Answers the REST reference, as it is built now."""
        return HTMLResponse(await run_sync(self._read, "docs.html", "The REST reference"), headers=DOCS)

    async def asset(self, request: Request) -> Response:
        """Answers one of the files that the pages load."""
        found = await run_sync(self._find, request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return FileResponse(found, media_type=TYPES[found.suffix], headers=ASSET)

    def routes(self, *, docs: bool) -> list[Route]:
        found = [Route("/graphql/assets/{name}", self.asset)]
        return [*found, Route("/docs", self.docs)] if docs else found

    def _read(self, name: str, title: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return PLAIN.format(name=title).encode()

    def _find(self, name: str) -> Path | None:
        # A name is looked up and never opened, so none can lead out of the folder.
        built = {file.name: file for file in self._assets.glob("*") if file.suffix in TYPES}
        return built.get(name)
