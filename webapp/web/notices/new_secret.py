"""A signing secret that was made just now: shown in one answer, and kept nowhere in the browser."""

from flask import flash, render_template

from webapp.services.notices.targets.read_targets import read_target


def show_secret_once(target_id: int, secret: str, words: str) -> str:
    """The page with a target's new secret and with `words` about what was done."""
    flash(words, "success")
    target = read_target(target_id).row.target
    return render_template("notices/new_secret.html", target=target, secret=secret)
