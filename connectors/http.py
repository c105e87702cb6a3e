"""One way to ask a server: patient with its troubles, strict with its answers, careful where it leads.

An answer counts only when its status is right, all of it came, and it parses as a whole. An error page with
status 200, an empty body or half a document is a failure that is tried again, never an empty result.

Messages name host and path only: queries, headers and user names may hold secrets.
"""

import json
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

import requests
import tenacity
import urllib3
from pydantic import Field

from connectors.discretion import leave_queries_out_of_logs, masked, secrets_of, shown
from connectors.documents import whole
from connectors.headers import Place, fault_of, http_date, place_of, retry_after, wait_in_words
from connectors.scrub import quote
from connectors.sockets import PrivateAddress, Transport
from forewarn.errors import SourceChanged, SourceUnavailable

USER_AGENT = "forewarn/0.1 (early warning for service requests)"
CONNECT_SECONDS, READ_SECONDS = 10, 120
TOTAL_SECONDS = 300  # for one answer, however steadily it drips
MAX_TRIES = 5
MAX_REDIRECTS = 5
LONGEST_WAIT_SECONDS = 120  # a server that wants more is left alone until the next run
CLOCK_SKEW_SECONDS = 300  # a difference of clocks worth telling
BROKEN_CLOCK = timedelta(days=2)  # a wrong zone, or daylight saving, makes less
Params = Mapping[str, int | str | Sequence[str]]  # of a parameter that comes several times, its values
_RETRIED = {202, 408, 425, 429}
_TOO_LONG = f"its answer was not complete after {TOTAL_SECONDS} s"

_asked_at: dict[Place, float] = {}  # seconds of `time.monotonic` at which a server last answered any of our sources
_told: dict[Place, datetime | None] = {}  # what a server's clock said when it last answered
leave_queries_out_of_logs()


@dataclass(frozen=True, kw_only=True)
class HttpSource:
    """The settings that all sources on the web have in common.

    Args:
        zone: Where civil days are counted.
        url: Where the source lies.
        contact: Mail or web address for the server's administrator, sent with every request.
        allow_http: Plain http may be used.
        allow_private_hosts: Addresses on this machine or in this network may be used.
        allowed_hosts: Hosts to which a redirect may lead, besides its own.
        pause_seconds: Between two requests.
        max_body_mb: A larger answer is refused.
    """

    source: str
    zone: str
    url: str = field(repr=False)  # may hold a user name and a password
    contact: str = ""
    allow_http: bool = False
    allow_private_hosts: bool = False
    allowed_hosts: tuple[str, ...] = ()
    pause_seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0
    max_body_mb: Annotated[int, Field(ge=1)] = 64
    sleep: ClassVar[Callable[[float], None]] = staticmethod(time.sleep)  # one place for tests to hook in

    def __post_init__(self) -> None:
        if problem := fault_of(self.url):
            raise ValueError(f"url {problem}")
        if not (self.contact.isascii() and self.contact.isprintable()):
            raise ValueError("contact goes into a header, and must be one line of plain ASCII")

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def clock_ahead(self, now: datetime) -> timedelta:
        """As in `contracts.TellsTime`; small differences are none, and a clock that is out by days tells nothing."""
        told = _told.get(place_of(self.url.strip()))
        ahead = timedelta() if told is None else now - told
        is_told = timedelta(seconds=CLOCK_SKEW_SECONDS) < ahead < BROKEN_CLOCK
        return ahead if is_told else timedelta()

    def client(self, headers: Mapping[str, str] = MappingProxyType({}), secrets: Sequence[str] = ()) -> "Client":
        """A client for this source; `headers` go to its own host only. `secrets` is what questions hold of them."""
        return Client(self, headers, secrets, sleep=type(self).sleep)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, parsed."""

    document: Any
    retries: int
    bytes: int
    skew_seconds: float | None  # our clock minus the server's; None: it tells no time
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)  # names in any case


@dataclass(frozen=True, slots=True)
class _Terms:
    """How the answers to one question are taken; see `Client.get`."""

    also_accepted: frozenset[int] = frozenset()
    also_retried: frozenset[int] = frozenset()
    means_nothing: frozenset[int] = frozenset()
    tries: int = MAX_TRIES


class _Failure(Exception):
    """One try failed in a way that may pass."""

    def __init__(
        self, problem: str, *, wait_seconds: float | None = None, miscoded: bool = False, status: int | None = None
    ) -> None:
        self.wait_seconds = wait_seconds
        self.miscoded = miscoded  # ask for an uncompressed answer next time; then take it as one, whatever it says
        self.status = status
        super().__init__(problem)


class _Session(requests.Session):
    """Leaves redirects to us: by itself it looks at where they lead, stumbles, and leaves the connection open."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - the signature is given
        return None


@dataclass
class Client:
    """Asks one source, one request at a time. Close it, or use it as a context.

    Args:
        headers: Sent to the source's own host only, as they may hold a token.
        secrets: What else must not be shown, such as a token that is part of a question.
        sleep: Waits that many seconds.
        monotonic: Seconds of a clock that only goes forward.
        now: The time, to compare with the server's.
    """

    origin: HttpSource
    headers: Mapping[str, str] = field(repr=False)
    secrets: Sequence[str] = field(default=(), repr=False)
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        self._secrets = secrets_of(self.origin.url, self.headers, self.secrets)
        self._session = _Session()
        self._session.trust_env = False  # no proxies or passwords from the surroundings
        self._asked = False
        self._miscoded = 0  # answers whose compression was not what they said; each third is taken as it is
        self._transport = Transport(public_only=not self.origin.allow_private_hosts)
        self._session.mount("https://", self._transport)
        self._session.mount("http://", self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.close()

    def quoted(self, said: object) -> str:
        """What a server says, as it may stand in a message: some repeat what they were sent."""
        return quote(masked(str(said), self._secrets))

    def get(
        self,
        url: str,
        params: Params,
        parse: Callable[[bytes], Any],
        *,
        also_accepted: frozenset[int] = frozenset(),
        also_retried: frozenset[int] = frozenset(),
        means_nothing: frozenset[int] = frozenset(),
        tries: int = MAX_TRIES,
    ) -> Answer:
        """The whole, parsed answer.

        Args:
            parse: Raises ValueError unless the body is one complete document.
            also_accepted: Statuses that are answers too, though they say error.
            also_retried: Statuses that may pass with this server, though by themselves they say refused.
            means_nothing: Statuses that say that there is no such thing; the document is None, whatever else came.

        Raises:
            SourceUnavailable: Five tries failed, or the server asks to wait long.
            SourceChanged: The server refuses, leads astray, or answers without bound.
        """
        return self._ask(url, params, None, parse, _Terms(also_accepted, also_retried, means_nothing, tries))

    def post(
        self,
        url: str,
        question: Mapping[str, Any],
        parse: Callable[[bytes], Any],
        *,
        also_accepted: frozenset[int] = frozenset(),
    ) -> Answer:
        """As `get`, for a question that is put as a JSON document and changes nothing, so it may be asked again."""
        return self._ask(url, {}, json.dumps(question).encode(), parse, _Terms(also_accepted))

    def _ask(
        self,
        url: str,
        params: Params,
        posted: bytes | None,
        parse: Callable[[bytes], Any],
        terms: _Terms,
    ) -> Answer:
        since_last = 0.0 if self._asked else time.monotonic() - _asked_at.get(place_of(url), -math.inf)
        if since_last < self.origin.pause_seconds:
            self.sleep(self.origin.pause_seconds - since_last)
        self._asked = True
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(terms.tries),
            wait=_wait_seconds,
            retry=tenacity.retry_if_exception_type(_Failure),
            sleep=self.sleep,
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    try:
                        answer = self._try(url, params, posted, parse, terms)
                    except _Failure as failure:
                        self._miscoded += failure.miscoded
                        raise
            return replace(answer, retries=retrying.statistics["attempt_number"] - 1)
        except _Failure as failure:
            said = masked(str(failure), self._secrets)
            problem = f"{shown(url)}: {said} (tried {retrying.statistics['attempt_number']} times)"
            raise SourceUnavailable(self.origin.source, problem, status=failure.status) from None

    def _try(
        self,
        url: str,
        params: Params,
        posted: bytes | None,
        parse: Callable[[bytes], Any],
        terms: _Terms,
    ) -> Answer:
        deadline = self.monotonic() + TOTAL_SECONDS
        place = place_of(url)
        with self._transport.cut_after(TOTAL_SECONDS) as is_cut:
            try:
                response, body = self._exchange(url, params, posted, deadline)
            except (_Failure, SourceChanged):
                if is_cut.is_set():
                    raise _Failure(_TOO_LONG) from None
                raise
            finally:
                _asked_at[place] = time.monotonic()
        if is_cut.is_set():
            raise _Failure(_TOO_LONG)
        self._check_status(response, body, shown(url), terms)
        try:
            is_there = response.status_code not in terms.means_nothing
            document = whole(body, parse, response.headers.get("Content-Type", "")) if is_there else None
        except ValueError as error:
            raise _Failure(str(error), miscoded="Content-Encoding" in response.headers) from None
        told = _told[place] = _time_of(response.headers)
        skew_seconds = None if told is None else (self.now() - told).total_seconds()
        return Answer(document, 0, len(body), skew_seconds, response.status_code, response.headers)

    def _exchange(
        self, url: str, params: Params, posted: bytes | None, deadline: float
    ) -> tuple[requests.Response, bytes]:
        """The response, and all of its body; whatever goes wrong on the way is a failure that may pass."""
        try:
            response = self._follow(url, params, posted, identity=self._miscoded > 0)
            with response:
                return response, self._read(response, deadline, shown(url), decode=self._miscoded % 3 < 2)
        except PrivateAddress:
            problem = f"{shown(url)} leads to a private address; set allow_private_hosts = true if that is meant"
            raise SourceChanged(self.origin.source, problem) from None
        except requests.exceptions.SSLError:
            raise _Failure("its certificate is not valid") from None
        except (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError):
            raise _Failure("its compression is broken", miscoded=True) from None
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
            raise _Failure("no answer in time") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise _Failure("the connection could not be made or was cut") from None
        except ValueError:  # from a header, such as a Location that is no address
            raise _Failure("its answer cannot be understood") from None

    def _follow(self, url: str, params: Params, posted: bytes | None, *, identity: bool) -> requests.Response:
        """The response after harmless redirects, its body unread."""
        agent = f"{USER_AGENT} {self.origin.contact}".strip()
        home = None
        for _ in range(MAX_REDIRECTS + 1):
            self._check_scheme(url)
            own = self.headers if home in (None, place_of(url)) else {}
            encoding = {"Accept-Encoding": "identity"} if identity else {}
            form = {} if posted is None else {"Content-Type": "application/json"}
            response = self._session.request(
                "GET" if posted is None else "POST",
                url,
                params=params,
                data=posted,
                headers={"User-Agent": agent, **own, **encoding, **form},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True,
                allow_redirects=False,
            )
            if not response.is_redirect:
                return response
            response.close()
            home = home or place_of(response.url)
            target = urljoin(response.url, response.headers["Location"])
            there, port = place_of(target)
            if (there, port) != home and there not in self.origin.allowed_hosts:
                named = f"{there}:{port}" if port and there == home[0] else there
                problem = f"{shown(url)} leads to another host, {named!r}; add it to allowed_hosts"
                raise SourceChanged(self.origin.source, problem)
            if urlsplit(url).scheme == "https" != urlsplit(target).scheme:
                raise SourceChanged(self.origin.source, f"{shown(url)} leads from https to an unsafe address")
            url, params = target, {}
        raise SourceChanged(self.origin.source, f"{shown(url)} redirects in a circle")

    def _check_scheme(self, url: str) -> None:
        allowed = ("http", "https") if self.origin.allow_http else ("https",)
        if urlsplit(url).scheme not in allowed:
            problem = f"{shown(url)} is not https; set allow_http = true if plain http is meant"
            raise SourceChanged(self.origin.source, problem)

    def _read(self, response: requests.Response, deadline: float, address: str, *, decode: bool) -> bytes:
        """All of the body, within its bounds of time and size."""
        pieces, size = [], 0
        while piece := response.raw.read1(1 << 16, decode_content=decode):
            pieces.append(piece)
            size += len(piece)
            if size > self.origin.max_body_mb << 20:
                problem = f"{address} answers with more than {self.origin.max_body_mb} MB; ask for smaller pages"
                raise SourceChanged(self.origin.source, problem)
            if self.monotonic() > deadline:
                raise _Failure(_TOO_LONG)
        announced = response.headers.get("Content-Length", "")
        if announced.isascii() and announced.isdigit() and float(announced) != response.raw.tell():
            raise _Failure("only a part of its answer came")
        return b"".join(pieces)

    def _check_status(self, response: requests.Response, body: bytes, address: str, terms: _Terms) -> None:
        status = response.status_code
        if status == 200 or status in terms.also_accepted | terms.means_nothing:
            return
        if status in _RETRIED | terms.also_retried or status >= 500:
            wait = retry_after(response.headers.get("Retry-After", ""), self.now())
            if wait is None and status == 429:
                wait = wait_in_words(body)
            if wait is not None and wait > LONGEST_WAIT_SECONDS:
                problem = f"{address}: status {status}, asks to wait {wait:.0f} s"
                raise SourceUnavailable(self.origin.source, problem, status=status)
            raise _Failure(f"status {status}", wait_seconds=wait, status=status)
        said = self.quoted(body[:1000].decode(errors="replace"))[:300]
        raise SourceChanged(self.origin.source, f"{address} refuses with status {status}: {said}")


def _time_of(headers: Mapping[str, str]) -> datetime | None:
    """What the server's clock says; an answer that a cache has kept is as old as it says."""
    told, age = http_date(headers.get("Date", "")), headers.get("Age", "")
    kept_seconds = int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0
    try:
        return None if told is None else told + timedelta(seconds=kept_seconds)
    except OverflowError:  # the end of the year 9999 is as late as it gets
        return None


def counters_of(answer: Answer) -> dict[str, int]:
    """Quality counters of an answer, for the page made of it."""
    counters = {"requests_sent": 1 + answer.retries, "retries": answer.retries, "bytes": answer.bytes}
    if answer.skew_seconds is not None and abs(answer.skew_seconds) > CLOCK_SKEW_SECONDS:
        counters["clock_skew"] = 1
    return counters


def _wait_seconds(state: tenacity.RetryCallState) -> float:
    """As long as the server asked for, else 1, 2, 4, 8 seconds with jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Failure) and error.wait_seconds is not None:
        return error.wait_seconds
    return float(2 ** (state.attempt_number - 1) * random.uniform(0.75, 1.25))  # noqa: S311 - not for secrets
