"""What each provider takes and answers, by its published format and limits."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

TEAMS_PATH = "/workflows/0a1b2c3d4e5f/triggers/manual/paths/invoke"
TEAMS_SIGNATURE = "TeamsSignature-0123456789"
SLACK_PATH = "/services/T0AAAAAAA/B0BBBBBBB/SlackSecret0123456789"
NTFY_TOPIC = "soc-on-call-7f3a"
NTFY_TOKEN = "tk_ntfysecret0123456789"
PAGERDUTY_KEY = "PagerDutySecret0123456789abcdefg"
PUSHOVER_USER = "uPushoverUser0123456789abcdefg"
PUSHOVER_TOKEN = "aPushoverSecret0123456789abcde"
TWILIO_ACCOUNT = "AC" + "0123456789abcdef" * 2
TWILIO_TOKEN = "twiliosecret0123456789abcdef0123"
TWILIO_FROM = "+4712345678"
TWILIO_STOPPED = "+14155550199"
"""A number whose owner answered STOP."""

SECRETS = (
    *(TEAMS_SIGNATURE, "SlackSecret", NTFY_TOKEN, PAGERDUTY_KEY, PUSHOVER_TOKEN, TWILIO_TOKEN),
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived, with the names of headers in lower case."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    form: Mapping[str, str]

    @property
    def json(self) -> dict[str, object]:
        """The JSON object that the body is, or an empty one."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def is_json(self) -> bool:
        return self.headers.get("content-type", "").split(";")[0] == "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: object = ""
    """Text, or what is sent as JSON."""


def teams(request: Request) -> Answer:
    """A workflow that begins with "When a Teams webhook request is received"."""
    if request.path != TEAMS_PATH:
        return _azure(404, "WorkflowNotFound", "The workflow could not be found.")
    if request.query.get("sig") != TEAMS_SIGNATURE:
        return _azure(401, "DirectApiAuthorizationRequired", "The request has no valid signature.")
    attachments = request.json.get("attachments")
    is_message = request.is_json() and request.json.get("type") == "message"
    if len(request.body) > 28 * 1024 or not is_message or not isinstance(attachments, list):
        return _azure(400, "TriggerInputSchemaMismatch", "The input does not match the schema.")
    if not attachments or not all(_is_card(attachment) for attachment in attachments):
        return _azure(400, "TriggerInputSchemaMismatch", "The card is not valid.")
    return Answer(202)


def _azure(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": message}})


def _is_card(attachment: dict[str, object]) -> bool:
    card = attachment.get("content")
    return (
        attachment.get("contentType") == "application/vnd.microsoft.card.adaptive"
        and isinstance(card, dict)
        and card.get("type") == "AdaptiveCard"
        and card.get("version") in ("1.2", "1.3", "1.4", "1.5")
        and bool(card.get("body"))
        and all(_is_element(element) for element in card["body"])
        and len(card.get("actions", [])) <= 6
        and all(
            action["type"] == "Action.OpenUrl" and action["title"] and _is_url(action["url"])
            for action in card.get("actions", [])
        )
    )


def _is_element(element: dict[str, object]) -> bool:
    match element:
        case {"type": "Container", "items": list(items)}:
            styles = ("default", "emphasis", "good", "attention", "warning", "accent")
            return element.get("style", "default") in styles and all(map(_is_element, items))
        case {"type": "RichTextBlock", "inlines": list(inlines)}:
            return bool(inlines) and all(
                run["type"] == "TextRun" and isinstance(run["text"], str) for run in inlines
            )
        case {"type": "TextBlock", "text": str()}:
            return True
    return False


def slack(request: Request) -> Answer:
    """An incoming webhook."""
    if request.path != SLACK_PATH:
        return Answer(404, "no_service")
    if not request.is_json() or not request.json:
        return Answer(400, "invalid_payload")
    blocks = request.json.get("blocks", [])
    if not request.json.get("text") and not blocks:
        return Answer(400, "no_text")
    if not isinstance(blocks, list) or len(blocks) > 50 or not all(map(_is_block, blocks)):
        return Answer(400, "invalid_blocks")
    return Answer(200, "ok")


def _is_block(block: dict[str, object]) -> bool:
    limits = {"header": 150, "section": 3000}
    text = block.get("text")
    if block.get("type") not in limits or not isinstance(text, dict):
        return False
    kinds = ("plain_text",) if block["type"] == "header" else ("plain_text", "mrkdwn")
    fields = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
    return (
        text.get("type") in kinds
        and set(text) <= fields[text["type"]]
        and 1 <= len(text["text"]) <= limits[str(block["type"])]
    )


def ntfy(request: Request) -> Answer:
    """A server where one topic may be written to with a token, and no attachments are kept."""
    if request.path != "/" or not request.json:
        return _ntfy(404, 40401, "page not found")
    topic = request.json.get("topic")
    if not isinstance(topic, str) or not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", topic):
        return _ntfy(400, 40009, "invalid request: topic invalid")
    if request.headers.get("authorization") != f"Bearer {NTFY_TOKEN}":
        return _ntfy(401, 40101, "unauthorized")
    if topic != NTFY_TOPIC:
        return _ntfy(403, 40301, "forbidden")
    priorities = ("1", "2", "3", "4", "5", "min", "low", "default", "high", "max", "urgent")
    if request.headers.get("x-priority", "3") not in priorities:
        return _ntfy(400, 40007, "invalid request: priority invalid")
    if len(str(request.json.get("message", "")).encode()) > 4096:
        return _ntfy(400, 40014, "invalid request: attachments not allowed")
    actions = json.loads(request.headers.get("x-actions", "[]"))
    if len(actions) > 3 or any(
        action["action"] != "view" or not action["label"] or not _is_url(action["url"])
        for action in actions
    ):
        return _ntfy(400, 40018, "invalid request: actions invalid")
    return Answer(200, {"id": "sPs71M8A2T", "event": "message", "topic": topic})


def _ntfy(status: int, code: int, error: str) -> Answer:
    return Answer(status, {"code": code, "http": status, "error": error})


def pagerduty(request: Request) -> Answer:
    """The Events API v2."""
    event = request.json
    if len(request.body) > 512 * 1024:
        return Answer(413, "")
    errors = [*_event_errors(event)]
    if errors or not request.is_json():
        message = {"status": "invalid event", "message": "Event object is invalid"}
        return Answer(400, {**message, "errors": errors})
    success = {"status": "success", "message": "Event processed"}
    return Answer(202, {**success, "dedup_key": event.get("dedup_key", "made-up")})


def _event_errors(event: dict[str, object]) -> list[str]:
    payload = event.get("payload")
    details = payload if isinstance(payload, dict) else {}
    action = event.get("event_action")
    key = event.get("dedup_key", "")
    links = event.get("links", [])
    checks = {
        "Invalid routing key": event.get("routing_key") == PAGERDUTY_KEY,
        "'event_action' is invalid": action in ("trigger", "acknowledge", "resolve"),
        "'dedup_key' is missing": bool(key) or action == "trigger",
        "'dedup_key' is too long": isinstance(key, str) and len(key) <= 255,
        "'payload.summary' is missing or blank": bool(details.get("summary")),
        "'payload.summary' is too long": len(str(details.get("summary"))) <= 1024,
        "'payload.source' is missing or blank": bool(details.get("source")),
        "'payload.severity' is invalid": details.get("severity")
        in ("critical", "error", "warning", "info"),
        "'links' is invalid": isinstance(links, list) and all(_is_url(k["href"]) for k in links),
    }
    return [error for error, is_met in checks.items() if not is_met]


def pushover(request: Request) -> Answer:
    """The Message API."""
    form = request.form
    if request.path != "/1/messages.json":
        return Answer(404, {"status": 0, "errors": ["not found"]})
    checks = {
        "application token is invalid, see https://pushover.net/api": form.get("token")
        == PUSHOVER_TOKEN,
        "user identifier is not a valid user, group, or subscribed user key, see"
        " https://pushover.net/api#identifiers": form.get("user") == PUSHOVER_USER,
        "message cannot be blank": bool(form.get("message")),
        "message is too long": len(form.get("message", "")) <= 1024,
        "title is too long": len(form.get("title", "")) <= 250,
        "url is too long": len(form.get("url", "")) <= 512,
        "url_title is too long": len(form.get("url_title", "")) <= 100,
        "priority is invalid, see https://pushover.net/api#priority": form.get("priority", "0")
        in ("-2", "-1", "0", "1")
        or ("retry" in form and "expire" in form),
    }
    errors = [error for error, is_met in checks.items() if not is_met]
    if errors:
        return Answer(400, {"errors": errors, "status": 0, "request": "7d2e0bd6"})
    return Answer(200, {"status": 1, "request": "647d2300-702c-4b38-8b2f-d56326ae460b"})


def twilio(request: Request) -> Answer:
    """The Messages API."""
    sent = base64.b64encode(f"{TWILIO_ACCOUNT}:{TWILIO_TOKEN}".encode()).decode()
    form = request.form
    if request.headers.get("authorization") != f"Basic {sent}":
        return _twilio(401, 20003, "Authenticate")
    if request.path != f"/2010-04-01/Accounts/{TWILIO_ACCOUNT}/Messages.json":
        return _twilio(404, 20404, "The requested resource was not found")
    to, sender = form.get("To", ""), form.get("From", "")
    if not form.get("Body"):
        return _twilio(400, 21602, "Message body is required.")
    if len(form["Body"]) > 1600:
        return _twilio(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    if not re.fullmatch(r"\+[1-9]\d{9,14}", to):
        return _twilio(400, 21211, f"The 'To' number {to} is not a valid phone number.")
    if sender != TWILIO_FROM:
        return _twilio(400, 21606, f"The From phone number {sender} is not a valid sender.")
    if to == TWILIO_STOPPED:
        return _twilio(400, 21610, "Attempt to send to unsubscribed recipient")
    return Answer(201, {"sid": "SM" + "0" * 32, "status": "queued", "error_code": None})


def _twilio(status: int, code: int, message: str) -> Answer:
    info = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(status, {"code": code, "message": message, "more_info": info, "status": status})


def _is_url(url: object) -> bool:
    return isinstance(url, str) and urlsplit(url).scheme in ("http", "https")


RULES: Mapping[str, Callable[[Request], Answer]] = {
    "/workflows/": teams,
    "/services/": slack,
    "/v2/enqueue": pagerduty,
    "/1/": pushover,
    "/2010-04-01/": twilio,
    "/": ntfy,
}
"""Who is played, by the beginning of a path; the first that fits."""

HOSTS = (
    *("prod-01.westeurope.logic.azure.com", "hooks.slack.com", "ntfy.sh"),
    *("events.pagerduty.com", "events.eu.pagerduty.com", "api.pushover.net", "api.twilio.com"),
)
