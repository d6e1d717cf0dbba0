"Samples drawn once against samples drawn afresh, over fifteen epochs: training and validation loss, seconds, bytes stored."
from record import options, save
from w2v_nb.data import load_data
from w2v_nb.embedding import make_embeddings
from w2v_nb.exercises import resampled_loader
from w2v_nb.text import Text, read_sentences, split_text
from w2v_nb.training import train, try_gpu

args = options(__doc__, epochs=15, lr=0.002)
text = read_sentences()
if args.small: text = Text('some', text.sentences[:3000])
sentences, valid = split_text(text)
runs = {}
for name, load in dict(fixed=load_data, resampled=resampled_loader).items():
    data_iter, vocab = load(sentences, 512, 5, 5)
    val_iter, _ = load_data(valid, 512, 5, 5, vocab)
    history = train(make_embeddings(len(vocab), 100), data_iter, args.lr, 2 if args.small else args.epochs, val_iter=val_iter)
    runs[name] = {c: history[c] for c in ('loss', 'val_loss', 'seconds', 'centres_per_s')} | dict(
        nbytes=data_iter.nbytes if name == 'resampled' else data_iter.examples.nbytes)
it, vocab = resampled_loader(sentences[:5000], 512, 5, 5)
short = train(make_embeddings(len(vocab), 20), it, 0.01, 2, quiet=True)['loss']
save('resampling', dict(text=text.name, lr=args.lr, runs=runs, short=short), args.out, try_gpu())
