"""Markdown of others becomes HTML that can do nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.portal_link import build_portal_url
from webapp.services.tickets.render_markdown import render_markdown

REL = 'rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo", "<p>one<br>two</p>"),
        (
            "**bold** *thin* `code`",
            "<p><strong>bold</strong> <em>thin</em> <code>code</code></p>",
        ),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a", '<ol start="3"><li>a</li></ol>'),
        ("> said", "<blockquote><p>said</p></blockquote>"),
        ("```py\nx<y\n```", "<pre><code>x&lt;y\n</code></pre>"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
        ("&lt;b&gt;", "<p>&lt;b&gt;</p>"),
        ("---", "<hr>"),
        ("", ""),
    ],
)
def test_markdown(text: str, html: str) -> None:
    assert render_markdown(text) == html


@pytest.mark.parametrize(
    ("shift", "levels"), [(0, ["h1", "h2", "h6"]), (2, ["h3", "h4", "h6"]), (9, ["h6", "h6", "h6"])]
)
def test_headings_move_below_those_of_the_page(shift: int, levels: list[str]) -> None:
    html = render_markdown("# a\n\n## b\n\n###### c", heading_shift=shift)
    assert re.findall(r"<(h\d)>", html) == levels


def test_links_that_were_written_as_such_are_live_and_marked() -> None:
    url = build_portal_url("acme", 17)
    assert render_markdown(f"[portal]({url})") == f'<p><a href="{url}" {REL}>portal</a></p>'


@pytest.mark.parametrize(
    "text",
    [
        "http://evil.example and www.evil.example",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,1)",
        "[x](vbscript:x)",
        "[x](file:///etc/passwd)",
        "[x](mailto:a@b.example)",
        "[x](ftp://evil.example)",
        "[x](//evil.example)",
        "[x](/tickets/1)",
        "[x](#anchor)",
        "<javascript:alert(1)>",
    ],
)
def test_no_other_address_is_live(text: str) -> None:
    assert "href" not in render_markdown(text)


@pytest.mark.parametrize(
    "text", ["![x](https://evil.example/p.png)", '<img src="https://evil.example/p.png">']
)
def test_there_are_no_images(text: str) -> None:
    assert "<img" not in render_markdown(text)


def test_a_title_of_a_link_is_dropped() -> None:
    assert "title" not in render_markdown('[x](https://a.example "Your bank")')


@given(st.text(alphabet="<>[]()!`*_#&;:/'\"= \nabcjavscript0", max_size=60))
def test_whatever_it_says_nothing_runs(text: str) -> None:
    html = render_markdown(text)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html.lower()
