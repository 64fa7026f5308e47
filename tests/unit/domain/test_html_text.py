"""The text of HTML reports: all of it, quickly, whatever they look like."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.attacks import attack
from webapp.domain.html_text import html_to_text

SECONDS = 0.5
"""More than ten times what it takes, so that a busy machine does not fail the test."""


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("plain text\n  as it is ", "plain text\n  as it is "),
        ("<p>Persistence in <b>Run</b> key</p>", "Persistence in Run key"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<BR/>three<br />four", "one\ntwo\nthree\nfour"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<table><tr><th>a</th><td>b</td></tr></table>", "a | b"),
        (
            "<table>\n<tr>\n<td>a</td>\n<td>b\n</td></tr><tr><td>c<td>d</table>e",
            "a | b\n\nc | d\n\ne",
        ),
        ("<table><tr><td><p>one</p><p>two</p></td></tr></table>", "one\n\ntwo"),
        ("<tr><td><p>one</p></td><td>a<br>b</td></tr>", "one\n\na\nb"),
        ("<table><tr><td>x<table><tr><td>a<td>b</table>y</td></tr></table>", "x\n\na | b\n\ny"),
        ("<table><tr>a<tr><td>b</tr></table></table>c", "a\n\nb\n\nc"),
        ("<h1>Title</h1>text", "Title\ntext"),
        ("a &lt;b&gt; &amp; &#39;c&#39; &eacute;", "a <b> & 'c' é"),
        ("a &amp;lt; b", "a &lt; b"),
        ("x < y and z > 1", "x < y and z > 1"),
        ("a <- b, a<5, <3", "a <- b, a<5, <3"),
        ("ran <svchost.exe> as <user@host>", "ran <svchost.exe> as <user@host>"),
        ("<a href=\"x?a>b\" title='y>z'>link</a>", "link"),
        ("<p title=don't>text</p>", "text"),
        ('<p title="unclosed>text</p>', "text"),
        ("before<script>alert('<p>')</script>after", "beforeafter"),
        ("before<STYLE type=x>p{}</STYLE >after", "beforeafter"),
        ("<html><head><title>t</title></head><body>text</body></html>", "text"),
        ("<header>text</header>", "text"),
        ("a<!-- <p>hidden</p> -->b", "ab"),
        ("<!DOCTYPE html><?xml version='1.0'?>text", "text"),
        ("<o:p>word</o:p>", "word"),
        ("&#0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"),
        ("<p>\n\n\n\n</p>text", "text"),
        ("a\n\n\n\n\nb &", "a\n\nb &"),
        ("<", "<"),
        ("&", "&"),
        ("", ""),
    ],
)
def test_html_to_text(html, expected):
    assert html_to_text(html) == expected


@pytest.mark.parametrize("opened", ["<script>", "<style>", "<head>", "<template>", "<!--"])
def test_what_never_ends_hides_nothing(opened):
    assert html_to_text(f"<p>one</p>{opened}two<b>three</b>") == "one\ntwothree"
    assert html_to_text(f"{opened}one{opened}two") == "onetwo"


@pytest.mark.parametrize(
    "unit",
    [
        *["<", "<!", "<?", "</", "<a", "<a ", "<a/", "<a =", '<a "', "<a '", "<!--", "<!-", "<!["],
        *["<b>", "<b><i>", "<div>", "</div>", "<li>", "<br>", "<script>", "<style>", "</script"],
        *["<script></script>", "<!-- -->", "<![CDATA[", "<!DOCTYPE ", "&", "&#", "&amp", "&a;"],
        *["\n", " ", "<p>\n", ">", "<>", "--!", "-", '"', "'", "a", "<head>", "<template>", "&#9"],
        *["<tr>", "<td>", "<table>", "<table><tr><td>a", "<tr><td>\n", "</tr>", "</table>"],
        *["</script ", "<a\"'", "<script>\n</scrip"],
    ],
)
@pytest.mark.parametrize("start", ["", '<!--<script><a href="'])
def test_200_kilobytes_of_anything_are_quick(unit, start):
    text = start + unit * (200_000 // len(unit))
    began = time.process_time()  # a busy machine is no failure
    html_to_text(text)
    assert time.process_time() - began < SECONDS


def test_a_reference_with_thousands_of_digits_is_text():
    text = f"&#{'9' * 5_000};"
    assert html_to_text(text) == text


markup = st.lists(
    st.sampled_from(
        [
            *["<p>", "</p>", "<br/>", "<b class='x'>", "</b>", "<li>", "<script>", "</script>"],
            *["<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>"],
            *["<!--", "-->", "<", ">", "&amp;", "&#x3c;", "&", '"', "'", "=", "word", " ", "\n"],
        ]
    ),
    max_size=20,
).map("".join)


@given(st.one_of(markup, attack, st.text()))
def test_it_never_raises_and_never_grows(html):
    text = html_to_text(html)
    assert isinstance(text, str)
    assert len(text) <= len(html)


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), max_size=6))
def test_every_word_of_a_report_survives(texts):
    html = "".join(f"<div><p>{text}</p></div>" for text in texts)
    assert html_to_text(html).split() == texts
