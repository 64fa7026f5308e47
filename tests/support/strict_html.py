"""HTML as a validator reads it, by the parser of the HTML standard that browsers share."""

from xml.etree.ElementTree import Element, fromstring

from markupever import HtmlOptions, Parser

XHTML = "{http://www.w3.org/1999/xhtml}"
LESS_THAN = "\ue000"
"""Stands for < on the way: the parser writes it as it is in attributes, which no XML allows."""


class InvalidHtmlError(ValueError):
    """A validator would complain about this page while it parses it."""


def parse(html: str) -> Element:
    """Return the element `html` of a page. Raise InvalidHtmlError with all that is wrong.

    HTML's own elements have their plain name; those of SVG have their namespace before it. Comments
    are left out.
    """
    parser = Parser(HtmlOptions(exact_errors=True))
    parser.process(html.replace("&lt;", LESS_THAN))
    parser.finish()
    if errors := parser.errors():
        raise InvalidHtmlError("; ".join(errors))
    # As XML, ElementTree reads it in a quarter of the time that copying node by node takes.
    tree = fromstring(parser.into_dom().serialize(is_html=False).replace(LESS_THAN, "&lt;"))
    for element in tree.iter():
        element.tag = element.tag.removeprefix(XHTML)
    return tree
