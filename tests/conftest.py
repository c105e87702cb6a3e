"""Fixtures that every package's tests share."""

import os
from pathlib import Path

import pytest

import forewarn  # noqa: F401 - settles the environment of NumPy before a test imports it

PROJECT = Path(__file__).resolve().parents[1]


def _beside_the_project(name: str) -> Path:
    folder = PROJECT.parent / "shared" / name
    if not folder.is_dir():
        message = f"{folder} is not there: real {name} files are kept outside the project"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(autouse=True)
def settle(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that drop folders would have waited for files that may still grow."""
    slept: list[float] = []
    monkeypatch.setattr("connectors.files.Files.sleep", staticmethod(slept.append))
    return slept


@pytest.fixture(autouse=True)
def new_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of a server of an earlier test that had the same port."""
    monkeypatch.setattr("connectors.http._asked_at", {})
    monkeypatch.setattr("connectors.http._told", {})


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of recorded service requests of real cities; not part of the project."""
    return _beside_the_project("data")


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of outputs of the R package `surveillance` on fixed inputs; not part of the project."""
    return _beside_the_project("reference")
