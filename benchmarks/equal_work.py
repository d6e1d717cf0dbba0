"""The chapter's recipe and the engine on the same text, to the same loss on unseen text:
seconds of training each. The chapter is measured after each of its epochs; the engine, whose
learning rate falls over a whole run, by runs of different lengths."""
import torch
from record import options, save
from w2v_nb.all import Corpus, HeldOut, Text, Word2Vec, match_rows, read_ptb, read_pydoc
from w2v_nb.all import split_text
from w2v_nb.chapter.data import load_data
from w2v_nb.chapter.embedding import make_embeddings
from w2v_nb.chapter.text import Vocab
from w2v_nb.chapter.training import train


def texts(small):
    "Sentences to train on, and unseen ones"
    if small: return split_text(Text('pydoc', read_pydoc(['numba'])[:4000]))
    known = [[word for word in sentence if word != '<unk>'] for sentence in read_ptb()]
    return known, read_ptb('valid')

def chapter_run(data, vocab, questions, corpus_vocab, epochs):
    "The chapter's training: its seconds, and its loss on unseen text"
    net = make_embeddings(len(vocab), 100)
    history = train(net, data, .002, epochs, quiet=True)
    tables = (match_rows(layer.weight, vocab, corpus_vocab) for layer in net)
    seconds = sum(history['seconds'])
    return dict(epochs=epochs, seconds=seconds, loss=questions.loss(*tables).loss)

def engine_run(corpus, questions, epochs):
    "The engine's training, likewise"
    model = Word2Vec(epochs=epochs, alpha=.05).fit(corpus, quiet=True)
    loss = questions.loss(*model.tables.views()).loss
    return dict(epochs=epochs, seconds=sum(model.history['seconds']), loss=loss)

def measure(small):
    "Runs of the chapter and of the engine, of different lengths"
    training, unseen = texts(small)
    corpus, vocab = Corpus.from_sentences(training, min_count=10), Vocab(training, 10)
    questions = HeldOut(Corpus.from_sentences(unseen, vocab=corpus.vocab))
    data, _ = load_data(training, 512, 5, 5, vocab)
    chapter, engine = [], []
    for epochs in (1, 2) if small else (1, 2, 3, 4, 5):
        chapter.append(chapter_run(data, vocab, questions, corpus.vocab, epochs))
        print('chapter', chapter[-1], flush=True)
    for epochs in (1, 2) if small else (1, 2, 3, 4, 5, 7, 10):
        engine.append(engine_run(corpus, questions, epochs))
        print('engine', engine[-1], flush=True)
    return dict(text='pydoc' if small else 'ptb', threads=torch.get_num_threads(),
                chapter=chapter, engine=engine)


if __name__ == '__main__':
    args = options(__doc__)
    save('equal_work', measure(args.small), args.out)
