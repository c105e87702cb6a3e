"""Refuses connections into private networks, at the open socket: a name that changes its address cannot pass.

Only a source whose settings say `allow_private_hosts = true` may lie on this machine or in this network.
"""

from ipaddress import IPv6Address, ip_address
from socket import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class PrivateAddress(Exception):
    """A name leads to an address that is not on the public internet."""


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return found.is_global and not found.is_multicast


def _checked(connected: socket) -> socket:
    if not is_public(connected.getpeername()[0]):
        connected.close()
        raise PrivateAddress
    return connected


class _PublicHTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket:
        return _checked(super()._new_conn())


class _PublicHTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket:
        return _checked(super()._new_conn())


class _PublicHTTPPool(HTTPConnectionPool):
    ConnectionCls = _PublicHTTPConnection


class _PublicHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _PublicHTTPSConnection


class PublicOnly(HTTPAdapter):
    """A transport of `requests` that reaches public addresses only."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PublicHTTPPool, "https": _PublicHTTPSPool}
