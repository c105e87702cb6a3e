"""Where requests come from: one module per kind of source, all behind `forewarn.contracts.Connector`."""

from collections.abc import Sequence
from typing import Any, cast

from forewarn import plugins
from forewarn.contracts import Connector, Received, ReceivedBatch
from forewarn.settings import SourceSettings

CONNECTORS = {
    "arcgis": "connectors.arcgis:ArcGis",
    "cfpb": "connectors.cfpb:Cfpb",
    "ckan": "connectors.ckan:Ckan",
    "files": "connectors.files:Files",
    "fixmystreet": "connectors.fixmystreet:FixMyStreet",
    "open311": "connectors.open311:Open311",
    "seeclickfix": "connectors.seeclickfix:SeeClickFix",
    "servicenow": "connectors.servicenow:ServiceNow",
    "socrata": "connectors.socrata:Socrata",
    "sql": "connectors.sql:Sql",
    "webhook": "connectors.webhook:Webhook",
    "zendesk": "connectors.zendesk:Zendesk",
}


def nothing_received(_after: int) -> Sequence[ReceivedBatch]:
    """For sources that nothing is pushed to."""
    return ()


def connector_for(name: str, settings: SourceSettings, received: Received = nothing_received) -> Connector:
    """The connector of the source `name`.

    Args:
        received: Gives what was pushed to us, for kinds of sources that push.

    Raises:
        ConfigError: Its kind or one of its settings is wrong.
    """
    key = f"sources.{name}"
    cls = plugins.load(CONNECTORS, settings.kind, key=f"{key}.kind")
    own: dict[str, Any] = {"source": name, "zone": settings.zone, "first_day": settings.first_day}
    asked = {"received": received, "steps": settings.steps}
    own |= {field: value for field, value in asked.items() if field in plugins.public_fields(cls)}
    return cast(Connector, plugins.build(cls, settings.options, key=key, given=own, beside=SourceSettings.model_fields))
