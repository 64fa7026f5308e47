"""Whether the file of breached passwords can be searched, where one is configured."""

from collections.abc import Iterator

from webapp.config import Config
from webapp.services.operations.check_health import Check
from webapp.services.people.breached_passwords import HINT, find_breach_file_fault


def check_breach_file(config: Config) -> Iterator[Check]:
    """Check the first line, the last one and some between them; nothing where none is named."""
    path = config.security.breached_passwords
    if path is None:
        return
    fault = find_breach_file_fault(path)
    if fault is None:
        yield Check("breached passwords", True, f"{path} can be searched")
    else:
        yield Check("breached passwords", False, fault, HINT)
