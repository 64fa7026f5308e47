"""What takes long and comes out the same every time is made once in a test process.

Every test has an app and a database of its own. Most of the time that takes goes into compiling
addresses, templates and SQL statements, which are the same in all of them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import BaseConverter, Rule
from werkzeug.routing.rules import RulePart


@dataclass(frozen=True)
class CompiledAddress:
    """What Rule.compile() makes of an address; nothing of it belongs to an app."""

    parts: list[RulePart]
    trace: list[tuple[bool, str]]
    converters: dict[str, BaseConverter]
    build: Callable[..., tuple[str, str]]
    build_unknown: Callable[..., tuple[str, str]]

    @classmethod
    def of(cls, rule: Rule) -> "CompiledAddress":
        build, build_unknown = rule._build.__func__, rule._build_unknown.__func__  # type: ignore[attr-defined]
        return cls(rule._parts, rule._trace, rule._converters, build, build_unknown)

    def give(self, rule: Rule) -> None:
        rule._parts, rule._trace, rule._converters = self.parts, self.trace, self.converters
        rule.arguments.update(self.converters)
        rule._build = self.build.__get__(rule, None)
        rule._build_unknown = self.build_unknown.__get__(rule, None)


@contextmanager
def compiled_addresses() -> Iterator[None]:
    """Addresses are compiled once."""
    compile_rule, compiled = Rule.compile, dict[Any, CompiledAddress]()

    def compile_once(rule: Rule) -> None:
        key = (rule.rule, rule.subdomain, rule.host, rule.merge_slashes)
        if key in compiled and not rule.defaults:  # their values would be part of the code
            compiled[key].give(rule)
            return
        compile_rule(rule)
        if not rule.defaults:
            compiled[key] = CompiledAddress.of(rule)

    with patch.object(Rule, "compile", compile_once):
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
MOST_STATEMENTS = 10_000


@contextmanager
def compiled_statements() -> Iterator[None]:
    """SQL is compiled once for each kind of database, whichever engine asks for it.

    An engine keeps what it compiled by its dialect: dialects of one class have to count as one.
    """
    compiled = LRUCache[Any, Any](MOST_STATEMENTS)

    def share(connection: Connection) -> None:
        connection.engine._compiled_cache = compiled

    def is_same(one: DefaultDialect, other: object) -> bool:
        return type(one) is type(other)

    def name_hash(one: DefaultDialect) -> int:
        return hash(one.name)

    event.listen(Engine, "engine_connect", share)
    with ExitStack() as patches:
        for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
            patches.enter_context(patch.object(dialect, "__eq__", is_same))
            patches.enter_context(patch.object(dialect, "__hash__", name_hash))
        yield
    event.remove(Engine, "engine_connect", share)
