"Render README.md from nbs/index.ipynb, and its pictures into nbs/images; with --check only compare them, and show the difference."
import argparse, base64, difflib, re, sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from nbdev.config import get_config
from nbdev.process import NBProcessor
from nbdev.processors import clean_magics, filter_stream_, hide_, hide_line, rm_export, strip_ansi

root = Path(__file__).resolve().parent.parent
PROCESSORS = [strip_ansi, hide_line, filter_stream_, rm_export, clean_magics, hide_]


def says_no(cell, option):
    "True where a cell carries the line `#| option: false`"
    return cell.get('directives_', {}).get(option + ':', [''])[0].lower() == 'false'


def plain_output(output, where, picture):
    "One output with nothing but Markdown or plain text in it; a picture becomes a link to it"
    if output.output_type == 'stream':
        output.text = ''.join(output.text)
        return output
    if output.output_type == 'error': sys.exit(f'{where} holds an error: run it again before rendering README.md')
    if 'image/png' in output.data: output.data = {'text/markdown': picture(output.data['image/png'])}
    kind = next((k for k in ('text/markdown', 'text/plain') if k in output.data), None)
    if kind is None: sys.exit(f'{where} has an output without plain text: {", ".join(output.data)}')
    output.data = {kind: ''.join(output.data[kind])}
    return output


def processed(path, pictures):
    "The notebook at `path` as a reader of the page sees it: no hidden cells, no directives, text outputs only; its pictures are added to `pictures`, name: bytes"
    cfg = get_config(path=root)
    def keep(cell, data):
        if not (alt := ' '.join(cell.directives_.get('fig-alt:', [])).strip('"')): sys.exit(f'{path.name}, cell {cell.idx_} shows a picture: describe it in a line `#| fig-alt: "..."`')
        name = f'{path.stem}-{cell.id}.png'
        pictures[name] = base64.b64decode(''.join(data))
        return f"![{alt}]({cfg.git_url.replace('github.com', 'raw.githubusercontent.com')}/{cfg.branch}/nbs/images/{name})"
    source = NBProcessor(path, procs=PROCESSORS, process=True).nb
    nb = nbformat.v4.new_notebook(metadata={'language_info': {'name': 'python'}})
    for cell in source.cells:
        if cell.cell_type == 'markdown': nb.cells.append(nbformat.v4.new_markdown_cell(cell.source))
        if cell.cell_type != 'code' or says_no(cell, 'include'): continue
        code = '\n'.join(line for line in cell.source.splitlines() if not re.match(r'\s*#\s*\|', line)).strip()
        if says_no(cell, 'echo'): code = ''
        outputs = [] if says_no(cell, 'output') else [nbformat.from_dict(o) for o in cell.outputs]
        outputs = [plain_output(o, f'{path.name}, cell {cell.idx_}', lambda data: keep(cell, data)) for o in outputs if o.get('name') != 'stderr']
        outputs = [o for o in outputs if ''.join(o.get('data', {'': ' '}).values())] # a bar that is over leaves an empty one
        if code or outputs: nb.cells.append(nbformat.v4.new_code_cell(code, outputs=outputs))
    return nb


def render(path):
    "README.md as text, and its pictures; links become addresses, since PyPI shows this page too"
    cfg, pictures = get_config(path=root), {}
    text, _ = MarkdownExporter().from_notebook_node(processed(path, pictures))
    text = re.sub(r'^```python\n\s*```\n', '', text, flags=re.MULTILINE)
    text = re.sub(r'\]\((\w+\.ipynb)', rf']({cfg.git_url}/blob/{cfg.branch}/nbs/\1', text)
    text = '\n'.join(line.rstrip() for line in text.splitlines())
    text = re.sub(r'\n{3,}', '\n\n', text).strip()
    return f'<!-- Rendered from nbs/{path.name} by tools/readme.py: edit the notebook. -->\n\n{text}\n', pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing; exit 1 when README.md is out of date')
    check = parser.parse_args().check
    cfg = get_config(path=root)
    readme, images = root/'README.md', cfg.nbs_path/'images'
    text, pictures = render(cfg.nbs_path/cfg.readme_nb)
    there = {p.name: p.read_bytes() for p in images.glob('index-*.png')}
    if not check:
        images.mkdir(exist_ok=True)
        for name in there.keys() - pictures.keys(): (images/name).unlink()
        for name, data in pictures.items(): (images/name).write_bytes(data)
        return readme.write_text(text, encoding='utf-8', newline='\n')
    old = readme.read_text(encoding='utf-8') if readme.exists() else ''
    diff = difflib.unified_diff(old.splitlines(True), text.splitlines(True), 'README.md', 'rendered from nbs/index.ipynb')
    sys.stdout.writelines(diff)
    wrong = sorted(name for name in there.keys() | pictures.keys() if there.get(name) != pictures.get(name))
    for name in wrong: print(f'nbs/images/{name} is not the picture of the notebook')
    if old != text or wrong: sys.exit('README.md is out of date: run `python tools/readme.py`')


if __name__ == '__main__': main()
