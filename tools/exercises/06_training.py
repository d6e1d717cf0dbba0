"What the exercises of 06_training ask for: each class is an exercise, each of its functions with a docstring a check, and the docstring what to think about where it fails."
import math
import torch
from fastcore.test import test_eq, test_close, expect_fail
from torch import nn
from w2v_nb.history import LiveLoss
from w2v_nb.text import progress
from w2v_nb.training import batch_loss as ours, train_epoch as our_epoch


def batch(seed, B=4, N=6, V=9):
    g = torch.Generator().manual_seed(seed)
    num = torch.randint(1, N + 1, (B, 1), generator=g)
    mask = (torch.arange(N) < num).double()
    return [torch.randint(V, (B, 1), generator=g), torch.randint(V, (B, N), generator=g), mask, mask * (torch.rand(B, N, generator=g) < .4)]

def net(seed=0, size=1.):
    g = torch.Generator().manual_seed(seed)
    return nn.Sequential(*(nn.Embedding.from_pretrained(size*torch.randn(9, 5, generator=g, dtype=torch.float64), freeze=False) for _ in range(2)))

def plain(n, b, shift=0.): # rows, terms: loops
    total = 0.
    for c, words, mask, label in zip(*(t.tolist() for t in b)):
        scores = [(n[0].weight[c[0]] @ n[1].weight[w]).item() + shift for w in words]
        terms = [math.log1p(math.exp(-s if y else s)) for s, m, y in zip(scores, mask, label) if m]
        total += sum(terms) / len(terms)
    return total

class batch_loss:
    "`skip_gram` gives scores [B, 1, N]; bring them to the labels' shape, add `shift`, and let `SigmoidBCELoss()` judge them with the mask; the *sum* of its row losses is the result."
    def zeros(f):
        "With tables of zeros every term costs log 2, so B rows cost B log 2: a sum over rows, each row a mean."
        zero = net(size=0.)
        test_close(f(zero, batch(0)).item(), 4*math.log(2), eps=1e-12)
        test_close(f(zero, batch(1, B=7)).item(), 7*math.log(2), eps=1e-12)
    def loops(f):
        "Real tables, against loops over rows and terms; padding must not count, and centres belong to the first table."
        for seed in range(3): test_close(f(net(seed), batch(seed)).item(), plain(net(seed), batch(seed)), eps=1e-9)
    def shift(f):
        "`shift` is added to every score before the loss."
        for shift in -1.5, .5: test_close(f(net(), batch(0), shift).item(), plain(net(), batch(0), shift), eps=1e-9)
    def wide(f):
        "A single row, and a single column, too."
        for B, N in (1, 6), (5, 1), (1, 1): test_close(f(net(), batch(3, B, N)).item(), plain(net(), batch(3, B, N)), eps=1e-9)
    def gradients(f):
        "One number, a tensor, from which both tables get gradients."
        n, m = net(), net()
        loss = f(n, batch(0)); test_eq(loss.shape, ()); loss.backward(); ours(m, batch(0)).backward()
        for a, b in zip(n.parameters(), m.parameters()): test_close(a.grad, b.grad, eps=1e-12)


class evaluate_loss:
    "Add up `batch_loss` of all minibatches of `batches_on(data_iter, device)` and the number of their centre words, without gradients (`torch.inference_mode`); divide at the end; no minibatches are a `ValueError`."
    def mean_over_centres(f):
        "A mean over centre words, not over minibatches: a short minibatch weighs less."
        batches = [batch(0, B=8), batch(1, B=1)]
        test_close(f(net(), batches, 'cpu'), sum(plain(net(), b) for b in batches) / 9, eps=1e-9)
    def a_number(f):
        "An untrained network costs log 2 a term; the result is a plain float."
        out = f(net(size=.01), [batch(0)], 'cpu')
        assert type(out) is float, type(out)
        test_close(out, math.log(2), eps=1e-3)
    def nothing_is_learnt(f):
        "The network is the same afterwards, and no gradients have been left in it."
        n, with_gradients = net(), []; before = [p.detach().clone() for p in n.parameters()]
        n[0].register_forward_hook(lambda *args: with_gradients.append(torch.is_grad_enabled()))
        f(n, [batch(0), batch(1)], 'cpu')
        assert not any(with_gradients), 'the scores are computed with gradients'
        assert all(torch.equal(p, b) and p.grad is None for p, b in zip(n.parameters(), before))
    def shift(f):
        "`shift` goes to the loss of each minibatch."
        test_close(f(net(), [batch(0), batch(2)], 'cpu', shift=.7), (plain(net(), batch(0), .7) + plain(net(), batch(2), .7)) / 8, eps=1e-9)
    def none(f):
        "Without a minibatch there is no mean: a `ValueError`, not a division by zero."
        with expect_fail(ValueError): f(net(), [], 'cpu')


class train_epoch:
    "Four lines: forget the last gradients, compute `loss` with `batch_loss`, have its gradients computed, and let the optimizer take a step."
    lines = 'optimizer.zero_grad()', 'optimizer.step()'
    def run(f, make=lambda p: torch.optim.SGD(p, lr=.1), batches=6):
        n, curve, data = net(), LiveLoss(every=math.inf), [batch(i) for i in range(batches)]
        with progress(total=batches, quiet=True) as bar: out = f(n, data, make(n.parameters()), 1, bar, curve)
        return [p.detach() for p in n.parameters()], curve.points['training'], out
    def learns(f):
        "After an epoch, the tables must have moved."
        assert not any(torch.equal(p, q) for p, q in zip(train_epoch.run(f)[0], net().parameters()))
    def one_step(f):
        "A step of gradient descent moves a table by the learning rate times the gradient of *this* minibatch, downhill."
        n = net(); ours(n, batch(0)).backward()
        for p, q in zip(train_epoch.run(f, batches=1)[0], n.parameters()): test_close(p, q.detach() - .1*q.grad, eps=1e-12)
    def old_gradients(f):
        "Gradients add up unless they are forgotten: each step must take those of its own minibatch only, and from the tables as they are by then."
        for make in (lambda p: torch.optim.SGD(p, lr=.1)), (lambda p: torch.optim.Adam(p, lr=.1)):
            for p, q in zip(train_epoch.run(f, make)[0], train_epoch.run(our_epoch, make)[0]): test_close(p, q, eps=1e-9)
    def what_is_reported(f):
        "`loss` is that of the minibatch before its step: the mean of the epoch and the points of the curve are made of it."
        (_, points, (mean, n)), (_, ours_, (our_mean, our_n)) = train_epoch.run(f), train_epoch.run(our_epoch)
        test_eq((n, [x for x, _ in points]), (our_n, [x for x, _ in ours_]))
        test_close([mean] + [y for _, y in points], [our_mean] + [y for _, y in ours_], eps=1e-9)
    def gone_wrong(f):
        "A loss that is no number must still end the run: leave the lines below the step as they are."
        with expect_fail(FloatingPointError): train_epoch.run(f, lambda p: torch.optim.SGD(p, lr=1e200))
