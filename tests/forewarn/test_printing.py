"""What the command line prints can be read by people and by programs."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pytest

from forewarn.alert import Alarm, Kind, Severity
from forewarn.contracts import SourceHealth
from forewarn.printing import out, plain, print_json, row, table

ALARM = Alarm("bonn", {"category": "Rats"}, date(2026, 2, 3), Kind.SURGE, "ears-c1", 9, 3, 1, 5, 8, float("nan"))


def test_values_become_json() -> None:
    found = plain(
        {
            "alarm": ALARM,
            "severity": Severity.WARNING,
            "health": SourceHealth.OK,
            "at": datetime(2026, 2, 3, tzinfo=UTC),
            "day": np.datetime64("2026-02-03"),
            "counts": np.array([1.0, np.nan]),
            "number": np.int64(3),
            "labels": {"b"},
        }
    )
    assert json.loads(json.dumps(found, allow_nan=False)) == {
        "alarm": {
            "source": "bonn",
            "labels": {"category": "Rats"},
            "day": "2026-02-03",
            "kind": "surge",
            "detector": "ears-c1",
            "observed": 9,
            "expected": 3,
            "low": 1,
            "high": 5,
            "limit": 8,
            "tail": None,
            "window_days": 1,
        },
        "severity": "warning",
        "health": "ok",
        "at": "2026-02-03T00:00:00+00:00",
        "day": "2026-02-03",
        "counts": [1.0, None],
        "number": 3,
        "labels": ["b"],
    }


def test_json_is_not_wrapped_or_coloured(capsys: pytest.CaptureFixture[str]) -> None:
    title = "[red]Rats[/red] " * 40
    print_json({"title": title})
    assert json.loads(capsys.readouterr().out) == {"title": title}


def test_what_a_source_sent_is_text_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    listed = table("what")
    row(listed, "[bold]Rats[/bold]")
    out.print(listed)
    assert "[bold]Rats[/bold]" in capsys.readouterr().out
