"""A server on loopback for each test, and connectors that do not really wait."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from wsgiref.types import WSGIApplication

import pytest

from connectors.http import HttpSource
from simulator.open311 import serve


@pytest.fixture
def serving() -> Iterator[Callable[[WSGIApplication], str]]:
    """Serves an application on loopback until the test ends, and gives its address."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serve(app))


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that connectors would have slept."""
    slept: list[float] = []
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(slept.append))
    return slept
