"""A population behind the server of each kind, so that one and the same life can be led by all of them.

To attach another kind: a small class with what `Served` asks for, and a line in `SERVED`. Kinds that are not asked but
drop files or send batches have the same lives: what is shown is dropped, or sent.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from csv import DictWriter
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from zoneinfo import ZoneInfo

import requests
from flask import Flask

from dashboards.desk import Desk
from dashboards.inbound import take_batches
from flows.installation import Installation
from tests.servers import fixmystreet
from tests.servers.arcgis import SmallArcGis, SmallLayer, milliseconds
from tests.servers.cfpb import SmallCfpb
from tests.servers.ckan import Resource, SmallCkan
from tests.servers.database import ServedDatabase
from tests.servers.fixmystreet import SmallFixMyStreet
from tests.servers.open311 import Habits, SmallOpen311
from tests.servers.population import Shown
from tests.servers.seeclickfix import SmallSeeClickFix
from tests.servers.sender import SECRET, Sender, heartbeat
from tests.servers.servicenow import SmallServiceNow, written
from tests.servers.socrata import SmallSocrata
from tests.servers.zendesk import SmallZendesk

ZONE = ZoneInfo("America/New_York")
_A_WHILE = timedelta(minutes=10)  # before it is read, so that no connector leaves it for the next run


class Served(Protocol):
    """One kind of server, empty when it is made.

    Attributes:
        app: What answers.
        settings: The source's keys, but for `url` and those that all sources on the web share.
        told: Fields of `Shown` that the store must have as they are shown.
        reach_days: A good run has the newest state of all requests of so many days; None: of all that there are.
        reaches_once: So far only the first run of a day that came through, though it was not given everything.
        lag: The newest is left for the next run.
        page_rows: Rows that one answer can hold.
        fixed_requests: Requests of a run in which nothing is new, as an ideal client would need them.
        troubles: Habits that can be switched on and off by `switch`.
        is_behind: Not all that was shown could be handed over yet.
    """

    app: WSGIApplication
    settings: Mapping[str, Any]
    told: Sequence[str]
    reach_days: int | None
    reaches_once: bool
    lag: timedelta
    page_rows: int
    fixed_requests: int
    troubles: Sequence[str]
    is_behind: bool

    def source(self, address: str, folder: Path) -> dict[str, Any]:
        """The source's keys, but for those that all sources have."""
        ...

    def join(self, installation: Installation, address: str) -> None:
        """The installation that reads it is there."""
        ...

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        """From here on these rows, and no others, are there."""
        ...

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        """The publisher puts all rows in anew: nothing differs but what the server notes by itself."""
        ...

    def switch(self, trouble: str, *, on: bool) -> None: ...


class OnTheWeb:
    """A server that waits to be asked."""

    settings: Mapping[str, Any]
    reaches_once = False
    lag = timedelta(minutes=5)
    is_behind = False

    def source(self, address: str, _folder: Path) -> dict[str, Any]:
        web = {"url": address, "allow_http": True, "allow_private_hosts": True, "pause_seconds": 0}
        return {**self.settings, **web}

    def join(self, installation: Installation, address: str) -> None:
        """It need not know."""


class ServedSocrata(OnTheWeb):
    """A data set that the publisher changes row by row."""

    settings: Mapping[str, Any] = {
        "kind": "socrata",
        "dataset": "abcd-1234",
        "page_size": 50,
        "fields": {
            "source_record_id": "unique_key",
            "requested_at": "created_date",
            "closed_at": "closed_date",
            "category": "complaint_type",
            "area": "borough",
            "channel": "channel",
            "status": "status",
        },
    }
    told = ("requested_at", "category", "area", "channel", "status", "closed_at")
    reach_days = None
    page_rows = 50
    fixed_requests = 2  # what the data set is, and that nothing is new
    troubles = ("rows_at_most",)

    def __init__(self) -> None:
        self.app = SmallSocrata(sorted(set(self.settings["fields"].values())), updated_at=0)
        self._shown: dict[str, Shown] = {}
        self._loads = 0
        self._loaded = datetime.min.replace(tzinfo=UTC)

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        """Only what differs is put in, so `:updated_at` tells it."""
        before, self._shown = self._shown, {row.record_id: row for row in rows}
        for gone in before.keys() - self._shown.keys():
            self.app.remove(self._row_id(gone))
        for row in rows:
            if before.get(row.record_id) != row:
                self._put(row, max(row.loaded_at, self._loaded))
        self.app.updated_at = int(now.timestamp())

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        for gone in self._shown:
            self.app.remove(self._row_id(gone))
        self._loads += 1  # the rows' own numbers are given anew
        self._loaded = now
        self._shown = {row.record_id: row for row in rows}
        for row in rows:
            self._put(row, now)
        self.app.updated_at = int(now.timestamp())

    def switch(self, trouble: str, *, on: bool) -> None:
        assert trouble == "rows_at_most"
        self.app.rows_at_most = 20 if on else None
        self.page_rows = 20 if on else 50

    def _row_id(self, record_id: str) -> str:
        return f"row-{self._loads}-{record_id}"

    def _put(self, row: Shown, at: datetime) -> None:
        self.app.put(
            self._row_id(row.record_id),
            at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            unique_key=row.record_id,
            created_date=_local(row.requested_at),
            closed_date=row.closed_at and _local(row.closed_at),
            complaint_type=row.category,
            borough=row.area,
            channel=row.channel,
            status=row.status.title(),
        )


class ServedSoda3(ServedSocrata):
    """The same through version 3, with a token."""

    settings: Mapping[str, Any] = {**ServedSocrata.settings, "soda": "3", "app_token": "known"}

    def __init__(self) -> None:
        super().__init__()
        self.app.token = "known"


class ServedOpen311(OnTheWeb):
    """An endpoint that knows no times of update: what is older than fourteen days is read again once a week."""

    settings: Mapping[str, Any] = {
        "kind": "open311",
        "dialect": "standard",
        "page_size": 400,
        "fields": {"area": "extended_attributes.area", "channel": "extended_attributes.channel"},
    }
    told: Sequence[str] = ("requested_at", "category", "area", "channel", "status")
    reach_days: int | None = 14
    reaches_once = True
    page_rows = 400
    fixed_requests = 1
    troubles = ("cap", "ignores_pages", "single_as_object", "empty_is_404")

    def __init__(self) -> None:
        self._now = datetime.min.replace(tzinfo=UTC)
        self._anew: dict[str, datetime] = {}
        self.app = SmallOpen311([], Habits(), lambda: self._now)

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        self._now = now
        rows = [
            row._replace(updated_at=max(row.updated_at, self._anew.get(row.record_id, row.updated_at))) for row in rows
        ]
        self.app.requests = [
            {
                "service_request_id": row.record_id,
                "status": row.status,
                "service_name": row.category,
                "service_code": row.category,
                "requested_datetime": row.requested_at.astimezone(ZONE).isoformat(),
                "updated_datetime": row.updated_at.astimezone(ZONE).isoformat(),
                "extended_attributes": {"area": row.area, "channel": row.channel},
            }
            for row in rows
        ]

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        """Rows are written one after the other, three a second."""
        self._anew = {row.record_id: now - timedelta(seconds=n // 3) for n, row in enumerate(rows)}
        self.show(rows, now)

    def switch(self, trouble: str, *, on: bool) -> None:
        setattr(self.app.habits, trouble, (25 if on else 1000) if trouble == "cap" else on)
        if trouble == "cap":
            self.page_rows = 25 if on else 400


class ServedUpdates(ServedOpen311):
    """An endpoint that also tells what was updated."""

    settings: Mapping[str, Any] = {**ServedOpen311.settings, "dialect": "extended"}


class ServedCkan(OnTheWeb):
    """A table that is loaded anew whenever it is shown: its rows are numbered afresh, and nothing tells of edits."""

    settings: Mapping[str, Any] = {
        "kind": "ckan",
        "package": "requests",
        "page_size": 50,
        "fields": {
            "source_record_id": "case_id",
            "requested_at": "open_dt",
            "closed_at": "closed_dt",
            "category": "type",
            "area": "neighborhood",
            "channel": "source",
            "status": "case_status",
        },
    }
    told: Sequence[str] = ("requested_at", "category", "area", "channel", "status", "closed_at")
    reach_days: int | None = 6  # seven times 24 hours
    page_rows = 50
    fixed_requests = 2  # what the table is, and that nothing is new
    troubles: Sequence[str] = ("rows_max", "tells_limit", "ignores_sort", "reloading")

    def __init__(self) -> None:
        times = dict.fromkeys(("open_dt", "closed_dt"), "timestamp")
        types = {**dict.fromkeys(("case_id", "type", "neighborhood", "source", "case_status"), "text"), **times}
        self.app = SmallCkan({"table-1": Resource("Requests", types)})

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        loaded = [
            {
                "case_id": row.record_id,
                "open_dt": _local(row.requested_at),
                "closed_dt": row.closed_at and _local(row.closed_at),
                "type": row.category,
                "neighborhood": row.area,
                "source": row.channel,
                "case_status": row.status.title(),
            }
            for row in rows
        ]
        self.app.load("table-1", loaded, now.replace(tzinfo=None).isoformat())

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        self.show(rows, now)
        self.app.resources["table-1"].rows.reverse()

    def switch(self, trouble: str, *, on: bool) -> None:
        usual = {"rows_max": 32_000, "tells_limit": True}
        odd = {"rows_max": 20, "tells_limit": False}
        setattr(self.app.habits, trouble, odd.get(trouble, True) if on else usual.get(trouble, False))


class ServedCkanSql(ServedCkan):
    """A portal that takes statements, though not always."""

    troubles = ("rows_max", "takes_no_sql", "reloading")

    def __init__(self) -> None:
        super().__init__()
        self.app.habits.takes_sql = True

    def switch(self, trouble: str, *, on: bool) -> None:
        if trouble == "takes_no_sql":
            self.app.habits.takes_sql = not on
        else:
            super().switch(trouble, on=on)


class ServedArcGis(OnTheWeb):
    """A layer whose rows are numbered in the order in which they came."""

    settings: Mapping[str, Any] = {
        "kind": "arcgis",
        "page_size": 50,
        "fields": {
            "source_record_id": "REQUESTID",
            "requested_at": "ADDED",
            "closed_at": "RESOLVED",
            "category": "TYPE",
            "area": "WARD",
            "channel": "SOURCE",
            "status": "STATUS",
        },
    }
    told: Sequence[str] = ("requested_at", "category", "area", "channel", "status", "closed_at")
    reach_days: int | None = 14
    page_rows = 50
    fixed_requests = (
        4  # what the layer is, how many rows there are, that nothing is new, and that they still are as many
    )
    troubles: Sequence[str] = ("gives_at_most", "tells_cut", "sorts", "literals")

    def __init__(self) -> None:
        texts = dict.fromkeys(("REQUESTID", "TYPE", "WARD", "SOURCE", "STATUS"), "esriFieldTypeString")
        times = dict.fromkeys(("ADDED", "RESOLVED", "EDITED"), "esriFieldTypeDate")
        self.app = SmallArcGis({"": SmallLayer({**texts, **times}, [])})
        self._numbers: dict[str, int] = {}
        self._loads = 0
        self._loaded = datetime.min.replace(tzinfo=UTC)

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        for row in sorted(rows, key=lambda row: row.loaded_at):
            self._numbers.setdefault(row.record_id, self._loads * 100_000 + len(self._numbers))
        self.app.layers[""].rows = [
            {
                "OBJECTID": self._numbers[row.record_id],
                "REQUESTID": row.record_id,
                "ADDED": milliseconds(row.requested_at),
                "RESOLVED": row.closed_at and milliseconds(row.closed_at),
                "EDITED": milliseconds(max(row.loaded_at, self._loaded)),
                "TYPE": row.category,
                "WARD": row.area,
                "SOURCE": row.channel,
                "STATUS": row.status,
            }
            for row in rows
        ]
        self.app.habits.last_edit = now

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        self._loads += 1
        self._loaded = now
        self._numbers.clear()
        self.show(rows, now)

    def switch(self, trouble: str, *, on: bool) -> None:
        usual = {"gives_at_most": None, "literals": ("timestamp", "date", "epoch")}
        odd = {"gives_at_most": 20, "literals": ("date",)}
        setattr(self.app.habits, trouble, odd.get(trouble, False) if on else usual.get(trouble, True))


class ServedEdits(ServedArcGis):
    """A layer that tells when its rows were edited."""

    settings: Mapping[str, Any] = {
        **ServedArcGis.settings,
        "fields": {**ServedArcGis.settings["fields"], "updated_at": "EDITED"},
    }
    reach_days = None
    fixed_requests = 6  # what is new is asked for twice: by request and by edit, each counted


class ServedCfpb(OnTheWeb):
    """A database that is indexed anew whenever it is shown, and knows days only."""

    settings: Mapping[str, Any] = {
        "kind": "cfpb",
        "page_size": 50,
        "filters": {"product": ["Debt collection"]},
        "fields": {"category": "issue", "subcategory": "sub_issue"},
    }
    told: Sequence[str] = ("category", "area", "channel")
    reach_days: int | None = 13
    lag = timedelta()
    page_rows = 50
    fixed_requests = 1  # that the index is the same
    troubles = ("loses", "date_received_min", "product", "search_after", "sort")

    def __init__(self) -> None:
        self.app = SmallCfpb([])

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        self.app.indexed_on = now.astimezone(ZONE).date()
        self.app.complaints = [
            {
                "complaint_id": row.record_id,
                "date_received": f"{row.requested_at.astimezone(ZONE).date()}T12:00:00-05:00",
                "product": "Debt collection",
                "issue": row.category,
                "sub_issue": f"{row.category}, in particular",
                "state": row.area,
                "submitted_via": row.channel,
                "company_response": "In progress" if row.closed_at is None else "Closed with explanation",
            }
            for row in rows
        ]

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        self.show(rows, now)

    def switch(self, trouble: str, *, on: bool) -> None:
        habits = self.app.habits
        if trouble == "loses":
            habits.loses = int(on)
        else:
            habits.ignores = habits.ignores | {trouble} if on else habits.ignores - {trouble}


class ServedFixMyStreet(OnTheWeb):
    """A site on which reports are confirmed when they are made; hidden ones vanish."""

    settings: Mapping[str, Any] = {"kind": "fixmystreet"}
    told: Sequence[str] = ("requested_at", "category", "status")
    reach_days: int | None = 14
    reaches_once = True
    page_rows = 400
    fixed_requests = 2  # that there is nothing older, once a window
    troubles = ("limit", "ignores_dates", "oldest_first")

    def __init__(self) -> None:
        self._now = datetime.min.replace(tzinfo=UTC)
        self.app = SmallFixMyStreet([], ZONE, fixmystreet.Habits(limit=400), lambda: self._now)

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        self._now = now
        self.app.reports = [
            {
                "id": row.record_id,
                "state": "confirmed" if row.closed_at is None else "fixed - council",
                "confirmed": row.requested_at,
                "lastupdate": row.updated_at,
                "category": row.category,
                "bodies": [row.area],
            }
            for row in rows
        ]

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        """Nobody puts reports in anew: this is where they live."""

    def switch(self, trouble: str, *, on: bool) -> None:
        setattr(self.app.habits, trouble, (25 if on else 400) if trouble == "limit" else on)


class ServedSeeClickFix(OnTheWeb):
    """A place of which every change is told by its time of update, as nothing is published late there."""

    settings: Mapping[str, Any] = {
        "kind": "seeclickfix",
        "place_url": "springfield",
        "page_size": 50,
        "fields": {"area": "address"},
    }
    told: Sequence[str] = ("requested_at", "category", "area", "status", "closed_at")
    reach_days: int | None = None
    page_rows = 50
    fixed_requests = 1
    troubles = ("ignores_sort", "ignores_after", "ignores_pages", "loses")

    def __init__(self) -> None:
        self._now = datetime.min.replace(tzinfo=UTC)
        self.app = SmallSeeClickFix([], now=lambda: self._now)

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        self._now = now
        self.app.issues = [
            {
                "id": row.record_id,
                "status": row.status.title(),
                "summary": row.category,
                "request_type": {"id": 1, "title": row.category},
                "address": row.area,
                "created_at": row.requested_at.astimezone(ZONE).isoformat(),
                "updated_at": row.loaded_at.astimezone(ZONE).isoformat(),
                "closed_at": row.closed_at and row.closed_at.astimezone(ZONE).isoformat(),
            }
            for row in rows
        ]

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        """Nobody puts issues in anew: this is where they live."""

    def switch(self, trouble: str, *, on: bool) -> None:
        setattr(self.app.habits, trouble, int(on) if trouble == "loses" else on)


class ServedZendesk(OnTheWeb):
    """An account whose tickets change one by one; the text of an id stands for its number."""

    settings: Mapping[str, Any] = {
        "kind": "zendesk",
        "email": "admin@example.org",
        "api_token": "k-3f9d2c71",
        "page_size": 50,
        "fields": {"category": "custom_fields.1", "area": "custom_fields.2"},
    }
    told: Sequence[str] = ("requested_at", "category", "area", "channel", "status", "closed_at")
    reach_days: int | None = None
    page_rows = 50
    fixed_requests = 1
    troubles = ("rows_at_most", "cursors_lost")

    def __init__(self) -> None:
        self._now = datetime.min.replace(tzinfo=UTC)
        self._shown: dict[str, Shown] = {}
        self._anew = self._now
        asked = ({"id": 1, "title": "Kind", "type": "tagger"}, {"id": 2, "title": "Where", "type": "text"})
        self.app = SmallZendesk(lambda: self._now, ticket_fields=asked)

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        before, self._shown, self._now = self._shown, {row.record_id: row for row in rows}, now
        for gone in before.keys() - self._shown.keys():
            self.app.delete(int(gone), now - _A_WHILE)
        for row in rows:
            if before.get(row.record_id) != row:  # what it comes to after a new load is later than that
                self._put(row, row.loaded_at if row.loaded_at > self._anew else now - _A_WHILE)

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        self.show(rows, now)
        self._anew = now - _A_WHILE
        for row in rows:
            self._put(row, self._anew)

    def switch(self, trouble: str, *, on: bool) -> None:
        setattr(self.app.habits, trouble, (20 if on else 1000) if trouble == "rows_at_most" else on)

    def _put(self, row: Shown, at: datetime) -> None:
        self.app.put(
            int(row.record_id),
            at,
            id=row.record_id,
            created_at=_utc(row.requested_at),
            updated_at=_utc(row.updated_at),
            status="solved" if row.closed_at else "open",
            metric_set={"solved_at": row.closed_at and _utc(row.closed_at)},
            via={"channel": row.channel},
            custom_fields=[{"id": 1, "value": row.category}, {"id": 2, "value": row.area}],
        )


class ServedServiceNow(OnTheWeb):
    """A table whose rows change one by one, and are stamped when they do."""

    settings: Mapping[str, Any] = {
        "kind": "servicenow",
        "table": "incident",
        "user": "forewarn",
        "password": "pw-51c8aa",
        "page_size": 50,
    }
    told: Sequence[str] = ServedZendesk.told
    reach_days: int | None = None
    page_rows = 50
    fixed_requests = 2  # the table, and the list of what was deleted
    troubles = ("rows_at_most", "gives_up_after")

    def __init__(self) -> None:
        self._now = datetime.min.replace(tzinfo=UTC)
        self._shown: dict[str, Shown] = {}
        self.app = SmallServiceNow(lambda: self._now, shown={("state", "1"): "New", ("state", "7"): "Closed"})

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        before, self._shown, self._now = self._shown, {row.record_id: row for row in rows}, now
        for gone in before.keys() - self._shown.keys():
            self.app.delete(gone, now - _A_WHILE)
        for row in rows:
            if before.get(row.record_id) != row:
                self._put(row, now - _A_WHILE)

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        self.show(rows, now)
        for row in rows:
            self._put(row, now - _A_WHILE)

    def switch(self, trouble: str, *, on: bool) -> None:
        usual = {"rows_at_most": 10_000, "gives_up_after": None}[trouble]
        setattr(self.app.habits, trouble, 20 if on else usual)

    def _put(self, row: Shown, at: datetime) -> None:
        self.app.put(
            row.record_id,
            at,
            opened_at=written(row.requested_at),
            closed_at=written(row.closed_at) if row.closed_at else "",
            state="7" if row.closed_at else "1",
            category=row.category,
            location=row.area,
            contact_type=row.channel,
        )


class ServedFiles:
    """A folder into which all that there is is dropped; older files are tidied away."""

    settings: Mapping[str, Any] = {
        "kind": "files",
        "fields": {
            "source_record_id": "id",
            "requested_at": "asked",
            "closed_at": "closed",
            "category": "type",
            "area": "area",
            "channel": "channel",
            "status": "status",
        },
    }
    told: Sequence[str] = ServedZendesk.told
    reach_days: int | None = None
    reaches_once = False
    lag = timedelta()
    page_rows = 50
    fixed_requests = 0
    troubles: Sequence[str] = ("without_manifest", "as_json_lines")
    is_behind = False
    _kept = 3

    def __init__(self) -> None:
        self._on: set[str] = set()
        self._folder: Path  # once a source is made of it

    def app(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Nobody asks."""
        start_response("404 Not Found", [])
        return []

    def source(self, _address: str, folder: Path) -> dict[str, Any]:
        self._folder = folder / uuid4().hex
        self._folder.mkdir()
        return {**self.settings, "path": str(self._folder)}

    def join(self, installation: Installation, address: str) -> None:
        """It need not know."""

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        dropped = [
            {
                "id": row.record_id,
                "asked": _local(row.requested_at),
                "closed": _local(row.closed_at) if row.closed_at else "",
                "type": row.category,
                "area": row.area,
                "channel": row.channel,
                "status": row.status,
            }
            for row in rows
        ]
        names = list(self.settings["fields"].values())
        table = StringIO()
        writer = DictWriter(table, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(dropped)
        as_lines = "".join(json.dumps(row) + "\n" for row in dropped)
        as_json = "as_json_lines" in self._on and bool(dropped)
        file = self._folder / f"{now:%Y-%m-%dT%H%M}.{'jsonl' if as_json else 'csv'}"
        beside = file.with_name(f"{file.name}.manifest.json")
        beside.unlink(missing_ok=True)
        file.write_text(as_lines if as_json else table.getvalue(), encoding="utf-8")
        if "without_manifest" not in self._on:
            told = {"file": file.name, "sha256": sha256(file.read_bytes()).hexdigest(), "rows": len(rows)}
            covers = {"from": "2026-01-01", "to": str(now.astimezone(ZONE).date())}
            beside.write_text(json.dumps({**told, "mode": "snapshot", "covers": covers}), encoding="utf-8")
        for old in sorted(file for file in self._folder.iterdir() if ".manifest" not in file.name)[: -self._kept]:
            old.unlink()
            old.with_name(f"{old.name}.manifest.json").unlink(missing_ok=True)

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        self.show(rows, now)

    def switch(self, trouble: str, *, on: bool) -> None:
        self._on = self._on | {trouble} if on else self._on - {trouble}


class ServedWebhook:
    """A sender of what is new, changed and deleted, who sends again what was not taken."""

    settings: Mapping[str, Any] = {"kind": "webhook", "secret": SECRET, "batches_a_minute": 100_000}
    told: Sequence[str] = ServedZendesk.told
    reach_days: int | None = None
    reaches_once = False
    lag = timedelta()
    page_rows = 50
    fixed_requests = 1  # the heartbeat
    troubles: Sequence[str] = ("sends_twice", "small_batches")
    _tries = 5

    def __init__(self) -> None:
        self._on: set[str] = set()
        self._shown: dict[str, Shown] = {}
        self._waiting: list[tuple[str, list[Any]]] = []
        self._number = 0
        self._now = datetime.min.replace(tzinfo=UTC)
        self._flask = Flask("inbound")
        self._sender = Sender("")

    @property
    def is_behind(self) -> bool:
        return bool(self._waiting)

    def app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._flask(environ, start_response)

    def source(self, _address: str, _folder: Path) -> dict[str, Any]:
        return dict(self.settings)

    def join(self, installation: Installation, address: str) -> None:
        take_batches(self._flask, Desk(installation.engine, installation.settings, lambda: self._now))
        self._sender = Sender(f"{address}/ingest/town")

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        before, self._shown, self._now = self._shown, {row.record_id: row for row in rows}, now
        gone = before.keys() - self._shown.keys()
        items: list[Any] = [{"type": "deletion", "source_record_id": record_id} for record_id in sorted(gone)]
        items += [_call(row) for row in rows if before.get(row.record_id) != row]
        self._send([*items, heartbeat(now)])

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        self.show(rows, now)
        self._send([_call(row) for row in rows])

    def switch(self, trouble: str, *, on: bool) -> None:
        self._on = self._on | {trouble} if on else self._on - {trouble}

    def _send(self, items: Sequence[Any]) -> None:
        """In the order in which it happened, and nothing overtakes what was not taken yet."""
        size = 20 if "small_batches" in self._on else self.page_rows
        for start in range(0, len(items), size):
            self._number += 1
            self._waiting.append((f"batch-{self._number}", list(items[start : start + size])))
        while self._waiting:
            key, batch = self._waiting[0]
            if not any(self._is_taken(key, batch) for _ in range(self._tries)):
                return
            if "sends_twice" in self._on:
                self._is_taken(key, batch)
            del self._waiting[0]

    def _is_taken(self, key: str, batch: list[Any]) -> bool:
        """Whether the receiver says that it has it, in an answer that is whole."""
        try:
            answer = self._sender.send(batch, self._now, key)
            return answer.status_code == HTTPStatus.ACCEPTED and answer.json()["accepted"] == len(batch)
        except (requests.RequestException, ValueError, TypeError, KeyError):
            return False


def _call(row: Shown) -> dict[str, Any]:
    return {
        "source_record_id": row.record_id,
        "requested_at": row.requested_at.isoformat(),
        "closed_at": row.closed_at and row.closed_at.isoformat(),
        "category": row.category,
        "area": row.area,
        "channel": row.channel,
        "status": row.status,
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _local(moment: datetime) -> str:
    return moment.astimezone(ZONE).replace(tzinfo=None).isoformat(timespec="milliseconds")


SERVED: Mapping[str, type[Served]] = {
    "arcgis": ServedArcGis,
    "arcgis with edits": ServedEdits,
    "ckan": ServedCkan,
    "ckan with statements": ServedCkanSql,
    "servicenow": ServedServiceNow,
    "socrata": ServedSocrata,
    "socrata 3": ServedSoda3,
    "open311": ServedOpen311,
    "open311 with updates": ServedUpdates,
    "zendesk": ServedZendesk,
    "cfpb": ServedCfpb,
    "fixmystreet": ServedFixMyStreet,
    "seeclickfix": ServedSeeClickFix,
    "files": ServedFiles,
    "webhook": ServedWebhook,
    "sql": ServedDatabase,
}
