"""What the product says about itself, held against what is so."""

import re
from collections import Counter
from dataclasses import dataclass, field

import requests
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from tests.faults.world import World
from webapp.models import PollRun
from webapp.services.transactions import reading

LIMIT_MINUTES = 3.0
"""One interval of a minute, and the two minutes after which a due poll is overdue."""

SLACK_MINUTES = 1.0
PAGES = ("/", "/tickets", "/incidents", "/integrations", "/clients", "/health", "/preferences")
NOTICE = re.compile(
    r'class="notice notice-error"(?: role="alert")?>(?!.{0,600}Criticals reach nobody)', re.DOTALL
)
"""An error that is shown; the banner is there but hidden where the page itself tells it. That
nobody is told of anything in this world is no word about polls."""

CHECK = re.compile(r'>Connection [^<]*<span class="visually-hidden">needs attention')
"""On Health; a part that is just being started again is no word about polls there either."""


@dataclass
class Looks:
    """How often the product was asked, and where it was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def judge(self, what: str, *, says_bad: bool | None, is_bad: bool, context: str) -> None:
        """Count an answer; None is none at all: no bad news, and no claim that all is well."""
        if says_bad is None:
            self.counts["no answer"] += 1
            return
        self.counts["not well" if is_bad else "well"] += 1
        if is_bad and not says_bad:
            self.wrong.append(f"{what} was silent: {context}")
        if not is_bad and says_bad:
            self.wrong.append(f"{what} cried wolf: {context}")


class Judge:
    """Asks every page, /readyz and doctor, and knows by the polls' own record how things are."""

    def __init__(self, world: World, cookie: tuple[str, str]) -> None:
        self._world = world
        self._browser = requests.Session()
        self._browser.cookies.set(*cookie)
        self._first = world.now()
        self.looks = Looks()

    def minutes_silent(self) -> float | None:
        """Minutes of the fast clock since the last poll that ended well; None: nobody knows."""
        query = select(func.max(PollRun.finished_at)).where(PollRun.state == "completed")
        try:
            with self._world.app.app_context(), reading() as session:
                last = session.scalar(query)
        except SQLAlchemyError:
            return None
        return (self._world.now() - (last or self._first)).total_seconds() / 60

    def look(self, *, is_quiet: bool, with_doctor: bool) -> None:
        """Look once; `is_quiet` where nothing was broken for a while."""
        before = self.minutes_silent()
        answers = self._answers(with_doctor)
        after = self.minutes_silent()
        if before is None or after is None:
            return
        is_bad = min(before, after) > LIMIT_MINUTES + SLACK_MINUTES
        is_well = is_quiet and max(before, after) < LIMIT_MINUTES - SLACK_MINUTES
        if not is_bad and not is_well:
            self.looks.counts["in between"] += 1
            return
        for what, says_bad in answers.items():
            context = f"{before:.1f} minutes without a poll, quiet {is_quiet}"
            self.looks.judge(what, says_bad=says_bad, is_bad=is_bad, context=context)

    def _answers(self, with_doctor: bool) -> dict[str, bool | None]:
        answers = {"/readyz": self._ready_says()}
        for page in PAGES:
            answers[page] = self._page_says(page)
            if answers[page] is None:
                break  # nobody answers: the others would have to be waited for as well
        if with_doctor:
            code, said = self._world.doctor()
            is_about_polls = any(name.startswith("connection") for name in said)
            # a part that is just being started again is no word about polls
            answers["doctor"] = code == 1 if is_about_polls or not said else None
        return answers

    def _page_says(self, path: str) -> bool | None:
        text = self._get(path)
        says = CHECK if path == "/health" else NOTICE
        return None if text is None else bool(says.search(text[1]))

    def _ready_says(self) -> bool | None:
        answer = self._get("/readyz")
        return None if answer is None else answer[0] == 503

    def _get(self, path: str) -> tuple[int, str] | None:
        try:
            answer = self._browser.get(f"{self._world.up.url}{path}", timeout=8)
        except requests.RequestException:
            return None
        if path != "/readyz" and answer.status_code != 200:
            return None
        return answer.status_code, answer.text
