"""Say at the top of each notebook how long it takes and what it needs: the last paragraph of its cell `intro`, rendered from what `tools/fresh.py --record` measured. With --check only compare them."""
import argparse, ast, configparser, json, re, sys
from pathlib import Path

from fresh import ROOT, read, results, uses_gpu

SILENT = 'index', # which is README.md, too
LINE = re.compile(r'\n\n\*Runs in [^*]*\*\Z')
MODULES = {'scikit-learn': 'sklearn'} # what is imported under another name
SHELL = re.compile(r'^(\s*)[!%].*', re.M) # lines that are no Python
PTB = re.compile(r'\b(?:has_ptb|read_ptb|Corpus\.ptb)\(|\bread_sentences\(\)')


def about(seconds):
    "Seconds as one says them"
    if seconds < 7.5: return 'a few seconds'
    if seconds < 115: return f'about {5*round(seconds/5) if seconds < 60 else 10*round(seconds/10)} s'
    return f'about {int(seconds/60 + .5)} minutes'

def extras(nb):
    "Packages of the extra `dev` that the notebook imports"
    cfg = configparser.ConfigParser(interpolation=None)
    cfg.read(ROOT/'settings.ini', encoding='utf-8')
    known = {MODULES.get(p, p): p for p in re.findall(r'^([\w-]+)', cfg['DEFAULT']['dev_requirements'], re.M)}
    nodes = [n for c in nb.cells if c.cell_type == 'code' for n in ast.walk(ast.parse(SHELL.sub(r'\1pass', c.source)))]
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names} | {n.module for n in nodes if isinstance(n, ast.ImportFrom)}
    return sorted({known[m] for name in names if (m := name.split('.')[0]) in known} - {'fastcore'})

def sentence(name, nb, cpu, gpu):
    "The paragraph for a notebook; None if it was not measured"
    if name not in cpu.get('notebooks', {}): return
    seconds, mb = (cpu['notebooks'][name][k] for k in ('seconds', 'mb'))
    text = f"Runs in {about(seconds)} on {cpu['machine']['cores']} cores" + (f', in {max(mb, 100)/1000:.1f} GB of memory' if mb else '')
    if uses_gpu(nb): text += f"; on a GPU, {about(gpu['notebooks'][name]['seconds'])} ({gpu['machine']['device']})" if name in gpu.get('notebooks', {}) else '; on a GPU, not yet measured'
    packages, ptb = extras(nb), any(PTB.search(c.source) for c in nb.cells if c.cell_type == 'code')
    needs = '; '.join([f"needs {' and '.join(packages)}"] * bool(packages) + ['some numbers need the Penn Treebank'] * ptb)
    return f"*{text}.{' ' + needs[:1].upper() + needs[1:] + '.' if needs else ''}*"

def timed():
    "The notebooks that have something to run"
    return [p for p in sorted((ROOT/'nbs').glob('[!_.]*.ipynb')) if p.stem not in SILENT and any(c.cell_type == 'code' for c in read(p).cells)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing; exit 1 where a line is missing or out of date')
    check = parser.parse_args().check
    cpu, gpu, wrong = results('notebooks'), results('notebooks_gpu'), []
    for path in timed():
        nb = json.loads(path.read_text(encoding='utf-8'))
        intro, new = next((c for c in nb['cells'] if c['id'] == 'intro'), None), sentence(path.stem, read(path), cpu, gpu)
        if intro is None: wrong.append(f'{path.name} has no cell `intro`'); continue
        if new is None: wrong.append(f'{path.name} was not measured yet: run `python tools/fresh.py --record nbs/{path.name}`, then `python tools/times.py`'); continue
        old = ''.join(intro['source'])
        source = LINE.sub('', old) + '\n\n' + new
        if source == old: continue
        if check: wrong.append(f'{path.name} does not say {new}: run `python tools/times.py`'); continue
        intro['source'] = source.splitlines(True)
        path.write_text(json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + '\n', encoding='utf-8', newline='\n')
    if wrong: sys.exit('\n'.join(wrong))


if __name__ == '__main__': main()
