"""An HTTP server on loopback that behaves like the Huntress API, for tests and the demo."""

from webapp.huntress.simulator.account import SimulatedAccount
from webapp.huntress.simulator.faults import Fault, Faults
from webapp.huntress.simulator.simulator import CallWindow, RecordedRequest, Simulator

__all__ = ["CallWindow", "Fault", "Faults", "RecordedRequest", "SimulatedAccount", "Simulator"]
