"""Render README.md from nbs/index.ipynb, and its pictures into nbs/images.

With --check only compare them, and show the difference."""
import argparse, base64, difflib, re, sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from nbdev.config import get_config
from nbdev.process import NBProcessor
from nbdev.processors import clean_magics, filter_stream_, hide_, hide_line, rm_export
from nbdev.processors import strip_ansi

root = Path(__file__).resolve().parent.parent
PROCESSORS = [strip_ansi, hide_line, filter_stream_, rm_export, clean_magics, hide_]
NO_PICTURE = """{} shows a picture: describe it in a line `#| fig-alt: "..."`"""


def says_no(cell, option):
    "Whether a cell has the line `#| option: false`"
    return cell.get('directives_', {}).get(option + ':', [''])[0].lower() == 'false'

def plain_output(output, where, picture):
    "One output with nothing but Markdown or plain text in it; a picture becomes a link to it"
    if output.output_type == 'stream':
        output.text = ''.join(output.text)
        return output
    if output.output_type == 'error':
        sys.exit(f'{where} holds an error: run it again before rendering README.md')
    data = output.data
    if 'image/png' in data: data = {'text/markdown': picture(data['image/png'])}
    kind = next((k for k in ('text/markdown', 'text/plain') if k in data), None)
    if kind is None: sys.exit(f'{where} has an output without plain text: {", ".join(data)}')
    output.data = {kind: ''.join(data[kind])}
    return output

def is_shown(output):
    "Whether there is anything to see; a bar that is over leaves an empty output"
    return 'data' not in output or any(output.data.values())

def keep_picture(data, cell, path, pictures):
    "Add a picture of a cell to `pictures`, {name: bytes}: a link to it"
    alt = ' '.join(cell.directives_.get('fig-alt:', [])).strip('"')
    if not alt: sys.exit(NO_PICTURE.format(f'{path.name}, cell {cell.idx_}'))
    name = f'{path.stem}-{cell.id}.png'
    pictures[name] = base64.b64decode(''.join(data))
    return f'![{alt}](nbs/images/{name})'

def code_and_outputs(cell, path, pictures):
    "What a reader sees of a code cell"
    lines = [line for line in cell.source.splitlines() if not re.match(r'\s*#\s*\|', line)]
    code = '' if says_no(cell, 'echo') else '\n'.join(lines).strip()
    if says_no(cell, 'output'): return code, []
    where = f'{path.name}, cell {cell.idx_}'
    picture = lambda data: keep_picture(data, cell, path, pictures)
    outputs = [nbformat.from_dict(output) for output in cell.outputs]
    outputs = [plain_output(o, where, picture) for o in outputs if o.get('name') != 'stderr']
    return code, [output for output in outputs if is_shown(output)]

def processed(path, pictures):
    """A notebook as a reader of the page sees it: no hidden cells or directives, only outputs
    of text. Its pictures are added to `pictures`, {name: bytes}."""
    source = NBProcessor(path, procs=PROCESSORS, process=True).nb
    nb = nbformat.v4.new_notebook(metadata={'language_info': {'name': 'python'}})
    for cell in source.cells:
        if cell.cell_type == 'markdown':
            nb.cells.append(nbformat.v4.new_markdown_cell(cell.source))
        if cell.cell_type != 'code' or says_no(cell, 'include'): continue
        code, outputs = code_and_outputs(cell, path, pictures)
        if code or outputs: nb.cells.append(nbformat.v4.new_code_cell(code, outputs=outputs))
    return nb

def render(path):
    """README.md as text, and its pictures. Links to our files are relative, so they work in a
    clone and in a fork."""
    cfg, pictures = get_config(path=root), {}
    text, _ = MarkdownExporter().from_notebook_node(processed(path, pictures))
    text = re.sub(r'^```python\n\s*```\n', '', text, flags=re.MULTILINE)
    text = re.sub(r'\]\((\w+\.ipynb)', r'](nbs/\1', text)
    text = text.replace(f']({cfg.git_url}/blob/{cfg.branch}/', '](')
    text = '\n'.join(line.rstrip() for line in text.splitlines())
    text = re.sub(r'\n{3,}', '\n\n', text).strip()
    origin = f'Rendered from nbs/{path.name} by tools/readme.py: edit the notebook.'
    return f'<!-- {origin} -->\n\n{text}\n', pictures


def write(readme, images, text, pictures):
    "Write README.md and its pictures, and remove old ones"
    images.mkdir(exist_ok=True)
    for path in images.glob('index-*.png'):
        if path.name not in pictures: path.unlink()
    for name, data in pictures.items(): (images/name).write_bytes(data)
    readme.write_text(text, encoding='utf-8', newline='\n')

def compare(readme, images, text, pictures):
    "Show how README.md and its pictures differ from what the notebook gives"
    old = readme.read_text(encoding='utf-8') if readme.exists() else ''
    diff = difflib.unified_diff(old.splitlines(True), text.splitlines(True),
                                'README.md', 'rendered from nbs/index.ipynb')
    sys.stdout.writelines(diff)
    there = {p.name: p.read_bytes() for p in images.glob('index-*.png')}
    wrong = [name for name in sorted({*there, *pictures})
             if there.get(name) != pictures.get(name)]
    for name in wrong: print(f"nbs/images/{name} isn't the notebook's picture")
    if old != text or wrong: sys.exit('README.md is out of date: run `python tools/readme.py`')

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true',
                        help='write nothing; exit with 1 if README.md is out of date')
    check = parser.parse_args().check
    cfg = get_config(path=root)
    readme, images = root/'README.md', cfg.nbs_path/'images'
    text, pictures = render(cfg.nbs_path/cfg.readme_nb)
    (compare if check else write)(readme, images, text, pictures)


if __name__ == '__main__': main()
