"""The page that asks who somebody is: the provider's button, and the password."""

from flask import render_template, request

from webapp.extensions import current_config
from webapp.services.people.single_sign_on.local_passwords import read_password_limit
from webapp.web.people.account_forms import SignInForm

PASSWORD_WAY = "password"  # noqa: S105 - a word in an address


def sign_in_page(form: SignInForm, failure: str | None = None) -> str:
    """The page; where only break-glass accounts have passwords, a link leads to their form."""
    is_limited = read_password_limit()
    wants_form = form.is_submitted() or request.args.get("way") == PASSWORD_WAY
    return render_template(
        "people/sign_in.html",
        form=form,
        failure=failure,
        sign_on=current_config().sign_on,
        is_limited=is_limited,
        has_form=wants_form or not is_limited,
        has_left="left" in request.args,
        target=request.args.get("next"),
    )
