"""What 01_model asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import heapq
import torch
from fastcore.test import test_eq, test_close

TEACHES = 'What skip-gram and CBOW maximise, and two ways around the softmax'
MINUTES = 60


class softmax:
    hints = (
        'Two steps: make all scores positive without changing which is larger, then make '
        'them sum to 1. What happens to a score of 1000?',
        'Take the largest score off each (all quotients stay the same, and nothing '
        'overflows), then `torch.exp`, then divide by the sum.',
    )

    def by_hand(f):
        "The scores log 1, log 2 and log 5 give 1/8, 2/8 and 5/8."
        out = f(torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64).log())
        test_close(out.tolist(), [0.125, 0.25, 0.625], eps=1e-12)

    def kinds(f):
        "A tensor of the same shape and dtype, positive, with the sum 1."
        for dtype in torch.float32, torch.float64:
            scores = torch.linspace(-3, 3, 9, dtype=dtype)
            out = f(scores)
            test_eq((out.shape, out.dtype), ((9,), dtype))
            assert (out > 0).all()
            test_close(out.sum().item(), 1, eps=1e-6)

    def a_constant(f):
        "The same number added to all scores changes nothing: only differences count."
        scores = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
        test_close(f(scores + 7), f(scores), eps=1e-12)

    def large_scores(f):
        "A score of 1000 must not overflow: infinity over infinity is NaN."
        test_eq(f(torch.tensor([1000.0, 0.0, -1000.0])).tolist(), [1.0, 0.0, 0.0])

    def many(f):
        "Other scores, against PyTorch; and the scores that came in are not changed."
        scores = torch.randn(50, generator=torch.Generator().manual_seed(0))
        before = scores.clone()
        test_close(f(scores), torch.softmax(scores, 0), eps=1e-6)
        test_eq(scores.tolist(), before.tolist())


COUNTS = [
    dict(a=1, b=1, c=2, d=4, e=8),
    dict(the=3, cat=1, saw=1, dog=1, chase=1, ball=1),
    {f'w{i}': 1 + 1000 // i for i in range(1, 40)},
    {i: 1 for i in range(16)},
]


def least_cost(counts):
    "Questions that all words together need: at each join, the sum of what is joined"
    heap, cost = list(counts.values()), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        heapq.heappush(heap, joined)
        cost += joined
    return cost


def turns(path):
    return [turn for _, turn in path]


class huffman:
    hints = (
        'Which two words should be deepest in the tree? Join them at a fork, and go on as if '
        'the pair were one word, as frequent as both together.',
        'Keep a heap (`heapq`) of tuples: a count, a number that breaks ties, and the paths '
        'of the words below. Pop two, put (fork, 1) before each path of the first and '
        '(fork, -1) before each path of the second, and push them together with the sum of '
        'their counts. Forks are numbered from 0, as they are made.',
    )

    def two_words(f):
        "Two words need one fork, number 0: left for one of them, right for the other."
        paths = f(dict(a=3, b=1))
        test_eq(sorted(paths), ['a', 'b'])
        test_eq(sorted(paths.values()), [[(0, -1)], [(0, 1)]])

    def every_word(f):
        "A dict with every word; each step of a path is a fork's number and 1 or -1."
        for counts in COUNTS:
            paths = f(counts)
            test_eq(set(paths), set(counts))
            steps = [step for path in paths.values() for step in path]
            test_eq({turn for _, turn in steps}, {-1, 1})
            test_eq({fork for fork, _ in steps}, set(range(len(counts) - 1)))

    def one_tree(f):
        """A path starts at the root: words that have turned the same way so far are at the same
        fork, and no two forks have the same number."""
        for counts in COUNTS:
            at = {}
            for path in f(counts).values():
                for depth, (fork, _) in enumerate(path):
                    at.setdefault(fork, set()).add(str(turns(path[:depth])))
            places = [place for found in at.values() for place in found]
            test_eq((len(places), len(set(places))), (len(at), len(at)))

    def leaves(f):
        "Each word is a leaf: no path is the beginning of another."
        for counts in COUNTS:
            paths = [turns(path) for path in f(counts).values()]
            starts = [path[:depth] for path in paths for depth in range(len(path))]
            assert not any(path in starts for path in paths)
            test_close(sum(2.0 ** -len(path) for path in paths), 1, eps=1e-12)

    def shortest(f):
        """The text as a whole needs as few questions as can be: join the two *rarest*, and
        count a pair as often as both of its parts together."""
        for counts in COUNTS:
            paths = f(counts)
            test_eq(sum(n * len(paths[w]) for w, n in counts.items()), least_cost(counts))
