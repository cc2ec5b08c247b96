"""Mutation testing of the exercises' own tests: `python -m tests.mutants [TOPIC...]`, or `make mutants`.

Each function of a solution is changed in one place (an operator, a constant, a comparison, a default, an axis, a call,
a condition, a statement left out) and graded by its exercise's test. A mutant that keeps its points is a survivor:
either the test is too weak, or the mutant computes the same and says why in `tests/equivalent_mutants/<topic>.toml`:

    [[mutant]]
    function = "step_regime"
    change = "if lr < 1 / curvature: -> if lr <= 1 / curvature:"
    why = "equality was returned two lines above"

Exit status 1 where a survivor has no such record. The libraries for this (mutmut, cosmic-ray) change modules on disk and
run a test command for each mutant; functions that live in notebook cells would need both built around them, and a
process for each of a thousand mutants.
"""

import argparse
import ast
import copy
import os
import signal
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: two workers share two cores

from autograde import cells, course  # noqa: E402

SECONDS = 10  # for one mutant: a dropped `i += 1` never ends
RECORDS = Path(__file__).parent / "equivalent_mutants"

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
NAMES = {
    "maximum": "minimum",
    "minimum": "maximum",
    "max": "min",
    "min": "max",
    "sum": "mean",
    "mean": "sum",
    "any": "all",
    "all": "any",
    "floor": "ceil",
    "sin": "cos",
    "cos": "sin",
    "zeros": "ones",
    "ones": "zeros",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "var": "std",
    "std": "var",
    "log": "log1p",
    "exp": "expm1",
    "norm": "det",
    "log2": "log",
    "uniform": "normal",
    "normal": "uniform",
    "argmin": "argmax",
    "argmax": "argmin",
    "svd": "eigh",
    "inf": "nan",
}


class OutOfTime(BaseException):
    """Raised by the alarm; not an Exception, so that no `except` in between swallows it."""


def variants_of(node: ast.AST) -> Iterator[ast.AST | None]:
    """The nodes that may stand in place of `node`; None where it may be left out."""
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in SWAPS:
        yield _with(node, op=SWAPS[type(node.op)]())
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            for other in COMPARISONS.get(type(op), ()):
                yield _with(node, ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        yield from node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
        yield node.operand
    if isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in _other_constants(node.value))
    if isinstance(node, ast.Call):
        if (
            node.args
            and len(node.args) <= 2
            and not isinstance(node.args[0], (ast.Starred, ast.GeneratorExp))
        ):
            yield node.args[0]  # the call left out
        if not node.args and isinstance(node.func, ast.Attribute):
            yield node.func.value  # x.copy() -> x
        for i in range(len(node.keywords)):
            yield _with(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield _with(node, attr=NAMES[node.attr])
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in NAMES:
        yield ast.Name(NAMES[node.id], ast.Load())
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield _with(node, test=ast.Constant(False))
        if not isinstance(node, ast.While):
            yield _with(node, test=ast.Constant(True))
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr, ast.Raise, ast.Break, ast.Continue)):
        yield ast.Pass()
    if isinstance(node, ast.Return) and node.value is not None and isinstance(node.value, ast.Tuple):
        for i in range(len(node.value.elts)):
            yield ast.Return(
                ast.Tuple(
                    node.value.elts[:i]
                    + [node.value.elts[0]] * (i > 0)
                    + [ast.Constant(0.0)] * (i == 0)
                    + node.value.elts[i + 1 :],
                    ast.Load(),
                )
            )


def _other_constants(value) -> list:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value * 2, value + 1] if value else [1.0]
    return [value + "?"] if isinstance(value, str) else []


def _with(node: ast.AST, **fields) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """(change, source) for each mutant of the functions in a cell's source."""
    tree = _without_docstrings(ast.parse(source))
    original = ast.unparse(tree)
    seen = {original}
    for owner, name, index in _places(tree):
        holder = getattr(owner, name)
        node = holder if index is None else holder[index]
        for variant in variants_of(node):
            _put(owner, name, index, variant)
            try:
                text = ast.unparse(ast.fix_missing_locations(tree))
            finally:
                _put(owner, name, index, node)
            if text not in seen:
                seen.add(text)
                yield _change(original, text), text


def _places(tree: ast.Module) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Where a mutation may happen: everywhere in functions but annotations and the text of exceptions."""
    for top in tree.body:
        if isinstance(top, ast.FunctionDef):
            yield from _walk(top)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None and len(node.body) > 1:
            del node.body[0]
    return tree


def _walk(owner: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    for name, value in ast.iter_fields(owner):
        if name in ("annotation", "returns", "decorator_list") or isinstance(owner, ast.Raise):
            continue
        if isinstance(value, ast.AST):
            yield owner, name, None
            yield from _walk(value)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield owner, name, i
                    yield from _walk(item)


def _put(owner: ast.AST, name: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(owner, name, node)
    else:
        getattr(owner, name)[index] = node


def _change(before: str, after: str) -> str:
    """The lines that differ, as `old -> new`."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return (
        " ".join(line.strip() for line in old)
        + " -> "
        + (" ".join(line.strip() for line in new) or "(nothing)")
    )


def survives(topic_folder: str, function: str, source: str) -> bool:
    """Whether a mutant still gets all the points of its function."""

    def alarm(*_):
        raise OutOfTime

    notebook = cells.read(course.find_topic(topic_folder).solution)
    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        outcome = cells.run(notebook, {function: source}, {f"test_{function}"})[f"test_{function}"]
    except (OutOfTime, RecursionError, MemoryError):
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return outcome.points == outcome.max_points


def recorded(topic_folder: str) -> dict[tuple[str, str], str]:
    """Why each survivor that is known to be equivalent is so, by (function, change)."""
    path = RECORDS / f"{topic_folder}.toml"
    if not path.is_file():
        return {}
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
    return {(entry["function"], entry["change"]): entry["why"] for entry in entries}


def examine(topic: course.Topic, workers: int) -> int:
    """Prints the topic's table; returns how many survivors have no record."""
    known = recorded(topic.folder)
    functions = {
        name: source
        for name, source in cells.sources(cells.read(topic.solution), cells.is_solution).items()
        if not name.startswith("answer_")
    }
    jobs = [(name, change, text) for name, source in functions.items() for change, text in mutants(source)]
    with ProcessPoolExecutor(workers) as pool:
        alive = list(
            pool.map(
                survives,
                [topic.folder] * len(jobs),
                [job[0] for job in jobs],
                [job[2] for job in jobs],
                chunksize=8,
            )
        )
    survivors = [(name, change) for (name, change, _), lives in zip(jobs, alive) if lives]
    print(f"\n{topic.folder:28} {'killed':>7} {'total':>6} {'equivalent':>11} {'open':>5}")
    for name in functions:
        total = sum(job[0] == name for job in jobs)
        mine = [key for key in survivors if key[0] == name]
        excused = sum(key in known for key in mine)
        print(f"  {name:26} {total - len(mine):7} {total:6} {excused:11} {len(mine) - excused:5}")
    unexplained = [key for key in survivors if key not in known]
    for name, change in unexplained:
        print(f"  SURVIVES {name}: {change}")
    for name, change in known.keys() - set(survivors):
        print(f"  recorded as equivalent and yet killed or gone: {name}: {change}")
    return len(unexplained)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description="Mutation testing of the exercises' tests."
    )
    parser.add_argument(
        "topics", nargs="*", metavar="TOPIC", help="topics to examine (all of them by default)"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    arguments = parser.parse_args()
    try:
        chosen = [course.find_topic(name) for name in arguments.topics] or course.topics()
    except course.Refusal as problem:
        print(problem, file=sys.stderr)
        return 2
    unexplained = sum(examine(topic, arguments.workers) for topic in chosen)
    print(
        f"\n{unexplained} survivors without a record."
        if unexplained
        else "\nEvery survivor is recorded as equivalent, with its reason."
    )
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
