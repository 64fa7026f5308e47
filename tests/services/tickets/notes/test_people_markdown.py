"""What people write is shown as they typed it: Markdown never alters evidence."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.support.attacks import attack
from webapp.domain.triage.mentions import MentionBook, Person
from webapp.services.tickets.render_markdown import Dialect, find_mentioned, render_markdown

NEW_TAB = 'target="_blank" rel="noopener noreferrer nofollow"'
BOOK = MentionBook((Person(1, "Anna Smith", "anna@msp.example"),))


def person(text: str, dialect: Dialect = Dialect.PERSON) -> str:
    return render_markdown(text, dialect=dialect, people=BOOK)


class _Text(HTMLParser):
    """What a reader sees and a selection copies: the words, a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "p", "li", "pre", "tr", "td", "th", "hr", "blockquote"):
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        self.text += data


def copied(text: str) -> str:
    parser = _Text()
    parser.feed(person(text))
    parser.close()
    return parser.text


@pytest.mark.parametrize(
    "text",
    [
        r"C:\Users\Public\!README",
        r"\\server\share and \\?\C:\x",
        r"\* \_ \# \[x\] \`",
        r"del C:\*.exe and D:\*.dll",
        "*.exe or *.dll",
        "__init__.py, __EventFilter, _private_",
        "5*3*2 and a * b * c",
        "PROGRA~1 ~~~ x~~y~~z",
        "&lt;b&gt; &amp; &#35; &copy;",
        "<script>alert(1)</script> <!-- x -->",
        "[1]: https://evil.example",
        "[x][y] [z] [w](C:\\x) [w](javascript:alert(1)) [ok]( https://a.example)",
        "![p](file:///x) ![x]",
        "x\n===\ny",
        "----   ---",
        "a | b\n--|--\n1 | 2 | lost?",
        "<admin@evil.example>",
        "two  spaces   stay",
        r"HKLM\SOFTWARE\Microsoft\Windows NT\*",
        "powershell -enc SQBFAFgA== | iex",
        "user@host:~$ ls -la",
        'echo "a\\nb" > /dev/null',
        "\\",
    ],
)
def test_evidence_stays_as_it_was_typed(text: str) -> None:
    assert copied(text).strip() == text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo", "<p>one<br>two</p>"),
        ("**b** *e* ~~s~~ `c`", "<p><strong>b</strong> <em>e</em> <s>s</s> <code>c</code></p>"),
        ("(*a*), **b**.", "<p>(<em>a</em>), <strong>b</strong>.</p>"),
        ("`C:\\x\\`", "<p><code>C:\\x\\</code></p>"),
        ("- [ ] a\n- [x] b", '<ul><li class="task">☐ a</li><li class="task">☑ b</li></ul>'),
        ("3. a\n7. b", '<ol start="3"><li value="3">a</li><li value="7">b</li></ol>'),
        (
            "a|b\n-|-\nC:\\|d",
            "<table><thead><tr><th>a</th><th>b</th></tr></thead>"
            "<tbody><tr><td>C:\\</td><td>d</td></tr></tbody></table>",
        ),
        ("```powershell\nx\n```", "<pre><code>x\n</code></pre>"),
        ("```whoami /all\nx\n```", "<pre><code>whoami /all\nx\n</code></pre>"),
        ("a\n---", "<p>a</p><hr>"),
        ("# a", "<h1>a</h1>"),
    ],
)
def test_what_is_meant_as_markdown_is(text: str, html: str) -> None:
    assert person(text) == html


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://a.example/b_c_d?e=1&copy=2.", "https://a.example/b_c_d?e=1&amp;copy=2"),
        ("(HTTP://A.example/x)", "HTTP://A.example/x"),
        ("https://a.example/x(1) y", "https://a.example/x(1)"),
        ("**https://a.example**", "https://a.example"),
        ("<https://a.example>", "https://a.example"),
    ],
)
def test_addresses_of_people_are_live(text: str, url: str) -> None:
    assert f">{url}</a>" in person(text)
    assert NEW_TAB in person(text)


def test_what_a_machine_wrote_is_not_live_even_if_a_person_edited_it() -> None:
    for dialect in (Dialect.MIXED, Dialect.MACHINE):
        assert "href" not in person("https://evil.example [x][y]\n\nx", dialect)
    assert "href" in person("[portal](https://a.example)", Dialect.MIXED)


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x](https:javascript:alert(1))",
        "- [ ] [x](data:text/html,1)",
        "a|b\n-|-\n[x](vbscript:x)|<img src=x onerror=alert(1)>",
        "[x](//evil.example)",
        "<javascript:alert(1)>",
        "[x](mailto:a@b.example) x@y.example www.evil.example ftp://evil.example",
        "xhttps://evil.example https:// http://.",
        "[https://](javascript:alert(1))",
    ],
)
def test_no_other_address_is_live(text: str) -> None:
    assert "href" not in person(text)


def test_a_link_holds_no_link() -> None:
    html = person("[a https://b.example [c](https://d.example)](https://e.example)")
    assert not re.search(r"<a [^<]*<a ", html)


def test_who_is_mentioned_is_highlighted_but_not_in_code() -> None:
    assert '<span class="mention">@anna</span>' in person("ask @anna.")
    for text in ("`@anna`", "```\n@anna\n```", "    @anna", "x@anna.example", "anna@msp.example"):
        assert "mention" not in person(text)
        assert not find_mentioned(text, BOOK)
    assert find_mentioned("- **@anna**\n> @Anna Smith", BOOK) == {1}


KEPT = re.compile(r"[^\W\dxX_]|[\\&;@%$^{}/\"'?!=]")
"""Characters that no Markdown takes as a mark, besides those of a link that is written out."""


@given(attack)
@example("~~~\nfence")
@example("1. one\n3. three\n10) ten")
def test_no_character_is_lost_that_is_no_mark(text: str) -> None:
    assume("](http" not in text.lower())
    assume("\0" not in text)
    assert KEPT.findall(copied(text)) == KEPT.findall(text)


@given(st.text(alphabet="<>[]()!`*_#&;:/'\"= \nabcjavscript0\\|-~@", max_size=60))
def test_whatever_it_says_nothing_runs(text: str) -> None:
    html = person(text)
    assert not re.search(
        r"<(?!/?(?:a|p|em|strong|s|code|pre|li|ul|ol|h\d|hr|br|t\w+|span|block))", html
    )
    assert not re.search(r'href="(?!https?:)', html)
    assert not re.search(r"<[^>]* on\w+=", html)
