"""Notifications as JSON lines in a file: for tests, for archives, and for programs that follow a file."""

import fcntl
import json
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from forewarn.alert import Notification
from forewarn.errors import DeliveryError


@dataclass(frozen=True)
class LogChannel:
    """Appends each notification exactly once: a key that the file already holds is not written again.

    Args:
        name: Name of the channel in the settings.
        url: Path of the file. Its folder must be there.

    Raises:
        ValueError: The path is missing.
    """

    name: str
    url: str

    def __post_init__(self) -> None:
        if not self.url:
            raise ValueError("the path of the log file is missing")

    def send(self, notification: Notification) -> None:
        """Appends one line.

        Raises:
            DeliveryError: The file cannot be written, for instance because the disk is full.
        """
        line = json.dumps(
            {
                "key": notification.idempotency_key,
                "at": notification.created_at.isoformat(),
                "fingerprint": notification.fingerprint,
                "subject": notification.subject,
                "text": notification.text,
            },
            ensure_ascii=False,
        )
        try:
            with Path(self.url).open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not _holds(file, notification.idempotency_key):
                    file.write(_line_start(file) + line.encode(errors="replace") + b"\n")
                    file.flush()  # all of it, or an error: a disk that is nearly full takes a part
        except OSError as error:
            raise DeliveryError(self.name, f"cannot write {self.url}: {error.strerror}", retryable=True) from error


def _holds(file: BinaryIO, key: str) -> bool:
    file.seek(0)
    quoted = json.dumps(key, ensure_ascii=False).encode()
    return any(quoted in line and _key(line) == key for line in file)


def _key(line: bytes) -> str | None:
    """Key of a written line; None if the line was cut off by a crash."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return str(found["key"])


def _line_start(file: BinaryIO) -> bytes:
    """A line break if the last line was cut off."""
    if file.seek(0, 2) == 0:
        return b""
    file.seek(-1, 2)
    return b"" if file.read(1) == b"\n" else b"\n"
