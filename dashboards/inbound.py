"""Takes what is pushed: `POST /ingest/{source}` with a signed batch, for sources of the kind `webhook`.

    202  kept; what is kept survives a crash, as it is answered only then     401  not signed, or not of now
    404  there is no such source                                              409  this key came with another body
    413  too large       422  nothing in it can be used                       429  too many, or 503: come again later

The same key with the same body again is answered as before, and kept once; so is a signature that was seen, whatever
its key, since the key is not signed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from connectors import connector_for
from connectors.webhook import MAX_SKEW, Webhook
from dashboards.desk import Desk
from forewarn.errors import StoreError
from store.engine import transaction
from store.received import begin_receiving, count_batches, find_batch, keep_batch

A_MINUTE = timedelta(minutes=1)
LATER = {"Retry-After": "60"}
LARGEST_BODY_MB = 16  # of any request; a source may take larger batches
LONGEST_KEY = 200  # characters
KIND = "webhook"


def take_batches(server: Flask, desk: Desk) -> None:
    """Adds the address to the server.

    Raises:
        ConfigError: A setting of a source that pushes is wrong.
    """
    sources: dict[str, Webhook] = {}
    for name, settings in desk.settings.sources.items():
        if settings.kind == KIND:
            found = connector_for(name, settings)
            assert isinstance(found, Webhook)  # noqa: S101 - the table of connectors says so
            sources[name] = found
    server.config["MAX_CONTENT_LENGTH"] = max([LARGEST_BODY_MB, *(one.max_body_mb for one in sources.values())]) << 20

    @server.post("/ingest/<path:name>")
    def _take(name: str) -> Response:
        if name not in sources:
            return _answer(404, error="there is no source of that name to which batches can be sent")
        return _reply(sources[name], desk)


def _reply(source: Webhook, desk: Desk) -> Response:
    request.max_content_length = source.max_body_mb << 20
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return _answer(413, error=f"more than {source.max_body_mb} MB; send smaller batches")
    now = desk.now()
    if fault := _fault_of_sender(source, body, now):
        return _answer(401, error=fault)
    body_hash = sha256(body).hexdigest()
    key = request.headers.get("Idempotency-Key") or body_hash
    if len(key) > LONGEST_KEY:
        return _answer(422, error=f"Idempotency-Key is longer than {LONGEST_KEY} characters")
    try:
        content = source.check(body, now)
    except ValueError as error:
        return _answer(422, error=str(error))
    if not content["accepted"]:
        return _answer(422, error="nothing in it can be used", rejected=_rejected(content))
    try:
        return _keep(source, desk, content, key, body_hash, now)
    except StoreError:
        return _answer(503, LATER, error="it could not be kept; send it again")


def _keep(source: Webhook, desk: Desk, content: dict[str, Any], key: str, body_hash: str, now: datetime) -> Response:
    name, signature = source.source, request.headers["X-Signature"]
    with transaction(desk.engine, durable=True) as conn:
        begin_receiving(conn, name)
        earlier = find_batch(conn, name, idempotency_key=key, signature=signature)
        if earlier is not None and earlier.body_hash != body_hash:
            return _answer(409, error="another batch came under this Idempotency-Key")
        if earlier is None and count_batches(conn, name, now - A_MINUTE) >= source.batches_a_minute:
            return _answer(429, LATER, error=f"more than {source.batches_a_minute} batches a minute")
        if earlier is not None:
            number, content = earlier.number, dict(earlier.content)
        else:
            number = keep_batch(
                conn, name, content, received_at=now, idempotency_key=key, body_hash=body_hash, signature=signature
            )
    return _answer(202, batch_id=str(number), accepted=content["accepted"], rejected=_rejected(content))


def _fault_of_sender(source: Webhook, body: bytes, now: datetime) -> str:
    """Why this sender is not believed; '': it is."""
    timestamp = request.headers.get("X-Timestamp", "")
    sent = _moment(timestamp)
    if not source.is_signed(timestamp, request.headers.get("X-Signature", ""), body):
        return "X-Signature is not sha256=HMAC(secret, X-Timestamp + '.' + body)"
    if sent is None or abs(now - sent) > MAX_SKEW:
        return "X-Timestamp is not within five minutes of now"
    return ""


def _moment(told: str) -> datetime | None:
    """A time as seconds since 1970 or as ISO 8601 with its zone."""
    try:
        found = datetime.fromtimestamp(int(told), UTC) if told.isdecimal() else datetime.fromisoformat(told)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo is not None else None


def _rejected(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"index": int(index), "error": detail} for _, detail, index in content["rejects"]]


def _answer(status: int, headers: Mapping[str, str] = MappingProxyType({}), **document: Any) -> Response:
    answer = jsonify(document)
    answer.status_code = status
    answer.headers.update(headers)
    return answer
