"""The other side of a webhook: somebody who signs batches and sends them until they are taken."""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import requests

SECRET = "s-4b1d9c0e7fa2c6d1"  # as both sides know it


@dataclass
class Sender:
    """Sends to `url`, the address of a source; `sent` counts what went out."""

    url: str
    secret: str = SECRET
    sent: int = 0
    headers: dict[str, str] = field(default_factory=dict)  # over what is usual

    def send(self, items: Sequence[Any] | bytes, at: datetime, key: str | None = None) -> requests.Response:
        """One batch, sent once."""
        body = items if isinstance(items, bytes) else json.dumps(items).encode()
        timestamp = str(int(at.timestamp()))
        signed = hmac.new(self.secret.encode(), f"{timestamp}.".encode() + body, sha256).hexdigest()
        usual = {"X-Timestamp": timestamp, "X-Signature": f"sha256={signed}", "Content-Type": "application/json"}
        if key is not None:
            usual["Idempotency-Key"] = key
        self.sent += 1
        return requests.post(self.url, data=body, headers={**usual, **self.headers}, timeout=30)


def heartbeat(at: datetime) -> dict[str, str]:
    """Says that everything up to `at` was sent."""
    return {"type": "heartbeat", "at": at.isoformat()}
