"""How property tests run here: without a time limit an example, the machine may be busy."""

from hypothesis import settings

from tests.support.ci_rules import is_ci

settings.register_profile("triagedesk", deadline=None, derandomize=is_ci(), print_blob=True)
settings.load_profile("triagedesk")
