"""The page of the policies that are offered at the start."""

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.errors import FieldError, RefusedError
from webapp.services.notices.offer_policies import (
    ANSWERED,
    CLOSES,
    NAMES,
    OPENING_DAYS,
    OPENS,
    OfferChoice,
    decline_offer,
    read_offer,
    take_offer,
)
from webapp.services.people.set_preferences import UTC_NAME, list_time_zones
from webapp.web.access import admin_only
from webapp.web.answers import done
from webapp.web.form_errors import form_status, send_form
from webapp.web.notices.blueprint import notices
from webapp.web.notices.policy_forms import OfferForm
from webapp.web.page_context import option_pairs
from webapp.web.viewer import require_viewer


@notices.route("/offer", methods=["GET", "POST"])
@admin_only
def offer() -> ResponseReturnValue:
    """Show the three policies that are offered, and take them."""
    page = read_offer()
    if request.method == "POST" and not page.is_open:
        return done(ANSWERED, url_for("notices.show_policies"), "warning")
    zone = page.time_zone if page.time_zone != UTC_NAME else require_viewer().time_zone
    form = OfferForm(
        data={
            "target_id": str(page.targets[0].id) if page.targets else "",
            "weekdays": [str(day) for day in OPENING_DAYS],
            "begins": OPENS,
            "ends": CLOSES,
            "zone": zone or UTC_NAME,
        }
    )
    form.target_id.offer("Everybody, by their contact methods", option_pairs(page.targets))
    try:
        if send_form(form, lambda: _take(form)):
            return done("The policies are in place.", url_for("notices.show_policies"))
    except RefusedError as error:
        return done(str(error), url_for("notices.show_policies"), "warning")
    body = render_template(
        "notices/offer.html", form=form, offer=page, names=NAMES, time_zones=list_time_zones()
    )
    return body, form_status(form)


@notices.post("/offer/decline")
@admin_only
def decline() -> ResponseReturnValue:
    """Note that the offered policies are not wanted."""
    try:
        decline_offer(actor_id=require_viewer().id)
    except RefusedError as error:
        return done(str(error), url_for("notices.show_policies"), "warning")
    words = "Noted. Until you add a policy yourself, nobody is told of anything."
    return done(words, url_for("notices.show_policies"), "warning")


def _take(form: OfferForm) -> bool:
    choice = OfferChoice(target_id=form.target_id.chosen, hours=form.hours(skips_holidays=True))
    try:
        take_offer(choice, actor_id=require_viewer().id)
    except FieldError as error:
        fields = {"begins" if name == "hours" else name: why for name, why in error.fields.items()}
        raise FieldError(fields) from None
    return True
