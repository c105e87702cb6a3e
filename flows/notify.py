"""Bring what waits in the outbox to people."""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow

from alerts.channels import channel_for
from alerts.dispatch import DeliveryReport, deliver
from flows.installation import Installation, open_installation
from forewarn.settings_file import DEFAULT_FILE


def drain_outbox(installation: Installation, now: datetime) -> DeliveryReport:
    """Deliver everything that is due; what fails stays in the outbox with its reason and its next try."""
    channels = {name: channel_for(name, found) for name, found in installation.settings.channels.items()}
    return deliver(installation.engine, channels, now)


@flow(name="notify")
def notify(settings_file: Path = DEFAULT_FILE, now: datetime | None = None) -> DeliveryReport:
    """Drain the outbox once."""
    return drain_outbox(open_installation(settings_file), now or datetime.now(UTC))


if __name__ == "__main__":
    notify()
