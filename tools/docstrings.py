"""Write w2v_nb/base/docstrings.json: the comments next to parameters, for `help` and Shift-Tab.

With --check only compare it."""
import argparse, ast, io, json, sys, tokenize
from pathlib import Path

LIB = Path(__file__).resolve().parent.parent/'w2v_nb'
TARGET = LIB/'base'/'docstrings.json'
SKIP = '__init__', '__main__', '_doors', '_modidx', 'all'


def comments_of(source):
    "{line: comment}"
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip('# ').strip()
            for token in tokens if token.type == tokenize.COMMENT}


def parameters(args, comments, method):
    "(name as it is called, type, default, meaning) of each parameter"
    positional = [*args.posonlyargs, *args.args]
    defaults = [None]*(len(positional) - len(args.defaults)) + args.defaults
    rows = [(arg, default, '') for arg, default in zip(positional, defaults)][method:]
    if args.vararg: rows.append((args.vararg, None, '*'))
    rows += [(arg, default, '') for arg, default in zip(args.kwonlyargs, args.kw_defaults)]
    if args.kwarg: rows.append((args.kwarg, None, '**'))
    for arg, default, stars in rows:
        last = arg.end_lineno if default is None else max(arg.end_lineno, default.end_lineno)
        kind = ast.unparse(arg.annotation) if arg.annotation else ''
        yield stars + arg.arg, kind, default and ast.unparse(default), comments.get(last, '')


def described(rows, heading='Parameters'):
    "A part of a docstring, as NumPy writes it"
    lines = [heading, '-'*len(heading)]
    for name, kind, default, meaning in rows:
        about = ', '.join(filter(None, [kind, f'default {default}' if default else '']))
        lines += [f'{name} : {about}' if about else name] + [f'    {meaning}']*bool(meaning)
    return '\n'.join(lines)


def returned(node, comments):
    "What a function returns, if it says so"
    kind = ast.unparse(node.returns) if node.returns else ''
    args = [arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)]
    opening = max([node.lineno, *(arg.end_lineno for arg in args)]) # the last parameter's line
    body = node.body[0].lineno
    found = [comments[i] for i in range(opening + 1, body) if i in comments]
    text = ': '.join(filter(None, [kind, found[-1] if found else '']))
    return f'Returns\n-------\n{text}' if text else ''


def function(node, comments, method):
    "What is added to a function's docstring"
    rows = list(parameters(node.args, comments, method))
    parts = [described(rows) if rows else '', returned(node, comments)]
    return '\n\n'.join(filter(None, parts))


def is_compiled(node):
    "Whether Numba compiles a function, which then has no docstring of ours"
    decorators = ' '.join(map(ast.unparse, node.decorator_list))
    return any(word in decorators for word in ('jit', 'compiled', 'intrinsic'))

def functions(body):
    "The functions of a module or class that Python runs"
    return [node for node in body
            if isinstance(node, ast.FunctionDef) and not is_compiled(node)]

def patched_class(node):
    "The class that `@patch` puts a function into"
    if not any(ast.unparse(d).startswith('patch') for d in node.decorator_list): return None
    return ast.unparse(node.args.args[0].annotation)

def is_static(node): return any(ast.unparse(d) == 'staticmethod' for d in node.decorator_list)

def fields(node, comments):
    "(name, type, default, meaning) of each field of a class"
    for item in node.body:
        if not isinstance(item, ast.AnnAssign): continue
        default = item.value and ast.unparse(item.value)
        meaning = comments.get(item.end_lineno, '')
        yield item.target.id, ast.unparse(item.annotation), default, meaning

def of_class(node, comments):
    "{qualified name: what is added to its docstring}; that of `__init__` goes to the class"
    out = {}
    for f in functions(node.body):
        name = node.name if f.name == '__init__' else f'{node.name}.{f.name}'
        out[name] = function(f, comments, not is_static(f))
    rows = [*fields(node, comments)]
    return out | ({node.name: described(rows, 'Fields')} if rows else {})

def of_module(path):
    "{qualified name: what is added to its docstring}"
    source, out = path.read_text(encoding='utf-8'), {}
    comments, body = comments_of(source), ast.parse(source).body
    for node in functions(body):
        owner = patched_class(node)
        name = f'{owner}.{node.name}' if owner else node.name
        out[name] = function(node, comments, owner is not None)
    for node in body:
        if isinstance(node, ast.ClassDef): out |= of_class(node, comments)
    return {name: text for name, text in sorted(out.items()) if text}

def dotted(path):
    "A module's full name"
    return '.'.join(path.relative_to(LIB.parent).with_suffix('').parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true',
                        help='write nothing; exit with 1 if the file is out of date')
    check = parser.parse_args().check
    paths = sorted(p for p in LIB.rglob('*.py') if p.stem not in SKIP)
    docs = {dotted(path): of_module(path) for path in paths}
    text = json.dumps(docs, indent=0, ensure_ascii=False) + '\n'
    if not check: return TARGET.write_text(text, encoding='utf-8', newline='\n')
    if not TARGET.exists() or TARGET.read_text(encoding='utf-8') != text:
        sys.exit('w2v_nb/base/docstrings.json is out of date: run `python tools/docstrings.py`')


if __name__ == '__main__': main()
