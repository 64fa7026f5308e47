"""What `make coverage` leaves out says why, where it stands."""

import re

from tests.support.source_tree import ROOT, modules

REASONED = re.compile(r"# pragma: no (cover|branch) - \w.{9,}")


def test_every_exception_has_a_reason() -> None:
    bare = [
        f"{module.path.relative_to(ROOT)}:{number}"
        for module in modules().values()
        for number, line in enumerate(module.path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"#\s*pragma:\s*no", line) and not REASONED.search(line)
    ]
    assert not bare


def test_rules_and_the_cycle_have_to_be_covered_whole() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert (
        "COVERED := webapp/domain/*,webapp/services/polling/*,webapp/services/schedule/*\n"
        in makefile
    )
    assert "--include='$(COVERED)' --fail-under=100" in makefile
