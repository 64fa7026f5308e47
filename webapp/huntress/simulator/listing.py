"""Lists as Huntress answers them, with filters, sorting, page tokens and `pagination`.

A page token is base64 of the sort key of the page's last row. For times that key has whole seconds
only. Rows that share a second at the edge of a page are therefore skipped (`ties` is "skip") or
sent again (`ties` is "repeat"). With "repeat", a second that fills a whole page repeats its token
for ever. A token for `sort_field=id` is the id itself, so no row is skipped or repeated.

Every page is computed from the rows as they are now, so a row that is updated during a walk moves
to its new place.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode

PaginationStyle = Literal["documented", "nulls", "legacy", "absent", "bare"]
Ties = Literal["skip", "repeat"]

MAX_LIMIT = 500
DEFAULT_LIMIT = 10

# The sections of a list. Rows that are not proper incidents come first. Rows without a
# usable sort key come first when descending and last when ascending, like a database's NULLs.
_RAW, _NULLS_FIRST, _KEYED, _NULLS_LAST = range(4)
_PREFIXES = {"raw": _RAW, "null": _NULLS_FIRST}


class BadQueryError(ValueError):
    """A query that the API answers with 400; the text names the parameter."""


@dataclass(frozen=True)
class ListQuery:
    """The checked paging parameters of a query string."""

    limit: int
    sort_field: str
    descending: bool
    page_token: str | None


@dataclass(frozen=True)
class SimulatedPage:
    """One page, which shows `raw_rows` before `rows`; `number` counts from 1.

    `next_token` is None on the last page. `total` is the number of rows on all pages.
    """

    raw_rows: list[object]
    rows: list[object]
    next_token: str | None
    total: int
    number: int


@dataclass(frozen=True)
class _Place:
    """A row's place in a list; `order` sorts the rows, and `label` goes into a token."""

    order: tuple[int, int, int]
    label: str
    row: object


def parse_query(query: Mapping[str, str], *, default_limit: int = DEFAULT_LIMIT) -> ListQuery:
    """Check `limit`, `sort_field`, `sort_direction`. Raises BadQueryError."""
    text = query.get("limit", str(default_limit))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIMIT):
        raise BadQueryError("limit")
    field = query.get("sort_field", "id")
    if field not in ("id", "updated_at", "created_at"):
        raise BadQueryError("sort_field")
    direction = query.get("sort_direction", "desc")
    if direction not in ("asc", "desc"):
        raise BadQueryError("sort_direction")
    return ListQuery(int(text), field, direction == "desc", query.get("page_token"))


def keep_matching(rows: Sequence[object], filters: Mapping[str, str]) -> list[object]:
    """Return the rows whose fields equal `filters`; rows that are not objects pass every filter.

    The filter `indicator_type` searches the list `indicator_types`. Values are compared as text.
    """
    return [r for r in rows if not isinstance(r, dict) or _matches(r, filters)]


def _matches(row: Mapping[str, object], filters: Mapping[str, str]) -> bool:
    for name, wanted in filters.items():
        if name == "indicator_type":
            types = row.get("indicator_types")
            if not isinstance(types, list) or wanted not in types:
                return False
        elif str(row.get(name)) != wanted:
            return False
    return True


def build_page(
    rows: Sequence[object], query: ListQuery, *, raw_rows: Sequence[object] = (), ties: Ties
) -> SimulatedPage:
    """Return the page that `query` asks for; `raw_rows` are listed before all `rows`.

    Raises BadQueryError for a token that this kind of list never returns.
    """
    places = [_Place((_RAW, n, 0), f"raw:{n}", row) for n, row in enumerate(raw_rows)]
    places += [_place(row, query) for row in rows]
    places.sort(key=lambda place: place.order)
    remaining = places
    if query.page_token is not None:
        remaining = _after(places, query, ties)
    shown = remaining[: query.limit]
    more = len(remaining) > query.limit
    return SimulatedPage(
        raw_rows=[place.row for place in shown if place.order[0] == _RAW],
        rows=[place.row for place in shown if place.order[0] != _RAW],
        next_token=encode_token(shown[-1].label) if more else None,
        total=len(places),
        number=(len(places) - len(remaining)) // query.limit + 1,
    )


def encode_token(label: str) -> str:
    """Return an opaque page token for a sort key."""
    return base64.urlsafe_b64encode(label.encode()).decode()


def decode_token(token: str) -> str:
    """Return the sort key inside a page token. Raises BadQueryError when it cannot be decoded."""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise BadQueryError("page_token") from error


def _place(row: object, query: ListQuery) -> _Place:
    fields = row if isinstance(row, dict) else {}
    row_id = fields.get("id")
    sign = -1 if query.descending else 1
    tie = sign * row_id if isinstance(row_id, int) else 0
    value = fields.get(query.sort_field)
    key = row_id if query.sort_field == "id" else _epoch(value)
    if not isinstance(key, int):
        return _Place((_nulls(query), tie, 0), f"null:{row_id}", row)
    return _Place((_KEYED, sign * key, tie), str(value), row)


def _nulls(query: ListQuery) -> int:
    return _NULLS_FIRST if query.descending else _NULLS_LAST


def _after(places: list[_Place], query: ListQuery, ties: Ties) -> list[_Place]:
    section, value = _position(decode_token(query.page_token or ""), query)
    again = ties == "repeat" and section == _KEYED and query.sort_field != "id"

    def beyond(place: _Place) -> bool:
        at = place.order[:2]
        return at > (section, value) or (again and at == (section, value))

    return [place for place in places if beyond(place)]


def _position(label: str, query: ListQuery) -> tuple[int, int]:
    sign = -1 if query.descending else 1
    prefix, colon, rest = label.partition(":")
    if colon and prefix in _PREFIXES:
        number = _integer(rest)
        if prefix == "raw":
            return _RAW, number
        return _nulls(query), sign * number
    key = _integer(label) if query.sort_field == "id" else _epoch(label)
    if key is None:
        raise BadQueryError("page_token")
    return _KEYED, sign * key


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise BadQueryError("page_token") from error


def _epoch(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def pagination_block(
    page: SimulatedPage, query: ListQuery, style: PaginationStyle, link: Callable[[str], str]
) -> dict[str, object] | None:
    """Return the `pagination` value of an answer; None where the key is left out.

    The styles differ on the last page only: `documented` and `bare` send `{}`, `nulls` sends the
    keys with nulls, `legacy` sends an older shape without a token, and `absent` sends no key.
    `link` makes the address of the next page from its token.
    """
    if page.next_token is not None:
        return {
            "limit": query.limit,
            "current_page_count": len(page.raw_rows) + len(page.rows),
            "next_page_token": page.next_token,
            "next_page_url": link(page.next_token),
        }
    if style == "nulls":
        return {"limit": query.limit, "next_page_token": None, "next_page_url": None}
    if style == "legacy":
        return {
            "current_page": page.number,
            "current_page_count": len(page.raw_rows) + len(page.rows),
            "limit": query.limit,
            "total_count": page.total,
        }
    return None if style == "absent" else {}


def next_page_link(address: str, query: Mapping[str, str], token: str) -> str:
    """Return `address` with the filters and the sort of `query`, and the next page's token."""
    return f"{address}?{urlencode({**query, 'page_token': token})}"


def to_json(value: object) -> bytes:
    """Return `value` as UTF-8 JSON; if it has lone surrogates, all non-ASCII text is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()
