"""Addresses that somebody else wrote, so that no mail program or phone makes a link of them."""

import re

from webapp.domain.untrusted import clean_line

_WEB = re.compile(r"(?i)\bhttp(s?):")
_OTHER = re.compile(r"(?i)\b(ftps?|sftp|wss?|file|mailto|tel|smb|ssh|data|javascript):")
_AT = re.compile(r"(?<=[^\s\[])@(?=[^\s\]])")
_DOT = re.compile(r"(?<=[\w\]])\.(?=[^\W_])")
_NUMBER = re.compile(r"^\d+$")
_FILE_ENDINGS = frozenset(
    {
        *("exe", "dll", "ps1", "bat", "cmd", "vbs", "js", "jse", "hta", "lnk", "msi", "scr", "sys"),
        *("txt", "log", "rar", "7z", "iso", "img", "doc", "docx", "docm", "xls", "xlsx"),
        *("xlsm", "pdf", "rtf", "xml", "json", "jar", "dat", "tmp", "bin", "db", "ini"),
    }
)


def defang(text: str) -> str:
    """Return `text` in which no address is one any more: `hxxps[:]//evil[.]example`.

    Names of files (`evil.exe`) and numbers (`1.5`) that are no addresses stay as they are.
    """
    return " ".join(_defang_word(word) for word in text.split(" "))


def defang_line(value: object, limit: int) -> str:
    """Return one cleaned line without live addresses, at most `limit` characters long."""
    line = clean_line(value, limit)
    return "" if line is None else clean_line(defang(line), limit) or ""


def _defang_word(word: str) -> str:
    word = _AT.sub("[@]", _OTHER.sub(r"\1[:]", _WEB.sub(r"hxxp\1[:]", word)))
    if "." in word and not _is_plain(word):
        word = _DOT.sub("[.]", word)
    return word


def _is_plain(word: str) -> bool:
    """Whether the dots of a word make no address: a sentence's end, a version, a file's name."""
    core = word.strip("()[]{}<>,;:!?\"'“”‘’.…")
    parts = core.split(".")
    if len(parts) == 2 and (_NUMBER.match(parts[0]) and _NUMBER.match(parts[1])):
        return True
    is_path = "\\" in core
    return parts[-1].lower() in _FILE_ENDINGS and "/" not in core and (is_path or len(parts) <= 3)
