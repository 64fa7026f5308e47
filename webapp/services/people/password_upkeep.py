"""What is done about a password when its owner has just typed it: the only time it is known."""

from webapp.models import User
from webapp.services.lookups import get_user
from webapp.services.people.password_rules import check_password_for
from webapp.services.people.users import hash_password, is_outdated, is_password
from webapp.services.transactions import transaction


def look_after_password(user: User, password: str) -> str:
    """Note whether a right password has to be changed, and store its hash at today's costs.

    `user` is as read when the password was found to be right; a password that was set since then
    is left alone. A password that fits the rules again, because of a second factor or of another
    name, need not be changed any more. Returns the hash of the password as it is stored from now
    on: another sign-in may have renewed it at the same moment. Raises NotFoundError.
    """
    must_change = check_password_for(user.id, password).fault is not None
    is_old = is_outdated(user.password_hash)
    if not is_old and must_change == user.must_change_password:
        return user.password_hash
    renewed = hash_password(password) if is_old else user.password_hash
    with transaction() as session:
        current = get_user(session, user.id, lock=True)
        if current.password_hash == user.password_hash:
            current.password_hash = renewed
            current.must_change_password = must_change
            return renewed
        stored = current.password_hash
    return stored if is_password(password, stored) else user.password_hash
