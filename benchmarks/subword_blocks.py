"""How long a block may be in which words are composed of their n-grams only once: the loss of
the same pass over English text, with a constant learning rate, and the rows that are read."""
import numpy as np

import record
from text import english, zipf

SIZES = 64, 256, 1024, 3072, 6144, 12288 # positions
ALPHA = .05

def rows_read(subwords, ids, offsets, sampling, positions):
    "Rows of n-grams for the different words of each block, for a position"
    from w2v_nb.engine.sampling import draw_block, make_block
    lengths, block = np.diff(subwords.begins), make_block(sampling, max(4096, 2*positions))
    total = begin = 0
    while begin < len(ids):
        until = min(len(ids), begin + positions)
        first, last, begin = draw_block(ids, offsets, begin, until, 0, sampling, block)
        if last == first: continue
        lo, hi = block.window_begin[first:last].min(), block.window_end[first:last].max()
        total += lengths[np.unique(block.words[lo:hi])].sum()
    return total/len(ids)

def main():
    args = record.options(__doc__, words=1_800_000)
    from w2v_nb import Corpus
    from w2v_nb.base.ngrams import NgramSettings
    from w2v_nb.engine.sampling import make_sampling
    from w2v_nb.engine.skipgram import make_own, plain_arrays, Setup
    from w2v_nb.engine.subwords import make_subwords, make_word_room, train_composed
    from w2v_nb.engine.tables import make_tables, Schedule
    file = zipf(300, 9000, folder=args.out) if args.small else english()
    corpus = Corpus.from_file(file, min_count=5, quiet=True)
    ids, offsets = plain_arrays(corpus.ids, corpus.offsets)
    n, V = min(args.words, len(ids)), len(corpus.vocab)
    subwords = make_subwords(corpus.vocab.idx_to_token, NgramSettings())
    sampling, schedule = make_sampling(corpus.counts), Schedule(ALPHA, ALPHA, len(ids), 1)
    rows = []
    for positions in SIZES:
        tables, size = make_tables(V + len(subwords.buckets), 100), max(4096, 2*positions)
        setup = Setup(tables, ids, offsets, sampling, schedule, subwords=subwords)
        own = make_own(sampling, tables.stride, size=size)
        room = make_word_room(tables, V, size, positions)
        loss, terms, _ = train_composed(setup, 0, n, 0, (own, room))
        part = ids[:min(n, 200_000)]
        lines = np.append(offsets[offsets < len(part)], len(part))
        read = rows_read(subwords, part, lines, sampling, positions)
        rows.append(dict(positions=positions, loss=loss/terms, rows=float(read)))
        print(rows[-1], flush=True)
    record.save('subword_blocks', dict(words=n, vocabulary=V, alpha=ALPHA, rows=rows), args.out)

if __name__ == '__main__': main()
