"""Mail, webhooks, chat and text messages, by the apprise library.

A receiver can tell a message that comes twice: mails and webhooks carry its key in the header `Idempotency-Key`.
Mails on the same alert refer to each other, so that mail programs show them together.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from io import StringIO
from typing import Any

from apprise import Apprise, NotifyBase, NotifyFormat

from forewarn.alert import Notification
from forewarn.errors import DeliveryError


@dataclass(frozen=True)
class AppriseChannel:
    """One apprise address, which may name several targets, such as `mailto://…?to=a,b`.

    Args:
        name: Name of the channel in the settings.
        url: The address; it holds secrets and is never shown.

    Raises:
        ValueError: The address is not understood.
    """

    name: str
    url: str = field(repr=False)

    def __post_init__(self) -> None:
        self._plugin()

    @property
    def n_targets(self) -> int:
        return len(_targets(self._plugin())) or 1

    def send(self, notification: Notification) -> None:
        """Sends to the one target that the notification's channel names: `ops`, `ops/2`, …

        Raises:
            DeliveryError: It was not accepted, or there is no such target any more.
        """
        plugin = self._plugin()
        _, _, number = notification.channel.removeprefix(self.name).partition("/")
        targets = _targets(plugin)
        if targets:
            chosen = targets[int(number or 1) - 1 :][:1]
            if not chosen:
                raise DeliveryError(notification.channel, "the target was taken out of the settings", retryable=False)
            plugin.targets = chosen
        if isinstance(getattr(plugin, "headers", None), dict):
            plugin.headers["Idempotency-Key"] = notification.idempotency_key
            plugin.headers["References"] = f"<{notification.fingerprint}@forewarn>"
        body, body_format = _body(plugin, notification)
        post = Apprise()  # it converts the body to the plugin's format, which the plugin itself does not
        post.add(plugin)
        with _overheard() as said:
            accepted = bool(post.notify(title=notification.subject, body=body, body_format=body_format))
        if not accepted:
            problem = " ".join(said.getvalue().split()) or "it was refused without a reason"
            raise DeliveryError(notification.channel, self._without_secrets(problem, plugin), retryable=True)

    def _plugin(self) -> Any:
        with _overheard(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # apprise imports modules that Python will drop
            plugin = Apprise.instantiate(self.url) if self.url else None
        if not isinstance(plugin, NotifyBase):
            raise ValueError("apprise does not understand this address; see docs/alerts.md for examples")
        return plugin

    def _without_secrets(self, text: str, plugin: Any) -> str:
        for secret in (self.url, plugin.password, plugin.user, *getattr(plugin, "headers", {}).values()):
            if secret:
                text = text.replace(str(secret), "…")
        return text[:300]


@contextmanager
def _overheard() -> Iterator[StringIO]:
    """What apprise complains of meanwhile. It is kept from all logs, as it may show the address."""
    said = StringIO()
    listener = logging.StreamHandler(said)
    listener.setLevel(logging.WARNING)
    logger = logging.getLogger("apprise")
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [listener], False
    try:
        yield said
    finally:
        logger.handlers, logger.propagate = handlers, propagate


def _targets(plugin: Any) -> list[Any]:
    found = getattr(plugin, "targets", None)
    return list(found) if isinstance(found, list | tuple) else []


def _body(plugin: Any, notification: Notification) -> tuple[str, NotifyFormat]:
    """The richest form that the target takes. apprise makes safe Markdown of HTML, but not of plain text."""
    if plugin.notify_format == NotifyFormat.HTML and plugin.body_maxlen >= len(notification.html):
        return notification.html, NotifyFormat.HTML
    text = notification.text.replace("@", "@\u200b")  # so that a category "@everyone" calls nobody in a chat
    text = _fitting(text, plugin.body_maxlen)
    if plugin.notify_format == NotifyFormat.TEXT:
        return text, NotifyFormat.TEXT
    return escape(text).replace("\n", "<br>\n"), NotifyFormat.HTML


def _fitting(text: str, longest: int) -> str:
    """As many of the first paragraphs as fit together with the last, which is the link."""
    *paragraphs, link = text.split("\n\n")
    while paragraphs and len("\n\n".join([*paragraphs, link])) > longest:
        paragraphs.pop()
    return "\n\n".join([*paragraphs, link])
