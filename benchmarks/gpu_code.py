"""What Triton's compiler makes of the second pass for an NVIDIA H100 (sm_90), which need not
be here: registers, shared memory, programs that fit on a multiprocessor at a time, and the
instructions that read and add."""
import os, tempfile

os.environ.pop('TRITON_INTERPRET', None)    # compile it, whatever else is set
cache = tempfile.TemporaryDirectory()
os.environ['TRITON_CACHE_DIR'] = cache.name # from scratch, so that the time is true
import re, subprocess, sys, time
from importlib.metadata import version
from itertools import product
from pathlib import Path

import triton
from record import options, save
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from w2v_nb.engine.gpu import CONFIGS, block_sizes, train_groups

# of a multiprocessor: 32-bit registers, bytes of shared memory, warps it can hold
# (CUDA programming guide, compute capability 9.0)
REGISTERS, SHARED, WARPS = 65536, 232448, 64
FLOATS = 'X', 'U', 'rates', 'x_highest', 'u_highest', 'sums'
KINDS = dict.fromkeys(FLOATS, '*fp32') | dict(alias_table='*i64', origin='*i64', frozen='*u8')
NUMBERS = {'below', 'above', 'n', 'epoch', 'V', 'loss_every'} # others: int32 in memory


def kind_of(name, constants):
    "The compiler's type of one of the kernel's parameters"
    if name in constants: return 'constexpr'
    return 'i32' if name in NUMBERS else KINDS.get(name, '*i32')

def compile_kernel(config, dim, window, negative, precision):
    "The kernel for one configuration, as Triton compiles it"
    sizes = block_sizes(dim, window, negative, config)
    constants = dict(STRIDE=-(-dim//16)*16, FROZEN=False, PRECISION=precision, **sizes)
    names = train_groups.arg_names
    signature = {name: kind_of(name, constants) for name in names}
    aligned = {(i,): [['tt.divisibility', 16]] for i, name in enumerate(names)
               if signature[name].startswith('*')}
    values = {(names.index(name),): value for name, value in constants.items()}
    return triton.compile(ASTSource(train_groups, signature, values, aligned),
                          target=GPUTarget('cuda', 90, 32),
                          options=dict(num_warps=config.warps, enable_fp_fusion=True))

def assemble(ptx):
    "What NVIDIA's assembler reports of a kernel"
    tools = sorted((Path(triton.__file__).parent/'backends/nvidia/bin').glob('ptxas*'))
    target = re.search(r'\.target (sm_\w+)', ptx)[1]
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder)/'k.ptx', Path(folder)/'k.cubin'
        source.write_text(ptx)
        for tool in tools: # newer versions of Triton bring two
            command = [tool, '-v', '--gpu-name', target, source, '-o', result]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0: return done.stderr
    sys.exit(done.stdout + done.stderr)

def count_instructions(ptx):
    "How rows are added to and read, by the kind of instruction"
    def count(pattern): return len(re.findall(pattern, ptx))
    copy = r'\bcp\.async\S* \[[^]]*\], \[[^]]*\], '
    return {'red': count(r'\bred\.'), 'red v4': count(r'\bred\.global\S*\.v4\.f32'),
            'atom': count(r'\batom\.'),
            'loads of 16 bytes': count(r'\bld\.global\S*\.v4') + count(copy + '0x10'),
            'row loads that are narrower': count(copy + '0x[48],')}

def measure(config, dim, precision, window=5, negative=5):
    "One configuration's code, counted"
    start = time.perf_counter()
    code = compile_kernel(config, dim, window, negative, precision)
    seconds, ptx = time.perf_counter() - start, code.asm['ptx']
    report, shared = assemble(ptx), code.metadata.shared
    registers = int(re.search(r'Used (\d+) registers', report)[1])
    in_a_program = -(-registers//8)*8*32*config.warps # registers come in eights
    fit = min(REGISTERS//in_a_program, SHARED//(shared + 1024), WARPS//config.warps)
    spilled = sum(map(int, re.findall(r'(\d+) bytes spill', report)))
    return {'centres': config.centres, 'columns': config.columns, 'warps': config.warps,
            'dim': dim, 'products': precision, 'registers': registers,
            'spilled bytes': spilled, 'shared bytes': shared, 'programs on an SM': fit,
            **count_instructions(ptx), 'compiled in s': round(seconds, 1)}


if __name__ == '__main__':
    args = options(__doc__)
    rows = []
    for precision, dim, config in product(('ieee', 'tf32'), (100, 128, 300), CONFIGS):
        rows.append(measure(config, dim, precision))
        print(rows[-1], flush=True)
        if args.small: break
    save('gpu_code', dict(triton=version('triton'), rows=rows), args.out)
