"""What only the demo has: the mails that its desk sent."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from webapp.extensions import current_config
from webapp.services.operations.read_demo_mail import mail_folder, read_demo_mail
from webapp.web.access import signed_in

demo = Blueprint("demo", __name__)


@demo.get("/demo/mail")
@signed_in
def show_mail() -> ResponseReturnValue:
    """Show the mails that the demo sent; they never left this machine."""
    config = current_config()
    if not config.is_demo:
        abort(404)
    mails = read_demo_mail(mail_folder(config.data_dir))
    return render_template("operations/demo_mail.html", mails=mails)
