"""The ground: passwords, drafts, rights, ids, cursors."""

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Annotated
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET

from resolvers.domain.agents import AgentFilter, UpdateAgent
from resolvers.domain.drafts import MAX_DEPTH, Draft, unstorable
from resolvers.domain.errors import EXPECTED, REFUSALS, Code, Refusal
from resolvers.domain.fields import Input, Time, says
from resolvers.domain.ids import known_id, new_id, new_log_id
from resolvers.domain.lifecycle import ALLOWED_ACTIONS, Action, Status, actions_to, ways_of
from resolvers.domain.paging import ConnectionList, NumberedList, Sort, pack_cursor
from resolvers.domain.passwords import weakness
from resolvers.domain.permissions import RIGHTS, Right, Role, roles_with
from resolvers.domain.users import Register, UpdateUser, UpdateViewer


@pytest.mark.parametrize(
    "password", ["Correct-Horse-42", "SuperAdmin123!", "RegularPass123!", "Ünïcode-Wörter-9", "un Grand chat 3_"]
)
def test_a_good_password_has_no_weakness(password: str):
    assert weakness(password) is None


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("alllowercase1!", "an upper-case letter"),
        ("ALLUPPERCASE1!", "a lower-case letter"),
        ("NoDigitsHere!!", "a digit"),
        ("NoSignsHere123", "a sign"),
        ("Password1234!", "common"),
        ("P@ssw0rd12345!", "common"),
        ("!!Qwertyuiop99", "common"),
        ("Welcome-Welcome-1", "common"),
    ],
)
def test_a_weak_password_says_why(password: str, said: str):
    assert said in (weakness(password) or "")


def faults_of(kind, raw, **how) -> dict[str | None, str]:
    with pytest.raises(Refusal) as refused:
        Draft(kind, raw, **how).parsed()
    assert refused.value.code is Code.VALIDATION_FAILED
    return {fault.field: fault.message for fault in refused.value.faults}


def test_each_field_has_its_own_fault():
    raw = {"email": "no address", "password": "Short-1", "last_name": 5, "nickname": "Ada"}

    assert faults_of(Register, raw) == {
        "email": "Must be an e-mail address, such as ada@example.com.",
        "password": "Must have at least 12 characters.",
        "first_name": "This field is required.",
        "last_name": "Must be text or null, not a whole number.",
        "nickname": "There is no such field.",
    }


def test_what_is_left_out_stays_unset():
    assert Draft(UpdateAgent, {"name": "  Ada  "}).parsed() == UpdateAgent(name="Ada")
    assert Draft(UpdateAgent, {"current_task": None}).parsed().current_task is None
    assert Draft(UpdateAgent, {}).parsed().name is UNSET


def test_words_of_a_query_string_are_read_as_what_they_mean():
    class Query(Input, frozen=True):
        active: Annotated[bool, says("a")]
        size: Annotated[int, says("b")]

    assert Draft(Query, {"active": "true", "size": "5"}, strict=False).parsed() == Query(active=True, size=5)
    assert faults_of(Query, {"active": "perhaps", "size": "x"}, strict=False).keys() == {"active", "size"}


def test_times_need_their_zone():
    class When(Input, frozen=True):
        at: Annotated[Time, says("a")]

    assert "at" in faults_of(When, {"at": "2026-01-01T00:00:00"})


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
def test_values_are_nested_only_so_deep(depth: int):
    value: object = 1
    for _ in range(depth):
        value = [value]

    assert (unstorable(value) is None) == (depth <= MAX_DEPTH)


@pytest.mark.parametrize("value", ["a\x00b", {"a\x00": 1}, ["\ud800"], float("nan"), float("-inf"), 10**101], ids=repr)
def test_what_postgresql_can_not_keep_is_refused(value: object):
    assert unstorable(value)


@pytest.mark.parametrize("value", ["", "a\nb", "👩‍🚀", "\u202eabc", {"a": [1, 2.5, None, True]}, 10**100], ids=repr)
def test_what_postgresql_can_keep_is_not(value: object):
    assert unstorable(value) is None


def test_money_is_exact():
    assert Draft(UpdateAgent, {"cost_incurred": "0.100000"}).parsed().cost_incurred == Decimal("0.1")
    assert Draft(UpdateAgent, {"cost_incurred": 0.1}).parsed().cost_incurred == Decimal("0.1")


@pytest.mark.parametrize("make", [new_id, new_log_id])
def test_ids_sort_by_their_making(make: Callable[[], object]):
    ids = [str(make()) for _ in range(1000)]

    assert all(one < other for one, other in pairwise(ids))
    assert {known_id(one).version for one in ids} == {7}
    assert str(known_id(ids[0].upper())) == ids[0]


def test_roles_grow():
    assert RIGHTS[Role.VIEWER] < RIGHTS[Role.OPERATOR] < RIGHTS[Role.OWNER] == set(Right)
    assert roles_with(Right.OPERATE) == [Role.OPERATOR, Role.OWNER]


def test_steps_and_statuses_agree():
    assert {action for actions in ALLOWED_ACTIONS.values() for action in actions} == set(Action)
    assert ways_of(actions_to(Status.IDLE)) == {
        Status.PAUSED: Action.RESUME, Status.WORKING: Action.FINISH, Status.WAITING: Action.FINISH,
    }  # fmt: skip


def test_every_code_is_in_the_table():
    assert REFUSALS.keys() == set(Code)
    assert {REFUSALS[code].status for code in EXPECTED} == {403, 404, 409, 412, 422}
    assert Code.INTERNAL not in EXPECTED


def test_administrators_change_all_that_users_change():
    assert set(UpdateViewer.__struct_fields__) < set(UpdateUser.__struct_fields__)


ITEM = UUID("01a203d9-f1cc-77a8-8796-a569ca74571e")


class Item(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    key = "id"


@pytest.mark.parametrize("name", ["Ada", "", "Ünï\u202e👩‍🚀", "x" * 255])
def test_a_cursor_comes_back_as_it_went(name: str):
    item = Item(ITEM, name)
    cursor = pack_cursor(item, Sort("name", descending=False))

    listing = ConnectionList(AgentFilter, {"order_by": "name", "after": cursor}).parsed()

    assert listing.window.after == (name, item.id)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "e30", "W10=", "é", "A" * 5000, pack_cursor(Item(ITEM, "a\x00"), Sort("name", descending=False))],
)
def test_what_is_no_cursor_is_refused(cursor: str):
    with pytest.raises(Refusal) as refused:
        ConnectionList(AgentFilter, {"order_by": "name", "after": cursor}).parsed()

    assert [fault.field for fault in refused.value.faults] == ["after"]


def test_a_page_is_where_its_number_says():
    window = NumberedList(AgentFilter, {"page": "3", "limit": "7"}).parsed().window

    assert (window.offset, window.limit) == (14, 7)
