"""GeoReport v2 documents, as JSON and as XML.

One dictionary a record serves both: XML is the same with one element a field. Field names and their order
are those of the specification (https://wiki.open311.org/GeoReport_v2).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from simulator.population import Ints, Population, Service

Record = Mapping[str, Any]


def service_records(services: Sequence[Service]) -> list[Record]:
    """The list of services."""
    return [
        {
            "service_code": service.code,
            "service_name": service.name,
            "description": service.description,
            "metadata": False,
            "type": "realtime",
            "keywords": "",
            "group": service.agency,
        }
        for service in services
    ]


def request_records(population: Population, versions: Ints, *, extensions: bool) -> list[Record]:
    """The requests as they are in `versions`.

    Args:
        extensions: Add `extended_attributes` with area, channel and the request that this one repeats.
    """
    rows = population.request[versions]
    parents = population.parent[rows]
    recognised = (parents >= 0) & population.closed[versions]  # a duplicate is recognised on closing
    columns = zip(
        population.ids[rows].tolist(),
        population.closed[versions].tolist(),
        population.service[versions].tolist(),
        population.area[versions].tolist(),
        population.channel[rows].tolist(),
        np.where(recognised, population.ids[parents], "").tolist(),
        _stamps(population, population.requested[rows]),
        _stamps(population, population.at[versions]),
        population.street[rows].tolist(),
        population.latitude[rows].tolist(),
        population.longitude[rows].tolist(),
        strict=True,
    )
    records: list[Record] = []
    for request_id, closed, service_number, area, channel, parent, requested, updated, street, lat, lon in columns:
        service = population.services[service_number]
        record: dict[str, Any] = {
            "service_request_id": request_id,
            "status": "closed" if closed else "open",
            "status_notes": f"Duplicate of {parent}" if parent else None,
            "service_name": service.name,
            "service_code": service.code,
            "description": service.description,
            "agency_responsible": service.agency,
            "requested_datetime": requested,
            "updated_datetime": updated,
            "expected_datetime": None,
            "address": street,
            "lat": lat,
            "long": lon,
            "media_url": None,
        }
        if extensions:
            attributes = {"area": population.areas[area], "channel": population.channels[channel]}
            if parent:
                attributes["parent_service_request_id"] = parent
            record["extended_attributes"] = attributes
        records.append(record)
    return records


def to_json(document: Sequence[Record] | Record) -> bytes:
    """A bare JSON array, or one object."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def to_xml(records: Sequence[Record], root: str, element: str) -> bytes:
    """`<root><element>…</element>…</root>`; no element: the fields stand in the root."""
    items = "".join(f"<{element}>{_fields(record)}</{element}>" if element else _fields(record) for record in records)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{root}>{items}</{root}>'.encode()


def _fields(record: Record) -> str:
    return "".join(f"<{name}>{_text(value)}</{name}>" for name, value in record.items())


def _text(value: Any) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _fields(value) if isinstance(value, dict) else escape(str(value))


def _stamps(population: Population, seconds: Ints) -> list[str]:
    """Local times with their offset from UTC, such as `2026-06-22T08:15:00-04:00`."""
    utc = seconds.astype("datetime64[s]")
    zoned = pd.DatetimeIndex(utc).tz_localize("UTC").tz_convert(population.zone)
    local = zoned.tz_localize(None).to_numpy().astype("datetime64[s]")
    minutes = ((local - utc) // np.timedelta64(60, "s")).astype(int)
    offsets = {
        offset: f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
        for offset in set(minutes.tolist())
    }
    return [
        stamp + offsets[offset]
        for stamp, offset in zip(np.datetime_as_string(local, unit="s").tolist(), minutes.tolist(), strict=True)
    ]
