"""GraphiQL as `make explorer` builds it: the page, the files that it loads, and what they may do."""

from pathlib import Path

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

BUILT = Path(__file__).parent / "graphiql" / "dist"
MISSING = "GraphiQL is not built yet: run `make explorer`, which needs the network once, and load this page again."
PLAIN = f'<!doctype html><html lang="en"><title>GraphiQL</title><p>{MISSING}</p></html>'

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
GUARDS = {
    "Content-Security-Policy": "; ".join(f"{kind} {sources}" for kind, sources in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# A new build is met at once, and programs get JSON from the same address.
PAGE = GUARDS | {"Cache-Control": "no-cache", "Vary": "Accept"}
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
    """A built GraphiQL in a folder, or the sentence that says how to get one."""

    def __init__(self, folder: Path = BUILT) -> None:
        self._index = folder / "index.html"
        self._assets = folder / "assets"

    async def page(self, _: Request) -> Response:
        """Answers the page, as it is built now."""
        return HTMLResponse(await run_sync(self._read), headers=PAGE)

    async def asset(self, request: Request) -> Response:
        """Answers one of the files that the page loads."""
        found = await run_sync(self._find, request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return FileResponse(found, media_type=TYPES[found.suffix], headers=ASSET)

    def routes(self) -> list[Route]:
        return [Route("/graphql/assets/{name}", self.asset)]

    def _read(self) -> bytes:
        try:
            return self._index.read_bytes()
        except FileNotFoundError:
            return PLAIN.encode()

    def _find(self, name: str) -> Path | None:
        # A name is looked up and never opened, so none can lead out of the folder.
        built = {file.name: file for file in self._assets.glob("*") if file.suffix in TYPES}
        return built.get(name)
