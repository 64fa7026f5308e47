"""Gates: what a person has to do before they go on, such as choosing a better password.

While a gate is closed, every page leads to the gate's own page. What is open to everybody stays
open, and so does signing out. Of several closed gates, the first one in the list comes first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask, current_app, request, url_for

from webapp.web.access import PUBLIC, STATIC_ENDPOINT, access_of
from webapp.web.viewer import Viewer, current_viewer


@dataclass(frozen=True, slots=True)
class Gate:
    """A step that some people have to take first.

    `endpoint` is the page where it is taken, `is_closed` says for whom, and `words` go on after
    "Before you go on, ". The endpoints `also_open` are those that the page itself needs.
    """

    endpoint: str
    words: str
    is_closed: Callable[[Viewer], bool]
    also_open: frozenset[str] = frozenset()


class StepRequired(Exception):  # noqa: N818 - it is an answer more than an error
    """Somebody asked for a page while a gate is closed for them."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate.endpoint)
        self.gate = gate


def init_gates(app: Flask, gates: Sequence[Gate]) -> None:
    """Ask before each request whether one of the gates is closed for the person."""

    @app.before_request
    def _stop_at_gate() -> None:
        endpoint = request.endpoint
        if endpoint is None or endpoint == STATIC_ENDPOINT:
            return
        viewer = current_viewer() if _needs_person(endpoint) else None
        if isinstance(viewer, Viewer):
            gate = next((gate for gate in gates if gate.is_closed(viewer)), None)
            if gate is not None and endpoint not in {gate.endpoint, *gate.also_open}:
                raise StepRequired(gate)


def address_of_step(gate: Gate) -> str:
    """The address of the gate's page, which leads back to the page that a GET request asked for."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return url_for(gate.endpoint, next=None if wanted in (None, "/") else wanted)


def _needs_person(endpoint: str) -> bool:
    return access_of(current_app.view_functions[endpoint]) != PUBLIC
