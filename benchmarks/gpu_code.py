"""What Triton's compiler makes of the second pass for an NVIDIA H100 (sm_90), which need not be here: registers, shared memory, programs that fit
on a multiprocessor at a time, and the instructions that read and add."""
import os, tempfile
os.environ.pop('TRITON_INTERPRET', None)  # compile it, whatever else is set
cache = tempfile.TemporaryDirectory()
os.environ['TRITON_CACHE_DIR'] = cache.name # from scratch, so that the time is true
import re, subprocess, sys, time
from importlib.metadata import version
from pathlib import Path

import triton
from record import options, save
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from w2v_nb.gpu import CONFIGS, shape, train_groups

REGISTERS, SHARED, WARPS = 65536, 232448, 64 # of a multiprocessor: 32-bit registers, bytes, warps it can hold (CUDA programming guide, compute capability 9.0)
KINDS = dict(X='*fp32', U='*fp32', rates='*fp32', most_x='*fp32', most_u='*fp32', sums='*fp32', boxes='*i64', at='*i64', frozen='*u8') # others: whole numbers, and int32 in memory
NUMBERS = {'below', 'above', 'n', 'epoch', 'V', 'every'}


def compiled(config, dim, window, negative, precision):
    "One configuration's code, counted"
    names = train_groups.arg_names
    constants = dict(STRIDE=-(-dim//16)*16, FROZEN=False, PRECISION=precision, **shape(dim, window, negative, config))
    signature = {n: 'constexpr' if n in constants else 'i32' if n in NUMBERS else KINDS.get(n, '*i32') for n in names}
    aligned = {(i,): [['tt.divisibility', 16]] for i, n in enumerate(names) if signature[n].startswith('*')}
    start = time.perf_counter()
    code = triton.compile(ASTSource(train_groups, signature, {(names.index(n),): v for n, v in constants.items()}, aligned),
                          target=GPUTarget('cuda', 90, 32), options=dict(num_warps=config.warps, enable_fp_fusion=True))
    seconds, ptx = time.perf_counter() - start, code.asm['ptx']
    with tempfile.TemporaryDirectory() as d:
        (Path(d)/'k.ptx').write_text(ptx)
        for tool in sorted((Path(triton.__file__).parent/'backends/nvidia/bin').glob('ptxas*')): # newer versions bring two
            done = subprocess.run([tool, '-v', '--gpu-name', re.search(r'\.target (sm_\w+)', ptx)[1], f'{d}/k.ptx', '-o', f'{d}/k.cubin'], capture_output=True, text=True)
            if done.returncode == 0: break
    if done.returncode: sys.exit(done.stdout + done.stderr)
    said = done.stderr
    registers, shared = int(re.search(r'Used (\d+) registers', said)[1]), code.metadata.shared
    fit = min(REGISTERS//(-(-registers//8)*8*32*config.warps), SHARED//(shared + 1024), WARPS//config.warps)
    count = lambda pattern: len(re.findall(pattern, ptx))
    return {'centres': config.centres, 'columns': config.columns, 'warps': config.warps, 'dim': dim, 'products': precision, 'registers': registers,
            'spilled bytes': sum(map(int, re.findall(r'(\d+) bytes spill', said))), 'shared bytes': shared, 'programs on an SM': fit,
            'red': count(r'\bred\.'), 'red v4': count(r'\bred\.global\S*\.v4\.f32'), 'atom': count(r'\batom\.'), 'loads of 16 bytes': count(r'\bld\.global\S*\.v4') + count(r'\bcp\.async\S* \[[^]]*\], \[[^]]*\], 0x10'), 'row loads that are narrower': count(r'\bcp\.async\S* \[[^]]*\], \[[^]]*\], 0x[48],'),
            'compiled in s': round(seconds, 1)}


if __name__ == '__main__':
    args = options(__doc__)
    rows = []
    for precision in ('ieee', 'tf32'):
        for dim in (100, 128, 300):
            for config in CONFIGS:
                rows.append(compiled(config, dim, 5, 5, precision))
                print(rows[-1], flush=True)
                if args.small: break
            if args.small: break
        if args.small: break
    save('gpu_code', dict(triton=version('triton'), rows=rows), args.out)
