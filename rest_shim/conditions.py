"""Conditional requests as RFC 9110 has them: ETag, If-None-Match, If-Match.

A tag is `"<version>-<digest of the body>"`, because a body says more than its version counts: what the asker is to a
project, how many agents a type has, which thing has a slug just now, who `/users/me` is. If-None-Match compares whole
tags, so 304 means that this very body would come again. If-Match guards a change, and what can be changed is what
`version` counts, so it reads the version out of each tag and nothing else: somebody's spawn does not stand in the way
of a change to the type. So `"7"` is as good as the whole tag to whoever knows the version from the body.
"""

import re
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

from resolvers.domain.errors import Code, Refusal

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
TAGS = re.compile(rf"[ \t,]*{TAG}(?:[ \t]*,[ \t,]*{TAG})*[ \t,]*")
OURS = re.compile(r'"(\d{1,9})(?:-[0-9a-f]{16})?"', re.ASCII)
CONDITIONS = frozenset({b"if-match", b"if-none-match"})
ANY = "*"
MOST = 100
# What a 304 repeats of the answer that it stands for.
REPEATED = ("ETag", "Cache-Control", "Vary")


def tag(version: int, body: bytes) -> str:
    """Returns the ETag of a thing that has this version and is rendered as this body."""
    return f'"{version}-{blake2b(body, digest_size=8).hexdigest()}"'


def expected_versions(request: Request) -> int | tuple[int, ...] | None:
    """Returns the version or versions that If-Match names, or None if any will do; weak tags name none."""
    named = _named(request, "If-Match")
    if named is None or named == [ANY]:
        return None
    versions = sorted({int(found[1]) for name in named if (found := OURS.fullmatch(name))})
    return versions[0] if len(versions) == 1 else tuple(versions)


def refuse_idle(request: Request, *, guarded: bool) -> None:
    """Raises for a condition on something other than reading that would be passed over in silence."""
    if "if-none-match" in request.headers:
        raise Refusal(Code.MALFORMED_REQUEST, "If-None-Match goes with GET and HEAD; guard a change by If-Match.")
    if not guarded:
        _refuse_guard(request)


def _refuse_guard(request: Request) -> None:
    if _named(request, "If-Match") not in (None, [ANY]):
        raise Refusal(Code.MALFORMED_REQUEST, "No version can be expected here; leave If-Match out.")


def conditional(request: Request, response: Response) -> Response:
    """Returns what a GET answers under its conditions: the answer, or that it is what the client has already."""
    if CONDITIONS.isdisjoint(name for name, _ in request.headers.raw):
        return response
    known, own = _named(request, "If-None-Match") or [], response.headers.get("ETag")
    if own is None:
        # What has no tag can't be known already.
        _refuse_guard(request)
        return response
    found = OURS.fullmatch(own)
    _check(int(found[1]) if found else None, expected_versions(request))
    if known == [ANY] or own in [name.removeprefix("W/") for name in known]:
        return Response(
            status_code=304, headers={name: response.headers[name] for name in REPEATED if name in response.headers}
        )
    return response


def _check(version: int | None, expected: int | tuple[int, ...] | None) -> None:
    if expected is not None and version not in (expected if isinstance(expected, tuple) else (expected,)):
        raise Refusal(Code.VERSION_MISMATCH)


def _named(request: Request, header: str) -> list[str] | None:
    lines = request.headers.getlist(header)
    if not lines:
        return None
    line = ", ".join(lines).strip()
    named = [ANY] if line == ANY else re.findall(TAG, line) if TAGS.fullmatch(line) else []
    if not 0 < len(named) <= MOST:
        said = f'{header} takes *, or tags in double quotes, such as "7", "8"; at most {MOST} of them.'
        raise Refusal(Code.MALFORMED_REQUEST, said)
    return named
