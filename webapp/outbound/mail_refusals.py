"""What each refusal of a mail server means for a delivery.

Only an address that is wrong for good pauses a target, and a sign-in that is refused. Quotas, lists
of blocked senders and faults of the server pass, and a page that waits for them arrives late; what
they last longer than is a failure that is seen.
"""

import re
import smtplib

from webapp.domain.untrusted import clean_line
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.http_refusals import refusal_for_failure

_TOO_LARGE = 552
_WANTS_SIGN_IN = 530
_WRONG_ADDRESS = frozenset({550, 551, 553})
"""What these say without an enhanced code (RFC 3463) is taken to be about the address."""
_ENHANCED = re.compile(r"[#(\[]?([245]\.\d{1,3}\.\d{1,3})(?![.\d])")
_TOO_LARGE_ENHANCED = frozenset({"5.2.3", "5.3.4"})
_PASSES = ("5.2.", "5.3.", "5.4.")
"""A mailbox or a system that is full, a quota, a way there that is broken."""
_LONGEST_REPLY = 200


def refusal_for_mail(host: str, failure: Exception) -> DeliveryError:
    """Return the error for a failure of `smtplib`, a socket or TLS."""
    match failure:
        case smtplib.SMTPRecipientsRefused():
            code, reply = next(iter(failure.recipients.values()))
            sentence = f"{host} refuses the recipient's address ({_shown(code, reply)})."
            return DeliveryError(_judge_address(code, reply), sentence)
        case smtplib.SMTPAuthenticationError():
            # What the server says is left out, because it may repeat what it was sent.
            return DeliveryError(
                Failure.PERMANENT if _is_final(failure.smtp_code) else Failure.TRANSIENT,
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
    code, reply = failure.smtp_code, failure.smtp_error
    words = f"({_shown(code, reply)})"
    match failure:
        case smtplib.SMTPSenderRefused():
            return DeliveryError(
                _judge_address(code, reply),
                f"{host} does not accept mails from this sender {words}; check the sender's "
                "address and whether the server asks for a user and a password.",
            )
        case smtplib.SMTPDataError():
            return DeliveryError(
                _judge_mail(code, reply), f"{host} does not accept this mail {words}."
            )
    return DeliveryError(
        Failure.PERMANENT if code == _WANTS_SIGN_IN else Failure.TRANSIENT,
        f"{host} does not accept mails from this server {words}.",
    )


def _judge_address(code: int, reply: bytes | str) -> Failure:
    """Return what a refusal before the mail itself means: an address that is wrong is for good."""
    enhanced = _enhanced_code(reply)
    if not _is_final(code):
        return Failure.TRANSIENT
    if enhanced in _TOO_LARGE_ENHANCED or (code == _TOO_LARGE and not enhanced):
        return Failure.MESSAGE
    is_wrong = enhanced.startswith("5.1.") if enhanced else code in _WRONG_ADDRESS
    return Failure.PERMANENT if is_wrong or code == _WANTS_SIGN_IN else Failure.TRANSIENT


def _judge_mail(code: int, reply: bytes | str) -> Failure:
    """Return what a refusal of the mail itself means: only this one is refused, or none for now."""
    enhanced = _enhanced_code(reply)
    passes = enhanced.startswith(_PASSES) and enhanced not in _TOO_LARGE_ENHANCED
    return Failure.MESSAGE if _is_final(code) and not passes else Failure.TRANSIENT


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def _enhanced_code(reply: bytes | str) -> str:
    """Return the code with dots that a reply begins with, `5.1.1`, or an empty text."""
    match = _ENHANCED.match(_text_of(reply).lstrip())
    return match[1] if match else ""


def _shown(code: int, reply: bytes | str) -> str:
    """The server's words; its reply to an address or a mail repeats no secret."""
    return f"{code} {clean_line(_text_of(reply), _LONGEST_REPLY) or ''}".strip()


def _text_of(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
