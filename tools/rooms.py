"""Write the tables of notebooks: on nbs/index.ipynb (so README.md, too) and the site's sidebar.

They come from tests/rooms.json and the notebooks' subtitles. With --check only compare them."""
import argparse, json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = json.loads((ROOT/'tests'/'rooms.json').read_text(encoding='utf-8'))
INDEX, SIDEBAR = ROOT/'nbs'/'index.ipynb', ROOT/'_quarto.yml'
PART = re.compile(r'(?<=  # rooms, by tools/rooms.py\n).*?(?=  # end of rooms\n)', re.S)


def notebooks(room):
    "Paths of a room's notebooks, by number"
    low, high = ROOMS[room]['numbers']
    paths = sorted((ROOT/'nbs').glob('[0-9][0-9]_*.ipynb'))
    return [p for p in paths if low <= int(p.name[:2]) <= high]


def subtitle(path):
    "What a notebook says it is about"
    first = json.loads(path.read_text(encoding='utf-8'))['cells'][0]
    return re.search(r'^> (.*)', ''.join(first['source']), re.M)[1]


def table():
    "A table in Markdown for each room"
    parts = []
    for room, about in ROOMS.items():
        rows = [f'| [{p.stem}]({p.name}) | {subtitle(p)} |' for p in notebooks(room)]
        if not rows: continue
        parts.append(f"**{about['title']}**: {about['about']}")
        parts.append('\n'.join(['| notebook | |', '|---|---|', *rows]))
    return '\n\n'.join(parts)


def sidebar():
    "The sidebar's sections"
    lines = []
    for room, about in ROOMS.items():
        if not notebooks(room): continue
        lines += [f"      - section: \"{about['title']}\"", '        contents:']
        lines += [f'          - {p.name}' for p in notebooks(room)]
    return '\n'.join(lines) + '\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true',
                        help='write nothing; exit with 1 if one is out of date')
    check = parser.parse_args().check
    nb = json.loads(INDEX.read_text(encoding='utf-8'))
    cell = next(c for c in nb['cells'] if c['id'] == 'rooms')
    settings = SIDEBAR.read_text(encoding='utf-8')
    new = PART.sub(lambda m: sidebar(), settings)
    if check and (''.join(cell['source']) != table() or new != settings):
        sys.exit('The tables of notebooks are out of date: run `python tools/rooms.py`')
    if check: return
    cell['source'] = table().splitlines(True)
    text = json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + '\n'
    INDEX.write_text(text, encoding='utf-8', newline='\n')
    SIDEBAR.write_text(new, encoding='utf-8', newline='\n')


if __name__ == '__main__': main()
