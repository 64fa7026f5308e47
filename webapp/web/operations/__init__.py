"""The dashboard, the audit log, the health page and drills."""

from webapp.web.operations import response_times_routes  # noqa: F401 - it registers its routes
from webapp.web.operations.audit_routes import audit
from webapp.web.operations.dashboard_routes import dashboard
from webapp.web.operations.demo_routes import demo
from webapp.web.operations.drill_routes import drills
from webapp.web.operations.health_routes import health

BLUEPRINTS = (audit, dashboard, demo, drills, health)
