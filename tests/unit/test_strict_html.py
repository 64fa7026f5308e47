"""The parser that looks at every page of the tests refuses what a validator refuses."""

import pytest

from tests.support.strict_html import InvalidHtmlError, parse

PAGE = "<!doctype html><html lang='en'><head><title>t</title></head><body>{}</body></html>"


@pytest.mark.parametrize(
    "body",
    [
        "<p>a<div>b</div></p>",
        "<ul><li>a</ul></p>",
        "<div id=a id=b></div>",
        "<table><div></div></table>",
        "<b><i></b></i>",
        "<span>",
        "<form><form></form></form>",
        "<button><button></button></button>",
        "<div/>",
        '<p class="a"b="c"></p>',
        "&nosuch;",
        "<p>&copy</p>",
        "<a href='x'>a<a href='y'>b</a></a>",
    ],
)
def test_a_broken_page_is_refused(body: str) -> None:
    with pytest.raises(InvalidHtmlError):
        parse(PAGE.format(body))


def test_a_page_without_a_doctype_is_refused() -> None:
    with pytest.raises(InvalidHtmlError):
        parse("<p>a</p>")


def test_text_stands_before_between_and_behind_elements() -> None:
    body = next(parse(PAGE.format("a<b>b</b>c<!-- no --><svg><path d='M0'/></svg>d")).iter("body"))
    assert (body.text, body[0].text, body[0].tail, body[1].tail) == ("a", "b", "c", "d")
    assert body[1][0].tag == "{http://www.w3.org/2000/svg}path"
    assert body[1][0].attrib == {"d": "M0"}
