"""HTML as a validator reads it."""

from xml.etree.ElementTree import Element

import html5lib


def parse(html: str) -> Element:
    """Parse HTML; anything a validator would complain about while parsing raises."""
    parser = html5lib.HTMLParser(
        tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False, strict=True
    )
    root: Element = parser.parse(html)
    return root
