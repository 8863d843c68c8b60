"""How much one request may ask for, each limit declared once; both doors and the README's table derive from it."""

from typing import NamedTuple

from resolvers.domain.errors import Code, Refusal


class Limit(NamedTuple):
    """A limit: its name in `extensions.limit`, its value and code, its sentence, and what is counted."""

    name: str
    value: int
    code: Code
    says: str
    counts: str
    how: str = "{limit:,}"

    @property
    def amount(self) -> str:
        """How much it is, for people."""
        return self.how.format(limit=self.value)

    def refusal(self, asked: int = 0, **more: object) -> Refusal:
        """Makes the refusal of a request that asks for too much."""
        return Refusal(self.code, self.says.format(limit=self.value, asked=asked, **more), limit=self.name)


BODY = Limit(
    "body", 256, Code.PAYLOAD_TOO_LARGE, "At most {limit} KiB are read.",
    "a request's body, in both doors", "{limit} KiB",
)  # fmt: skip
BATCH = Limit(
    "batch", 1, Code.MALFORMED_REQUEST,
    "The body must be a JSON object, {limit} request, and not an array of {asked:,}.",
    "requests in a body, in both doors; no array of them is taken",
)  # fmt: skip
PAGE = Limit(
    "page", 100, Code.VALIDATION_FAILED, "Must be from 1 to {limit}.",
    "items of a page, in both doors; 20 if left out", "1 to {limit}",
)  # fmt: skip
TOKENS = Limit(
    "tokens", 1_000, Code.VALIDATION_FAILED,
    "The document has more than {limit:,} tokens; ask for less, or in several requests.",
    "words, signs and comments of a document",
)  # fmt: skip
DEPTH = Limit(
    "depth", 10, Code.VALIDATION_FAILED,
    "The fields are nested {asked:,} deep; at most {limit} levels are allowed.",
    "fields on the longest way from the root to a leaf, introspection aside",
)  # fmt: skip
ALIASES = Limit(
    "aliases", 15, Code.VALIDATION_FAILED,
    "The field {field} is asked for under {asked:,} aliases; at most {limit} are allowed.",
    "different aliases of one field of one type, anywhere in the operation",
)  # fmt: skip
SCHEMA_ALIASES = Limit(
    "schemaAliases", 1, Code.VALIDATION_FAILED,
    "The field {field} is asked for under {asked:,} aliases; in introspection at most {limit} is allowed.",
    "different aliases of `__schema`, or of one field below it or below `__type`",
)  # fmt: skip
DIRECTIVES = Limit(
    "directives", 50, Code.VALIDATION_FAILED,
    "The operation has {asked:,} directives; at most {limit} are allowed.",
    "directives such as `@include`",
)  # fmt: skip
ROOT_FIELDS = Limit(
    "rootFields", 20, Code.VALIDATION_FAILED,
    "The operation has {asked:,} root fields; at most {limit} are allowed.",
    "fields at the root, repeated ones too",
)  # fmt: skip
SIGN_INS = Limit(
    "signIns", 1, Code.VALIDATION_FAILED,
    "The operation signs in, registers or changes a password {asked:,} times; send {limit} a request.",
    "`login`, `register`, `refreshToken` and `changePassword` together",
)  # fmt: skip
COST = Limit(
    "cost", 5_000, Code.VALIDATION_FAILED,
    "The operation may cost {asked:,}; at most {limit:,} is allowed. Ask for fewer items, or nest lists less.",
    "objects that may be answered: a list counts as its `first` or `last`, 20 if left out, times what is asked of each",
)  # fmt: skip
EXECUTION = Limit(
    "execution", 10, Code.UNAVAILABLE,
    "The operation was stopped after {limit} s; ask for less at once, and look before you repeat a mutation.",
    "how long a query or a mutation may run", "{limit} s",
)  # fmt: skip
OPERATIONS = Limit(
    "operations", 20, Code.VALIDATION_FAILED,
    "At most {limit} operations run at once on a connection; end one first, or open another connection.",
    "operations that run at once on a WebSocket, subscriptions among them",
)  # fmt: skip
ERRORS = Limit(
    "errors", 5, Code.VALIDATION_FAILED, "More was wrong than is told.",
    "errors that are told of a document or of its variables; the rest is left out",
)  # fmt: skip

LIMITS = (
    BODY, BATCH, PAGE, TOKENS, DEPTH, ALIASES, SCHEMA_ALIASES, DIRECTIVES, ROOT_FIELDS, SIGN_INS, COST, EXECUTION,
    OPERATIONS, ERRORS,
)  # fmt: skip
