"""Say at the top of each notebook how long it takes and what it needs.

It's the last paragraph of the cell `intro`, rendered from what `tools/fresh.py --record`
measured. With --check only compare it."""
import argparse, ast, configparser, json, re, sys

from fresh import ROOT, code_cells, read, results, uses_gpu

SILENT = 'index', # which is README.md, too
LINE = re.compile(r'\n\n\*Runs in [^*]*\*\Z')
MODULES = {'scikit-learn': 'sklearn'} # packages that are imported under another name
SHELL = re.compile(r'^(\s*)[!%].*', re.MULTILINE) # lines that aren't Python
PTB = re.compile(r'\b(?:has_ptb|read_ptb|Corpus\.ptb)\(|\bread_sentences\(\)')


def about(seconds):
    "Seconds as one says them"
    if seconds < 7.5: return 'a few seconds'
    if seconds < 60: return f'about {5*round(seconds/5)} s'
    if seconds < 115: return f'about {10*round(seconds/10)} s'
    return f'about {int(seconds/60 + .5)} minutes'

def imported(nb):
    "The packages that a notebook imports"
    for cell in code_cells(nb):
        for node in ast.walk(ast.parse(SHELL.sub(r'\1pass', cell.source))):
            if isinstance(node, ast.Import): names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom): names = [node.module]
            else: continue
            yield from (name.split('.')[0] for name in names)

def extras(nb):
    "Packages of the extra `dev` that a notebook imports"
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT/'settings.ini', encoding='utf-8')
    wanted = config['DEFAULT']['dev_requirements']
    packages = re.findall(r'^([\w-]+)', wanted, re.MULTILINE)
    known = {MODULES.get(package, package): package for package in packages}
    return sorted({known[name] for name in imported(nb) if name in known} - {'fastcore'})

def needs(nb):
    "What a notebook needs, in a sentence, or nothing"
    parts, packages = [], extras(nb)
    if packages: parts.append(f"needs {' and '.join(packages)}")
    if any(PTB.search(c.source) for c in code_cells(nb)):
        parts.append('some numbers need the Penn Treebank')
    text = '; '.join(parts)
    return f' {text[0].upper()}{text[1:]}.' if text else ''

def sentence(name, nb, cpu, gpu):
    "The paragraph for a notebook; None if it wasn't measured"
    if name not in cpu.get('notebooks', {}): return
    measured = cpu['notebooks'][name]
    text = f"Runs in {about(measured['seconds'])} on {cpu['machine']['cores']} cores"
    if mb := measured['mb']: text += f', in {max(mb, 100)/1000:.1f} GB of memory'
    if uses_gpu(nb) and name in gpu.get('notebooks', {}):
        seconds = gpu['notebooks'][name]['seconds']
        text += f"; on a GPU, {about(seconds)} ({gpu['machine']['device']})"
    return f'*{text}.{needs(nb)}*'

def timed():
    "The notebooks that have something to run"
    paths = sorted((ROOT/'nbs').glob('[!_.]*.ipynb'))
    return [p for p in paths if p.stem not in SILENT and code_cells(read(p))]

def update(path, cpu, gpu, check):
    "Write the paragraph into a notebook, or only compare it: what is wrong, or None"
    nb = json.loads(path.read_text(encoding='utf-8'))
    intro = next((c for c in nb['cells'] if c['id'] == 'intro'), None)
    if intro is None: return f'{path.name} has no cell `intro`'
    new = sentence(path.stem, read(path), cpu, gpu)
    if new is None:
        return (f'{path.name} was not measured yet: run `python tools/fresh.py --record '
                f'nbs/{path.name}`, then `python tools/times.py`')
    old = ''.join(intro['source'])
    source = LINE.sub('', old) + '\n\n' + new
    if source == old: return
    if check: return f'{path.name} does not say {new}: run `python tools/times.py`'
    intro['source'] = source.splitlines(True)
    text = json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + '\n'
    path.write_text(text, encoding='utf-8', newline='\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true',
                        help='write nothing; exit with 1 if a line is missing or out of date')
    check = parser.parse_args().check
    cpu, gpu = results('notebooks'), results('notebooks_gpu')
    found = [update(path, cpu, gpu, check) for path in timed()]
    if wrong := [line for line in found if line]: sys.exit('\n'.join(wrong))


if __name__ == '__main__': main()
