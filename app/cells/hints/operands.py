"""Finds the expression in a cell that raised an error, and looks up the values in it without running it.

Only lookups that cannot run the reader's code are made: names, stored attributes, and plain indices of arrays and
lists. An expression that could run code (a call, a property, an operator of another type) has the value `UNKNOWN`.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import itertools
import linecache
import types
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffusion_lab.app.cells.outputs import CELL

#: The value of an expression that cannot be looked up.
UNKNOWN: Any = object()


@dataclass(frozen=True)
class Place:
    """The origin of an error: the innermost frame in a cell, the expression in it, and its line."""

    frame: types.FrameType
    node: ast.AST | None
    line: int

    def value(self, node: ast.AST) -> Any:
        """Returns the value of an expression; `UNKNOWN` if finding it would need to run code."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                for scope in (self.frame.f_locals, self.frame.f_globals, vars(builtins)):
                    if node.id in scope:
                        return scope[node.id]
            case ast.Attribute():
                return attribute(self.value(node.value), node.attr)
            case ast.Subscript():
                array, index = self.value(node.value), self._index(node.slice)
                if type(array) in (np.ndarray, list, tuple) and index is not UNKNOWN:
                    try:
                        return array[index]
                    except (IndexError, TypeError):
                        return UNKNOWN
            case ast.UnaryOp(op=ast.USub()):
                number = self.value(node.operand)
                return -number if type(number) in (int, float) else UNKNOWN
        return UNKNOWN

    def shape(self, node: ast.AST) -> tuple[int, ...] | None:
        """Returns the shape that NumPy gives an expression; None if unknown."""
        if isinstance(node, ast.BinOp):
            left, right = self.shape(node.left), self.shape(node.right)
            if left is None or right is None or isinstance(node.op, ast.MatMult):
                return None
            try:
                return np.broadcast_shapes(left, right)
            except ValueError:
                return None
        if isinstance(node, ast.UnaryOp):
            return self.shape(node.operand)
        if isinstance(node, ast.List | ast.Tuple):
            inner = {self.shape(item) for item in node.elts}
            return (len(node.elts),) if inner <= {()} else None
        value = self.value(node)
        if isinstance(value, np.ndarray | np.generic):
            return value.shape
        if type(value) in (int, float, bool, complex):
            return ()
        if type(value) in (list, tuple) and all(type(item) in (int, float) for item in value):
            return (len(value),)
        return None

    def _index(self, node: ast.AST) -> Any:
        """Returns an index made of integers, slices, `None` and `...`; `UNKNOWN` for any other."""
        if isinstance(node, ast.Tuple):
            parts = tuple(self._index(part) for part in node.elts)
            return UNKNOWN if UNKNOWN in parts else parts
        if isinstance(node, ast.Slice):
            ends = [None if end is None else self._index(end) for end in (node.lower, node.upper, node.step)]
            return UNKNOWN if UNKNOWN in ends else slice(*ends)
        value = self.value(node)
        return value if value is None or value is ... or type(value) is int else UNKNOWN


def operands_of(node: ast.AST | None) -> tuple[ast.AST, ast.AST] | None:
    """Returns the two operands of an expression that combines two values; None for any other."""
    match node:
        case ast.BinOp():
            return node.left, node.right
        case ast.AugAssign():
            return node.target, node.value
        case ast.Compare(comparators=[right]):
            return node.left, right
        case ast.Assign(targets=[ast.Subscript() as target]):
            return target, node.value
        case ast.Call(args=[left, right]):
            return left, right
    return None


def find_place(error: BaseException) -> Place | None:
    """Returns the place in the reader's cells where `error` was raised; None if no cell is in its traceback."""
    step, found = error.__traceback__, None
    while step is not None:
        if step.tb_frame.f_code.co_filename.startswith(CELL):
            found = step
        step = step.tb_next
    if found is None:
        return None
    code = found.tb_frame.f_code
    position = next(itertools.islice(code.co_positions(), found.tb_lasti // 2, None), None)
    node = _node_at("".join(linecache.getlines(code.co_filename)), position)
    return Place(found.tb_frame, node, found.tb_lineno or 0)


def _node_at(source: str, position: tuple[int | None, ...] | None) -> ast.AST | None:
    """Returns the innermost syntax tree node at `position` (line, end line, column, end column).

    For the target of an assignment it returns the assignment.
    """
    found = None
    tree = ast.parse(source)
    for node in ast.walk(tree):  # outer parts come first
        own = tuple(getattr(node, name, None) for name in ("lineno", "end_lineno", "col_offset", "end_col_offset"))
        if own == position:
            found = node
    if isinstance(getattr(found, "ctx", None), ast.Store):  # the assignment failed
        return next((n for n in ast.walk(tree) if isinstance(n, ast.Assign) and found in n.targets), found)
    return found


def attribute(owner: Any, name: str) -> Any:
    """Returns the attribute `name` of `owner` by static lookup; `UNKNOWN` if that would need to run a property."""
    if owner is UNKNOWN:
        return UNKNOWN
    if isinstance(owner, types.ModuleType):
        return vars(owner).get(name, UNKNOWN)
    if type(owner) is np.ndarray:  # its attributes run no code of the reader
        return getattr(owner, name, UNKNOWN)
    found = inspect.getattr_static(owner, name, UNKNOWN)
    if isinstance(found, staticmethod):
        return found.__func__
    if isinstance(owner, type):
        return found
    if isinstance(found, types.FunctionType):
        return types.MethodType(found, owner)
    binds = inspect.getattr_static(type(found), "__get__", None)
    if callable(found) and isinstance(binds, types.WrapperDescriptorType):  # a compiled method
        return found.__get__(owner, type(owner))
    return found if binds is None else UNKNOWN


def names_made(code: str) -> dict[str, int]:
    """Returns name → first line that defines it, for a cell's top-level names; {} for code with a syntax error."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return {}
    made: dict[str, int] = {}
    for node in _outside_functions(tree):
        for name in _bound(node):
            made.setdefault(name, node.lineno)  # type: ignore[attr-defined]
    return made


def _outside_functions(tree: ast.AST) -> list[ast.AST]:
    """Returns the nodes of a tree in source order, without those inside functions, classes and comprehensions."""
    inside: tuple[type[ast.AST], ...] = (
        ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda,
        ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
    )  # fmt: skip
    found = []
    for node in ast.iter_child_nodes(tree):
        found.append(node)
        if not isinstance(node, inside):
            found += _outside_functions(node)
    return found


def _bound(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names if alias.name != "*"]
    return []
