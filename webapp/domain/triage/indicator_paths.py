"""Reading paths of files and keys of the registry out of text.

A path may hold spaces, and nothing says where it ends. Folders are read up to the next backslash,
if they look like a folder's name and not like the rest of a sentence; the last name ends at a
space, unless the path stands in quotes or is all that there is, or its words lead to a file's
ending and look like one name: `Rechnung März 2024.pdf.exe`, `Invoice (2).zip`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_PATH = 500

_CJK = "\u3040-\u30ff\u3400-\u9fff"
_LATIN = "0-9A-Za-z_À-ɏ"
_START = re.compile(
    rf"(?<![{_LATIN}\\])(?:"
    r"(?P<registry>(?:HKEY_(?:LOCAL_MACHINE|CURRENT_USER|USERS|CLASSES_ROOT|CURRENT_CONFIG)"
    r"|HK(?:LM|CU|U|CR|CC)):?\\)"
    r"|(?P<drive>[A-Za-z]:[\\/])(?!/)"
    r"|(?P<variable>(?:%[A-Za-z_()0-9]{2,40}%|\$env:[A-Za-z_]{2,40})\\)"
    r"|(?P<unc>\\{2,4}[A-Za-z0-9.\ue000_$?-]{1,255}\\{1,2})"
    r")",
    re.IGNORECASE,
)
_UNIX = re.compile(
    rf"(?<![{_LATIN}/.:~\\-])(?:~|/(?:Applications|Library|System|Users|Volumes|bin|boot|data|dev|etc|home"
    r"|lib|lib64|media|mnt|opt|private|proc|root|run|sbin|srv|sys|tmp|usr|var))"
    r"(?:/(?:Application Support|[^\s/,;:\"'`<>|*?()。、「」（）“”„»«]{1,255}+))++"
)
_END = re.compile(r"[\n\r\t\"<>|*?:“”„»«。、「」`]")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_GLUED = re.compile(rf"\.[A-Za-z0-9]{{1,5}}(?=[{_CJK}])|[A-Za-z0-9](?=[\u3041-\u3096])")
_ARGUMENTS = re.compile(r"(?<=\.)([A-Za-z0-9]{1,5})\s+[-/].*", re.DOTALL)
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "”“", "«": "»", "»": "«", "「": "」"}
_TRAILING = ".,;!?'"
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_WHOLE_FOLDERS = frozenset({"Documents and Settings"})
_SENTENCE_WORDS = (
    "a and as at because been by for from had has have if in into is it its of on onto or that the"
    " then this to under user via was were when where which while with"
    " als auf aus bei das dem den der des die durch ein eine im ist mit nach oder sind sowie um und"
    " unter von vom wurde wurden zu zum zur"
    " a była było był dla do i jako jest na nad od oraz po pod przez przy się to w we z za ze"
    " został została zostało lub"
)
_FILE_ENDING = re.compile(
    r"\.(?:exe|dll|scr|com|pif|bat|cmd|ps1|vbs|vbe|js|jse|wsf|hta|lnk|msi|jar|zip|rar|7z|iso|img|pdf"
    r"|docx?|docm|xlsx?|xlsm|pptx?|html?|txt|rtf|one)$",
    re.IGNORECASE,
)
_WORD_OF_NAME = re.compile(r"[0-9A-ZÀ-Þ(&+–-]\S*")
"""Words of a sentence are mostly written small; those of a name begin large, or with a digit."""
_KNOWN_FOLDERS = frozenset(
    ("desktop", "documents", "downloads", "public", "startup", "system32", "tasks", "temp")
)
_MOST_WORDS_OF_NAME = 8
_OF_SENTENCES = frozenset(_SENTENCE_WORDS.split())
_NOTHING = frozenset({"/dev/null"})


@dataclass(frozen=True, slots=True)
class PathFound:
    """A path or a key of the registry, and where it stands in the text."""

    value: str
    is_registry: bool
    start: int
    end: int


def find_paths(text: str) -> Iterator[PathFound]:
    """The paths and registry keys of `text`, in order; none of them overlap."""
    done = 0
    for start in _START.finditer(text) if "\\" in text or ":/" in text else ():
        if start.start() < done:
            continue
        found = _read(text, start)
        if found is not None:
            done = found.end
            yield found


def find_unix_paths(text: str) -> Iterator[PathFound]:
    """The absolute paths of Linux and macOS in `text`, in order."""
    for match in _UNIX.finditer(text) if "/" in text else ():
        value = _cut_name(match[0])
        if value not in _NOTHING and value.count("/") > (0 if value.startswith("~") else 1):
            yield PathFound(value, False, match.start(), match.start() + len(value))


def _read(text: str, start: re.Match[str]) -> PathFound | None:
    rest = text[start.end() : start.end() + LONGEST_PATH]
    quote = text[start.start() - 1] if start.start() else ""
    body, is_quoted = _within_quotes(rest, quote)
    is_whole = is_quoted or (not text[: start.start()].strip() and len(body) == len(rest))
    is_registry = start["registry"] is not None
    is_whole = is_whole and "\n" not in text.strip()
    name = _names(body, is_whole=is_whole, names_file=not is_registry)
    if not name and not start["unc"]:
        return None
    value = f"{start[0]}{name}"
    if start["drive"] and not name.strip("\\/"):
        return None
    end = start.end() + len(name)
    return PathFound(_unescaped(value).rstrip("\\ "), is_registry, start.start(), end)


def _unescaped(path: str) -> str:
    """Return a path whose backslashes were doubled, as JSON has them, with single ones."""
    root = "\\\\" if path.startswith("\\\\") else ""
    return root + re.sub(r"\\{2,}", r"\\", path.lstrip("\\") if root else path)


def _within_quotes(rest: str, quote: str) -> tuple[str, bool]:
    """What of `rest` can belong to the path, and whether quotes say where it ends."""
    ends = [place for end in _QUOTES.get(quote, "") if (place := rest.find(end)) >= 0]
    if ends and not _END.search(rest[: min(ends)]):
        return rest[: min(ends)], True
    stop = _END.search(rest)
    return (rest[: stop.start()] if stop else rest), False


def _names(body: str, *, is_whole: bool, names_file: bool) -> str:
    """The part of `body` that names folders and, where it `names_file`, a file."""
    place = 0
    while (end := body.find("\\", place)) >= 0:
        if end > place and not _is_folder(body[place:end]):
            break
        place = end + 1
    last = body[place:]
    if is_whole and "\\" not in last and not _is_told_of(last):
        name = _ARGUMENTS.sub(r"\1", last).rstrip()
    else:
        first = re.split(r"[\s,;（）]", last, maxsplit=1)[0]
        spaced = _spaced_name(last, first) if names_file else None
        name = spaced or _cut_name(first)
    return body[:place] + name


def _is_told_of(last: str) -> bool:
    """Whether a sentence goes on behind the file that `last` begins with."""
    words = _ARGUMENTS.sub(r"\1", last).split()
    if any(word.lower() in _OF_SENTENCES for word in words[1:]):
        return True
    ends = [bool(_ENDING.search(word)) for word in words]
    return any(ends) and not ends[-1]


def _spaced_name(last: str, first: str) -> str | None:
    """The file's name with spaces that `last` begins with, if any; `first` is its first word."""
    if not first or _ENDING.search(first) or first.lower() in _KNOWN_FOLDERS:
        return None
    end = len(first)
    for word in last[end:].split(" ")[1:_MOST_WORDS_OF_NAME]:
        if not _WORD_OF_NAME.match(word) or word.lower() in _OF_SENTENCES:
            return None
        end += 1 + len(word)
        bare = word.rstrip(_TRAILING)
        if _FILE_ENDING.search(bare):
            return last[: end - len(word) + len(bare)]
    return None


def _is_folder(piece: str) -> bool:
    """Whether the text between two backslashes is a folder's name, and no part of a sentence."""
    words = piece.split(" ")
    if len(words) == 1:
        return not _GLUED.search(piece)
    if piece in _WHOLE_FOLDERS:
        return True
    return len(words) <= 7 and not any(
        not word
        or word.lower() in _OF_SENTENCES
        or word[-1] in ".,;"
        or _ENDING.search(word)
        or word.upper().startswith("HKEY_")
        for word in words
    )


def _cut_name(name: str) -> str:
    """Return the name without what follows it in a sentence: punctuation, brackets, kana."""
    if glued := _GLUED.search(name):
        name = name[: glued.end()]
    name = name.rstrip(_TRAILING)
    while (
        name
        and name[-1] in ")]}"
        and name.count(name[-1]) > name.count("([{"[")]}".index(name[-1])])
    ):
        name = name[:-1].rstrip(_TRAILING)
    return name
