"""The chapter's way against the plain way of the same recipe: preparing the data, memory for it, and whole epochs of training.
The plain side has the structure of the source: lists, a Dataset, a DataLoader with a collating function, Adam. Both train with the same
parameters on the same text; epochs alternate, and medians are quoted."""
import json, math, random, re, resource, statistics, subprocess, sys, tempfile, time
from pathlib import Path
import torch
from record import options, save
from torch import nn
from torch.utils.data import DataLoader, Dataset
from w2v_nb.data import load_data
from w2v_nb.embedding import make_embeddings
from w2v_nb.history import LiveLoss
from w2v_nb.text import Vocab, progress, read_pydoc, read_sentences
from w2v_nb.training import train_epoch

BATCH, WINDOW, NOISE, DIM, LR, T, MIN_FREQ = 512, 5, 5, 100, 0.002, 1e-4, 10


class Bank:
    "Noise words, drawn ten thousand at a time"
    def __init__(self, weights): self.ids, self.weights, self.drawn = list(range(len(weights))), weights, []
    def draw(self):
        if not self.drawn: self.drawn = random.choices(self.ids, self.weights, k=10_000)
        return self.drawn.pop()


class Triples(Dataset):
    "A centre, its contexts and its noise words"
    def __init__(self, *columns): self.columns = columns
    def __len__(self): return len(self.columns[0])
    def __getitem__(self, i): return tuple(c[i] for c in self.columns)


def collate(triples):
    "Rows of lists, padded to the longest"
    width = max(len(c) + len(n) for _, c, n in triples)
    centers, words, masks, labels = [], [], [], []
    for center, contexts, noise in triples:
        size = len(contexts) + len(noise)
        centers.append(center)
        words.append(contexts + noise + [0] * (width - size))
        masks.append([1] * size + [0] * (width - size))
        labels.append([1] * len(contexts) + [0] * (width - len(contexts)))
    return torch.tensor(centers).reshape(-1, 1), torch.tensor(words), torch.tensor(masks), torch.tensor(labels)


def plain_data(sentences):
    "From sentences to a DataLoader, with loops over lists"
    vocab = Vocab(sentences, MIN_FREQ)
    known = [[i for w in s if (i := vocab[w])] for s in sentences]
    counts = vocab.known_counts.tolist()
    total = sum(counts)
    kept = [[i for i in s if random.random() < math.sqrt(T * total / counts[i])] for s in known]
    bank = Bank([n ** 0.75 for n in counts])
    centers, contexts, negatives = [], [], []
    for s in kept:
        if len(s) < 2: continue
        for i, center in enumerate(s):
            w = random.randint(1, WINDOW)
            around = s[max(0, i - w):i] + s[i + 1:i + 1 + w]
            noise = []
            while len(noise) < NOISE * len(around):
                if (word := bank.draw()) not in around: noise.append(word)
            centers.append(center); contexts.append(around); negatives.append(noise)
    return DataLoader(Triples(centers, contexts, negatives), BATCH, shuffle=True, collate_fn=collate), vocab


def plain_epoch(net, data_iter, optimizer):
    "One epoch, as a tutorial would write it: mean loss and centre words"
    total = n = 0
    for center, words, mask, label in data_iter:
        optimizer.zero_grad()
        v, u = net[0](center), net[1](words)
        pred = torch.bmm(v, u.permute(0, 2, 1)).reshape(label.shape)
        loss = nn.functional.binary_cross_entropy_with_logits(pred.float(), label.float(), weight=mask.float(), reduction='none').mean(dim=1)
        loss = loss / mask.sum(dim=1) * mask.shape[1]
        loss.sum().backward()
        optimizer.step()
        total += loss.sum().item(); n += loss.numel()
    return total / n, n


def plain_net(size):
    "Two fresh tables, Xavier-uniform"
    net = nn.Sequential(nn.Embedding(size, DIM), nn.Embedding(size, DIM))
    for layer in net: nn.init.xavier_uniform_(layer.weight)
    return net


def timed(f):
    "What `f` returns, and its seconds"
    start = time.perf_counter()
    return f(), time.perf_counter() - start


def prepare(side, sentences):
    "The data of a side, up to and with its first minibatch"
    data_iter, vocab = plain_data(sentences) if side == 'plain' else load_data(sentences, BATCH, WINDOW, NOISE)
    next(iter(data_iter))
    return data_iter, vocab


def peak_mb():
    "Most memory that this process had in use, MB. Linux's own count begins at its start; `getrusage` also remembers the parent's"
    if (status := Path('/proc/self/status')).exists(): return int(re.search(r'VmHWM:\s+(\d+) kB', status.read_text())[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == '__main__':
    if sys.argv[1:2] == ['--memory']:   # in a process of its own: megabytes at the peak, before and after preparing the data
        sentences = read_sentences().sentences[:int(sys.argv[3]) or None]
        before = peak_mb(); prepare(sys.argv[2], sentences)
        print(json.dumps([before, peak_mb()])); sys.exit()
    args = options(__doc__, rounds=5)
    rounds, limit = (1, 2000) if args.small else (args.rounds, 0)
    text = read_sentences()
    sentences = text.sentences[:limit or None]
    random.seed(0); torch.manual_seed(0)
    prep, memory, data = dict(plain=[], ours=[]), {}, {}
    for _ in range(min(rounds, 3)):
        for side in prep:
            data[side], seconds = timed(lambda: prepare(side, sentences)); prep[side].append(seconds)
    for side in prep:
        run = subprocess.run([sys.executable, __file__, '--memory', side, str(limit)], capture_output=True, text=True, check=True)
        before, after = json.loads(run.stdout)
        memory[side] = dict(before_mb=before, peak_mb=after)
    with tempfile.TemporaryDirectory() as folder:       # the embedded text: made, then read from its cache
        packages = ['numba'] if args.small else ['stdlib', 'torch', 'numpy', 'matplotlib', 'numba']
        pydoc = {name: timed(lambda: read_pydoc(packages, folder))[1] for name in ('first_s', 'cached_s')}
    print('pydoc', pydoc)
    size, rate, loss = len(data['ours'][1]), {}, {}
    nets = {s: plain_net(size) if s == 'plain' else make_embeddings(size, DIM) for s in ('plain', 'ours', 'ours_unfused')}
    adam = {s: torch.optim.Adam(net.parameters(), lr=LR, fused=s == 'ours') for s, net in nets.items()}
    bar, curve = progress(quiet=True), LiveLoss(every=math.inf)
    for r in range(rounds):
        for side, net in nets.items():
            if side == 'plain': (mean, n), seconds = timed(lambda: plain_epoch(net, data['plain'][0], adam[side]))
            else: (mean, n), seconds = timed(lambda: train_epoch(net, data['ours'][0], adam[side], r + 1, bar, curve))
            rate.setdefault(side, []).append(n / seconds); loss.setdefault(side, []).append(mean)
            print(f'round {r + 1}, {side}: loss {mean:.4f}, {n / seconds:,.0f} centre words/s', flush=True)
    ratios = {s: statistics.median(a / b for a, b in zip(rate[s], rate['plain'])) for s in ('ours', 'ours_unfused')}
    for s, x in ratios.items(): print(f'{s}: {x:.2f} times the plain way')
    save('chapter', dict(text=text.name, threads=torch.get_num_threads(), rounds=rounds, centres_per_s=rate, loss=loss, ratio=ratios,
                         prepare_s=prep, memory=memory, pydoc=pydoc), args.out)
