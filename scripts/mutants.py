"""Finds what can be broken in a Python file, one small change at a time; scripts/mutate.py tries the changes."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

COMPARED: Mapping[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
}
CALLED = {"max": "min", "min": "max", "any": "all", "all": "any"}


class Mutant(NamedTuple):
    """A change of some bytes of a file. `text` is the line, `nth` tells apart what else is changed alike in it."""

    file: str
    line: int
    text: str
    before: str
    after: str
    nth: int
    start: int
    end: int

    def applied(self, source: bytes) -> bytes:
        """The file with the change made."""
        return source[: self.start] + self.after.encode() + source[self.end :]

    @property
    def change(self) -> str:
        """What a reason names it by, with its line's text: line numbers do not last."""
        after = f"without {self.before}" if not self.after else f"{self.before} → {self.after}"
        return " ".join(after.split()) + f", the {self.nth + 1}. time" * bool(self.nth)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}\n    {self.change}"


class Mutants(ast.NodeVisitor):
    """Finds all mutants of a file."""

    def __init__(self, file: str, source: bytes) -> None:
        self._file, self._source, self._deep = file, source, False
        self._lines = [0, *(match.end() for match in re.finditer(rb"\n", source))]
        self.found: list[Mutant] = []
        self.visit(ast.parse(source))

    def _at(self, line: int | None, column: int | None) -> int:
        return self._lines[(line or 1) - 1] + (column or 0)

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _add(self, start: int, end: int, after: str) -> None:
        before, line = self._source[start:end].decode(), self._source.count(b"\n", 0, start) + 1
        text = self._source.split(b"\n")[line - 1].decode().strip()
        alike = [other for other in self.found if (other.line, other.before, other.after) == (line, before, after)]
        self.found.append(Mutant(self._file, line, text, before, after, len(alike), start, end))

    def _word(self, start: int, end: int, word: str, after: str) -> None:
        """Change an operator between two expressions."""
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)".encode(), self._source[start:end])
        if found is None:
            raise ValueError(f"no {word} in {self._file} at {start}")
        self._add(start + found.start(), start + found.end(), after)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Limits are those of the module."""
        outside, self._deep = self._deep, True
        self.generic_visit(node)
        self._deep = outside

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Sentences are not checks."""

    def visit_Compare(self, node: ast.Compare) -> None:
        """Turn each comparison, and move those with an edge by one."""
        sides = (node.left, *node.comparators)
        for left, operator, right in zip(sides, node.ops, node.comparators, strict=False):
            word, others = COMPARED[type(operator)]
            for other in others:
                self._word(self._span(left)[1], self._span(right)[0], word, other)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Make `or` of `and`, and the reverse."""
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._word(self._span(left)[1], self._span(right)[0], word, other)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Drop a `not`."""
        if isinstance(node.op, ast.Not):
            self._add(self._span(node)[0], self._span(node.operand)[0], "")
        self.generic_visit(node)

    def _condition(self, test: ast.expr) -> None:
        """Negate a condition that is not made of comparisons, which are turned themselves."""
        if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            start, end = self._span(test)
            self._add(start, end, f"not ({self._source[start:end].decode()})")

    def visit_If(self, node: ast.If | ast.IfExp | ast.While) -> None:
        """Negate a condition."""
        self._condition(node.test)
        self.generic_visit(node)

    visit_IfExp = visit_While = visit_If

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Negate the conditions of a comprehension."""
        for test in node.ifs:
            self._condition(test)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Drop an error."""
        self._add(*self._span(node), "pass")

    def visit_Expr(self, node: ast.Expr) -> None:
        """Drop a call whose result nobody takes."""
        if isinstance(node.value, ast.Call):
            self._add(*self._span(node), "pass")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Take the other of two built-ins that are easily confused."""
        if isinstance(node.func, ast.Name) and node.func.id in CALLED:
            self._add(*self._span(node.func), CALLED[node.func.id])
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """A limit of the module, or a table of them."""
        if not self._deep:
            for value in _parts(node.value):
                if _is_number(value):
                    start, end = self._span(value)
                    self._add(start, end, f"({self._source[start:end].decode()}) + 1")
        self.generic_visit(node)


def _parts(value: ast.expr) -> Sequence[ast.expr]:
    if isinstance(value, ast.Dict):
        return value.values
    return value.elts if isinstance(value, ast.Tuple) else [value]


def _is_number(value: ast.expr) -> bool:
    """Whether this is a sum or product of numbers, named or not; but no string, and no mere name."""
    if isinstance(value, ast.BinOp):
        return all(_is_number(side) or isinstance(side, ast.Name) for side in (value.left, value.right))
    return isinstance(value, ast.Constant) and isinstance(value.value, int)
