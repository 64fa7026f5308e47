"""What takes long and comes out the same every time is made once in a test process.

Every test has an app of its own. Most of the time that takes goes into compiling its addresses and
its templates, which are the same in all of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule


@contextmanager
def compiled_addresses() -> Iterator[None]:
    """The functions that build addresses are compiled once; they keep nothing of their app."""
    compile_builder, compiled = Rule._compile_builder, dict[Any, Callable[..., tuple[str, str]]]()

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if rule.defaults:  # their values would be part of the code
            return compile_builder(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    with patch.object(Rule, "_compile_builder", compile_once):
        yield


class CompiledTemplates(BytecodeCache):
    """Templates are compiled once."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED_TEMPLATES = CompiledTemplates()
