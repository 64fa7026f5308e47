"""What each refusal of a mail server means for a delivery."""

import smtplib

from webapp.domain.untrusted import clean_line
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.http_refusals import refusal_for_failure

_TOO_LARGE = 552
_LONGEST_REPLY = 200

_STAGES: tuple[tuple[type[smtplib.SMTPResponseException], Failure, str], ...] = (
    # For replies that begin with 5; those that begin with 4 may be others later.
    (
        smtplib.SMTPSenderRefused,
        Failure.PERMANENT,
        "{host} does not accept mails from this sender ({reply}); check the sender's address and "
        "whether the server asks for a user and a password.",
    ),
    (smtplib.SMTPDataError, Failure.MESSAGE, "{host} does not accept this mail ({reply})."),
    (
        smtplib.SMTPResponseException,
        Failure.PERMANENT,
        "{host} does not accept mails from this server ({reply}).",
    ),
)


def refusal_for_mail(host: str, failure: Exception) -> DeliveryError:
    """Return the error for a failure of `smtplib`, a socket or TLS."""
    match failure:
        case smtplib.SMTPRecipientsRefused():
            code, reply = next(iter(failure.recipients.values()))
            return _by_code(
                code,
                Failure.PERMANENT,
                f"{host} refuses the recipient's address ({_shown(code, reply)}).",
            )
        case smtplib.SMTPAuthenticationError():
            # What the server says is left out, because it may repeat what it was sent.
            return _by_code(
                failure.smtp_code,
                Failure.PERMANENT,
                f"{host} does not accept the user name or the password ({failure.smtp_code}).",
            )
        case smtplib.SMTPResponseException():
            return _by_stage(host, failure)
        case smtplib.SMTPServerDisconnected():
            return DeliveryError(
                Failure.TRANSIENT, f"{host} did not answer in time, or cut the connection."
            )
        case smtplib.SMTPException():
            return DeliveryError(
                Failure.PERMANENT,
                f"{host} does not offer what is set up for it: check STARTTLS, TLS or none, and "
                "whether it wants a user and a password.",
            )
        case UnicodeError():
            return DeliveryError(
                Failure.PERMANENT,
                "The host, the user or the password of the mail server holds characters that "
                "cannot be sent to it.",
            )
    return refusal_for_failure(host, failure)


def _by_stage(host: str, failure: smtplib.SMTPResponseException) -> DeliveryError:
    for stage, refusal, sentence in _STAGES:
        if isinstance(failure, stage):
            reply = _shown(failure.smtp_code, failure.smtp_error)
            return _by_code(failure.smtp_code, refusal, sentence.format(host=host, reply=reply))
    raise AssertionError("the last stage takes every reply")  # pragma: no cover - see _STAGES


def _by_code(code: int, refusal: Failure, sentence: str) -> DeliveryError:
    if code == _TOO_LARGE:
        refusal = Failure.MESSAGE
    elif not 500 <= code < 600:
        refusal = Failure.TRANSIENT
    return DeliveryError(refusal, sentence)


def _shown(code: int, reply: bytes | str) -> str:
    """The server's words; its reply to an address or a mail repeats no secret."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return f"{code} {clean_line(text, _LONGEST_REPLY) or ''}".strip()
