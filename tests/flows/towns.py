"""Small installations for the tests of the flows: a drop folder that fills day by day, and what a store holds."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, MetaData, Table, select

from flows.installation import Installation
from forewarn.settings_file import parse
from store.engine import snapshot
from store.schema import metadata, series

FIRST_DAY = date(2026, 1, 1)
USUAL = {("Rats", "North"): 6.0, ("Rats", "South"): 5.0, ("Noise", "North"): 9.0}
FIELDS = {"source_record_id": "id", "requested_at": "at", "category": "category", "area": "area"}
BOOKKEEPING = {"sync_run": Ellipsis, "source_state": {"checked_at"}, "rejected_row": {"run_id"}}
"""What tells of the runs themselves, and so differs with every run: whole tables, or some columns."""


def morning_after(day: date) -> datetime:
    """When a day is over and its file has been dropped."""
    return datetime.combine(day + timedelta(days=1), time(6), UTC)


@dataclass
class Town:
    """A drop folder with one file a day. The numbers are drawn from the day, so each file comes out the same."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def drop(self, first: date, last: date, factors: Mapping[tuple[str, str], float] | None = None) -> Path:
        """One file with the days from `first` to `last`, usual numbers times `factors`."""
        lines = ["id,at,category,area"]
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            day, rng = date.fromordinal(ordinal), np.random.default_rng(ordinal)
            for (category, area), mean in USUAL.items():
                count = rng.poisson(mean * (factors or {}).get((category, area), 1.0))
                name = f"{category},{area}"
                lines += [f"{day}-{name.replace(',', '-')}-{n},{day}T10:{n % 60:02}:00,{name}" for n in range(count)]
        return self.write(f"{first}.csv", lines)

    def write(self, name: str, lines: Collection[str]) -> Path:
        file = self.folder / name
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file


def source_settings(folder: Path, **more: Any) -> dict[str, Any]:
    """The table of a source that reads `folder`."""
    levels = [[], ["category"], ["category", "area"]]
    return {"kind": "files", "path": str(folder), "pattern": "*.csv", "fields": FIELDS, "levels": levels, **more}


def settings_of(folder: Path, sources: Mapping[str, Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """Settings with a log channel, and with the model that needs no fitting."""
    return {
        "sources": sources,
        "forecast": {"forecasters": ["seasonal-naive"]},
        "channels": {"log": {"kind": "log", "url": str(folder / "alerts.log")}},
        **more,
    }


def installed(engine: Engine, settings: Mapping[str, Any]) -> Installation:
    return Installation(parse(settings), engine)


def told(folder: Path) -> list[dict[str, str]]:
    """What the log channel was given."""
    log = folder / "alerts.log"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def content(engine: Engine, *, without: Mapping[str, Any] = BOOKKEEPING) -> dict[str, list[str]]:
    """All rows of all tables, series by their labels and without numbers that only count rows.

    A transaction that came to nothing leaves a gap in PostgreSQL's numbers.
    """
    with snapshot(engine) as conn:
        names = {row.id: str(row[1:]) for row in conn.execute(select(series))}
        return {
            table.name: sorted(_row(table, row._mapping, names, without) for row in conn.execute(select(table)))
            for table in _tables(metadata)
            if without.get(table.name) is not Ellipsis
        }


def _tables(known: MetaData) -> list[Table]:
    return sorted(known.tables.values(), key=lambda table: table.name)


def _row(table: Table, row: Mapping[Any, Any], names: Mapping[int, str], without: Mapping[str, Any]) -> str:
    left_out = {"id"} | set(without.get(table.name, ()))
    values = {key: value for key, value in row.items() if key not in left_out}
    for labelled in (values, values.get("earlier", {})):  # the second: what a request was before
        if "series_id" in labelled:
            labelled["series_id"] = names[labelled["series_id"]]
    return str(values)


def differences(found: Mapping[str, list[str]], wanted: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Table → rows that only one of two stores has."""
    odd = {table: sorted(set(found[table]) ^ set(wanted[table])) for table in wanted if found[table] != wanted[table]}
    return {table: rows or ["one of them is there more often"] for table, rows in odd.items()}


def toml(settings: Mapping[str, Any]) -> str:
    """The settings as a file. JSON's strings, numbers and lists are TOML's, too; only tables differ."""

    def value(found: Any) -> str:
        if isinstance(found, Mapping):
            return "{" + ", ".join(f"{json.dumps(key)} = {value(item)}" for key, item in found.items()) + "}"
        if isinstance(found, list):
            return f"[{', '.join(map(value, found))}]"
        return json.dumps(found)

    return "\n".join(f"{key} = {value(found)}" for key, found in settings.items())
