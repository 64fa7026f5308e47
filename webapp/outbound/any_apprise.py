"""Any other service, by the address that Apprise has for it.

Only services that Apprise reaches by HTTP requests are taken: these pass the guard, and their
answer says what went wrong. So nothing on this machine can be written to, run or read through an
address.
"""

import re
import sys
from collections.abc import Sequence

from apprise import Apprise
from apprise.common import NotifyFormat
from apprise.conversion import convert_between
from apprise.exception import AppriseException
from apprise.manager_plugins import NotificationManager
from apprise.plugins.base import NotifyBase
from apprise.utils.parse import parse_url

from webapp.domain.notices.message import Message
from webapp.outbound.allowed_hosts import is_listed
from webapp.outbound.apprise_asset import ASSET
from webapp.outbound.apprise_send import send_by_plugin
from webapp.outbound.cut_text import cut_to_fit
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.settings import Destination

_FILE_PARAMETERS = {"attach", "keyfile", "pem", "subfile", "template"}
_CALLS = re.compile(r"(?<=@)(?=(?:all|channel|everyone|here|room)\b)|(?<=<)(?=[@!#&])", re.I)
"""Where a zero-width space keeps a text from calling everybody in a room."""
_PLUGINS = "apprise.plugins."


def send_by_apprise(destination: Destination, message: Message) -> str:
    """Send to an Apprise address; see `send.send`."""
    try:
        plugin = read_address(destination.secrets["url"], destination.outbound_hosts)
    except ValueError as problem:
        raise DeliveryError(Failure.PERMANENT, str(problem)) from None
    return send_by_plugin(
        plugin,
        *build_text(plugin, message),
        message=message,
        destination=destination,
        name=str(plugin.service_name),
    )


def read_address(address: str, outbound_hosts: Sequence[str] = ()) -> NotifyBase:
    """Return the plugin for an Apprise address; opens no connection.

    Only `outbound_hosts` may be reached without encryption. Raises ValueError with a sentence,
    without the address, if it cannot be used.
    """
    scheme = _scheme(address)
    manager = NotificationManager()  # type: ignore[no-untyped-call]  # Apprise has no types here
    if scheme not in manager:
        raise ValueError(f"Apprise knows no service “{scheme}://”.")
    plugin_class = manager[scheme]
    if not _uses_requests(plugin_class):
        raise ValueError(
            f"“{scheme}://” cannot be used: only services that Apprise reaches over HTTP are taken."
        )
    if not plugin_class.enabled:
        raise ValueError(f"“{scheme}://” needs a library that is not installed.")
    _refuse_parameters(address)
    plugin = _instantiate(address, scheme)
    if _is_open(plugin, scheme) and not is_listed(plugin.host, plugin.port or 80, outbound_hosts):
        raise ValueError(f"“{scheme}://” sends without encryption; write “{scheme}s://”.")
    return plugin


def build_text(plugin: NotifyBase, message: Message) -> tuple[str, str]:
    """Return title and text, within what the plugin takes, with every link that fits whole."""
    has_title = plugin.title_maxlen > 0 and bool(message.lines or message.links)
    lines = message.lines if has_title else (message.title, *message.lines)
    title = _uncalling(cut_to_fit(message.title, plugin.title_maxlen)) if has_title else ""
    links = [f"{link.words}: {link.url}" for link in message.links]
    limit = plugin.body_maxlen
    while links and _converted_size(plugin, "\n".join(links)) > limit * 3 // 4:
        links.pop()
    ending = "\n" + "\n".join(links) if links else ""
    text = cut_to_fit(
        _uncalling("\n".join(lines)), limit, lambda part: _converted_size(plugin, part + ending)
    )
    return title, (text + ending).strip()


def _scheme(address: str) -> str:
    match = re.match(r"([a-z0-9]{1,32})://.", address, re.I)
    if match is None:
        raise ValueError("This is not an Apprise address; one looks like matrix://….")
    scheme = match.group(1).lower()
    if scheme in ("http", "https"):
        raise ValueError(
            "Write the address as Apprise has it (such as matrix://…), or add a webhook."
        )
    return scheme


def _uses_requests(plugin_class: type[NotifyBase]) -> bool:
    """Whether the plugin or one that it is made from sends by `requests`."""
    return any(
        hasattr(sys.modules[base.__module__], "requests")
        for base in plugin_class.__mro__
        if base.__module__.startswith(_PLUGINS) and base is not NotifyBase
    )


def _is_open(plugin: NotifyBase, scheme: str) -> bool:
    """Whether the plugin has an encrypted variant of its scheme, and this is the other one."""
    return plugin.secure_protocol is not None and scheme in _names(plugin.protocol)


def _names(protocol: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (protocol,) if isinstance(protocol, str) else protocol or ()


def _refuse_parameters(address: str) -> None:
    """Look at the parameters as Apprise reads them, also behind `#` and `;`."""
    # Apprise has no types here.
    parts = parse_url(address, verify_host=False)  # type: ignore[no-untyped-call]
    given: dict[str, str] = parts["qsd"] if parts else {}
    if named := _FILE_PARAMETERS & {name.lstrip("+-:") for name in given}:
        raise ValueError(f"The parameter “{min(named)}” would read a file and is not taken.")
    if given.get("verify", "yes").lower() not in ("yes", "true", "1", "on"):
        raise ValueError("Certificates are always checked: leave out “verify”.")


def _instantiate(address: str, scheme: str) -> NotifyBase:
    try:
        plugin = Apprise.instantiate(address, asset=ASSET, suppress_exceptions=False)
    except (AppriseException, TypeError, ValueError, AttributeError, LookupError):
        plugin = None
    if not isinstance(plugin, NotifyBase):
        raise ValueError(f"The address lacks something that “{scheme}://” needs, or has a mistake.")
    return plugin


def _converted_size(plugin: NotifyBase, text: str) -> int:
    """Return the length of `text` in the format that the plugin sends it in."""
    if not text:
        return 0
    kind = plugin.resolve_format(NotifyFormat.TEXT)
    # Apprise has no types here.
    return len(convert_between(NotifyFormat.TEXT, kind, text))  # type: ignore[no-untyped-call]


def _uncalling(text: str) -> str:
    return _CALLS.sub("\u200b", text)
