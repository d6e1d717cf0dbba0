"Both recipes of the source, on PTB, over three seeds: losses, and the neighbours of `chip`."
from record import options, save
from w2v_nb.chapter.application import get_similar_tokens
from w2v_nb.chapter.data import load_data
from w2v_nb.chapter.embedding import make_embeddings
from w2v_nb.chapter.text import Text, read_sentences, split_text
from w2v_nb.chapter.training import train, try_gpu

args = options(__doc__, seeds=3, epochs=5)
seeds, epochs = (1, 1) if args.small else (args.seeds, args.epochs)
text = read_sentences()
if args.small: text = Text(text.name, text.sentences[:3000])
train_sentences, valid_sentences = split_text(text)
runs = []
for seed in range(seeds):
    data_iter, vocab = load_data(train_sentences, 512, 5, 5, seed=seed)
    val_iter, _ = load_data(valid_sentences, 512, 5, 5, vocab)
    for init in 'xavier', 'uniform':
        net = make_embeddings(len(vocab), 100, init, seed)
        history = train(net, data_iter, 0.002, epochs, val_iter=val_iter)
        chip = get_similar_tokens('chip', 3, net[0], vocab) if 'chip' in vocab else []
        runs.append(dict(init=init, seed=seed,
                         running_mean=sum(history['loss']) / len(history),
                         loss=history['loss'], val_loss=history['val_loss'],
                         centres_per_s=history['centres_per_s'], chip=chip))
        print(runs[-1])
results = dict(text=text.name, epochs=len(runs[0]['loss']), runs=runs)
save('recipes', results, args.out, try_gpu())
