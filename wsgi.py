"""For WSGI servers of your own choice: `app`. `triagedesk up` and `triagedesk web` need no file."""

from webapp import create_app
from webapp.extensions import db
from webapp.schema import migrations_dir
from webapp.services.operations.check_health import require_database

app = create_app()
with app.app_context():
    require_database(migrations_dir())
    db.engine.dispose()  # servers that load the app before they fork must not share a connection
