"""Reading JSON the same way in both doors."""

import msgspec

from resolvers.domain.errors import Code, Refusal

MAX_BODY = 256 * 1024


def read_json(body: bytes) -> dict[str, object]:
    """Reads a JSON object; raises MALFORMED_REQUEST for anything else."""
    try:
        value = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise Refusal(Code.MALFORMED_REQUEST, "The body is not UTF-8.") from None
    except RecursionError:
        raise Refusal(Code.MALFORMED_REQUEST, "The body is nested too deep.") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise Refusal(Code.MALFORMED_REQUEST, f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise Refusal(Code.MALFORMED_REQUEST, "The body must be a JSON object.")
    return value
