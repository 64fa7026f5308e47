"""Playing histories, each on a database of its own."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.model.model_histories import History, play, shorten
from tests.model.model_world import new_world
from tests.support.databases import PostgresTemplate, SqliteTemplate, make_config
from tests.support.fake_clock import FakeClock
from webapp import clock, create_app
from webapp.extensions import db

SHORTENING_SECONDS = 60


@dataclass
class Player:
    """Counts the histories it has `played`."""

    template: SqliteTemplate | PostgresTemplate
    folder: Path
    played: int = 0

    def play(self, history: History, seed: int) -> None:
        """Raises whatever a history fails with."""
        self.played += 1
        folder = self.folder / str(self.played)
        folder.mkdir()
        url = self.template.new_url(folder)
        try:
            self._play_on(url, folder, history, seed)
        finally:
            self.template.drop(url)
            shutil.rmtree(folder)

    def _play_on(self, url: str, folder: Path, history: History, seed: int) -> None:
        random.seed(seed)  # the jitter of retries
        fake = FakeClock()
        app = create_app(make_config(folder, url))
        with app.app_context(), clock.replaced(fake.now, fake.sleep):
            try:
                with new_world(app, fake, random.Random(seed)) as world:
                    play(world, history)
            finally:
                db.session.remove()
                db.engine.dispose()

    def problem(self, history: History, seed: int) -> Exception | None:
        """What a history fails with, None where it does not."""
        try:
            self.play(history, seed)
        except Exception as error:  # noqa: BLE001 - whatever it is, the history failed
            return error
        return None

    def require(self, history: History, seed: int) -> None:
        """Play; raises AssertionError with a shortened history."""
        problem = self.problem(history, seed)
        if problem is None:
            return

        def fails_alike(shorter: History) -> bool:
            found = self.problem(shorter, seed)
            return found is not None and _kind(found) == _kind(problem)

        short = list(shorten(history, fails_alike, SHORTENING_SECONDS))
        found = self.problem(short, seed) or problem
        raise AssertionError(
            f"shortened: MODEL_SEED={seed} MODEL_HISTORY='{short}'\n{found}"
        ) from found


def _kind(problem: Exception) -> tuple[type, str]:
    """What two failures of the same cause have in common: the first words without the numbers."""
    return type(problem), "".join(c for c in str(problem)[:40] if not c.isdigit())
