"""The chapter's way against the plain way of the same recipe: data, memory and training.

The plain side has the structure of the source: lists, a Dataset, a DataLoader with a collating
function, Adam. Both train with the same parameters on the same text; epochs alternate, and
medians are quoted."""

import json, math, random, re, resource, statistics, subprocess, sys, tempfile, time
from pathlib import Path
import torch
from record import options, save
from torch import nn
from torch.utils.data import DataLoader, Dataset
from w2v_nb.base.history import LiveLoss
from w2v_nb.base.progress import progress_bar
from w2v_nb.base.pydoc import read_pydoc
from w2v_nb.chapter.data import load_data
from w2v_nb.chapter.embedding import make_embeddings
from w2v_nb.chapter.text import Vocab, read_sentences
from w2v_nb.chapter.training import train_epoch

BATCH, WINDOW, NOISE, DIM, LR, T, MIN_FREQ = 512, 5, 5, 100, 0.002, 1e-4, 10
SIDES = 'plain', 'ours'
NETS = 'plain', 'ours', 'ours_unfused'


class Bank:
    "Noise words, drawn ten thousand at a time"

    def __init__(self, weights):
        self.ids, self.weights, self.drawn = list(range(len(weights))), weights, []

    def draw(self):
        if not self.drawn:
            self.drawn = random.choices(self.ids, self.weights, k=10_000)
        return self.drawn.pop()


class Triples(Dataset):
    "A centre, its contexts and its noise words"

    def __init__(self, *columns):
        self.columns = columns

    def __len__(self):
        return len(self.columns[0])

    def __getitem__(self, i):
        return tuple(column[i] for column in self.columns)


def collate(triples):
    "Rows of lists, padded to the longest"
    width = max(len(contexts) + len(noise) for _, contexts, noise in triples)
    centers, words, masks, labels = [], [], [], []
    for center, contexts, noise in triples:
        size = len(contexts) + len(noise)
        centers.append([center])
        words.append(contexts + noise + [0] * (width - size))
        masks.append([1] * size + [0] * (width - size))
        labels.append([1] * len(contexts) + [0] * (width - len(contexts)))
    return [torch.tensor(column) for column in (centers, words, masks, labels)]


def subsampled(sentences, vocab):
    "Ids of the kept words of each sentence"
    known = [[i for word in sentence if (i := vocab[word])] for sentence in sentences]
    counts = vocab.known_counts.tolist()
    total = sum(counts)
    is_kept = lambda i: random.random() < math.sqrt(T * total / counts[i])
    return [[i for i in sentence if is_kept(i)] for sentence in known]


def triples_of(sentence, bank):
    "Each centre of a sentence with its contexts and noise words"
    if len(sentence) < 2:
        return
    for i, center in enumerate(sentence):
        window = random.randint(1, WINDOW)
        around = sentence[max(0, i - window) : i] + sentence[i + 1 : i + 1 + window]
        noise = []
        while len(noise) < NOISE * len(around):
            if (word := bank.draw()) not in around:
                noise.append(word)
        yield center, around, noise


def plain_data(sentences):
    "From sentences to a DataLoader, with loops over lists"
    vocab = Vocab(sentences, MIN_FREQ)
    kept = subsampled(sentences, vocab)
    bank = Bank([n**0.75 for n in vocab.known_counts.tolist()])
    centers, contexts, negatives = [], [], []
    for sentence in kept:
        for center, around, noise in triples_of(sentence, bank):
            centers.append(center)
            contexts.append(around)
            negatives.append(noise)
    triples = Triples(centers, contexts, negatives)
    return DataLoader(triples, BATCH, shuffle=True, collate_fn=collate), vocab


def plain_loss(net, batch):
    "The loss of each row of a minibatch"
    center, words, mask, label = batch
    v, u = net[0](center), net[1](words)
    scores = torch.bmm(v, u.permute(0, 2, 1)).reshape(label.shape)
    terms = nn.functional.binary_cross_entropy_with_logits(
        scores.float(), label.float(), weight=mask.float(), reduction='none'
    )
    return terms.mean(dim=1) / mask.sum(dim=1) * mask.shape[1]


def plain_epoch(net, data_iter, optimizer):
    "One epoch, as a tutorial would write it: mean loss and centre words"
    total = n = 0
    for batch in data_iter:
        optimizer.zero_grad()
        loss = plain_loss(net, batch)
        loss.sum().backward()
        optimizer.step()
        total += loss.sum().item()
        n += loss.numel()
    return total / n, n


def plain_net(size):
    "Two fresh tables, Xavier-uniform"
    net = nn.Sequential(nn.Embedding(size, DIM), nn.Embedding(size, DIM))
    for layer in net:
        nn.init.xavier_uniform_(layer.weight)
    return net


def timed(f):
    "What `f` returns, and its seconds"
    start = time.perf_counter()
    return f(), time.perf_counter() - start


def prepare(side, sentences):
    "The data of a side, up to and with its first minibatch"
    if side == 'plain':
        data_iter, vocab = plain_data(sentences)
    else:
        data_iter, vocab = load_data(sentences, BATCH, WINDOW, NOISE)
    next(iter(data_iter))
    return data_iter, vocab


def peak_mb():
    """Most memory that this process had in use, MB. Linux's own count begins at its start;
    `getrusage` also remembers the parent's"""
    status = Path('/proc/self/status')
    if status.exists():
        return int(re.search(r'VmHWM:\s+(\d+) kB', status.read_text())[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def print_memory(side, limit):
    "Print the megabytes at the peak, before and after preparing the data, as JSON"
    sentences = read_sentences().sentences[: limit or None]
    before = peak_mb()
    prepare(side, sentences)
    print(json.dumps([before, peak_mb()]))


def measure_memory(side, limit):
    "Memory for the data of a side, in a process of its own"
    command = [sys.executable, __file__, '--memory', side, str(limit)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = json.loads(run.stdout)
    return dict(before_mb=before, peak_mb=after)


def measure_preparing(sentences, rounds):
    "Seconds of each round, and the data, of each side"
    seconds, data = {side: [] for side in SIDES}, {}
    for _ in range(rounds):
        for side in SIDES:
            data[side], took = timed(lambda: prepare(side, sentences))
            seconds[side].append(took)
    return seconds, data


def measure_pydoc(packages):
    "Seconds to make the embedded text, and to read it from its cache"
    with tempfile.TemporaryDirectory() as folder:
        read = lambda: read_pydoc(packages, folder)
        return {name: timed(read)[1] for name in ('first_s', 'cached_s')}


def measure_training(data, rounds):
    "Centre words a second, and losses, of each network's epochs"
    size, rates, losses = len(data['ours'][1]), {name: [] for name in NETS}, {}
    nets, adams = {}, {}
    for name in NETS:
        nets[name] = plain_net(size) if name == 'plain' else make_embeddings(size, DIM)
        parameters = nets[name].parameters()
        adams[name] = torch.optim.Adam(parameters, lr=LR, fused=name == 'ours')
    bar, curve = progress_bar(quiet=True), LiveLoss(every=math.inf)

    def epoch(name, number):
        if name == 'plain':
            return plain_epoch(nets[name], data['plain'][0], adams[name])
        return train_epoch(nets[name], data['ours'][0], adams[name], number, bar, curve)

    for number in range(1, rounds + 1):
        for name in NETS:
            (mean, n), seconds = timed(lambda: epoch(name, number))
            rates[name].append(n / seconds)
            losses.setdefault(name, []).append(mean)
            speed = f'{n / seconds:,.0f} centre words/s'
            print(f'round {number}, {name}: loss {mean:.4f}, {speed}', flush=True)
    return rates, losses


def main():
    args = options(__doc__, rounds=5)
    rounds, limit = (1, 2000) if args.small else (args.rounds, 0)
    text = read_sentences()
    random.seed(0)
    torch.manual_seed(0)
    seconds, data = measure_preparing(text.sentences[: limit or None], min(rounds, 3))
    memory = {side: measure_memory(side, limit) for side in SIDES}
    packages = ['stdlib', 'torch', 'numpy', 'matplotlib', 'numba']
    pydoc = measure_pydoc(['numba'] if args.small else packages)
    print('pydoc', pydoc)
    rates, losses = measure_training(data, rounds)
    ratios = {}
    for name in NETS[1:]:
        ratios[name] = statistics.median(a / b for a, b in zip(rates[name], rates['plain']))
        print(f'{name}: {ratios[name]:.2f} times the plain way')
    results = dict(text=text.name, threads=torch.get_num_threads(), rounds=rounds)
    results |= dict(centres_per_s=rates, loss=losses, ratio=ratios)
    save('chapter', results | dict(prepare_s=seconds, memory=memory, pydoc=pydoc), args.out)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--memory']:
        print_memory(sys.argv[2], int(sys.argv[3]))
    else:
        main()
