"""Pinned versions, without addresses: written to constraints.txt for pip and to pyproject.toml for uv.

`python -m tests.locked` resolves anew and writes both.
"""

import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def locked_versions(path: Path) -> dict[str, str]:
    """Package → version of a constraints file."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(pins)


def lock() -> None:
    """Resolve the newest versions that fit together on all platforms, with all extras, and pin them."""
    pyproject = PROJECT / "pyproject.toml"
    unpinned = re.sub(r"\nconstraint-dependencies = \[.*?\n\]\n", "\n", pyproject.read_text(), flags=re.DOTALL)
    pyproject.write_text(unpinned, encoding="utf-8")
    options = ["--universal", "--all-extras", "--no-annotate", "--no-header", "--no-emit-index-url", "--quiet"]
    done = subprocess.run(
        ["uv", "pip", "compile", *options, "pyproject.toml"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    pins = [line for line in done.stdout.splitlines() if "==" in line]
    (PROJECT / "constraints.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    listed = "".join(f"  {_quoted(pin)},\n" for pin in pins)
    pinned = unpinned.replace("[tool.uv]\n", f"[tool.uv]\nconstraint-dependencies = [\n{listed}]\n")
    pyproject.write_text(pinned, encoding="utf-8")


def _quoted(pin: str) -> str:
    return f"'{pin}'" if '"' in pin else f'"{pin}"'


if __name__ == "__main__":
    lock()
