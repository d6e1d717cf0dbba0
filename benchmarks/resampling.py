"""Samples drawn once against samples drawn afresh, over fifteen epochs: training and validation
loss, seconds, bytes stored."""
from record import options, save
from w2v_nb.chapter.data import load_data
from w2v_nb.chapter.embedding import make_embeddings
from w2v_nb.chapter.exercises import resampled_loader
from w2v_nb.chapter.text import Text, read_sentences, split_text
from w2v_nb.chapter.training import train, try_gpu

args = options(__doc__, epochs=15, lr=0.002)
text = read_sentences()
if args.small: text = Text('some', text.sentences[:3000])
sentences, valid = split_text(text)
epochs, runs = 2 if args.small else args.epochs, {}
for name, load in dict(fixed=load_data, resampled=resampled_loader).items():
    data_iter, vocab = load(sentences, 512, 5, 5)
    val_iter, _ = load_data(valid, 512, 5, 5, vocab)
    net = make_embeddings(len(vocab), 100)
    history = train(net, data_iter, args.lr, epochs, val_iter=val_iter)
    columns = 'loss', 'val_loss', 'seconds', 'centres_per_s'
    stored = data_iter if name == 'resampled' else data_iter.examples
    runs[name] = {column: history[column] for column in columns} | dict(nbytes=stored.nbytes)
data_iter, vocab = resampled_loader(sentences[:5000], 512, 5, 5)
short = train(make_embeddings(len(vocab), 20), data_iter, 0.01, 2, quiet=True)['loss']
results = dict(text=text.name, lr=args.lr, runs=runs, short=short)
save('resampling', results, args.out, try_gpu())
