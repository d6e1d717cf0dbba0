"""Which settings are best: one axis after the other, each by validation loss, then three seeds
at the winner and the test text. The base is D2L's setting; the best value of an axis is kept
for the next one."""
import math

from record import options, save
from w2v_nb.chapter.data import load_data
from w2v_nb.chapter.embedding import make_embeddings
from w2v_nb.chapter.exercises import VALIDATION_NOISE, VALIDATION_WINDOW, Setting, sweep
from w2v_nb.chapter.text import Text, read_sentences, split_text
from w2v_nb.chapter.training import evaluate_loss, train, try_gpu

args = options(__doc__, epochs=8, seeds=3)
text = read_sentences()
if args.small: text = Text('some', text.sentences[:3000])
epochs = 1 if args.small else args.epochs
axes = dict(lr=[0.0005, 0.001, 0.002, 0.004], dim=[25, 50, 100, 200], window=[2, 5, 8],
            noise=[2, 5, 10])
if args.small: axes = dict(lr=[0.001, 0.002], dim=[10, 20], window=[2, 5], noise=[2, 5])
sentences, valid = split_text(text)
_, test = split_text(text, 'test')

runs, tried, best, base = {}, {}, Setting(), Setting()

def best_row(setting):
    "The row of the epoch with the lowest validation loss; a setting is trained once"
    if setting not in runs: runs[setting] = sweep(sentences, valid, [setting], epochs)
    return min(runs[setting], key=lambda row: row['val_loss'])

def lowest_loss(setting):
    row = best_row(setting)
    print(setting, f"epoch {row['epoch']}: {row['val_loss']:.4f}", flush=True)
    return row['val_loss']

def curve(setting):
    "The losses of a setting, epoch by epoch"
    rows = runs[setting]
    return dict(setting._asdict(), epochs=[row['val_loss'] for row in rows],
                loss=[row['loss'] for row in rows])

for axis, values in axes.items():
    candidates = [best._replace(**{axis: value}) for value in values]
    best = min(candidates, key=lowest_loss)
    tried[axis] = [curve(setting) for setting in candidates]

def confirm(setting, num_epochs, seed):
    "Train afresh, and evaluate once on the validation and the test text"
    data_iter, vocab = load_data(sentences, 512, setting.window, setting.noise, seed=seed)
    net = make_embeddings(len(vocab), setting.dim, seed=seed)
    train(net, data_iter, setting.lr, num_epochs)
    def evaluate(unseen):
        unseen_iter, _ = load_data(unseen, 512, VALIDATION_WINDOW, VALIDATION_NOISE, vocab)
        return evaluate_loss(net, unseen_iter, shift=math.log(setting.noise / VALIDATION_NOISE))
    return dict(setting._asdict(), epochs=num_epochs, seed=seed, val_loss=evaluate(valid),
                test_loss=evaluate(test))

lowest_loss(base)
base_epochs, best_epochs = 1 if args.small else 5, best_row(best)['epoch']
confirmed = []
for seed in range(1 if args.small else args.seeds):
    confirmed += [confirm(best, best_epochs, seed), confirm(base, base_epochs, seed)]
quick = [Setting(lr=0.004, dim=20, window=3, noise=3)]
short = sweep(sentences[:5000], valid, quick, 2, quiet=True)
save('sweep', dict(text=text.name, epochs=epochs, axes=tried,
                   best=dict(best._asdict(), epochs=best_epochs),
                   source=dict(base._asdict(), epochs=base_epochs), confirmed=confirmed,
                   short=short), args.out, try_gpu())
