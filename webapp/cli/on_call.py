"""`triagedesk oncall`: who is on call, and when it changes."""

from datetime import UTC, datetime, tzinfo

import click

from webapp import clock
from webapp.cli.output import json_option, print_json, refusing
from webapp.domain.on_call import Every
from webapp.domain.on_call_words import parse_handover
from webapp.domain.untrusted import parse_moment
from webapp.services.errors import FieldError
from webapp.services.on_call.edit_overrides import add_override
from webapp.services.on_call.edit_rotation import RotationValues, set_rotation
from webapp.services.on_call.who_is_on_call import PersonsShift, read_on_call, rotation_zone
from webapp.services.people.users import find_user

TIME_FORMATS = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


@click.group("oncall")
def oncall() -> None:
    """Say who is on call, set the rotation, put somebody else on call."""


@oncall.command("now")
@json_option
@refusing
def now_(as_json: bool) -> None:
    """Say who is on call now and next, and what is wrong with the plan."""
    zone = _zone()
    view = read_on_call(clock.utcnow())
    warnings = [warning.sentence(zone) for warning in view.warnings]
    if as_json:
        current = _as_dict(view.now) or dict.fromkeys(("name", "email", "since", "until"))
        print_json({**current, "next": _as_dict(view.next), "warnings": warnings})
        return
    click.echo(_line("On call now", view.now, zone) if view.now else "Nobody is on call.")
    if view.next:
        click.echo(_line("Next", view.next, zone))
    for sentence in warnings:
        click.echo(f"Warning: {sentence}")


@oncall.command("set")
@click.option("--every", type=click.Choice([one.value for one in Every]), required=True)
@click.option("--handover", required=True, help='"Mon 09:00" if weekly, "09:00" if daily.')
@click.option("--zone", default="UTC", show_default=True, help="Such as Europe/Berlin.")
@click.option(
    "--person",
    "people",
    multiple=True,
    required=True,
    metavar="EMAIL",
    help="Who takes turns, in order; the first is on call now.",
)
@json_option
@refusing
def set_(every: str, handover: str, zone: str, people: tuple[str, ...], as_json: bool) -> None:
    """Set the rotation. The first person is on call from now until the next handover."""
    parsed = parse_handover(handover)
    if parsed is None or (every == Every.WEEKLY and parsed[0] is None):
        raise FieldError({"handover": "Write the handover like `Mon 09:00`, or `09:00` if daily."})
    weekday, at = parsed
    users = [find_user(email) for email in people]
    wanted = RotationValues(every, weekday or 0, f"{at:%H:%M}", zone, [one.id for one in users])
    is_changed = set_rotation(wanted)
    if as_json:
        print_json(
            {
                "changed": is_changed,
                "every": every,
                "handover": handover,
                "time_zone": zone,
                "people": [one.email for one in users],
            }
        )
    else:
        words = "The rotation is set" if is_changed else "The rotation was like this already"
        click.echo(f"{words}: {users[0].name} is first.")


@oncall.command("override")
@click.argument("email")
@click.option("--from", "start", help="Such as 2026-06-09T18:00; now by default.")
@click.option("--until", "end", required=True, help="Such as 2026-06-10T08:00.")
@click.option("--reason", default="", help="For whoever wonders why.")
@json_option
@refusing
def override(email: str, start: str | None, end: str, reason: str, as_json: bool) -> None:
    """Put somebody on call for a time, whatever the rotation says.

    Times are in the rotation's zone (without a rotation: the machine's) unless they name their own.
    It lasts at most 31 days, and ends within the next 90.
    """
    zone = _zone()
    added = add_override(
        find_user(email).id,
        _moment("from", start, zone) if start else None,
        _moment("until", end, zone),
        reason=reason,
    )
    shift = PersonsShift(added.user, added.starts_at, added.ends_at, is_override=True)
    if as_json:
        print_json({"id": added.id, **(_as_dict(shift) or {})})
    else:
        click.echo(_line("On call", shift, zone))


def _zone() -> tzinfo:
    return rotation_zone() or clock.utcnow().astimezone().tzinfo or UTC


def _moment(name: str, text: str, zone: tzinfo) -> datetime:
    if moment := parse_moment(text):
        return moment
    for pattern in TIME_FORMATS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    raise FieldError({name: f"Write the time of --{name} like 2026-06-09T18:00."})


def _as_dict(shift: PersonsShift | None) -> dict[str, object] | None:
    if shift is None:
        return None
    return {
        "name": shift.user.name,
        "email": shift.user.email,
        "since": shift.starts_at.isoformat(),
        "until": shift.ends_at.isoformat(),
    }


def _line(words: str, shift: PersonsShift, zone: tzinfo) -> str:
    start, end = (time.astimezone(zone) for time in (shift.starts_at, shift.ends_at))
    times = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M %Z}"
    return f"{words}: {shift.user.name} ({shift.user.email}), {times}"


commands: list[click.Command] = [oncall]
