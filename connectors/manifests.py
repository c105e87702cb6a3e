"""Is a dropped file whole? `NAME.manifest.json` beside it says so; without one it must have stopped growing.

{"file": "a.csv", "sha256": "…", "rows": 12, "mode": "delta", "covers": {"from": "2026-06-01", "to": "2026-06-30"}}
"""

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from connectors.days import Span
from connectors.tables import FileFault

ENDING = ".manifest.json"
SETTLE_SECONDS = 2.0  # between two looks at a file
_LARGEST = 1 << 20  # bytes


@dataclass(frozen=True)
class Manifest:
    """What must be true of a file.

    Args:
        file: Its name.
        sha256: Of its content, as 64 hexadecimal digits.
        rows: How many it has, but for a header.
        mode: `snapshot`: of the days that it covers it has everything, and what it lacks is gone; `delta`: what is new.
        covers: First and last day of which it has everything.
    """

    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]
    rows: Annotated[int, Field(ge=0)] | None = None
    mode: Literal["snapshot", "delta"] = "delta"
    covers: Span | None = None

    def __post_init__(self) -> None:
        if self.mode == "snapshot" and self.covers is None:
            raise ValueError("a snapshot must say which days it covers")
        if self.covers is not None and self.covers[0] > self.covers[1]:
            raise ValueError("covers.from is later than covers.to")


def manifest_of(file: Path) -> Path | None:
    """Where the manifest of a file lies, if it has one."""
    beside = file.with_name(file.name + ENDING)
    return beside if beside.is_file() else None


def read_manifest(path: Path) -> Manifest:
    """The manifest in `path`.

    Raises:
        FileFault: It is none; says why in words.
        OSError: It cannot be read.
    """
    with path.open("rb") as opened:
        body = opened.read(_LARGEST)
    try:
        found = json.loads(body)
        if isinstance(found, dict) and isinstance(covers := found.get("covers"), dict):
            found = {**found, "covers": (covers.get("from"), covers.get("to"))}
        return _ADAPTER.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        problem = f"its manifest cannot be used: {where} {first['msg'].removeprefix('Value error, ')}"
    except (ValueError, RecursionError):
        problem = "its manifest is not a complete JSON object"
    raise FileFault("manifest", problem)


def believed(file: Path, count_rows: Callable[[], int]) -> Manifest | None:
    """The manifest of a file, which is what it says; None: it has none.

    Raises:
        FileFault: The manifest cannot be used, or the file is not what it says.
    """
    beside = manifest_of(file)
    if beside is None:
        return None
    manifest = read_manifest(beside)
    if manifest.file != file.name:
        raise FileFault("manifest", f"its manifest is of another file, {manifest.file!r}")
    if manifest.sha256.lower() != sha256_of(file):
        raise FileFault("manifest", "its content is not what its manifest says; it is read when one of them changes")
    if manifest.rows is not None and (rows := count_rows()) != manifest.rows:
        raise FileFault("manifest", f"it has {rows} rows, and its manifest says {manifest.rows}")
    return manifest


def settled(files: Collection[Path], sleep: Callable[[float], None]) -> list[Path]:
    """Those of the files that have a manifest, or did not change between two looks."""
    looks = {file: _look(file) for file in files if manifest_of(file) is None}
    if looks:
        sleep(SETTLE_SECONDS)
    return [file for file in files if file not in looks or _look(file) == looks[file]]


def sha256_of(file: Path) -> str:
    """Digest of its content."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _look(file: Path) -> tuple[int, int] | None:
    """What changes when a file is written; None: it is gone."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


_ADAPTER: TypeAdapter[Manifest] = TypeAdapter(Manifest)
