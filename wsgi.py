"""For WSGI servers of your own choice: `app`. `triagedesk up` and `triagedesk web` need no file."""

from webapp import create_app

app = create_app()
