"What `tools/site.py` adds to nbdev's processing of the notebooks: links that stay on the site, the code itself, and Colab. In a module of its own, where processes that are spawned find it."
import ast, re
from pathlib import Path

from nbdev.config import get_config
from execnb.nbio import mk_cell
from nbdev.process import Processor
from nbdev.processors import FilterDefaults, add_show_docs, rm_export

ROOT = Path(__file__).resolve().parent.parent


def colab(name):
    "Where Colab opens a notebook of ours"
    cfg = get_config(path=ROOT)
    return f'https://colab.research.google.com/github/{cfg.user}/{cfg.repo}/blob/{cfg.branch}/{cfg.nbs_path.name}/{name}'


class colab_link(Processor):
    "A link to Colab, beside the one that edits the page"
    def begin(self):
        front = self.nb.cells[0] # nbdev's, of YAML
        front.source = front.source.replace('---\n', f'---\ncode-links:\n- text: Open in Colab\n  icon: play-circle\n  href: {colab(Path(self.nb.path_).name)}\n', 1)


class local_links(Processor):
    "A link from a name to the public page of its module goes to that page of this very site. nbdev makes links in the code of signatures, too, where they cannot work"
    def begin(self):
        cfg = get_config(path=ROOT)
        self.address = re.compile(re.escape(f'{cfg.doc_host}{cfg.doc_baseurl}/') + r'(\w+)\.html')
        self.pages = {re.sub(r'^\d+_', '', p.stem): p.name for p in cfg.nbs_path.glob('*.ipynb')}
    def local(self, text): return self.address.sub(lambda m: self.pages[m[1]], text)
    def described(self, lines):
        code = False
        for line in lines:
            if line.startswith('```'): code = not code
            if code: yield re.sub(r'\[(`[^`]*`)\]\([^)]*\)', r'\1', line)
            elif line.startswith('#'): yield line.replace('_', r'\_') # of `__iter__`, which is no emphasis
            else: yield self.local(line)
    def cell(self, cell):
        if cell.cell_type == 'markdown': cell.source = self.local(cell.source)
        for o in cell.get('outputs', []):
            if 'text/markdown' in o.get('data', {}): o.data['text/markdown'] = list(self.described(o.data['text/markdown']))


class show_methods(Processor):
    "nbdev describes a class and what is patched into it; here, what its body defines is described, too, where it has a docstring"
    def begin(self):
        cells = self.nb.cells
        for i, cell in reversed([*enumerate(cells)]):
            if cell.cell_type != 'code' or 'export' not in cell.get('directives_', {}): continue
            methods = [f'{c.name}.{f.name}' for c in ast.parse(cell.source).body if isinstance(c, ast.ClassDef) for f in c.body
                       if isinstance(f, ast.FunctionDef) and f.name[0] != '_' and not f.decorator_list and ast.get_docstring(f)]
            while getattr(cells[i + 1], 'has_sd', False): i += 1
            for name in reversed(methods): cells.insert(i + 1, described := mk_cell(f'show_doc({name})')); described.has_sd = True


def show_code(cell):
    "Exported code stays on the page; imports alone do not. What is exported but no part of the interface, as kernels are, is shown like any code"
    cell.directives_.pop('exporti', None)
    if 'export' in cell.directives_ and re.search(r'^(def|class|@|\w[\w, ]*=)', cell.source, re.MULTILINE): cell.directives_['exports'] = cell.directives_.pop('export')


def fold(cell):
    "It is folded, below the description of what it defines"
    if cell.cell_type == 'code': cell.source = cell.source.replace('#| code-fold: show\n#| code-summary: "Exported source"', '#| code-fold: true\n#| code-summary: "The code"')


class Pages(FilterDefaults):
    "nbdev's processors, and ours"
    def base_procs(self):
        procs = super().base_procs()
        procs.insert(procs.index(add_show_docs) + 1, show_methods)
        procs.insert(procs.index(rm_export), show_code)
        return procs
    def xtra_procs(self): return super().xtra_procs() + [fold, local_links, colab_link]
