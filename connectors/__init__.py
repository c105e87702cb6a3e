"""Where requests come from: one module per kind of source, all behind `forewarn.contracts.Connector`."""

from typing import cast

from forewarn import plugins
from forewarn.contracts import Connector
from forewarn.settings import SourceSettings

CONNECTORS = {
    "arcgis": "connectors.arcgis:ArcGis",
    "ckan": "connectors.ckan:Ckan",
    "files": "connectors.files:Files",
    "open311": "connectors.open311:Open311",
    "seeclickfix": "connectors.seeclickfix:SeeClickFix",
    "servicenow": "connectors.servicenow:ServiceNow",
    "socrata": "connectors.socrata:Socrata",
    "zendesk": "connectors.zendesk:Zendesk",
}


def connector_for(name: str, settings: SourceSettings) -> Connector:
    """The connector of the source `name`.

    Raises:
        ConfigError: Its kind or one of its settings is wrong.
    """
    key = f"sources.{name}"
    cls = plugins.load(CONNECTORS, settings.kind, key=f"{key}.kind")
    own = {"source": name, "zone": settings.zone, "first_day": settings.first_day}
    return cast(Connector, plugins.build(cls, settings.options, key=key, given=own))
