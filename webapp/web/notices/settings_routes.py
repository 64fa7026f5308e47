"""The page of the mail server, quiet hours, holidays and summaries."""

from dataclasses import asdict

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.notices.mail_settings import (
    as_mail_values,
    mail_version,
    save_mail_settings,
    subject_example,
)
from webapp.services.notices.message_settings import (
    as_values,
    message_version,
    read_message_settings,
    save_message_settings,
)
from webapp.services.notices.targets.try_target import send_test_mail
from webapp.services.people.set_preferences import list_time_zones
from webapp.web.access import admin_only
from webapp.web.answers import SEE_OTHER, tell
from webapp.web.edit_pages import EditAttempt
from webapp.web.notices.blueprint import notices
from webapp.web.notices.settings_forms import MailForm, MessageForm
from webapp.web.person_limits import trials
from webapp.web.presence import needs_presence
from webapp.web.viewer import require_viewer

PAGE = "notices.show_settings"


@notices.get("/settings")
@admin_only
def show_settings() -> ResponseReturnValue:
    """Show both forms as they are stored."""
    return _page()


@notices.post("/settings/mail")
@admin_only
@needs_presence
def save_mail() -> ResponseReturnValue:
    """Save the mail server; a refused form is shown again with what was typed."""
    form = MailForm()
    attempt = EditAttempt(
        form, lambda seen, by: save_mail_settings(form.values(), seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        return attempt.done("The mail server", url_for(PAGE))
    return _page(mail_form=form, mail_attempt=attempt), attempt.status


@notices.post("/settings/messages")
@admin_only
def save_messages() -> ResponseReturnValue:
    """Save quiet hours, holidays and summaries."""
    form = MessageForm()
    attempt = EditAttempt(
        form, lambda seen, by: save_message_settings(form.values(), seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        return attempt.done("The settings", url_for(PAGE))
    return _page(message_form=form, message_attempt=attempt), attempt.status


@notices.post("/settings/test-mail")
@admin_only
@trials
def send_mail_to_me() -> ResponseReturnValue:
    """Send a test mail to the viewer, and show what the server answered."""
    address = require_viewer().email
    tell(lambda: f"A test mail to {address} was sent. The answer: {send_test_mail(address)}")
    return redirect(url_for(PAGE), SEE_OTHER)


@notices.get("/settings/subject")
@admin_only
def show_subject() -> ResponseReturnValue:
    """The part of the page that shows what a subject looks like."""
    example = subject_example(request.args.get("subject", "")[:500])
    return render_template("notices/_subject.html", example=example)


def _page(
    *,
    mail_form: MailForm | None = None,
    mail_attempt: EditAttempt | None = None,
    message_form: MessageForm | None = None,
    message_attempt: EditAttempt | None = None,
) -> str:
    """The page; forms that are None show what is stored."""
    stored = read_message_settings()
    mail_form = mail_form or MailForm(formdata=None, data=asdict(as_mail_values(stored)))
    message_form = message_form or MessageForm(formdata=None, data=asdict(as_values(stored)))
    if stored.mail_password:
        mail_form.password.description = "Stored, and not shown again. Leave it empty to keep it."
    return render_template(
        "notices/settings.html",
        stored=stored,
        mail_form=mail_form,
        mail_attempt=mail_attempt,
        mail_version=_version(mail_attempt, mail_version(stored)),
        message_form=message_form,
        message_attempt=message_attempt,
        message_version=_version(message_attempt, message_version(stored)),
        example=subject_example(mail_form.subject.data),
        time_zones=list_time_zones(),
    )


def _version(attempt: EditAttempt | None, current: str) -> str:
    return attempt.version(current) if attempt else current
