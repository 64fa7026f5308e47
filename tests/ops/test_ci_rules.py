from pathlib import Path

import pytest

from tests.support.ci_rules import browser_lines, exit_status, find_browser, is_ci

pytest_plugins = ["pytester"]
RULES = (Path(__file__).parents[1] / "support" / "ci_rules.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("env", "expected"), [({}, False), ({"CI": ""}, False), ({"CI": "false"}, False),
                          ({"CI": "true"}, True), ({"CI": "1"}, True)],
)  # fmt: skip
def test_is_ci(env: dict[str, str], expected: bool) -> None:
    assert is_ci(env) is expected


def test_skipped_tests_fail_a_ci_run_only() -> None:
    assert exit_status(0, 2, in_ci=True) == 1
    assert exit_status(0, 0, in_ci=True) == 0
    assert exit_status(0, 2, in_ci=False) == 0
    assert exit_status(2, 2, in_ci=True) == 2


def test_says_whether_browser_tests_ran() -> None:
    assert browser_lines(3, 0) == ["Browser tests ran: 3."]
    assert browser_lines(0, 0) == []
    did_not, how = browser_lines(0, 4)
    assert "did NOT run (4)" in did_not
    assert "apt-get install chromium" in how


def test_finds_a_browser_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_browser() is None
    (tmp_path / "google-chrome").touch(mode=0o755)
    assert find_browser() == str(tmp_path / "google-chrome")


@pytest.mark.parametrize("extra", [[], ["-n", "2"]])
def test_the_hooks_fail_a_ci_run_with_skipped_tests(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, extra: list[str]
) -> None:
    pytester.makeconftest(RULES)
    pytester.makeini("[pytest]\nmarkers = browser: a browser\naddopts = -p no:valkey")
    pytester.makepyfile(
        """
        import pytest

        def test_runs(): pass

        @pytest.mark.browser
        @pytest.mark.skip(reason="no browser")
        def test_in_browser(): pass
        """
    )
    monkeypatch.setenv("CI", "true")
    in_ci = pytester.runpytest_subprocess(*extra)
    assert in_ci.ret == 1
    in_ci.stdout.fnmatch_lines(["*Browser tests did NOT run (1)*", "CI: 1 skipped tests count*"])

    monkeypatch.delenv("CI")
    assert pytester.runpytest_subprocess(*extra).ret == 0
