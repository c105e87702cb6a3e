"""Tables of plug-ins are `name → "module:Class"`: listing them imports nothing, using one imports just it."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from forewarn.errors import ConfigError


def require(table: Mapping[str, str], name: str, *, key: str) -> None:
    """See that `table` lists `name`, without importing it.

    Args:
        key: The setting that chose it, for the message.

    Raises:
        ConfigError: It does not; names the nearest that it lists.
    """
    if name not in table:
        raise ConfigError(key, f"{name!r} is not known", allowed=table, value=name)


def load(table: Mapping[str, str], name: str, *, key: str) -> type[Any]:
    """The class that `table` lists under `name`.

    Args:
        key: The setting that chose it, for the message.

    Raises:
        ConfigError: `name` is not in the table.
    """
    require(table, name, key=key)
    module, _, attribute = table[name].partition(":")
    found = getattr(import_module(module), attribute)
    assert isinstance(found, type)  # noqa: S101 - a wrong table is a bug, not input
    return found


def build(
    cls: type[Any],
    options: Mapping[str, Any],
    *,
    key: str,
    given: Mapping[str, Any] = MappingProxyType({}),
    beside: Iterable[str] = (),
) -> Any:
    """An instance of the plug-in dataclass `cls`, its fields checked against their types.

    Args:
        options: Field → value, as read from the settings.
        key: Where they stood, such as `sources.bonn`, for the message.
        given: Field → value, for fields that are not the plug-in's own settings.
        beside: Keys that the same table may have besides, for the message.

    Raises:
        ConfigError: A field is unknown, missing or of the wrong type.
    """
    own = set(public_fields(cls)) - set(given)
    if unknown := set(options) - own:
        wrong = sorted(unknown)[0]
        raise ConfigError(f"{key}.{wrong}", "no such setting", allowed=own | set(beside), value=wrong)
    try:
        return TypeAdapter(cls).validate_python({**options, **given})
    except ValidationError as error:
        raise explained(error, key) from None


_PROBLEMS = {
    "missing": "is missing",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "tuple_type": "must be a list, in square brackets",
    "string_type": "must be a text, in quotation marks",
    "path_type": "must be a text, in quotation marks",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "finite_number": "must be a number with an end",
    "too_short": "must not be empty",
    "date_from_datetime_parsing": "is not a day such as 2026-03-31",
    "date_type": "is not a day such as 2026-03-31",
}
"""Kinds of mistakes that pydantic words for programmers, in the words of the settings."""


def explained(error: ValidationError, key: str = "") -> ConfigError:
    """The first mistake that pydantic found, without the value, which may be a secret.

    Args:
        key: Where the checked table stood in the settings.
    """
    first = error.errors(include_url=False)[0]
    parts = [str(part) for part in first["loc"] if part != "[key]" and not str(part).startswith("literal[")]
    if first["type"] != "literal_error":
        problem = _PROBLEMS.get(first["type"], first["msg"].removeprefix("Value error, "))
        problem = problem.replace("Input should be", "must be", 1)
        return ConfigError(".".join([*filter(None, [key]), *parts]), problem)
    allowed = re.findall(r"'([^']+)'", str(first["ctx"]["expected"]))
    is_field = "[key]" in first["loc"] and parts[:1] == ["fields"]
    problem = (
        "is no field of ours; ours stand on the left, the source's on the right" if is_field else "not allowed here"
    )
    return ConfigError(".".join([*filter(None, [key]), *parts]), problem, allowed=allowed, value=first["input"])


def public_fields(cls: type[Any]) -> list[str]:
    """Names of the fields that settings may set."""
    return [field.name for field in dataclasses.fields(cls) if field.init and not field.name.startswith("_")]
