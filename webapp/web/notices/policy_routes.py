"""The pages of policies: the list in order, and the form with its preview."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.notices.policy import MOST_STEPS, PolicyRule
from webapp.models import Policy
from webapp.services.desk.move_rows import move_row
from webapp.services.errors import ConflictError, FieldError, NotFoundError
from webapp.services.notices.edit_policies import (
    PolicyValues,
    add_policy,
    check_policy,
    delete_policy,
    edit_policy,
    switch_policy,
)
from webapp.services.notices.offer_policies import read_offer
from webapp.services.notices.preview_policies import PolicyPreview, preview_policies
from webapp.services.notices.read_policies import list_policies, read_policy, read_policy_choices
from webapp.services.people.set_preferences import list_time_zones
from webapp.web.access import admin_only
from webapp.web.answers import done
from webapp.web.edit_pages import SEEN, UP
from webapp.web.errors import status_of
from webapp.web.form_errors import show_field_errors
from webapp.web.notices.blueprint import notices
from webapp.web.notices.policy_forms import (
    PolicyForm,
    StepRow,
    form_data,
    place_errors,
    read_step_rows,
    step_rows,
)
from webapp.web.params import YES
from webapp.web.person_limits import policy_previews
from webapp.web.viewer import require_viewer

ADD_STEP, REMOVE_STEP, PREVIEW = "add_step", "remove-", "preview"


@dataclass
class _Editor:
    """The form of a policy with its steps, and what the pressed button led to."""

    form: PolicyForm
    rows: list[StepRow]
    preview: PolicyPreview | None = None
    conflict: ConflictError | None = None
    status: int = 200

    @classmethod
    def open(cls, rule: PolicyRule | None) -> "_Editor":
        """The form as it was sent, or else as the policy is stored."""
        choices = read_policy_choices(rule)
        form = PolicyForm(data=form_data(rule, choices.time_zone))
        form.offer(choices)
        if form.is_submitted():
            return cls(form, read_step_rows(request.form))
        rows = step_rows(rule) if rule else []
        return cls(form, rows or [StepRow(after="0", on_call=True)])

    @property
    def action(self) -> str | None:
        """The pressed button; None where the form was not sent."""
        return request.form.get("action", "") if self.form.validate_on_submit() else None

    def change_steps(self) -> None:
        """Add an empty step, or take one away, as the pressed button says."""
        action = self.action or ""
        if action == ADD_STEP and len(self.rows) < MOST_STEPS:
            self.rows.append(StepRow(after="10"))
        elif action.startswith(REMOVE_STEP):
            kept = action.removeprefix(REMOVE_STEP)
            self.rows = [row for place, row in enumerate(self.rows) if str(place) != kept]

    def values(self) -> PolicyValues:
        """What was sent; raises FieldError."""
        steps = [row.as_step() for row in self.rows if not row.is_empty]
        return self.form.values(steps)

    def look_ahead(self, policy_id: int | None) -> None:
        """Try what was sent on the past month, or say what is wrong with it."""
        try:
            self.preview = preview_policies(check_policy(self.values()), policy_id)
        except FieldError as error:
            self.refuse(error)

    def refuse(self, error: FieldError) -> None:
        """Show what is wrong at the fields."""
        show_field_errors(self.form, place_errors(self.rows, error))
        self.status = 400

    def render(self, *, policy: object = None, version: str = "") -> ResponseReturnValue:
        """The page with the form."""
        choices = read_policy_choices()
        page = render_template(
            "notices/policy.html",
            policy=policy,
            version=version,
            editor=self,
            form=self.form,
            targets=choices.targets,
            most_steps=MOST_STEPS,
            time_zones=list_time_zones(),
        )
        return page, self.status


@notices.get("/policies")
@admin_only
@policy_previews
def show_policies() -> ResponseReturnValue:
    """Show the policies in order."""
    return render_template(
        "notices/policies.html",
        policies=list_policies(),
        offer=read_offer(),
        preview=preview_policies() if request.args.get(PREVIEW) == YES else None,
    )


@notices.route("/policies/new", methods=["GET", "POST"])
@admin_only
@policy_previews
def new_policy() -> ResponseReturnValue:
    """Show the form of a new policy, preview it, and add it below the others."""
    editor = _Editor.open(None)
    if editor.action == "save":
        try:
            added = add_policy(editor.values(), actor_id=require_viewer().id)
            return done(f"{added.name} was added.", url_for("notices.show_policies"))
        except FieldError as error:
            editor.refuse(error)
    elif editor.action == PREVIEW:
        editor.look_ahead(None)
    else:
        editor.change_steps()
    return editor.render()


@notices.route("/policies/<int:policy_id>", methods=["GET", "POST"])
@admin_only
@policy_previews
def show_policy(policy_id: int) -> ResponseReturnValue:
    """Show a policy, preview what it becomes, and save it."""
    policy = read_policy(policy_id)
    editor = _Editor.open(policy.rule)
    version = request.form.get(SEEN, policy.version)
    if editor.action == "save":
        try:
            viewer = require_viewer()
            changed = edit_policy(policy_id, editor.values(), seen=version, actor_id=viewer.id)
            words = f"{policy.name} was saved." if changed else "Nothing was changed."
            return done(words, url_for("notices.show_policies"))
        except FieldError as error:
            editor.refuse(error)
        except ConflictError as error:
            policy = read_policy(policy_id)
            editor.conflict, editor.status = error, status_of(error)
            version = policy.version
    elif editor.action == PREVIEW:
        editor.look_ahead(policy_id)
    else:
        editor.change_steps()
    return editor.render(policy=policy, version=version)


@notices.post("/policies/<int:policy_id>/move")
@admin_only
def move_policy(policy_id: int) -> ResponseReturnValue:
    """Move a policy one place up or down."""

    def _move() -> str:
        is_up = request.form.get("direction") == UP
        move_row(Policy, policy_id, is_up=is_up, actor_id=require_viewer().id)
        return "The order was saved."

    return _back(_move)


@notices.post("/policies/<int:policy_id>/switch")
@admin_only
def turn_policy(policy_id: int) -> ResponseReturnValue:
    """Switch a policy on or off."""

    def _switch() -> str:
        is_on = request.form.get("is_enabled") == YES
        switch_policy(policy_id, is_enabled=is_on, actor_id=require_viewer().id)
        return "The policy is on." if is_on else "The policy is off: events fall to those below it."

    return _back(_switch)


@notices.post("/policies/<int:policy_id>/delete")
@admin_only
def remove_policy(policy_id: int) -> ResponseReturnValue:
    """Delete a policy."""
    return _back(lambda: f"{delete_policy(policy_id, actor_id=require_viewer().id)} was deleted.")


def _back(action: Callable[[], str]) -> ResponseReturnValue:
    """Do something to a policy and show the list, which says what came of it."""
    try:
        words = action()
    except NotFoundError as error:
        return done(str(error), url_for("notices.show_policies"), "warning")
    return done(words, url_for("notices.show_policies"))
