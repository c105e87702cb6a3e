"""How a Socrata portal is asked: SODA 2.1 by address, SODA 3 by a posted question and with a token.

    2.1   GET  /resource/{data set}.json?$select=…&$where=…&$order=…&$limit=…
    3     POST /api/v3/views/{data set}/query.json   {"query": "SELECT … WHERE … ORDER BY …", "page": {…}}

Both understand the same language (https://dev.socrata.com/docs/queries/) and answer with a bare array of rows, in which
what is empty is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from connectors.documents import parse_json
from connectors.http import Answer, Client
from forewarn.errors import SourceChanged, SourceUnavailable

Version = Literal["2.1", "3"]
_REFUSALS = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class About:
    """What a portal tells of a data set.

    Args:
        types: Column → type; {}: it tells nothing.
        updated: When its rows were last updated.
        refused: Why it tells nothing; '': it does.
    """

    types: Mapping[str, str]
    updated: datetime | None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Soda:
    """Asks for one data set."""

    source: str
    client: Client
    base: str
    dataset: str
    version: Version
    has_token: bool

    def rows(self, columns: Sequence[str], where: str, order: str, limit: int) -> Answer:
        """Rows, as a list of dictionaries.

        Raises:
            SourceChanged: The portal does not let us.
            SourceUnavailable: It fails.
        """
        if self.version == "3":
            query = f"SELECT {', '.join(map(_quoted, columns))} WHERE {where} ORDER BY {order}"
            page = {"pageNumber": 1, "pageSize": limit}
            return self._post({"query": query, "page": page, "includeSystem": True, "includeSynthetic": False})
        return self._get({"$select": ",".join(columns), "$where": where, "$order": order, "$limit": limit})

    def one(self, expression: str, where: str = "") -> str | None:
        """The value of an expression over all rows for which `where` holds; None: there is none."""
        select = f"{expression} as told"
        if self.version == "3":
            answer = self._post({"query": f"SELECT {select}{f' WHERE {where}' if where else ''}"})
        else:
            answer = self._get({"$select": select, **({"$where": where} if where else {})})
        told = answer.document[0].get("told") if answer.document else None
        return None if told is None else str(told)

    def about(self) -> About:
        """The data set itself; some portals tell it only to those with a token."""
        address = f"{self.base}/api/views/{self.dataset}.json"
        answer = self.client.get(address, {}, _parse_object, also_accepted=_REFUSALS)
        about = answer.document
        if answer.status in _REFUSALS:
            said = self.client.quoted(about.get("message", ""))
            if self._blames_token(said):
                raise self._refusal(said)
            return About({}, None, said or f"status {answer.status}")
        types = {str(column["fieldName"]): str(column.get("dataTypeName", "")) for column in about.get("columns", [])}
        updated = about.get("rowsUpdatedAt")
        return About(types, datetime.fromtimestamp(updated, UTC) if isinstance(updated, int) else None)

    def column(self, name: str) -> str:
        """A column as a condition names it."""
        return _quoted(name) if self.version == "3" else name

    def _get(self, params: Mapping[str, str | int]) -> Answer:
        address = f"{self.base}/resource/{self.dataset}.json"
        return self._checked(self.client.get(address, params, _parse, also_accepted=_REFUSALS))

    def _post(self, question: Mapping[str, Any]) -> Answer:
        address = f"{self.base}/api/v3/views/{self.dataset}/query.json"
        return self._checked(self.client.post(address, question, _parse, also_accepted=_REFUSALS))

    def _checked(self, answer: Answer) -> Answer:
        if isinstance(answer.document, list):
            return answer
        said = self.client.quoted(answer.document.get("message", ""))
        if answer.status in _REFUSALS:
            raise self._refusal(said)
        raise SourceUnavailable(self.source, f"the portal answers with an error: {said}")

    def _blames_token(self, said: str) -> bool:
        return self.has_token and "token" in said.casefold()

    def _refusal(self, said: str) -> SourceChanged:
        if self._blames_token(said):
            wrong = "app_token is not accepted: mend it, or leave it out, as public data can be read without"
        else:
            wrong = "it may not be read" if self.has_token else "it may not be read without an app_token"
        return SourceChanged(self.source, f"{wrong} (the portal says: {said})")


def _quoted(name: str) -> str:
    """A column's name as SODA 3 has it; those of the system stand by themselves."""
    return name if name.startswith(":") else f"`{name}`"


def _parse(body: bytes) -> list[dict[str, Any]] | dict[str, Any]:
    """Rows, or the object in which an error comes."""
    document = parse_json(body)
    if isinstance(document, dict) and ("message" in document or document.get("error")):
        return document
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise ValueError("not a list of rows")
    return document


def _parse_object(body: bytes) -> dict[str, Any]:
    found = parse_json(body)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found
