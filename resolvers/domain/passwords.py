"""What a password must be, and the ones that everybody tries first."""

import re
import string

COMMON = frozenset(
    """
    abc abcd abcdef abcdefgh access admin administrator adminadmin asdf asdfgh asdfghjkl asdfasdf baseball
    batman changeit changeme charlie dragon default football freedom guest hello helloworld hunter iloveyou
    letmein login master michael monkey mustang mypassword newpassword ninja pass passw passwd passwort
    password passwordpassword princess qazwsx qwer qwert qwerty qwertyui qwertyuiop qwertz root secret shadow
    starwars summer autumn winter spring sunshine superman superuser temp temporary test testtest testing
    trustno user welcome welcomewelcome whatever zaqxsw zxcvbn zxcvbnm
    """.split()  # noqa: SIM905 — a word a line would fill the page
)
PADDING = string.digits + string.punctuation + " "
UNMASK = str.maketrans("@4301$5!7", "aaeoissit")
KINDS = {
    "a lower-case letter": re.compile(r"[a-z]"),
    "an upper-case letter": re.compile(r"[A-Z]"),
    "a digit": re.compile(r"[0-9]"),
    "a sign": re.compile(r"[^\w\s]|_"),
}


def weakness(password: str) -> str | None:
    """Returns what a password lacks, or None; length is the field's own limit."""
    missing = [kind for kind, pattern in KINDS.items() if not pattern.search(password)]
    if missing:
        return f"Must contain {', '.join(missing)}."
    core = password.lower().strip(PADDING)
    if any(_letters(text) in COMMON for text in (core, core.translate(UNMASK))):
        return "This is a variation of a common password; choose another one."
    return None


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text)
