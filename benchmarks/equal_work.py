"""The chapter's recipe and the engine on the same text, to the same loss on unseen text: seconds of training each. The chapter is judged after
each of its epochs; the engine, whose learning rate falls over a whole run, by runs of different lengths."""
import torch
from record import options, save
from w2v_nb.all import Corpus, HeldOut, Text, Word2Vec, match_rows, read_ptb, read_pydoc, split_text
from w2v_nb.data import load_data
from w2v_nb.embedding import make_embeddings
from w2v_nb.text import Vocab
from w2v_nb.training import train

if __name__ == '__main__':
    args = options(__doc__)
    training, unseen = split_text(Text('pydoc', read_pydoc(['numba'])[:4000])) if args.small else ([[w for w in s if w != '<unk>'] for s in read_ptb()], read_ptb('valid'))
    corpus = Corpus.from_sentences(training, min_count=10)
    judge = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab))
    vocab = Vocab(training, 10)
    data, _ = load_data(training, 512, 5, 5, vocab)
    chapter = []
    for epochs in (1, 2) if args.small else (1, 2, 3, 4, 5):
        net = make_embeddings(len(vocab), 100)
        history = train(net, data, .002, epochs, quiet=True)
        chapter.append(dict(epochs=epochs, seconds=sum(history['seconds']), loss=judge.loss(*(match_rows(layer.weight, vocab, corpus.vocab) for layer in net)).loss))
        print('chapter', chapter[-1], flush=True)
    engine = []
    for epochs in (1, 2) if args.small else (1, 2, 3, 4, 5, 7, 10):
        model = Word2Vec(epochs=epochs, alpha=.05).fit(corpus, quiet=True)
        engine.append(dict(epochs=epochs, seconds=sum(model.history['seconds']), loss=judge.loss(*model.tables.views()).loss))
        print('engine', engine[-1], flush=True)
    save('equal_work', dict(text='pydoc' if args.small else 'ptb', threads=torch.get_num_threads(), chapter=chapter, engine=engine), args.out)
