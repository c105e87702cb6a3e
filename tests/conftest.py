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


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of recorded service requests of real cities; not part of the project."""
    return _beside_the_project("data")


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of outputs of the R package `surveillance` on fixed inputs; not part of the project."""
    return _beside_the_project("reference")
