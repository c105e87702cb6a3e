"""Tables of plug-ins are `name → "module:Class"`: listing them imports nothing, using one imports just it."""

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import TypeAdapter, ValidationError

from forewarn.errors import ConfigError


def load(table: Mapping[str, str], name: str, *, key: str) -> type[Any]:
    """The class that `table` lists under `name`.

    Args:
        key: The setting that chose it, for the message.

    Raises:
        ConfigError: `name` is not in the table.
    """
    if name not in table:
        raise ConfigError(key, f"{name!r} is not known", allowed=table, value=name)
    module, _, attribute = table[name].partition(":")
    found = getattr(import_module(module), attribute)
    assert isinstance(found, type)  # noqa: S101 - a wrong table is a bug, not input
    return found


def build(cls: type[Any], options: Mapping[str, Any], *, key: str) -> Any:
    """An instance of the plug-in dataclass `cls`, its fields checked against their types.

    Args:
        options: Field → value, as read from the settings.
        key: Where they stood, such as `sources.bonn`, for the message.

    Raises:
        ConfigError: A field is unknown, missing or of the wrong type.
    """
    if unknown := set(options) - set(cls.__dataclass_fields__):
        wrong = sorted(unknown)[0]
        raise ConfigError(f"{key}.{wrong}", "no such setting", allowed=public_fields(cls), value=wrong)
    try:
        return TypeAdapter(cls).validate_python(dict(options))
    except ValidationError as error:
        raise explained(error, key) from None


def explained(error: ValidationError, key: str = "") -> ConfigError:
    """The first mistake that pydantic found, without the value, which may be a secret.

    Args:
        key: Where the checked table stood in the settings.
    """
    first = error.errors(include_url=False)[0]
    parts = [str(part) for part in first["loc"] if part != "[key]" and not str(part).startswith("literal[")]
    if first["type"] != "literal_error":
        return ConfigError(".".join([*filter(None, [key]), *parts]), first["msg"].removeprefix("Value error, "))
    allowed = re.findall(r"'([^']+)'", str(first["ctx"]["expected"]))
    return ConfigError(
        ".".join([*filter(None, [key]), *parts]), "not allowed here", allowed=allowed, value=first["input"]
    )


def public_fields(cls: type[Any]) -> list[str]:
    """Names of the fields that settings may set."""
    return [name for name, field in cls.__dataclass_fields__.items() if field.init and not name.startswith("_")]
