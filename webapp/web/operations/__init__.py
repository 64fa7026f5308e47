"""The dashboard, the audit log, the health page and drills."""

from webapp.web.operations.audit_routes import audit
from webapp.web.operations.dashboard_routes import dashboard
from webapp.web.operations.demo_routes import demo
from webapp.web.operations.drill_routes import drills
from webapp.web.operations.health_routes import health
from webapp.web.operations.response_times_routes import response_times

BLUEPRINTS = (audit, dashboard, demo, drills, health, response_times)
