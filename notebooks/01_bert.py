# %% [markdown]
# # BERT: reading in both directions

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import numpy as np
import pandas as pd

from t5study.chapters import bert, scorecard, tables
from t5study.chapters.drawings.reading import encoder_block, masked_words, token_row
from t5study.chapters.explorer import explorer
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
study.badge()

# %% jupyter={"source_hidden": true} tags=["needs:minilm", "remove-cell"]
hinge = "Although the story was boring, I liked the film."
looked = study.observe(
    "minilm.attention",
    sentences=[
        "The keys to the old cabinet are on the table.",
        "The cat chased the mouse until it was tired.",
        "The film was not good.",
        "The letters that the man wrote were never sent.",
        "Mary said that she would call her brother.",
        hinge,
    ],
    head=[3, 1],
)
senses = study.observe(
    "minilm.senses",
    items=[
        {"sentence": "He sat on the [bank] of the river and watched the boats.", "sense": "river"},
        {"sentence": "Grass grew along the muddy [bank] of the stream.", "sense": "river"},
        {"sentence": "She opened an account at the [bank].", "sense": "money"},
        {"sentence": "The [bank] refused to lend him any money.", "sense": "money"},
        {"sentence": "The [plot] of the novel surprised every reader.", "sense": "story"},
        {"sentence": "The film has a thin [plot] and no ending.", "sense": "story"},
        {"sentence": "They bought a small [plot] to build a house on.", "sense": "land"},
        {"sentence": "Potatoes grew on the [plot] behind the barn.", "sense": "land"},
        {"sentence": "The knife is [sharp] and cuts well.", "sense": "edge"},
        {"sentence": "Mind the [sharp] edge of the blade.", "sense": "edge"},
        {"sentence": "Her [sharp] mind solved the riddle at once.", "sense": "clever"},
        {"sentence": "He is a [sharp] student who understands quickly.", "sense": "clever"},
    ],
)
moved = study.observe("minilm.influence", sentence=hinge)
dense = study.observe("minilm.classifier", train=400, test=500, seed=seed)


# %% jupyter={"source_hidden": true} tags=["needs:minilm", "remove-cell"]
def weight(number, layer, head, looks, at):
    tokens = looked.values["sentences"][number]["tokens"]
    row, column = tokens.index(looks), tokens.index(at)
    return float(looked.arrays[f"attention_{number}"][layer, head, row, column])


shown = {
    "looks_keys": weight(0, 3, 1, "are", "keys"),
    "looks_cabinet": weight(0, 3, 1, "are", "cabinet"),
    "looks_letters": weight(3, 3, 1, "were", "letters"),
    "looks_cat": weight(1, 5, 11, "it", "cat"),
    "looks_mouse": weight(1, 5, 11, "it", "mouse"),
    "looks_mary": weight(4, 5, 11, "she", "mary"),
    "looks_not": weight(2, 0, 2, "good", "not"),
}
number = len(looked.values["sentences"])
maps = [looked.arrays[f"attention_{i}"].astype(float) for i in range(number)]
ends = np.mean([each[..., [0, -1]].sum(-1).mean() for each in maps])
last = bert.senses_table(senses).query("layer == layer.max()").set_index("word")
share = {row["view"]: row for row in dense.values["accuracy"]}
facts(
    parameters=f"{looked.values['parameters'] / 1e6:.1f} million",
    layers=looked.values["layers"],
    heads=looked.values["heads"],
    all_heads=looked.values["layers"] * looked.values["heads"],
    width=dense.values["width"],
    head_width=looked.arrays["query"].shape[1],
    tokens=len(looked.values["sentences"][0]["tokens"]),
    from_the_right=f"{moved.values['from_the_right']:.2f}",
    from_the_left=f"{moved.values['from_the_left']:.2f}",
    looks_ends=f"{100 * ends:.0f} %",
    **{name: f"{value:.2f}" for name, value in shown.items()},
    **{f"{word}_same": f"{row['same sense']:.2f}" for word, row in last.iterrows()},
    **{f"{word}_other": f"{row['other sense']:.2f}" for word, row in last.iterrows()},
    dense_train=dense.values["train"],
    dense_test=dense.values["test"],
    dense_parameters=dense.values["layer_parameters"],
    **{
        f"dense_{name}": f"{100 * share[view]['share']:.0f} %"
        for name, view in (
            ("words", "counts of words"),
            ("random", "random weights, mean"),
            ("cls", "pre-trained, [CLS]"),
            ("mean", "pre-trained, mean"),
        )
    },
)
study.finds(
    verb_finds_subject=shown["looks_keys"] > 0.5 > shown["looks_cabinet"],
    senses_part=(last["same sense"] > last["other sense"]).all(),
    mean_not_above_counts=share["pre-trained, mean"]["low"] <= share["counts of words"]["high"],
)

# %% [markdown]
# BERT {cite:p}`devlin2019bert` is a stack of {term}`encoder` blocks. It reads a text and gives back one
# vector for each {term}`token`, and each vector knows the whole sentence. This chapter builds that up:
# what is read, what {term}`attention` computes, how a network learns from text that nobody labelled,
# and what can be read off the vectors.

# %% [markdown] tags=["needs:minilm"]
# The network on this page is MiniLM {cite:p}`wang2020minilm`: a BERT of {eval}`facts.layers` layers and
# {eval}`facts.parameters` weights. It was distilled from a larger one and then trained on pairs of
# sentences {cite:p}`reimers2019sentencebert`, and is published as
# `sentence-transformers/all-MiniLM-L6-v2`. (BERT-base has 12 layers and 110 million weights.)

# %% [markdown] tags=["needs:minilm", "finds:verb_finds_subject", "finds:senses_part", "finds:mean_not_above_counts"]
# **What was found.**
#
# - In each layer a word looks at the others through several {term}`attention heads <attention head>`. In "The keys to
#   the old cabinet are on the table", one of {eval}`facts.all_heads` heads gives {eval}`facts.looks_keys` of the weight
#   of *are* to its subject *keys*, and {eval}`facts.looks_cabinet` to the nearer noun *cabinet*. Nobody told it what a
#   subject is.
# - After the last layer the vectors of two uses of *bank* are more alike where they mean the same (a mean cosine of
#   {eval}`facts.bank_same`) than where they do not ({eval}`facts.bank_other`; 1 is the same direction). Before the
#   first layer they differ by their place in the sentence alone.
# - One layer, trained on top of a network that stays as it is, is right on {eval}`facts.dense_mean` of sentences that
#   praise or blame a film, which is not told apart from counting words ({eval}`facts.dense_words`). To be good at a
#   task, such a network is {term}`fine-tuned <fine-tuning>`.

# %% [markdown]
# ## What is read: tokens
#
# A network reads numbers. A {term}`tokenizer` cuts a text into pieces of a fixed {term}`vocabulary` and
# gives each piece its number; a {term}`token` is one such piece. Common words are one piece, rare ones
# several. `[CLS]` opens every input and `[SEP]` closes every sentence.

# %% mystnb={"figure": {"caption": "A sentence as BERT reads it.", "name": "fig-bert-tokens"}, "image": {"alt": "A row of boxes: CLS, the, keys, to, the, old, cabinet, are, on, the, table, full stop, SEP."}} tags=["needs:minilm", "remove-input"]
token_row(looked.values["sentences"][0]["tokens"])

# %% [markdown]
# Each token's number picks a row of a table, the {term}`embedding`. To it are added a vector for the
# position and one for the segment, the first sentence or the second, because attention by itself knows
# neither:
#
# $$
# x_i = \mathrm{LayerNorm}\big(E_{\text{token}(i)} + P_i + S_{\text{segment}(i)}\big).
# $$
#
# Up to here no token knows of any other.
#
# ## Attention in ten lines
#
# Write the vectors as the rows of a matrix $X$. {term}`Self-attention` multiplies it by three learnt
# matrices: the *queries* $Q = XW_Q$ (what does this position look for?), the *keys* $K = XW_K$ (what
# does it offer?) and the *values* $V = XW_V$ (what does it hand over?). The product of a query and a key
# is a score, {term}`softmax` turns each row of scores into weights that sum to one, and the new vector of
# a position is the weighted mean of the values {cite:p}`vaswani2017attention`:
#
# $$
# \mathrm{Attention}(Q, K, V) = A V, \qquad A = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right).
# $$


# %%
def softmax(scores):
    """Weights that are positive and add up to one in each row."""
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def attention(query, key, value):
    """One head on (tokens, width) each: its weights, and the new vectors."""
    scores = query @ key.T / np.sqrt(query.shape[-1])
    weights = softmax(scores)
    return weights, weights @ value


# %% [markdown]
# Why the root of $d_k$, the width of a query? A score is a sum of $d_k$ products. Where the entries are
# independent with mean zero and variance one, its variance is $d_k$, and the division brings that back to one. Without
# it softmax would put nearly all weight on one position from the start, and hardly learn.

# %% [markdown] tags=["needs:minilm"]
# The function can be given the queries, keys and values of a real head. It must return the weights that
# MiniLM itself used:

# %% tags=["needs:minilm"]
query, key = looked.arrays["query"], looked.arrays["key"]
weights, vectors = attention(query, key, looked.arrays["value"])
difference = np.abs(weights - looked.arrays["weights"]).max()

# %% mystnb={"figure": {"caption": "Layer 4, head 2 of MiniLM, computed by the ten lines from its queries and keys. Left: the scores. Right: softmax of each row, the weights, left out below .005. Read a row: this token looks, the columns are looked at.", "name": "fig-bert-steps"}, "image": {"alt": "Two square heat maps over the tokens of the example sentence. The left one shows scores, the right one the weights after softmax; in the row of the word are the column of keys is the darkest."}} tags=["needs:minilm", "remove-input"]
bert.plot_attention_steps(looked, query @ key.T / np.sqrt(query.shape[1]), weights)

# %% jupyter={"source_hidden": true} tags=["needs:minilm", "remove-cell"]
facts(head_difference=tables.scientific(difference))

# %% [markdown] tags=["needs:minilm"]
# The largest difference is {eval}`facts.head_difference`, which is rounding. That is the whole mechanism:
# a matrix product, a softmax, a matrix product, and no loop along the sentence.

# %% [markdown]
# Softmax never gives exactly zero, so every token looks at every other, to its left and to its right.
# Such attention is called {term}`fully visible <fully visible mask>`.
#
# ### Many heads
#
# A row of weights sums to one, so more weight on the verb leaves less for the subject. BERT therefore
# runs several {term}`attention heads <attention head>` side by side, each with narrow matrices of its
# own, and joins their results ({term}`multi-head attention`).

# %% [markdown] tags=["needs:minilm"]
# MiniLM has {eval}`facts.heads` heads of width {eval}`facts.head_width` in each of its
# {eval}`facts.layers` layers. Choose a sentence, a layer and a head; point at a token, or go to it with
# the tab key, and the bars show where it looks:

# %% tags=["needs:minilm", "remove-input"]
explorer(looked, layer=3, head=1, token="are")

# %% mystnb={"figure": {"caption": "Three heads of MiniLM. Left: *are* looks at *keys*, over the nearer noun *cabinet*. Middle: *it* looks at *cat*, and less at *mouse*. Right: each word looks at the one before it, so *good* looks at *not*.", "name": "fig-bert-looks"}, "image": {"alt": "Three square heat maps of attention weights. In the first the row of the word are is dark at keys. In the second the row of it is dark at cat. In the third a dark diagonal lies one place to the left."}} tags=["needs:minilm", "remove-input"]
bert.plot_looks(looked, [(0, 3, 1), (1, 5, 11), (2, 0, 2)])

# %% [markdown] tags=["needs:minilm"]
# The head of the first panel of {numref}`fig-bert-looks` finds a subject again in "The letters that the
# man wrote were never sent": *were* looks at *letters* with {eval}`facts.looks_letters`. In the second
# *it* looks at *cat* with {eval}`facts.looks_cat` and at *mouse* with {eval}`facts.looks_mouse`, and the
# same head takes *she* to *Mary* with {eval}`facts.looks_mary`.
#
# The third panel is a warning. *Good* gives *not* a weight of {eval}`facts.looks_not`, but that head
# looks at the word before, whatever it is. And {eval}`facts.looks_ends` of all weight lies on `[CLS]` and
# `[SEP]`, where a head looks that has nothing to say {cite:p}`clark2019look`. These heads were chosen
# after looking at all {eval}`facts.all_heads`. A weight shows where a vector was read from, and not what
# the network makes of it {cite:p}`jain2019attention`.

# %% [markdown]
# ## The block, and the stack
#
# Around attention stands a {term}`feed-forward layer`, which works on each position alone. Each of the
# two adds its result to what came in, followed by {term}`layer normalisation`:
#
# $$
# \begin{aligned}
# Z &= \mathrm{LayerNorm}\big(X + \mathrm{MultiHead}(X)\big), \\
# X' &= \mathrm{LayerNorm}\big(Z + \mathrm{GELU}(ZW_1 + b_1)\,W_2 + b_2\big).
# \end{aligned}
# $$
#
# (GELU is a ramp with a rounded corner: $x\,\Phi(x)$, with $\Phi$ the normal distribution function.)

# %% mystnb={"figure": {"caption": "An encoder block. Attention mixes the positions, the feed-forward layer works on each of them, and the orange ways carry past each what came in. Between its embeddings and its output layers BERT is a stack of such blocks.", "name": "fig-encoder-block"}, "image": {"alt": "A column of boxes, from below: four input vectors, multi-head self-attention, add and normalise, feed-forward layer, add and normalise, four output vectors. Two arrows lead around attention and around the feed-forward layer."}} tags=["remove-input"]
encoder_block()

# %% [markdown]
# ## Learning without labels: the masked word
#
# Nobody labels enough text to train such a network, so BERT makes its own questions. In
# {term}`masked language modelling` $15\,\%$ of the tokens are chosen. Of these $80\,\%$ become `[MASK]`, a tenth
# becomes another word, and a tenth stays; the network must say what all of them were. The last vector $h_i$ of a hidden position gives a score to every word of the vocabulary, and
# softmax makes it a distribution; $g$ is one small layer:
#
# $$
# p(w \mid \text{the rest}) = \mathrm{softmax}\big(E\, g(h_i) + b\big)_w .
# $$

# %% mystnb={"figure": {"caption": "Masked language modelling. The word *boring* is hidden; the loss is small if the network gives it a high probability. The clue is *Although … liked*, on both sides of the gap.", "name": "fig-masked-words"}, "image": {"alt": "A row of word boxes, Although the story was MASK, I liked it. Arrows lead from all of them into an encoder. From the masked position an arrow leads up to a probability for every word, and to the loss, minus the logarithm of the probability of boring."}} tags=["remove-input"]
masked_words()

# %% [markdown]
# `[MASK]` never occurs in the tasks that follow, so a network trained on masks alone would learn to work
# only where it sees one. Hence the tenth that becomes another word and the tenth that stays: any token
# might be the one in question (section 3.1 of the paper).
#
# (bert-both-directions)=
# ### Both directions at once
#
# The report says that BERT learns "from both left-to-right and right-to-left". That describes ELMo
# {cite:p}`peters2018elmo`: two networks, one for each direction, put side by side at the end. BERT has no
# direction. In every block each position reads from both sides, so that the first layer can already
# combine *Although* with *liked*. Masking makes this possible: a network that sees both sides would see
# the word that it has to predict, if that word were not hidden.

# %% [markdown] tags=["needs:minilm"]
# It can be measured from outside. Replace one token of the sentence by `[MASK]` and see how far the
# final vectors of the others move, relative to their length. A token on the right moves one of them by
# up to {eval}`facts.from_the_right`, a token on the left by up to {eval}`facts.from_the_left`.
# {ref}`gpt-two-masks` shows every pair, beside a GPT.
#
# ## One word, many vectors
#
# The embedding gives *bank* the same vector in every sentence. Twelve sentences, three words, two senses
# each: what do six layers make of them?

# %% mystnb={"figure": {"caption": "How alike the vectors of one word are, by layer: pairs of sentences that mean the same by it, and pairs that do not. Layer 0 is the embeddings, which know the word and its place alone.", "name": "fig-bert-senses"}, "image": {"alt": "Three panels, for bank, plot and sharp, each with two lines of the mean cosine against the layer. The line of the same sense stays above that of different senses; for bank the two part widely, for plot and sharp hardly."}} tags=["needs:minilm", "remove-input"]
bert.plot_senses(senses)

# %% [markdown] tags=["needs:minilm", "finds:senses_part"]
# The vectors part. After the last layer the mean cosine for *bank* is {eval}`facts.bank_same` within a
# sense and {eval}`facts.bank_other` across. For *plot* ({eval}`facts.plot_same` and
# {eval}`facts.plot_other`) and *sharp* ({eval}`facts.sharp_same` and {eval}`facts.sharp_other`) the order
# is the same and the gap is small. Twelve sentences are an illustration; a test would need many words and
# other people's choice.

# %% [markdown] tags=["needs:minilm"]
# The mean over a sentence's vectors is a vector for the sentence. MiniLM was trained to give sentences of
# one meaning vectors of one direction. Three pairs share a meaning and hardly a word:

# %% tags=["needs:minilm", "remove-input"]
alike = study.observe(
    "minilm.similarity",
    sentences=[
        "A man is playing a guitar on the street.",
        "Someone makes music outdoors.",
        "The stock market fell sharply today.",
        "Shares lost much of their value.",
        "The soup needs more salt.",
        "The dish is a little bland.",
    ],
)
names = alike.values["sentences"]
numbers = [str(number) for number in range(1, 1 + len(names))]
cosines = pd.DataFrame(
    alike.arrays["similarity"].astype(float),
    index=pd.Index(
        [f"{i}. {name}" for i, name in zip(numbers, names, strict=True)], name="sentence"
    ),
    columns=numbers,
)
tables.show(cosines, formats=dict.fromkeys(numbers, "{:.2f}"))

# %% [markdown] tags=["needs:minilm"]
# Words in common would have found none of these pairs. To find a text that says the same in other words
# is what people use such a network for.

# %% [markdown]
# ## Two losses, one sum
#
# BERT's second objective is {term}`next-sentence prediction`. Inputs are pairs, `[CLS]` A `[SEP]` B
# `[SEP]`. In half of them B really followed A in the text, in half it was taken from elsewhere, and a
# layer on the vector of `[CLS]` must tell which. (The report writes that it predicts "whether Sentence A
# or B are the next sentence"; the question is whether B follows A.)
#
# Both objectives are {term}`cross-entropies <cross-entropy>`, minus the logarithm of the probability of
# what was true. With $M$ the masked positions, $w_i$ the hidden words and $y$ the truth about the pair,
#
# $$
# \mathcal{L} = \underbrace{-\frac{1}{|M|} \sum_{i \in M} \log p(w_i \mid \text{input})}_{\text{masked words}}
# + \underbrace{-\log p(y \mid \text{input})}_{\text{next sentence}} .
# $$
#
# MiniLM keeps neither of the two layers that ask these questions. A small BERT of this study has both;
# here are its losses on a pair that follows and on one that does not. Brackets mark the masked words.

# %%
losses = study.observe(
    "bert.objectives",
    first="The Silent River is a new [comedy] about a doctor.",
    second="The [actors] were very funny.",
    other="The nurses [worked] in the kitchen.",
)


def total(pair, follows):
    """Mean loss of the masked words plus that of the next sentence, in nats."""
    chances = [each["probability"] for each in pair["masked"]]
    chance = pair["is_next_probability"]
    return -np.mean(np.log(chances)) - np.log(chance if follows else 1 - chance)


# %% mystnb={"figure": {"caption": "The terms of BERT's pre-training loss on two pairs with the same first sentence: the loss of each masked word, their mean, the next-sentence loss, and the sum of the last two, which training makes small.", "name": "fig-bert-losses"}, "image": {"alt": "Two panels of horizontal bars, for a pair that follows and a pair that does not: the loss of each masked word, their mean, the next-sentence loss, and the sum."}} tags=["remove-input"]
bert.plot_objectives(losses)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
sums = {name: total(pair, name == "next") for name, pair in losses.values.items()}
gaps = [abs(sums[name] - pair["model_loss"]) for name, pair in losses.values.items()]
facts(
    next_sum=f"{sums['next']:.3f}",
    random_sum=f"{sums['random']:.3f}",
    loss_gap=tables.scientific(max(gaps)),
)

# %% [markdown]
# By hand the losses are {eval}`facts.next_sum` and {eval}`facts.random_sum`. Those that the library
# returns differ by {eval}`facts.loss_gap` at most, which is rounding.
#
# Whether the second term earns its place is another question. BERT's authors trained a network without
# it and found it worse (section 5.1). RoBERTa's authors compared again, on one corpus with one number of
# updates: without the term, on blocks of full sentences, results were the same or slightly better
# {cite:p}`liu2019roberta`.
#
# (bert-dense-layer)=
# ## One dense layer on top
#
# For a {term}`sequence-to-vector` task a single dense layer turns one vector into the probabilities of
# the labels:
#
# $$
# p(\text{label} \mid \text{text}) = \mathrm{softmax}\big(W h_{\texttt{[CLS]}} + b\big).
# $$
#
# The report says that such a layer "performs exceptionally well on many NLP tasks". To see what the
# vectors are worth by themselves, freeze the network and train the layer alone, on sentences of the
# {term}`pocket corpus` that praise or blame a film. The same architecture with random weights and counts
# of words and word pairs stand beside it.

# %% mystnb={"figure": {"caption": "Accuracy of one trained layer on frozen vectors of MiniLM, on sentences not seen in training, with 95 % intervals. [CLS] and mean are two ways to make one vector of a text.", "name": "fig-bert-dense"}, "image": {"alt": "Dots with intervals: accuracy of a dense layer on counts of words, on vectors of a network with random weights, and on vectors of the pre-trained network. The intervals of the best three overlap."}} tags=["needs:minilm", "remove-input"]
rows = dense.values["accuracy"]
bert.plot_shares([row["view"] for row in rows], {"accuracy": rows})

# %% [markdown] tags=["needs:minilm"]
# With two labels one row of weights is enough, so the layer has {eval}`facts.dense_parameters` numbers: a
# weight for each entry of the vector, and a bias. Trained on {eval}`facts.dense_train` sentences and
# judged on {eval}`facts.dense_test` others, it is right in {eval}`facts.dense_mean` of them with the mean
# of MiniLM's vectors and in {eval}`facts.dense_cls` with that of `[CLS]`. A network with random weights
# has {eval}`facts.dense_random`, the counts have {eval}`facts.dense_words`.

# %% [markdown] tags=["needs:minilm", "finds:mean_not_above_counts"]
# The mean of MiniLM's vectors is not told apart from counting words, although the sentences are made so that
# single words mislead ("I wish the story had been clever"). Of BERT's `[CLS]` a footnote to section 3.1 of its
# paper says that without fine-tuning it is not a meaningful representation of a sentence.

# %% [markdown]
# {term}`Fine-tuning <fine-tuning>` lets the gradient of the new layer change all the weights below.
# {doc}`04_glue` does that, with intervals.
#
# ## What to take away
#
# - Attention is a weighted mean whose weights depend on the content. It is ten lines.
# - An encoder sees both sides of every token in every layer, because what it must guess is hidden.
# - One word gets a different vector in every sentence; what such a vector is worth shows after
#   fine-tuning.
#
# What the report said, with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, bert.CLAIMS)

# %% [markdown]
# ## Exercises
#
# :::{admonition} Exercise 1
# :class: tip
# Leave out the position vectors $P_i$ and swap two tokens of the input. What happens to the output? What
# does that say about attention and word order?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# Swapping two rows of $X$ swaps the same rows of $Q$, $K$ and $V$, hence rows *and* columns of $A$, and
# the output rows are swapped likewise: nothing else changes. Attention treats a sentence as a set. All it
# knows of order comes from $P_i$, which BERT learns as one vector for each of 512 positions; T5 does it
# differently, see {ref}`t5-position`.
# :::
#
# :::{admonition} Exercise 2
# :class: tip
# Why does the loss count only the masked positions? What would the network learn if it also had to
# predict the words it can see?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# It would learn to copy: for a visible token the answer stands in the input. Most of the gradient would
# then teach what is already known. The tenth of the chosen tokens that is left as it is asks for a little
# of this, on purpose, so that the vectors of visible words are useful too.
# :::
#
# :::{admonition} Exercise 3
# :class: tip
# In the notebook, call `attention(0 * query, key, key)`. What do the weights become, and
# what the new vectors?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# All scores are zero, so all weights are alike, one over the number of tokens, and every new vector is the
# plain mean of the values: a bag of words.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
