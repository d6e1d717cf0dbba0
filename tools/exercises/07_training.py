"""What 07_training asks for. A class is an exercise, its functions are checks, and their
docstrings what to say where one fails. `hints` are a nudge and something more concrete, never
the answer. START.ipynb quotes what the lesson teaches, and about how many minutes it takes."""

import math
import torch
from fastcore.test import test_eq, test_close, expect_fail
from torch import nn
from w2v_nb.base.history import LiveLoss
from w2v_nb.base.progress import progress_bar
from w2v_nb.chapter.training import batch_loss as ours, train_epoch as our_epoch

TEACHES = 'The training loop, and what its losses mean'
MINUTES = 45


def batch(seed, B=4, N=6, V=9):
    g = torch.Generator().manual_seed(seed)
    size = torch.randint(1, N + 1, (B, 1), generator=g)
    mask = (torch.arange(N) < size).double()
    center, words = (torch.randint(V, (B, n), generator=g) for n in (1, N))
    return [center, words, mask, mask * (torch.rand(B, N, generator=g) < 0.4)]


def net(seed=0, size=1.0):
    g = torch.Generator().manual_seed(seed)
    draw = lambda: size * torch.randn(9, 5, generator=g, dtype=torch.float64)
    layers = [nn.Embedding.from_pretrained(draw(), freeze=False) for _ in range(2)]
    return nn.Sequential(*layers)


def plain(net, batch, shift=0.0):
    "The loss of a minibatch by loops over rows and terms"
    v, u = (layer.weight for layer in net)
    total = 0.0
    for (centre,), words, mask, labels in zip(*(t.tolist() for t in batch)):
        terms = []
        for word, counts, label in zip(words, mask, labels):
            score = (v[centre] @ u[word]).item() + shift
            if counts:
                terms.append(math.log1p(math.exp(-score if label else score)))
        total += sum(terms) / len(terms)
    return total


class batch_loss:
    hints = (
        'Two earlier pages do the work: the forward pass and the loss. What shape comes out '
        'of the first, and what shape does the second want?',
        "`skip_gram` gives scores [B, 1, N]; bring them to the labels' shape, add `shift`, "
        'and let `SigmoidBCELoss()` rate them with the mask; the *sum* of its row losses is '
        'the result.',
    )

    def zeros(f):
        """With tables of zeros every term costs log 2, so B rows cost B log 2: a sum over
        rows, each row a mean."""
        zero = net(size=0.0)
        test_close(f(zero, batch(0)).item(), 4 * math.log(2), eps=1e-12)
        test_close(f(zero, batch(1, B=7)).item(), 7 * math.log(2), eps=1e-12)

    def loops(f):
        """Real tables, against loops over rows and terms; padding must not count, and centres
        belong to the first table."""
        for seed in range(3):
            expected = plain(net(seed), batch(seed))
            test_close(f(net(seed), batch(seed)).item(), expected, eps=1e-9)

    def shift(f):
        "`shift` is added to every score before the loss."
        for shift in -1.5, 0.5:
            expected = plain(net(), batch(0), shift)
            test_close(f(net(), batch(0), shift).item(), expected, eps=1e-9)

    def wide(f):
        "A single row, and a single column, too."
        for B, N in (1, 6), (5, 1), (1, 1):
            test_close(f(net(), batch(3, B, N)).item(), plain(net(), batch(3, B, N)), eps=1e-9)

    def gradients(f):
        "One number, a tensor, from which both tables get gradients."
        n, m = net(), net()
        loss = f(n, batch(0))
        test_eq(loss.shape, ())
        loss.backward()
        ours(m, batch(0)).backward()
        for a, b in zip(n.parameters(), m.parameters()):
            test_close(a.grad, b.grad, eps=1e-12)


class evaluate_loss:
    hints = (
        'It is a mean over centre words: add up sums, count the words, and divide once, at '
        'the end. Nothing may be learnt meanwhile.',
        'Add up `batch_loss` of all minibatches of `batches_on(data_iter, device)` and the '
        'number of their centre words, without gradients (`torch.inference_mode`); divide '
        'at the end; without minibatches, raise a `ValueError`.',
    )

    def mean_over_centres(f):
        "A mean over centre words, not over minibatches: a short minibatch weighs less."
        batches = [batch(0, B=8), batch(1, B=1)]
        expected = sum(plain(net(), b) for b in batches) / 9
        test_close(f(net(), batches, 'cpu'), expected, eps=1e-9)

    def a_number(f):
        "An untrained network costs log 2 a term; the result is a plain float."
        out = f(net(size=0.01), [batch(0)], 'cpu')
        assert type(out) is float, type(out)
        test_close(out, math.log(2), eps=1e-3)

    def nothing_is_learnt(f):
        "The network is the same afterwards, and no gradients have been left in it."
        n, with_gradients = net(), []
        before = [p.detach().clone() for p in n.parameters()]
        n[0].register_forward_hook(lambda *args: with_gradients.append(torch.is_grad_enabled()))
        f(n, [batch(0), batch(1)], 'cpu')
        assert not any(with_gradients), 'the scores are computed with gradients'
        assert all(torch.equal(p, b) and p.grad is None for p, b in zip(n.parameters(), before))

    def shift(f):
        "`shift` goes to the loss of each minibatch."
        batches = [batch(0), batch(2)]
        expected = sum(plain(net(), b, 0.7) for b in batches) / 8
        test_close(f(net(), batches, 'cpu', shift=0.7), expected, eps=1e-9)

    def none(f):
        "Without a minibatch there is no mean: a `ValueError`, not a division by zero."
        with expect_fail(ValueError):
            f(net(), [], 'cpu')


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def run(train_epoch, make_optimizer=sgd, batches=6):
    """Train for an epoch: the tables after it, the points of the curve, what the function
    returned"""
    n, curve, data = net(), LiveLoss(every=math.inf), [batch(i) for i in range(batches)]
    with progress_bar(total=batches, quiet=True) as bar:
        out = train_epoch(n, data, make_optimizer(n.parameters()), 1, bar, curve)
    return [p.detach() for p in n.parameters()], curve.points['training'], out


class train_epoch:
    lines = 'optimizer.zero_grad()', 'optimizer.step()'
    hints = (
        'Four lines, one for each of these: forget the last minibatch, see how bad this one '
        'is, find out which way is up, step down.',
        'Clear the last gradients (`zero_grad`), compute `loss` with `batch_loss`, compute '
        'its gradients (`backward`), and let the optimizer take a step.',
    )

    def learns(f):
        "After an epoch, the tables must have moved."
        for p, q in zip(run(f)[0], net().parameters()):
            assert not torch.equal(p, q)

    def one_step(f):
        """A step of gradient descent moves a table by the learning rate times the gradient of
        *this* minibatch, downhill."""
        n = net()
        ours(n, batch(0)).backward()
        for p, q in zip(run(f, batches=1)[0], n.parameters()):
            test_close(p, q.detach() - 0.1 * q.grad, eps=1e-12)

    def old_gradients(f):
        """Gradients add up unless they are cleared: each step must take those of its own
        minibatch only, and from the tables as they are by then."""
        for make in sgd, lambda parameters: torch.optim.Adam(parameters, lr=0.1):
            for p, q in zip(run(f, make)[0], run(our_epoch, make)[0]):
                test_close(p, q, eps=1e-9)

    def what_is_reported(f):
        """`loss` is that of the minibatch before its step: the mean of the epoch and the
        points of the curve are made of it."""
        _, points, (mean, n) = run(f)
        _, our_points, (our_mean, our_n) = run(our_epoch)
        test_eq((n, [x for x, _ in points]), (our_n, [x for x, _ in our_points]))
        test_close(mean, our_mean, eps=1e-9)
        test_close([y for _, y in points], [y for _, y in our_points], eps=1e-9)

    def gone_wrong(f):
        """A loss of NaN or infinity must still end the run: leave the lines below the step as
        they are."""
        with expect_fail(FloatingPointError):
            run(f, lambda parameters: torch.optim.SGD(parameters, lr=1e200))
