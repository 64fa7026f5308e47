"""Template filters: times in the viewer's zone, colours of the palette, Markdown."""

import re
from datetime import datetime, timedelta, tzinfo

from flask import Flask, g
from markupsafe import Markup, escape

from webapp import clock
from webapp.domain.attaching.limits import file_size
from webapp.domain.polling_health import Judgement
from webapp.domain.ticket_title import title_parts
from webapp.domain.triage.close_reasons import parse_reason
from webapp.domain.triage.mentions import MentionBook
from webapp.models import Comment, Ticket
from webapp.services.tickets.notes.machine_text import dialect_of
from webapp.services.tickets.render_markdown import Dialect, render_markdown
from webapp.web.viewer import current_viewer, zone_of

TONES = frozenset(
    {"blue", "azure", "indigo", "purple", "pink", "red", "orange", "yellow", "lime"}
    | {"green", "teal", "cyan", "grey"}
)
_STEPS = (
    (timedelta(minutes=1), timedelta(seconds=1), "s"),
    (timedelta(hours=1), timedelta(minutes=1), "min"),
    (timedelta(days=1), timedelta(hours=1), "h"),
    (timedelta(days=60), timedelta(days=1), "d"),
    (timedelta(days=730), timedelta(days=30), "mo"),
)
MOMENT = timedelta(seconds=5)
_CODE = re.compile(r"`([^`\n]+)`")


def init_filters(app: Flask) -> None:
    """Register the filters."""
    for function in (
        file_size,
        *(ago, age, due, is_over, close_words, exact, when, judged, tone, counted, title_parts),
        *(markdown, typed, description, entry_text, with_code),
        clock_time,
    ):
        app.add_template_filter(function)


def ago(time: datetime | None, missing: str = "never") -> Markup:
    """Words such as `3 min ago` or `in 2 min`, with the exact time on hover.

    Without a time, the words are `missing`.
    """
    if time is None:
        return escape(missing)
    distance = clock.utcnow() - time
    if abs(distance) < MOMENT:
        return _element(time, "just now")
    length = _length(abs(distance))
    return _element(time, f"{length} ago" if distance > timedelta() else f"in {length}")


def due(time: datetime | None, missing: str) -> Markup:
    """Words for a time that was planned, such as `in 2 min`, `now` or `due 3 min ago`."""
    distance = timedelta() if time is None else clock.utcnow() - time
    if time is None or distance < -MOMENT:
        return ago(time, missing)
    length = _length(distance)
    return _element(time, f"due {length} ago" if distance >= MOMENT else "now")


def is_over(time: datetime) -> bool:
    """Whether a time has come."""
    return time <= clock.utcnow()


def close_words(word: str) -> str:
    """A stored reason of closing in words."""
    reason = parse_reason(word)
    return word if reason is None else reason.words.capitalize()


def age(time: datetime | None, missing: str = "—", *, hover: str | None = None) -> Markup:
    """Words such as `3 min`, for columns whose heading says that it is an age.

    On hover the exact time is shown, or other words.
    """
    if time is None:
        return escape(missing)
    return _element(time, _length(max(clock.utcnow() - time, timedelta())), hover)


def when(time: datetime | None, missing: str = "—") -> Markup:
    """The date and time to the minute, in the viewer's zone."""
    if time is None:
        return escape(missing)
    local = _local(time)
    return _element(time, f"{local.day} {local:%b %Y, %H:%M} {_zone_words(local)}")


def clock_time(time: datetime) -> Markup:
    """The time of day, such as `14:02`, in the viewer's zone."""
    return _element(time, f"{_local(time):%H:%M}")


def exact(time: datetime) -> str:
    """Words such as `9 Jun 2026, 14:00:03 CEST`, in the viewer's zone."""
    local = _local(time)
    return f"{local.day} {local:%b %Y, %H:%M:%S} {_zone_words(local)}"


def judged(judgement: Judgement) -> str:
    """A judgement's sentence, with its times in the viewer's zone."""
    return judgement.sentence(_zone())


def tone(colour: str | None) -> str:
    """The CSS class of a colour name; a name that is not in the palette gives grey."""
    return f"tone-{colour if colour in TONES else 'grey'}"


def markdown(text: str, heading_shift: int = 0) -> Markup:
    """Render machine-written Markdown as safe HTML; see services/tickets/render_markdown.py."""
    return _rendered(text, heading_shift, Dialect.MACHINE)


def with_code(text: str) -> Markup:
    """Text as it is, in which what stands between backticks is shown as code."""
    pieces = [
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(_CODE.split(text))
    ]
    return Markup().join(pieces)


def typed(text: str, heading_shift: int = 0, *, is_report: bool = False) -> Markup:
    """Render Markdown that a person typed, in which a backslash is one and addresses are live.

    They are not where the text is what a person makes of a report.
    """
    return _rendered(text, heading_shift, Dialect.MIXED if is_report else Dialect.PERSON)


def description(ticket: Ticket, heading_shift: int = 0) -> Markup:
    """Render the ticket's description, by whoever wrote it."""
    return _rendered(ticket.description or "", heading_shift, dialect_of(ticket))


def entry_text(entry: Comment, heading_shift: int = 0, people: MentionBook | None = None) -> Markup:
    """Render an entry of a timeline; in a note, `people` are highlighted where they are named."""
    dialect = Dialect.PERSON if entry.is_typed else Dialect.MACHINE
    return _rendered(entry.body, heading_shift, dialect, people)


def _rendered(
    text: str, heading_shift: int, dialect: Dialect, people: MentionBook | None = None
) -> Markup:
    html = render_markdown(text, heading_shift=heading_shift, dialect=dialect, people=people)
    return Markup(html)  # noqa: S704 - sanitized


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun, such as `1 ticket` or `2 tickets`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _local(time: datetime) -> datetime:
    return time.astimezone(_zone())


def _zone() -> tzinfo:
    """The viewer's zone; a list shows hundreds of times, so a request asks for it once."""
    if "zone" not in g:
        g.zone = zone_of(current_viewer())
    zone: tzinfo = g.zone
    return zone


def _zone_words(local: datetime) -> str:
    """The zone's name, such as `CEST`, or `UTC-03` if the zone only has a number."""
    name = local.tzname() or ""
    return f"UTC{name}" if name[:1] in ("+", "-") else name


def _length(distance: timedelta) -> str:
    for limit, unit, name in _STEPS:
        if distance < limit:
            return f"{distance // unit} {name}"
    return f"{distance // timedelta(days=365)} y"


def _element(time: datetime, words: str, hover: str | None = None) -> Markup:
    title = escape(hover or exact(time))
    return Markup(  # noqa: S704 - all parts are escaped
        f'<time datetime="{time:%Y-%m-%dT%H:%M:%SZ}" title="{title}">{escape(words)}</time>'
    )
