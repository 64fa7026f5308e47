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
