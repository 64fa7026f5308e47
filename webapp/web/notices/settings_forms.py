"""Forms of the settings of messages; the services check the values."""

from calendar import day_name

from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from webapp.services.notices.mail_settings import MailValues
from webapp.services.notices.message_settings import MessageValues

SECURITY_LABELS = {
    "starttls": "STARTTLS (usually port 587)",
    "tls": "TLS from the first byte (usually port 465)",
    "none": "None: mails and password travel unencrypted",
}


class MailForm(FlaskForm):
    """The form of the mail server."""

    host = StringField("Server", render_kw={"placeholder": "smtp.example.com"})
    port = StringField("Port", render_kw={"inputmode": "numeric"})
    security = SelectField(
        "Encryption",
        choices=[SelectChoice(value, words) for value, words in SECURITY_LABELS.items()],
        validate_choice=False,
    )
    user = StringField("User (optional)")
    password = PasswordField("Password", render_kw={"autocomplete": "new-password"})
    sender = StringField("Sender", render_kw={"placeholder": "Triagedesk <triagedesk@example.com>"})
    subject = StringField(
        "Subject of mails about tickets",
        description="{number}, {client}, {client_reference}, {severity} and {title} are replaced."
        " It stays the same for a ticket, so that its mails are one thread.",
    )

    def values(self) -> MailValues:
        """The typed values."""
        return MailValues(
            host=self.host.data or "",
            port=(self.port.data or "").strip(),
            security=self.security.data or "",
            user=self.user.data or "",
            password=self.password.data or "",
            sender=self.sender.data or "",
            subject=self.subject.data or "",
        )


class MessageForm(FlaskForm):
    """The form of quiet hours, holidays, summaries and drills."""

    time_zone = StringField(
        "Time zone", description="All times of this card are in it. Type a city, such as Berlin."
    )
    quiet_begins = StringField("Quiet hours from", render_kw={"type": "time"})
    quiet_ends = StringField(
        "Quiet hours until",
        render_kw={"type": "time"},
        description="What is not critical waits until then, and comes as one message.",
    )
    holidays = TextAreaField(
        "Holidays",
        description="One a line, as 2026-12-25. They count as no weekday in the hours of policies.",
    )
    daily_summary_at = StringField(
        "Daily summary at",
        render_kw={"type": "time"},
        description="To the targets that get summaries. Empty: no daily summary.",
    )
    weekly_summary_on = SelectField(
        "Weekly summary on",
        choices=[
            SelectChoice("", "No weekly summary"),
            *(SelectChoice(str(number), name) for number, name in enumerate(day_name)),
        ],
        validate_choice=False,
    )
    drill_every_days = StringField(
        "A drill every so many days",
        render_kw={"inputmode": "numeric"},
        description="A made-up report goes the whole way to a message. Empty: only by hand.",
    )

    def values(self) -> MessageValues:
        """The typed values."""
        return MessageValues(
            time_zone=self.time_zone.data or "",
            quiet_begins=self.quiet_begins.data or "",
            quiet_ends=self.quiet_ends.data or "",
            holidays=self.holidays.data or "",
            daily_summary_at=self.daily_summary_at.data or "",
            weekly_summary_on=self.weekly_summary_on.data or "",
            drill_every_days=self.drill_every_days.data or "",
        )
