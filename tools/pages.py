"""What `tools/site.py` adds to nbdev's processing of the notebooks: links that stay on the
site, the code itself, and Colab. It's a module of its own so that spawned processes find it."""
import ast, re
from pathlib import Path

from nbdev.config import get_config
from execnb.nbio import mk_cell
from nbdev.process import Processor
from nbdev.processors import FilterDefaults, add_show_docs, rm_export

ROOT = Path(__file__).resolve().parent.parent
COLAB = """---
code-links:
- text: Open in Colab
  icon: play-circle
  href: {}
"""
DEFINES = re.compile(r'^(def|class|@|\w[\w, ]*=)', re.MULTILINE)
UNFOLDED = '#| code-fold: show\n#| code-summary: "Exported source"' # nbdev's
FOLDED = '#| code-fold: true\n#| code-summary: "The code"'


def colab(name):
    "The address that opens one of our notebooks in Colab"
    cfg = get_config(path=ROOT)
    repository = f'https://colab.research.google.com/github/{cfg.user}/{cfg.repo}'
    return f'{repository}/blob/{cfg.branch}/{cfg.nbs_path.name}/{name}'


class colab_link(Processor):
    "A link to Colab, next to the one that edits the page"
    def begin(self):
        front = self.nb.cells[0] # nbdev's, in YAML
        link = COLAB.format(colab(Path(self.nb.path_).name))
        front.source = front.source.replace('---\n', link, 1)


def pages_of_names(cfg):
    "Which notebook has a name, as modules of two rooms may be called the same"
    from w2v_nb._modidx import d
    pages = {}
    for names in d['syms'].values():
        for address, module in names.values():
            head = (ROOT/module).read_text(encoding='utf-8')[:500]
            page = re.search(r'(\w+\.ipynb)', head)
            if page: pages[address.rpartition('/')[2]] = page[1]
    return pages

class local_links(Processor):
    """Links from a name to its module's public page lead to that page of this site. nbdev also
    makes links in the code of signatures, where they can't work: these are taken out."""
    def begin(self):
        cfg = get_config(path=ROOT)
        public = re.escape(f'{cfg.doc_host}{cfg.doc_baseurl}/')
        self.address = re.compile(public + r'(\w+)\.html(#[\w.]+)?')
        paths = cfg.nbs_path.glob('*.ipynb')
        self.pages = {re.sub(r'^\d+_', '', p.stem): p.name for p in paths}
        self.names = pages_of_names(cfg)
    def local(self, text):
        def page(match):
            stem, anchor = match[1], match[2] or ''
            return self.names.get(f'{stem}.html{anchor}', self.pages[stem]) + anchor
        return self.address.sub(page, text)
    def described(self, lines):
        "Lines of a description that nbdev wrote in Markdown"
        code = False
        for line in lines:
            if line.startswith('```'): code = not code
            if code: yield re.sub(r'\[(`[^`]*`)\]\([^)]*\)', r'\1', line)
            elif line.startswith('#'): yield line.replace('_', r'\_') # `__iter__` isn't bold
            else: yield self.local(line)
    def cell(self, cell):
        if cell.cell_type == 'markdown': cell.source = self.local(cell.source)
        for output in cell.get('outputs', []):
            data = output.get('data', {})
            if 'text/markdown' in data:
                data['text/markdown'] = list(self.described(data['text/markdown']))


def documented_methods(source):
    "Public methods with a docstring that the classes in a cell define, as 'Class.method'"
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef): continue
        for f in node.body:
            if not isinstance(f, ast.FunctionDef) or f.decorator_list: continue
            if f.name[0] != '_' and ast.get_docstring(f): yield f'{node.name}.{f.name}'

class show_methods(Processor):
    """nbdev describes a class and what is patched into it. Here the methods of its body are
    described too, if they have a docstring."""
    def begin(self):
        cells = self.nb.cells
        for i, cell in reversed([*enumerate(cells)]):
            if cell.cell_type != 'code': continue
            if not {'export', 'exports'} & {*cell.get('directives_', {})}: continue
            methods = [*documented_methods(cell.source)]
            while getattr(cells[i + 1], 'has_sd', False): i += 1
            for name in reversed(methods):
                described = mk_cell(f'show_doc({name})')
                described.has_sd = True
                cells.insert(i + 1, described)


def show_code(cell):
    """Exported code stays on the page; imports alone don't. What is exported but not part of
    the interface, such as kernels, is shown like any code."""
    directives = cell.directives_
    directives.pop('exporti', None)
    if 'exports' in directives: directives['open'] = []
    if 'export' in directives and DEFINES.search(cell.source):
        directives['exports'] = directives.pop('export')


def fold(cell):
    """Code is folded, below the description of what it defines; with `#| exports` in the place
    of `#| export` it is open"""
    if cell.cell_type != 'code': return
    is_open = 'open' in cell.get('directives_', {})
    cell.source = cell.source.replace(f'{UNFOLDED}\n' if is_open else UNFOLDED,
                                      '' if is_open else FOLDED)


class Pages(FilterDefaults):
    "nbdev's processors, and ours"
    def base_procs(self):
        procs = super().base_procs()
        procs.insert(procs.index(add_show_docs) + 1, show_methods)
        procs.insert(procs.index(rm_export), show_code)
        return procs
    def xtra_procs(self): return super().xtra_procs() + [fold, local_links, colab_link]
