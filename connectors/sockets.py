"""Open sockets: no further than they may lead, and no longer than they may last.

Connections into private networks are refused at the open socket, so a name that changes its address cannot pass. Only
a source whose settings say `allow_private_hosts = true` may lie on this machine or in this network.

Timeouts of a socket are for one read; a server that sends a byte now and then, in its headers or between the pieces
of its answer, would never meet them. So the open connections can be cut from outside.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import SHUT_RDWR, socket
from threading import Event, Timer
from typing import Any
from weakref import WeakSet

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_SITE_LOCAL = IPv6Network("fec0::/10")
_HOLD_IPV4_LAST = (IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"), IPv6Network("64:ff9b::/96"))
_LOCAL_TRANSLATION = IPv6Network("64:ff9b:1::/48")


class PrivateAddress(Exception):
    """A name leads to an address that is not on the public internet."""


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet; of one that stands for an IPv4 address, whether that is."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found in _SITE_LOCAL or found in _LOCAL_TRANSLATION:
            return False
        found = _meant(found)
    return found.is_global and not found.is_multicast


def _meant(address: IPv6Address) -> IPv4Address | IPv6Address:
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if any(address in network for network in _HOLD_IPV4_LAST):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class Transport(HTTPAdapter):
    """A transport of `requests` whose connections can be cut while they are waited for.

    Args:
        public_only: Reach public addresses only.
    """

    def __init__(self, *, public_only: bool) -> None:
        self._public_only = public_only
        self._open: WeakSet[_Watched] = WeakSet()
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._opened)

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[Event]:
        """Cuts all connections if what is done takes longer; the event tells whether that happened."""
        is_cut = Event()
        timer = Timer(seconds, self._cut, (is_cut,))
        timer.daemon = True
        timer.start()
        try:
            yield is_cut
        finally:
            timer.cancel()

    def _opened(self, connection: "_Watched", opened: socket) -> socket:
        if self._public_only and not is_public(opened.getpeername()[0]):
            opened.close()
            raise PrivateAddress
        connection.unwatch()
        connection.watched = opened.dup()  # stays good when the socket is wrapped into an encrypted one
        self._open.add(connection)
        return opened

    def _cut(self, is_cut: Event) -> None:
        is_cut.set()
        for connection in list(self._open):
            with suppress(OSError):  # it is closed already
                if connection.watched is not None:
                    connection.watched.shutdown(SHUT_RDWR)


class _Watched:
    """A connection with a second handle on its socket."""

    watched: socket | None = None

    def unwatch(self) -> None:
        if self.watched is not None:
            self.watched.close()
            self.watched = None


def _pools(opened: Callable[[_Watched, socket], socket]) -> dict[str, type[HTTPConnectionPool]]:
    """Pools of connections that are shown to `opened` as soon as they are open."""

    class Plain(_Watched, HTTPConnection):
        def _new_conn(self) -> socket:
            return opened(self, super()._new_conn())

        def close(self) -> None:
            self.unwatch()
            super().close()

    class Secure(_Watched, HTTPSConnection):
        def _new_conn(self) -> socket:
            return opened(self, super()._new_conn())

        def close(self) -> None:
            self.unwatch()
            super().close()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
