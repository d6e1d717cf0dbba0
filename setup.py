"Everything about the package comes from settings.ini; this file only hands it on."
import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

root = Path(__file__).parent
config = ConfigParser()
config.read(root/'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
CLASSIFIERS = [
    'Development Status :: 3 - Alpha', 'Intended Audience :: Developers',
    'Intended Audience :: Education', 'Natural Language :: English',
    'Topic :: Scientific/Engineering :: Artificial Intelligence',
    *(f'Programming Language :: Python :: 3.{minor}' for minor in range(10, 14))]

def lines(key):
    "The non-empty lines of the setting `key`"
    return [line.strip() for line in cfg.get(key, '').splitlines() if line.strip()]

def absolute(text):
    "Links and pictures as full addresses: the package index shows README.md without our files"
    pages = f"{cfg['git_url']}/blob/{cfg['branch']}"
    files = pages.replace('github.com', 'raw.githubusercontent.com').replace('/blob/', '/')
    def full(link): return f"{link[1]}({files if link[1][0] == '!' else pages}/{link[2]})"
    return re.sub(r'(!?\[[^\]]*\])\((?![a-z]+:|#)([^)\s]+)\)', full, text)

name, lib = cfg['lib_name'], cfg['lib_path']
setup(
    name=name, version=cfg['version'],
    description=cfg['description'], keywords=cfg['keywords'].split(),
    author=cfg['author'], author_email=cfg['author_email'],
    license='Apache-2.0', url=cfg['git_url'], classifiers=CLASSIFIERS,
    project_urls={'Documentation': cfg['doc_host'] + cfg['doc_baseurl'],
                  'Changelog': f"{cfg['git_url']}/blob/{cfg['branch']}/CHANGELOG.md"},
    long_description=absolute((root/'README.md').read_text(encoding='utf-8')),
    long_description_content_type='text/markdown',
    packages=find_packages(include=[lib, f'{lib}.*']),
    package_data={lib: ['py.typed'], f'{lib}.base': ['docstrings.json', 'assets/*'],
                  f'{lib}.chapter': ['assets/*'],
                  f'{lib}.vectors': ['assets/*'], f'{lib}.tools': ['lessons/*', 'assets/*']},
    include_package_data=False, zip_safe=False,
    python_requires=f">={cfg['min_python']}", install_requires=lines('requirements'),
    extras_require={'dev': lines('dev_requirements'), 'bench': lines('bench_requirements')},
    entry_points={'console_scripts': lines('console_scripts'),
                  'nbdev': [f'{name}={lib}._modidx:d']},
)
