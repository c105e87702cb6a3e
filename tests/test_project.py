"""The project holds together: types, style, layers, pinned versions, documentation of every setting."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from forewarn import settings as forewarn_settings
from tests.conftest import PROJECT
from tests.locked import locked_versions


def _run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=PROJECT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_types() -> None:
    _run("mypy")


def test_style() -> None:
    _run("ruff", "check", ".")
    _run("ruff", "format", "--check", ".")


def test_layers() -> None:
    _run("importlinter.cli")


def test_pinned_versions_agree() -> None:
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    constraints = (PROJECT / "constraints.txt").read_text().splitlines()
    pins = [line for line in constraints if line and not line.startswith("#")]
    assert pyproject["tool"]["uv"]["constraint-dependencies"] == pins


def test_installed_versions_are_the_pinned_ones() -> None:
    pins = locked_versions(PROJECT / "constraints.txt")
    import importlib.metadata

    wrong = {
        name: (importlib.metadata.version(name), version)
        for name, version in pins.items()
        if name in {"prefect", "fastapi", "pandas", "statsmodels", "prophet", "sqlalchemy", "plotly", "dash"}
        and importlib.metadata.version(name) != version
    }
    assert not wrong


@pytest.mark.parametrize("table", [name for name in vars(forewarn_settings) if name.endswith("Settings")])
def test_every_setting_is_documented(table: str) -> None:
    model = getattr(forewarn_settings, table)
    if not getattr(model, "model_fields", None) or table == "BaseSettings":
        pytest.skip("not a table of settings")
    text = (PROJECT / "docs" / "settings.md").read_text(encoding="utf-8")
    missing = [name for name in model.model_fields if name != "folder" and f"`{name}`" not in text]
    assert not missing, f"docs/settings.md says nothing of {missing}"


def test_nothing_of_this_machine_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True)
    wrong = []
    for name in listed.stdout.split():
        path = PROJECT / name
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".txt", ".css"} and path.is_file():
            text = path.read_text(encoding="utf-8")
            if re.search(r"(?<![\w.~-])/(?:home|root)/\w|https?://[^\s\"]+/simple/", text):
                wrong.append(name)
    assert not wrong


def test_links_in_documents_lead_somewhere() -> None:
    pages = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]
    links = [
        (page, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    ]
    broken = [f"{page.name}: {target}" for page, target in links if not (page.parent / target).exists()]
    assert not broken


def test_wheel_holds_what_is_not_python() -> None:
    packages = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(packages["packages"]) == {
        path.parent.name for path in PROJECT.glob("*/__init__.py") if path.parent.name not in {"tests", "benchmarks"}
    }
    assert Path(PROJECT / "forewarn" / "template.toml").is_file()
