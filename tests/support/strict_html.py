"""HTML as a validator reads it, by the parser of the HTML standard that browsers share."""

from typing import Any
from xml.etree.ElementTree import Element, SubElement

from markupever import HtmlOptions, Parser
from markupever import dom as parsed

XHTML = "http://www.w3.org/1999/xhtml"


class InvalidHtmlError(ValueError):
    """A validator would complain about this page while it parses it."""


def parse(html: str) -> Element:
    """Return the element `html` of a page. Raise InvalidHtmlError with all that is wrong."""
    parser = Parser(HtmlOptions(exact_errors=True))
    parser.process(html)
    parser.finish()
    if errors := parser.errors():
        raise InvalidHtmlError("; ".join(errors))
    document = Element("document")
    _build(parser.into_dom().root(), document)
    return next(document.iter("html"))


def _build(node: parsed.BaseNode[Any], parent: Element) -> None:
    """Copy the elements and the text below `node` to `parent`; comments are left out."""
    last: Element | None = None
    for child in node.children():
        if isinstance(child, parsed.Text):
            if last is None:
                parent.text = (parent.text or "") + child.content
            else:
                last.tail = (last.tail or "") + child.content
        elif isinstance(child, parsed.Element):
            attributes = {name.local: value for name, value in child.attrs.items()}
            last = SubElement(parent, _tag(child.name), attributes)
            _build(child, last)


def _tag(name: parsed.QualName) -> str:
    """The name of HTML's own elements; those of SVG have their namespace before it."""
    return name.local if name.ns == XHTML else f"{{{name.ns}}}{name.local}"
