"""word2vec, told in notebooks: learn skip-gram line by line, then train it on your own text.

From a shell (each has --help):

  w2v_learn DIR        the chapter's notebooks to work through, with some functions left to write
  w2v_train [INPUT]    train word vectors on a text file, on 'ptb' or on 'pydoc'
  w2v_similar VECTORS WORD...    the neighbours of words, from a file of vectors
  w2v_eval VECTORS     how they do on word pairs and analogies
  w2v_map VECTORS OUT.html    a map of words, to open in a browser
  w2v_convert IN OUT   a file of vectors in another format

From Python:

  from w2v_nb.all import *
  model = Word2Vec().fit('my.txt')
  model.wv.most_similar('word')

The chapter's modules go by their names, text, data, embedding, forward, loss, history, training, application,
exercises, as in `from w2v_nb.training import train`, and learn; the engine's are corpus, sampling, vectors, heldout, cpu, gpu,
checkpoint, word2vec, evaluation, plots, cli. Each is a notebook, and a page of https://w2v-nb.github.io/w2v_nb.
"""
__version__ = "0.0.1"
