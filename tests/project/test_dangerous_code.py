"""Nothing in the product evaluates or unpickles input, or lets a shell read it."""

import ast

from tests.support.source_tree import modules

CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput"}
MODULES = {"pickle", "marshal", "shelve", "dill", "xml", "lxml", "yaml", "telnetlib", "ftplib"}
UNCHECKED = {"verify": False, "shell": True, "check_hostname": False}
INSECURE_RANDOM = {"random"}


def dangers_in(tree: ast.AST) -> list[str]:
    """What is dangerous in a module, by line."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in CALLS:
                found.append(f"{node.lineno} {name}()")
            found += [
                f"{node.lineno} {word.arg}={word.value.value}"
                for word in node.keywords
                if isinstance(word.value, ast.Constant)
                and word.arg in UNCHECKED
                and word.value.value is UNCHECKED[word.arg]
            ]
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [f"{node.lineno} import {name}" for name in names if name.split(".")[0] in MODULES]
    return found


def test_the_product_does_nothing_of_the_kind() -> None:
    found = {
        name: dangers for name, module in modules().items() if (dangers := dangers_in(module.tree))
    }
    assert found == {}


def test_the_check_knows_it_when_it_sees_it() -> None:
    code = """
import pickle, yaml
from xml.etree import ElementTree
eval("1")
os.system("ls")
subprocess.run("ls", shell=True)
requests.get(url, verify=False)
"""
    assert len(dangers_in(ast.parse(code))) == 7


def test_secrets_do_not_come_from_the_wrong_generator() -> None:
    """`random` may shuffle and spread waiting times; what is a secret comes from `secrets`."""
    users = {
        name
        for name, module in modules().items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import) and INSECURE_RANDOM & {one.name for one in node.names}
    }
    assert not {name for name in users if ".people" in name or "crypto" in name or ".keys" in name}


PATTERNS = {f"re.{name}" for name in ("compile", "match", "search", "fullmatch", "sub", "findall")}
NOT_FIXED = {
    "webapp.domain.security.key_strength": {"re.compile"},  # a list of words above it
    "webapp.domain.html_text": {"re.compile"},  # the names of four elements
    "webapp.domain.searching.snippets": {"re.compile"},  # words of a search, escaped
    "webapp.domain.ticket_title": {"re.compile"},  # constants, escaped
    "webapp.outbound.check_settings": {"re.compile"},  # from the table of the kinds of targets
    "webapp.huntress.simulator.catalog": {"serial.format"},  # from the catalogue of made-up hosts
    "webapp.outbound.http_refusals": {"sentence.format"},  # tables above it
    "webapp.runtime.logging_setup": {"super().format"},  # a method of logging
}
"""Where what is made is not written beside it, and why it is no input all the same."""


def _is_fixed(node: ast.expr) -> bool:
    """Whether a text is written where it is used, or is a constant of its module."""
    if isinstance(node, ast.Name):
        return node.id.isupper()
    if isinstance(node, ast.Subscript):  # a row of a table of constants
        return _is_fixed(node.value)
    if isinstance(node, ast.JoinedStr):
        values = [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
        return all(_is_fixed(value) for value in values)
    if isinstance(node, ast.BinOp):
        return _is_fixed(node.left) and _is_fixed(node.right)
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        return called == "re.escape" or (called == "Markup" and _is_fixed(node.args[0]))
    return isinstance(node, ast.Constant)


def made_from_input(tree: ast.AST) -> list[str]:
    """Patterns, templates and formats that are not written where they are used."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        is_format = isinstance(node.func, ast.Attribute) and node.func.attr == "format"
        if (
            (called in PATTERNS and not _is_fixed(node.args[0]))
            or (is_format and not _is_fixed(node.func.value))  # type: ignore[attr-defined]
            or called.rpartition(".")[2] in ("render_template_string", "from_string")
        ):
            found.append(called)
    return found


def test_no_pattern_template_or_format_is_made_from_input() -> None:
    found = {
        name: left
        for name, module in modules().items()
        if (left := set(made_from_input(module.tree)) - NOT_FIXED.get(name, set()))
    }
    assert found == {}


def test_what_is_made_from_input_is_seen() -> None:
    code = "re.match(typed, x); typed.format(x); render_template_string(typed); re.sub('x', y, z)"
    assert len(made_from_input(ast.parse(code))) == 3
