"""Channels bring one message to people; each kind is a file here and a line in `CHANNELS`."""

from forewarn.contracts import Channel
from forewarn.errors import ConfigError
from forewarn.plugins import load
from forewarn.settings import ChannelSettings

CHANNELS = {
    "apprise": "alerts.channels.apprise:AppriseChannel",
    "log": "alerts.channels.log:LogChannel",
}


def channel_for(name: str, settings: ChannelSettings) -> Channel:
    """The channel that is configured under `channels.<name>`.

    Raises:
        ConfigError: Its address is missing or not understood. The message does not show it, as it holds secrets.
    """
    key = f"channels.{name}"
    kind = load(CHANNELS, settings.kind, key=f"{key}.kind")
    try:
        channel: Channel = kind(name, settings.url.get_secret_value())
    except ValueError as error:
        raise ConfigError(f"{key}.url", str(error)) from None
    return channel


def targets_of(name: str, settings: ChannelSettings) -> tuple[str, ...]:
    """Names under which a channel's targets are told, each by a message of its own.

    `ops` for the first, `ops/2` for the next: if one mail address fails, only that one is tried again. An address
    that is not understood counts as one target, so that the message waits until the settings are mended.
    """
    try:
        channel = channel_for(name, settings)
    except ConfigError:
        return (name,)
    n_targets = getattr(channel, "n_targets", 1)
    return (name, *(f"{name}/{number}" for number in range(2, n_targets + 1)))
