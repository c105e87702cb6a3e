"""Pull every source, each on its own, and say at once when one does not deliver."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection

from alerts.lifecycle import advance
from alerts.messages import notifications
from alerts.rules.source import SourceTrouble
from connectors import connector_for
from connectors.health import judge_days, judge_source
from flows.installation import Installation, open_installation
from flows.reporting import outcome, say
from forewarn.alert import Change, Kind
from forewarn.contracts import Connector, Coverage, Page, SourceHealth, WindowEnd
from forewarn.errors import SourceChanged, SourceError, SourceUnavailable
from forewarn.settings import DEFAULT_FILE, SourceSettings
from store import alerts as alert_store
from store import sources
from store.counts import covered_span, daily_totals, read_coverage, write_counts, write_coverage
from store.engine import transaction
from store.requests import write_requests
