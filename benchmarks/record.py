"What all benchmarks share: the options, and a results file with the machine and the versions."
import argparse, json, os, platform
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).resolve().parent/'results'


def options(description, **defaults):
    """The command line: `--small` for a run of seconds that only shows that it works, `--out`
    for the folder of the results, and an option for each of `defaults`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--small', action='store_true',
                        help='a small run, to see that it works')
    parser.add_argument('--out', type=Path, default=RESULTS, help='folder for the results file')
    for name, default in defaults.items():
        parser.add_argument(f'--{name}', type=type(default), default=default)
    return parser.parse_args()


def cpu_name():
    "The processor, as the system calls it"
    if (info := Path('/proc/cpuinfo')).exists():
        for line in info.read_text().splitlines():
            if line.startswith('model name'): return line.split(':', 1)[1].strip()
    return platform.processor() or platform.machine()


def cores():
    "How many cores this process may use"
    if hasattr(os, 'sched_getaffinity'): return len(os.sched_getaffinity(0))
    return os.cpu_count()


def save(name, results, out=RESULTS, device='cpu'):
    "Write `results` to `out`/`name`.json, with the machine and the versions"
    machine = dict(cpu=cpu_name(), cores=cores(), device=str(device), system=platform.system())
    versions = dict(python=platform.python_version())
    versions |= {package: version(package) for package in ('torch', 'numpy')}
    out.mkdir(parents=True, exist_ok=True)
    path = out/f'{name}.json'
    text = json.dumps(dict(machine=machine, versions=versions) | results, indent=1) + '\n'
    path.write_text(text)
    print(f'wrote {path}')
