"""The life of an agent as one table; everything else about steps derives from it."""

from typing import NamedTuple

from resolvers.domain.errors import Code, Refusal
from resolvers.domain.events import EventKind
from resolvers.domain.words import Word


class Status(Word):
    """What an agent is doing now."""

    IDLE = "idle", "Ready for work."
    WORKING = "working", "At work on its current task."
    WAITING = "waiting", "At work, but held up by something outside of it."
    PAUSED = "paused", "Held by a person until it is resumed."
    TERMINATED = "terminated", "Ended; nothing follows."


class Action(Word):
    """A step in the life of an agent."""

    START = "start", "Begin or go on working."
    WAIT = "wait", "Wait for something outside of the agent."
    FINISH = "finish", "Be done with the work, and idle again."
    PAUSE = "pause", "Hold the agent."
    RESUME = "resume", "Let a paused agent go on; it is idle again."
    TERMINATE = "terminate", "End the agent for good."


class Step(NamedTuple):
    """An action leads from any of these statuses to that one, and the event log tells it so."""

    sources: frozenset[Status]
    target: Status
    event: EventKind


def _step(sources: str, target: Status, event: EventKind) -> Step:
    return Step(frozenset(Status(word) for word in sources.split()), target, event)


STEPS: dict[Action, Step] = {
    Action.START: _step("idle waiting", Status.WORKING, EventKind.AGENT_STARTED),
    Action.WAIT: _step("working", Status.WAITING, EventKind.AGENT_WAITED),
    Action.FINISH: _step("working waiting", Status.IDLE, EventKind.AGENT_FINISHED),
    Action.PAUSE: _step("idle working waiting", Status.PAUSED, EventKind.AGENT_PAUSED),
    Action.RESUME: _step("paused", Status.IDLE, EventKind.AGENT_RESUMED),
    Action.TERMINATE: _step("idle working waiting paused", Status.TERMINATED, EventKind.AGENT_TERMINATED),
}

ALLOWED_ACTIONS: dict[Status, list[Action]] = {
    status: [action for action, step in STEPS.items() if status in step.sources] for status in Status
}

ACTIVE = (Status.WORKING, Status.WAITING)


def actions_to(target: Status) -> tuple[Action, ...]:
    """Returns the actions that lead to a status."""
    return tuple(action for action, step in STEPS.items() if step.target is target)


def ways_of(actions: tuple[Action, ...]) -> dict[Status, Action]:
    """Returns, for each status that one of these actions leads from, that action."""
    return {source: action for action in actions for source in STEPS[action].sources}


def refuse_transition(status: Status, target: Status) -> Refusal:
    """Makes the refusal of a step: from, to, and what is allowed."""
    ways = ", ".join(f"{action} (to {STEPS[action].target})" for action in ALLOWED_ACTIONS[status])
    return Refusal(
        Code.INVALID_TRANSITION,
        f"The agent can't go from {status} to {target}. Allowed from {status}: {ways or 'nothing'}.",
    )
