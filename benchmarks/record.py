"What all benchmarks share: the options, and a results file that says where and with what it was made."
import argparse, json, os, platform
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).resolve().parent/'results'


def options(description, **defaults):
    "The command line: `--small` for a run of seconds that shows only that it works, `--out` for the folder of the results."
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--small', action='store_true', help='a small run, to see that it works')
    parser.add_argument('--out', type=Path, default=RESULTS, help='folder for the results file')
    for name, default in defaults.items(): parser.add_argument(f'--{name}', type=type(default), default=default)
    return parser.parse_args()


def cpu_name():
    "The processor, as the system calls it"
    if (info := Path('/proc/cpuinfo')).exists():
        for line in info.read_text().splitlines():
            if line.startswith('model name'): return line.split(':', 1)[1].strip()
    return platform.processor() or platform.machine()


def save(name, results, out=RESULTS, device='cpu'):
    "Write `results` to `out`/`name`.json, with the machine and the versions."
    machine = dict(cpu=cpu_name(), cores=len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
                   device=str(device), system=platform.system())
    versions = dict(python=platform.python_version()) | {p: version(p) for p in ('torch', 'numpy')}
    out.mkdir(parents=True, exist_ok=True)
    path = out/f'{name}.json'
    path.write_text(json.dumps(dict(machine=machine, versions=versions) | results, indent=1) + '\n')
    print(f'wrote {path}')
