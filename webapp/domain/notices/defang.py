"""Addresses that somebody else wrote, so that no mail program or phone makes a link of them."""

import re

from webapp.domain.untrusted import clean_line

_WEB = re.compile(r"(?i)\bhttp(s?):")
_OTHER = re.compile(r"(?i)\b(ftps?|sftp|wss?|file|mailto|tel|smb|ssh|data|javascript):")
_AT = re.compile(r"(?<=[^\s\[])@(?=[^\s\]])")
_DOTTED = re.compile(r"(?:[^\W_][\w-]*\.)+[^\W_][\w-]+")
_IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
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
    word = _IP_ADDRESS.sub(lambda match: match[0].replace(".", "[.]"), word)
    return _DOTTED.sub(lambda match: _defang_name(match[0], word), word)


def _defang_name(name: str, word: str) -> str:
    """Return a name with dots, which are marked if it may be an address."""
    last = name.rpartition(".")[2]
    is_number = last.isdigit()
    is_file = last.lower() in _FILE_ENDINGS and "/" not in word and "@" not in word
    return name if is_number or is_file else name.replace(".", "[.]")
