"""The Users pages: who may sign in, and with which role."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.extensions import current_config
from webapp.services.errors import ConflictError, FieldError, RefusedError
from webapp.services.notices.targets.contact_methods import list_confirmed
from webapp.services.on_call.who_is_on_call import is_in_rotation
from webapp.services.people.edit_user import (
    UserEdit,
    edit_user,
    sign_out_everywhere,
)
from webapp.services.people.factors.read_factors import summarize_factors
from webapp.services.people.invite_user import Invitation, invite_user
from webapp.services.people.password_links import IssuedLink, make_password_link, withdraw_link
from webapp.services.people.presence_ways import read_presence_ways
from webapp.services.people.read_users import list_successors, read_user, read_users
from webapp.services.people.single_sign_on.local_passwords import read_password_limit
from webapp.services.people.single_sign_on.unlink_account import unlink_account
from webapp.services.people.users import activate_user
from webapp.services.tickets.reassign_tickets import ConfirmationError, deactivate_and_reassign
from webapp.web.access import admin_only
from webapp.web.errors import status_of
from webapp.web.filters import counted
from webapp.web.form_errors import form_status, send_form, show_field_errors
from webapp.web.page_context import option_pairs
from webapp.web.people.user_forms import DeactivateForm, EditForm, InviteForm
from webapp.web.presence import needs_presence, needs_presence_to_send
from webapp.web.viewer import require_viewer

users = Blueprint("users", __name__, url_prefix="/users")


@users.get("")
@admin_only
def show_list() -> ResponseReturnValue:
    """Show all users; deactivated ones have their own tab."""
    rows = read_users()
    return render_template(
        "people/users.html",
        rows=rows,
        is_inactive=request.args.get("show") == "deactivated",
        is_limited=read_password_limit(),
        reached=list_confirmed(),
        factors=summarize_factors(),
    )


@users.route("/invite", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def invite() -> ResponseReturnValue:
    """Add a user, then show the link with which they choose a password, if they may have one."""
    form = InviteForm()
    invitation: Invitation | None = send_form(
        form,
        lambda: invite_user(
            email=form.email.data,
            name=form.name.data,
            role=form.role.data,
            actor_id=require_viewer().id,
        ),
    )
    if invitation is not None and invitation.link is not None:
        return _show_once(invitation.link)
    if invitation is not None:
        user = invitation.user
        flash(f"{user.name} is invited, and signs in as {user.email}.", "success")
        return _back(user.id)
    page = render_template(
        "people/invite.html",
        form=form,
        is_limited=read_password_limit(),
        sign_on=current_config().sign_on,
    )
    return page, form_status(form)


@users.get("/<int:user_id>")
@admin_only
def show(user_id: int) -> ResponseReturnValue:
    """Show one user."""
    return _page(user_id, None)


@users.post("/<int:user_id>/edit")
@admin_only
@needs_presence
def edit(user_id: int) -> ResponseReturnValue:
    """Save name, address and role; a refused form is shown again with what was typed."""
    form = EditForm()
    wanted = UserEdit(
        name=form.name.data or "",
        email=form.email.data or "",
        role=form.role.data or "",
        seen_name=form.seen_name.data,
        seen_email=form.seen_email.data,
        seen_role=form.seen_role.data,
    )
    try:
        edit_user(
            user_id,
            wanted,
            actor_id=require_viewer().id,
            is_confirmed=form.is_confirmed.data,
        )
    except FieldError as error:
        show_field_errors(form, error)
        return _page(user_id, form), 400
    except (ConflictError, RefusedError) as error:
        return _page(user_id, form, str(error)), status_of(error)
    flash("Saved.", "success")
    if user_id == require_viewer().id and wanted.role != "admin":
        return redirect(url_for("dashboard.show"), 303)
    return _back(user_id)


@users.post("/<int:user_id>/new-link")
@admin_only
@needs_presence
def new_link(user_id: int) -> ResponseReturnValue:
    """Make a link to choose a new password; an earlier link stops working."""
    try:
        link = make_password_link(user_id, actor_id=require_viewer().id)
    except RefusedError as error:
        flash(str(error), "error")
        return _back(user_id)
    return _show_once(link)


@users.get("/<int:user_id>/new-link")
@admin_only
def show_link(user_id: int) -> ResponseReturnValue:
    """Say that a link is shown only once, to whoever opens the address of one again."""
    return render_template("people/link.html", row=read_user(user_id), address=None)


@users.post("/<int:user_id>/withdraw-link")
@admin_only
def withdraw(user_id: int) -> ResponseReturnValue:
    """Withdraw a link that was handed over, so that it stops working."""
    is_gone = withdraw_link(user_id, actor_id=require_viewer().id)
    words = "The link does not work any more." if is_gone else "There was no link that worked."
    flash(words, "success" if is_gone else "info")
    return _back(user_id)


@users.post("/<int:user_id>/unlink")
@admin_only
@needs_presence
def unlink(user_id: int) -> ResponseReturnValue:
    """Cut the tie to a person's account at the identity provider."""
    is_cut = unlink_account(user_id, actor_id=require_viewer().id)
    words = "The account is unlinked." if is_cut else "The account was not linked."
    flash(words, "success" if is_cut else "info")
    return _back(user_id)


@users.post("/<int:user_id>/sign-out")
@admin_only
def sign_out(user_id: int) -> ResponseReturnValue:
    """End every session of a user."""
    count = sign_out_everywhere(user_id, actor_id=require_viewer().id)
    flash(f"{counted(count, 'session')} ended." if count else "Nobody was signed in.", "success")
    return _back(user_id)


@users.route("/<int:user_id>/deactivate", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def deactivate(user_id: int) -> ResponseReturnValue:
    """Ask who takes over the tickets, then deactivate the user."""
    row = read_user(user_id)
    form = DeactivateForm()
    form.fill_choices(option_pairs(list_successors(user_id)))
    problem = None
    if form.is_submitted():
        try:
            moved = deactivate_and_reassign(
                user_id,
                successor_id=form.successor.chosen,
                actor_id=require_viewer().id,
                is_confirmed=form.is_confirmed.data,
            )
        except FieldError as error:
            show_field_errors(form, error)
        except ConfirmationError as error:
            form.is_confirmed.errors = [str(error)]
        except RefusedError as error:
            problem = str(error)
        else:
            tickets = f"; {counted(moved, 'open ticket')} moved on" if moved else ""
            flash(f"{row.user.name} cannot sign in any more{tickets}.", "success")
            return _back(user_id)
    page = render_template(
        "people/deactivate.html",
        row=row,
        form=form,
        problem=problem,
        is_on_call=is_in_rotation(user_id),
    )
    return page, form_status(form)


@users.post("/<int:user_id>/activate")
@admin_only
@needs_presence
def activate(user_id: int) -> ResponseReturnValue:
    """Let a deactivated user sign in again."""
    user = activate_user(user_id, actor_id=require_viewer().id)
    flash(f"{user.name} can sign in again.", "success")
    return _back(user_id)


def _page(user_id: int, form: EditForm | None, problem: str | None = None) -> str:
    row = read_user(user_id)
    if form is None:
        form = EditForm(formdata=None, obj=row.user)
    form.seen_name.data, form.seen_email.data = row.user.name, row.user.email
    form.seen_role.data = row.user.role
    return render_template(
        "people/user.html",
        row=row,
        form=form,
        problem=problem,
        reached=list_confirmed().get(user_id, []),
        factors=summarize_factors([user_id])[user_id],
        is_limited=read_password_limit(),
        ways=read_presence_ways(user_id),
        sign_on=current_config().sign_on,
    )


def _show_once(link: IssuedLink) -> ResponseReturnValue:
    """Show the link in this one answer: what a cookie held could be shown again."""
    address = _address_of(link.token)
    return render_template("people/link.html", row=read_user(link.user.id), address=address)


def _address_of(token: str) -> str:
    """The whole address, with the host of PUBLIC_URL or else of this request."""
    path = url_for("account.choose", token=token)
    root = current_config().public_url or request.host_url
    return root.rstrip("/") + path


def _back(user_id: int) -> ResponseReturnValue:
    return redirect(url_for("users.show", user_id=user_id), 303)
