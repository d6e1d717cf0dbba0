"""gensim's own tests, run on this package.

`python tests/gensim_suite.py RESULTS [MODULE ...]` runs test modules of the installed gensim.
It writes {test: [outcome, error]} as JSON. There, the names of gensim's classes mean the
adapters below, which change how things are made and what they are called, and no more: queries,
files, training and errors are ours. Another module joins by a row of `MODULES`.
"""
import importlib, json, logging, os, re, signal, sys, types, unittest, warnings
from types import SimpleNamespace

import numpy as np

from w2v_nb import Corpus, WordVectors
from w2v_nb import Phrases as OurPhrases
from w2v_nb import Word2Vec as Ours
from w2v_nb.vectors.evaluation import evaluate_word_analogies, evaluate_word_pairs

SECONDS = 120 # for one test; the first may have a kernel to compile
THEIR_DEFAULTS = dict(sg=0, hs=0, cbow_mean=1, sample=1e-3, epochs=5, workers=3, seed=1)
NO_MATTER = 'batch_words', 'compute_loss', 'sorted_vocab' # they don't change what comes out
OF_TEXT = 'min_count', 'max_final_vocab'


def read(sentences=None, corpus_file=None, **options):
    "A text, however gensim's constructor is given one, as a `Corpus`"
    if options.get('min_count') == 0: options['min_count'] = 1 # both keep every word
    path = getattr(sentences, 'path', corpus_file)
    if path is not None: return Corpus.from_file(path, quiet=True, **options)
    return Corpus.from_sentences(sentences, **options)


class LineSentence:
    "Sentences of a file, by `Corpus.from_file`. It refuses a .bz2: gensim's class reads those"
    def __new__(cls, source):
        from gensim.models import word2vec
        packed = str(source).endswith('.bz2')
        return word2vec.LineSentence(source) if packed else super().__new__(cls)
    def __init__(self, source): self.path = source
    def __iter__(self): return iter(read(self, min_count=1))


class BeforeTraining(Exception): pass

class StopAtOnce:
    "A callback that leaves a model as it is before training"
    def on_train_begin(self, model): raise BeforeTraining


class Word2Vec(Ours):
    "Our estimator, made as gensim's: with the text in the constructor, or by two more calls"
    def __init__(self, sentences=None, corpus_file=None, **settings):
        of_text = {name: settings.pop(name) for name in OF_TEXT if name in settings}
        settings = {k: v for k, v in settings.items() if k not in NO_MATTER}
        super().__init__(**THEIR_DEFAULTS | settings, device='cpu')
        vars(self).update(of_text=dict(min_count=5) | of_text, start=None)
        if sentences is None and corpus_file is None: return
        self.build_vocab(sentences, corpus_file)
        self.train(sentences, corpus_file)
    def build_vocab(self, sentences=None, corpus_file=None, update=False, **of_text):
        "Words and their first vectors: `fit`, stopped where training begins"
        options = self.of_text | of_text
        vars(self).update(fewest=max(options['min_count'], 1), grows=update)
        if update: # `fit` itself leaves rare words out: it counts those that are known, too
            self.start, options = self.wv, dict(min_count=1)
        self.corpus = read(sentences, corpus_file, **options)
        try: self.fit_as_built(self.corpus, callbacks=[StopAtOnce()])
        except BeforeTraining: pass
    def train(self, sentences=None, corpus_file=None, epochs=None, **sums):
        "`fit`; what gensim wants to be told of the text is left out"
        if 'corpus' not in vars(self): return self.fit(sentences, update_vocab=True, quiet=True)
        if epochs is not None: self.epochs = epochs
        lock = vars(self.wv).get('vectors_lockf', [])
        frozen = [word for word, factor in zip(self.wv.index_to_key, lock) if factor == 0]
        if self.start is not None: self.wv = self.start # `fit` grows it
        self.fit_as_built(read(sentences, corpus_file, vocab=self.corpus.vocab), freeze=frozen)
        vars(self).update(start=self.wv, grows=True)
    def fit_as_built(self, corpus, **options):
        if self.grows: corpus, options['min_count'] = list(corpus), self.fewest
        return self.fit(corpus, update_vocab=self.grows, quiet=True, **options)


class KeyedVectors(WordVectors):
    "Our vectors; an empty table waits for its first rows, as there is no empty one here"
    def __new__(cls, vector_size=None, *args, **kwargs):
        if not args and isinstance(vector_size, int): return EmptyTable(vector_size)
        return super().__new__(cls)
    @classmethod
    def load_word2vec_format(cls, fname, fvocab=None, binary=False, **options):
        "Our method, without the file of counts that is the second argument in gensim"
        if fvocab is not None: options['fvocab'] = fvocab
        return WordVectors.load_word2vec_format(fname, binary=binary, **options)


class EmptyTable:
    "Becomes vectors once it is told which"
    def __init__(self, vector_size): self.vector_size, self.full = vector_size, None
    def add_vectors(self, keys, vectors):
        if self.full is not None: return self.full.add_vectors(keys, vectors)
        self.full = WordVectors(vectors, [keys] if isinstance(keys, str) else keys)
    def __getattr__(self, name):
        if self.full is None: raise AttributeError(f"an empty table has no {name!r}")
        return getattr(self.full, name)


def name_as_gensim():
    "gensim's names for what has another name here"
    WordVectors.expandos = property(lambda self: dict(count=self.counts))
    WordVectors.evaluate_word_analogies = evaluate_word_analogies
    WordVectors.evaluate_word_pairs = evaluate_word_pairs
    def unit_normalize_all(self): self.vectors = self.get_normed_vectors()
    WordVectors.unit_normalize_all = unit_normalize_all
    def syn1(self): return np.pad(self.wv.node_vectors, ((0, 1), (0, 0))) # gensim's idle row
    Word2Vec.syn1 = property(syn1)
    Word2Vec.syn1neg = property(lambda self: self.wv.output_vectors)
    Word2Vec.layer1_size = property(lambda self: self.vector_size)
    Word2Vec.corpus_count = property(lambda self: len(self.corpus))
    Word2Vec.corpus_total_words = property(lambda self: self.corpus.num_words)
    def latest(self): return np.nansum(self.history['loss']) # NaN: an epoch without a pair
    Word2Vec.get_latest_training_loss = latest


def word2vec_names(gensim):
    "For `test_word2vec`"
    vectors = SimpleNamespace(KeyedVectors=KeyedVectors)
    names = SimpleNamespace(Word2Vec=Word2Vec, LineSentence=LineSentence,
                            PathLineSentences=LineSentence)
    return dict(word2vec=names, keyedvectors=vectors)

def keyedvectors_names(gensim):
    "For `test_keyedvectors`"
    def load(cls, fname, binary_chunk_size=None, **options):
        return cls.load_word2vec_format(fname, **options)
    of_vectors = SimpleNamespace(KeyedVectors=KeyedVectors, _load_word2vec_format=load)
    models = SimpleNamespace(KeyedVectors=KeyedVectors, keyedvectors=of_vectors)
    ours = SimpleNamespace(models=models, utils=gensim.utils, test=gensim.test)
    return dict(KeyedVectors=KeyedVectors, gensim=ours)

class Phrases(OurPhrases):
    "Our phrases, learnt from sentences in the place of a `Corpus`"
    def __init__(self, sentences, **settings):
        lists = [list(sentence) for sentence in sentences]
        super().__init__(Corpus.from_sentences(lists, min_count=1), quiet=True, **settings)

class FrozenPhrases:
    "There is one class here, and none to freeze"
    load = OurPhrases.load
    def __new__(cls, phrases): return phrases

def phrases_names(gensim):
    "For `test_phrases`"
    return dict(Phrases=Phrases, FrozenPhrases=FrozenPhrases)


MODULES = dict(test_word2vec=word2vec_names, test_keyedvectors=keyedvectors_names,
               test_phrases=phrases_names)


def log_capture():
    "The one thing of `testfixtures` that gensim's tests use: what was logged, as an argument"
    def decorate(test):
        def run(self):
            lines, handler = [], logging.Handler()
            handler.emit = lambda record: lines.append(record.getMessage())
            logging.getLogger().addHandler(handler)
            try: return test(self, lines)
            finally: logging.getLogger().removeHandler(handler)
        return run
    return decorate

def load_module(name):
    "A test module of gensim with our classes under its names"
    fixtures, transport = types.ModuleType('testfixtures'), types.ModuleType('ot')
    fixtures.log_capture, transport.emd2 = log_capture, None # with `ot` no test skips itself
    sys.modules.update(testfixtures=fixtures, ot=transport)
    import gensim.test.utils
    module = importlib.import_module(f'gensim.test.{name}')
    vars(module).update(MODULES[name](gensim))
    return module


class Outcomes(unittest.TestResult):
    "Each test's outcome, with the type and message of its error"
    def __init__(self):
        super().__init__()
        self.found = {}
    def note(self, test, outcome, error=''):
        self.found[re.sub(r'^gensim\.test\.', '', test.id())] = outcome, error
    def startTest(self, test):
        super().startTest(test)
        if hasattr(signal, 'setitimer'): signal.setitimer(signal.ITIMER_REAL, SECONDS)
    def stopTest(self, test):
        if hasattr(signal, 'setitimer'): signal.setitimer(signal.ITIMER_REAL, 0)
        super().stopTest(test)
    def addSuccess(self, test): self.note(test, 'passed')
    def addSkip(self, test, reason): self.note(test, 'skipped', reason)
    def addFailure(self, test, error):
        message = re.sub(r'\s+', ' ', f'{error[0].__name__}: {error[1]}')
        self.note(test, 'failed', message[:400])
    addError = addFailure


def too_slow(*_): raise TimeoutError(f'more than {SECONDS} seconds')

def main(results, *names):
    "Run modules, all of them if none is named"
    warnings.simplefilter('ignore') # small texts
    os.environ.pop('BULK_TEST_REPS', None)
    if hasattr(signal, 'SIGALRM'): signal.signal(signal.SIGALRM, too_slow)
    name_as_gensim()
    outcomes = Outcomes()
    for name in names or MODULES:
        unittest.defaultTestLoader.loadTestsFromModule(load_module(name)).run(outcomes)
    with open(results, 'w', encoding='utf-8') as file: json.dump(outcomes.found, file, indent=1)

if __name__ == '__main__': main(*sys.argv[1:])
