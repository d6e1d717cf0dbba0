"""Which settings are best: one axis after the other, each judged by validation loss, then three seeds at the winner and the test text.
The base is the source's setting; the best value of an axis is kept for the next one."""
from record import options, save
from w2v_nb.data import load_data
from w2v_nb.embedding import make_embeddings
from w2v_nb.exercises import JUDGE_NOISE, JUDGE_WINDOW, Setting, sweep
from w2v_nb.text import Text, read_sentences, split_text
from w2v_nb.training import evaluate_loss, train, try_gpu
import math

args = options(__doc__, epochs=8, seeds=3)
text = read_sentences()
if args.small: text = Text('some', text.sentences[:3000])
epochs = 1 if args.small else args.epochs
axes = dict(lr=[0.0005, 0.001, 0.002, 0.004], dim=[25, 50, 100, 200], window=[2, 5, 8], noise=[2, 5, 10])
if args.small: axes = dict(lr=[0.001, 0.002], dim=[10, 20], window=[2, 5], noise=[2, 5])
sentences, valid = split_text(text)
_, test = split_text(text, 'test')

runs, best, base = {}, Setting(), Setting()
def val_of(setting):
    "The rows of a setting, trained once, and its lowest validation loss"
    if setting not in runs: runs[setting] = sweep(sentences, valid, [setting], epochs)
    low = min(runs[setting], key=lambda r: r['val_loss'])
    print(setting, f"epoch {low['epoch']}: {low['val_loss']:.4f}", flush=True)
    return low['val_loss']
tried = {}
for axis, values in axes.items():
    candidates = [best._replace(**{axis: v}) for v in values]
    best = min(candidates, key=val_of)
    tried[axis] = [dict(s._asdict(), epochs=[r['val_loss'] for r in runs[s]], loss=[r['loss'] for r in runs[s]]) for s in candidates]
lowest = lambda s: min(runs[s], key=lambda r: r['val_loss'])['epoch']

def confirm(setting, num_epochs, seed):
    "Train afresh, and judge once by the validation and the test text"
    data_iter, vocab = load_data(sentences, 512, setting.window, setting.noise, seed=seed)
    net = make_embeddings(len(vocab), setting.dim, seed=seed)
    train(net, data_iter, setting.lr, num_epochs)
    judge = lambda s: evaluate_loss(net, load_data(s, 512, JUDGE_WINDOW, JUDGE_NOISE, vocab)[0], shift=math.log(setting.noise / JUDGE_NOISE))
    return dict(setting._asdict(), epochs=num_epochs, seed=seed, val_loss=judge(valid), test_loss=judge(test))
val_of(base)
source_epochs = 1 if args.small else 5
confirmed = [confirm(s, n, seed) for seed in range(1 if args.small else args.seeds) for s, n in ((best, lowest(best)), (base, source_epochs))]
short = sweep(sentences[:5000], valid, [Setting(lr=0.004, dim=20, window=3, noise=3)], 2, quiet=True)
save('sweep', dict(text=text.name, epochs=epochs, axes=tried, best=dict(best._asdict(), epochs=lowest(best)),
                   source=dict(base._asdict(), epochs=source_epochs), confirmed=confirmed, short=short), args.out, try_gpu())
