"""The page of on-call duty, with the forms that were sent or those that show what is stored."""

from flask import render_template

from webapp import clock
from webapp.domain.on_call import Every
from webapp.services.on_call.edit_rotation import RotationValues
from webapp.services.on_call.read_page import OnCallPage, key_of, read_on_call_page
from webapp.services.people.set_preferences import UTC_NAME, list_time_zones
from webapp.web.edit_pages import EditAttempt
from webapp.web.on_call.forms import HandoverForm, OverrideForm, places
from webapp.web.page_context import option_pairs
from webapp.web.viewer import Viewer, require_viewer, zone_of


def render_on_call(
    *,
    form: HandoverForm | None = None,
    attempt: EditAttempt | None = None,
    people: list[int] | None = None,
    override_form: OverrideForm | None = None,
) -> str:
    """The page; forms that are None, and `people` with them, show what is stored."""
    viewer = require_viewer()
    page = read_on_call_page(clock.utcnow())
    stored = page.rotation or _proposal(viewer)
    if form is None:
        people = list(stored.people)
        form = HandoverForm(formdata=None, data=_as_fields(stored))
    override_form = override_form or OverrideForm(formdata=None)
    override_form.person.offer("Myself", _others(page, viewer))
    return render_template(
        "on_call/show.html",
        page=page,
        form=form,
        attempt=attempt,
        form_version=attempt.version(page.version) if attempt else page.version,
        places=places(people or []),
        override_form=override_form,
        key_of=key_of,
        zone=zone_of(viewer),
        time_zones=list_time_zones(),
    )


def _proposal(viewer: Viewer) -> RotationValues:
    return RotationValues(Every.WEEKLY.value, 0, "09:00", viewer.time_zone or UTC_NAME, ())


def _as_fields(values: RotationValues) -> dict[str, str]:
    return {
        "every": values.every,
        "weekday": str(values.weekday),
        "at": values.at,
        "time_zone": values.time_zone,
    }


def _others(page: OnCallPage, viewer: Viewer) -> list[tuple[int, str]]:
    return [(key, name) for key, name in option_pairs(page.people) if key != viewer.id]
