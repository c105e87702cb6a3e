"""How flows tell Prefect what happened: events for automations, and failures that leave the others alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from prefect.events import emit_event
from prefect.futures import PrefectFuture

from forewarn.errors import ForewarnError


class FlowFailed(ForewarnError):
    """Some parts of a flow failed; the message names each with its reason. `results` are those of the rest."""

    def __init__(self, message: str, results: Sequence[Any] = ()) -> None:
        self.results = results
        super().__init__(message)


def outcome(verb: str, futures: Mapping[str, PrefectFuture[Any]]) -> list[Any]:
    """Results of all tasks, in order, once all have ended.

    Raises:
        FlowFailed: At least one failed; raised after all have ended, so that none is cut short.
    """
    results, failures = [], []
    for name, future in futures.items():
        result = future.result(raise_on_failure=False)
        if isinstance(result, BaseException):
            failures.append(f"{name}: {result}")
        else:
            results.append(result)
    if failures:
        raise FlowFailed(f"{verb} failed for {len(failures)} of {len(futures)}: " + "; ".join(failures), results)
    return results


def say(event: str, identifier: str, text: str) -> None:
    """Emit a Prefect event that an automation can react to."""
    emit_event(event=event, resource={"prefect.resource.id": f"forewarn.{identifier}"}, payload={"text": text})
