"""Reading the Markdown of a runbook: lines `- [ ] step` are its steps, all else is text."""

import re
from dataclasses import dataclass

RUNBOOK_LENGTH = 20_000
MOST_STEPS_OF_RUNBOOK = 60
_STEP = re.compile(r"\s*[-*+] \[[ xX]?\]\s+(\S.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DETAIL = re.compile(r"(?: {2}|\t)\s*\S")


@dataclass(frozen=True, slots=True)
class RunbookStep:
    """Something to be done; `position` counts the steps of a runbook from 0.

    `text` is one line of Markdown, and `details` are the indented lines below it.
    """

    position: int
    text: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Prose:
    """Markdown between steps: headings and text."""

    text: str


Block = RunbookStep | Prose


def parse_runbook(body: str) -> tuple[Block, ...]:
    """The steps and texts of a runbook, in their order; never raises.

    Whatever stands in a fenced block of code is text.
    """
    blocks: list[Block] = []
    prose: list[str] = []
    fence = ""
    lines = body.split("\n")
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        fence = _fence_after(line, fence)
        match = None if fence else _STEP.fullmatch(line)
        if match is None:
            prose.append(line)
            continue
        _end_prose(blocks, prose)
        details = _details(lines, place)
        place += len(details)
        count = sum(isinstance(block, RunbookStep) for block in blocks)
        text = "\n".join(one.strip() for one in details)
        blocks.append(RunbookStep(count, match[1].rstrip(), text))
    _end_prose(blocks, prose)
    return tuple(blocks)


def steps_of(body: str) -> list[RunbookStep]:
    """Only the steps of a runbook."""
    return [block for block in parse_runbook(body) if isinstance(block, RunbookStep)]


def _details(lines: list[str], place: int) -> list[str]:
    """The indented lines from `place` on that belong to the step above."""
    found: list[str] = []
    for line in lines[place:]:
        if _STEP.fullmatch(line) or not _DETAIL.match(line):
            break
        found.append(line)
    return found


def _fence_after(line: str, fence: str) -> str:
    """The fence of the block of code that is open after `line`; empty outside of one."""
    match = _FENCE.match(line)
    if match is None:
        return fence
    if not fence:
        return match[1]
    is_end = match[1].startswith(fence) and not line[match.end() :].strip()
    return "" if is_end else fence


def _end_prose(blocks: list[Block], prose: list[str]) -> None:
    text = "\n".join(prose).strip("\n")
    prose.clear()
    if text.strip():
        blocks.append(Prose(text))
