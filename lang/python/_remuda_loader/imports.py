# SPDX-License-Identifier: Apache-2.0
"""What a script imports at its top level, in its order, guarded by "try" or not, as the tuples of steps.py. Lines
that set up sys.path are part of it where they do nothing else; behind others that touch it, only the standard
library is certain."""
import ast

PURE_NAMES = {"sys", "os", "__file__"}
PATH_METHODS = {"insert", "append", "extend"}


def is_sys_path(node):
    return (isinstance(node, ast.Attribute) and node.attr == "path" and isinstance(node.value, ast.Name)
            and node.value.id == "sys")


def is_pure(node):
    """An expression of constants, os.path and __file__."""
    if isinstance(node, ast.Call):
        target = node.func
        good = isinstance(target, ast.Attribute) and is_pure(target.value) and not node.keywords
        return good and all(map(is_pure, node.args))
    if isinstance(node, ast.Attribute):
        return is_pure(node.value)
    if isinstance(node, (ast.List, ast.Tuple)):
        return all(map(is_pure, node.elts))
    if isinstance(node, ast.BinOp):
        return is_pure(node.left) and is_pure(node.right)
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in PURE_NAMES)


def sets_path_purely(node):
    call = getattr(node, "value", None)
    return (isinstance(node, ast.Expr) and isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
            and call.func.attr in PATH_METHODS and is_sys_path(call.func.value) and all(map(is_pure, call.args)))


def flat(body):
    for node in body:
        if isinstance(node, ast.Try):
            yield from flat(node.body)
        else:
            yield node


def steps_of(tree, path):
    certain = True
    for node in flat(tree.body):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield "import", name.name, (), certain
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0 and node.module != "__future__":
                yield "import", node.module, tuple(name.name for name in node.names), certain
        elif sets_path_purely(node):
            yield "path", compile(ast.Module([node], []), path, "exec")
        elif any(map(is_sys_path, ast.walk(node))):
            certain = False


def read(script, path):
    """The script's code, its steps, and what compiling it says; or what is wrong with it."""
    import io
    import sys
    errors, sys.stderr = sys.stderr, io.StringIO()
    try:
        with open(script, "rb") as file:
            source = file.read()
        code = compile(source, path, "exec", dont_inherit=True)
        words = sys.stderr.getvalue()
        return {"code": code, "steps": list(steps_of(ast.parse(source, path), path)), "words": words}
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError) as error:
        return {"wrong": "%s: %s" % (type(error).__name__, error)}
    finally:
        sys.stderr = errors
