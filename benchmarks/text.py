"""Texts to measure on: English prose, and a synthetic text.

The prose is that of Debian's documentation packages: downloaded from its mirrors, cut into
sentences, kept in the user's cache, never passed on; `results/text.json` names the
packages, their versions and licences. In the synthetic text word frequencies follow Zipf's
law, with as many distinct words as one likes."""
import hashlib, re, shutil, subprocess, tempfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from record import options, save
from w2v_nb.base.files import cache_folder, open_packed

# package: (pattern of its files, kind of text in them)
PACKAGES = {
    'dict-gcide': ('usr/share/dictd/gcide.dict.dz', 'plain'),
    'wordnet-base': ('usr/share/wordnet/data.*', 'glosses'),
    'anarchism': ('usr/share/doc/anarchism/html/*.html', 'html'),
    'dict-foldoc': ('usr/share/dictd/foldoc.dict.dz', 'plain'),
    'dict-jargon': ('usr/share/dictd/jargon.dict.dz', 'plain'),
    'dict-devil': ('usr/share/dictd/devil.dict.dz', 'plain'),
    'perl-doc': ('usr/share/perl/*/pod/*.pod', 'pod'),
    'debian-handbook': ('usr/share/doc/debian-handbook/html/en-US/*.html', 'html'),
    'gimp-help-en': ('usr/share/gimp/2.0/help/en/*.html', 'html'),
    'postgresql-doc-15': ('usr/share/doc/postgresql-doc-15/html/*.html', 'html'),
    'libreoffice-help-en-us': ('usr/share/libreoffice/help/en-US/text/**/*.html', 'html'),
    'apache2-doc': ('usr/share/doc/apache2-doc/manual/en/**/*.html', 'html'),
    'debian-reference-en': ('usr/share/debian-reference/*.en.html', 'html'),
}
LICENCES = {
    'dict-gcide': 'GPL-3+',
    'wordnet-base': 'WordNet',
    'anarchism': 'GPL-2',
    'dict-foldoc': 'GFDL-1.2+',
    'dict-jargon': 'public domain',
    'dict-devil': 'public domain',
    'perl-doc': 'GPL-1+ or Artistic',
    'debian-handbook': 'GPL-2+ or CC-BY-SA-3.0',
    'gimp-help-en': 'GFDL-1.2+',
    'postgresql-doc-15': 'PostgreSQL',
    'libreoffice-help-en-us': 'MPL-2.0',
    'apache2-doc': 'Apache-2.0',
    'debian-reference-en': 'GPL-2+',
}
GLUE = frozenset(
    'a an the of to in is are be and or for if with by as that this it from on not at when can '
    'which was his he'.split()
)
LEAST = 5  # words in a sentence
ENOUGH = 6_000_000  # words of the text, after mixing


class Text(HTMLParser):
    "The text of an HTML page, without code; block elements end a paragraph."

    SKIP = {'script', 'style', 'pre', 'head', 'code', 'nav', 'table'}
    BLOCKS = {'p', 'div', 'li', 'dd', 'dt', 'h1', 'h2', 'h3', 'h4', 'br', 'td', 'section'}

    def __init__(self):
        super().__init__()
        self.out, self.inside = [], []

    def handle_starttag(self, tag, attrs):
        if tag in self.SKIP:
            self.inside.append(tag)
        if tag in self.BLOCKS:
            self.out.append('\n\n')

    def handle_endtag(self, tag):
        if self.inside and tag == self.inside[-1]:
            self.inside.pop()
        if tag in self.BLOCKS:
            self.out.append('\n\n')

    def handle_data(self, data):
        if not self.inside:
            self.out.append(data)


def from_html(raw):
    "The text of a page"
    page = Text()
    page.feed(raw)
    return ''.join(page.out)


def from_glosses(raw):
    "The glosses of WordNet, each a paragraph"
    lines = [line for line in raw.splitlines() if '|' in line]
    return '\n\n'.join(part for line in lines for part in line.split('|', 1)[1].split(';'))


def from_pod(raw):
    "The text of Perl's documentation, without commands, code and markup"
    paragraphs = re.sub(r'(?m)^(?:=.*| .*|\t.*)$', '', raw)
    return re.sub(r'[A-Z]<+\s?([^<>]*?)\s?>+', r'\1', paragraphs)


PLAIN_TEXT = dict(html=from_html, glosses=from_glosses, pod=from_pod, plain=str)
SYMBOL = re.compile(r'[^\w\s.,;:!?\'"’“”()-]|\d')


def reads_like_prose(sentence, words):
    "Long enough, with few symbols, and with some word such as `the`"
    few_symbols = len(SYMBOL.findall(sentence)) * 4 <= len(words)
    return len(words) >= LEAST and not GLUE.isdisjoint(words) and few_symbols


def sentences(raw, kind):
    "Sentences: lower-cased words, without punctuation, from whatever reads like prose"
    for paragraph in re.split(r'\n\s*\n', PLAIN_TEXT[kind](raw)):
        for sentence in re.split(r'(?<=[.!?;:])\s+', ' '.join(paragraph.split())):
            words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", sentence.lower())
            if reads_like_prose(sentence, words):
                yield ' '.join(words)


def read(path):
    "The text of a file"
    with open_packed(path) as f:
        return f.read().decode('utf-8', 'replace')


def package_lines(name, folder):
    "The version of a package, and its sentences"
    download = ['apt-get', 'download', '-qq', name]
    subprocess.run(download, cwd=folder, check=True, capture_output=True)
    deb = next(Path(folder).glob(f'{name}_*.deb'))
    subprocess.run(['dpkg-deb', '-x', deb, Path(folder)/name], check=True)
    pattern, kind = PACKAGES[name]
    version = deb.name.split('_')[1].replace('%3a', ':')
    files = [path for path in sorted((Path(folder)/name).glob(pattern)) if path.is_file()]
    return version, [line for path in files for line in sentences(read(path), kind)]


def build(packages, path):
    "Write the text, each sentence once, and return a row for each package"
    seen, rows = set(), []
    with tempfile.TemporaryDirectory() as folder:
        for name in packages:
            version, lines = package_lines(name, folder)
            new = [line for line in dict.fromkeys(lines) if line not in seen]
            seen.update(new)
            row = dict(package=name, version=version, licence=LICENCES[name])
            row |= dict(sentences=len(new), words=sum(line.count(' ') + 1 for line in new))
            rows.append(row)
            print(rows[-1], flush=True)
            with open(path, 'a' if len(rows) > 1 else 'w', encoding='utf-8') as f:
                f.writelines(line + '\n' for line in shuffled(new))
    return rows


def shuffled(lines):
    "In random order, the same each time: from A to Z a dictionary would be a strange text"
    return [lines[i] for i in np.random.default_rng(0).permutation(len(lines))]


def mixed(path):
    "The sentences of all packages, mixed, and as many of them as are enough"
    lines = shuffled(path.read_text(encoding='utf-8').splitlines())
    last = int(np.searchsorted(np.cumsum([line.count(' ') + 1 for line in lines]), ENOUGH))
    path.write_text('\n'.join(lines[:last]) + '\n', encoding='utf-8')


def english(folder=None):
    "Path of the English text, which is built if it is not there"
    path = Path(folder or cache_folder())/'english.txt'
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix('.tmp')
        build(PACKAGES, draft)
        mixed(draft)
        draft.rename(path)
    return path


def zipf(words, tokens, seed=0, folder=None):
    """Path of a text by Zipf's law: `words` distinct words, each five times at least, and about
    `tokens` tokens in sentences of 20"""
    path = Path(folder or cache_folder())/f'zipf-{words}-{tokens}-{seed}.txt'
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    rng, share = np.random.default_rng(seed), 1 / (np.arange(words) + 2.7)
    counts = 5 + rng.multinomial(max(tokens - 5 * words, 0), share / share.sum())
    ids = np.repeat(np.arange(words, dtype=np.int32), counts)
    rng.shuffle(ids)
    names = np.array([f'w{i:x}' for i in range(words)], dtype=object)
    with open(path.with_suffix('.tmp'), 'w') as f:
        for first in range(0, len(ids), 20_000):
            part = names[ids[first : first + 20_000]].tolist()
            f.writelines(' '.join(part[i : i + 20]) + '\n' for i in range(0, len(part), 20))
    return path.with_suffix('.tmp').rename(path)


if __name__ == '__main__':
    args = options(__doc__)
    packages = ['dict-devil'] if args.small else list(PACKAGES)
    with tempfile.TemporaryDirectory() as home:
        path = Path(home)/'text.txt'
        try:
            rows, note = build(packages, path), ''
        except (OSError, subprocess.CalledProcessError) as e:
            if not args.small:
                raise
            rows, note = [], f'no Debian package here ({e}): a synthetic text'
            path = zipf(300, 6000, folder=home)
        mixed(path)
        counts = Counter(path.read_text(encoding='utf-8').split())
        sha = hashlib.sha256(path.read_bytes()).hexdigest()
        if not args.small:
            shutil.copy(path, cache_folder()/'english.txt')
    results = dict(packages=rows, note=note, words=sum(counts.values()), distinct=len(counts))
    results |= dict(at_least_5=sum(n >= 5 for n in counts.values()), sha256=sha)
    save('text', results, args.out)
