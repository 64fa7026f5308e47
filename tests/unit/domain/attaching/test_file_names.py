"""Names of files: whatever is sent, what is stored is a plain name, and the header is sound."""

import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.attaching.file_names import NAME_LENGTH, clean_file_name, write_disposition


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        (r"C:\Users\Public\evil.exe", "evil.exe"),
        (r"\\server\share\x.txt", "x.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\x00b\r\nSet-Cookie: x.txt", "ab Set-Cookie_ x.txt"),
        ("zero\u200bwidth\u00ad.txt", "zerowidth.txt"),
        ('<img src=x onerror="alert(1)">.png', "_img src=x onerror=_alert(1)__.png"),
        (".htaccess", "htaccess"),
        ("..", "file"),
        ("", "file"),
        (None, "file"),
        ("dir/", "file"),
        ("con.txt", "_con.txt"),
        ("LPT1", "_LPT1"),
        ("name. ", "name"),
        ("Müller Łódź 東雲.docx", "Müller Łódź 東雲.docx"),
    ],
)
def test_names_are_cleaned(sent: object, name: str) -> None:
    assert clean_file_name(sent) == name


def test_long_names_keep_their_ending() -> None:
    name = clean_file_name("x" * 400 + ".pcapng")
    assert len(name) == NAME_LENGTH
    assert name.endswith("….pcapng")


@given(st.text(max_size=300))
def test_whatever_is_sent_becomes_a_plain_name(sent: str) -> None:
    name = clean_file_name(sent)
    assert 0 < len(name) <= NAME_LENGTH
    assert not set(name) & set('/\\<>:"|?*\r\n\t\0')
    assert name not in (".", "..")
    assert not any(unicodedata.category(one) in ("Cc", "Cf", "Cs") for one in name)


@given(st.text(max_size=200))
def test_the_header_is_one_line_of_ascii_and_says_the_name(sent: str) -> None:
    name = clean_file_name(sent)
    header = write_disposition(name)
    found = re.fullmatch(r"attachment; filename=\"([ -~]*)\"; filename\*=UTF-8''(\S*)", header)
    assert found is not None
    assert '"' not in found[1]
    assert "\\" not in found[1]
    assert unquote(found[2]) == name
    assert re.fullmatch(r"(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})*", found[2])
