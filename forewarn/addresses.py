"""Addresses of databases."""

from sqlalchemy import URL, make_url


def database_address(url: str) -> URL:
    """`url` for SQLAlchemy; PostgreSQL, where no driver is named, through psycopg.

    Raises:
        ArgumentError, ValueError: It is no such address; the second: its port is no number.
    """
    address = make_url(url)
    return address.set(drivername="postgresql+psycopg") if address.drivername == "postgresql" else address
