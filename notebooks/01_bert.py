# %% [markdown]
# # BERT: reading in both directions
#
# BERT {cite:p}`devlin2019bert` is a stack of {term}`encoder` blocks that reads a text and writes a
# vector for each of its tokens. This chapter builds that up from the first matrix: what is read,
# what {term}`attention` computes, what the two {term}`pre-training` objectives ask, and what one
# more layer makes of the result. Each step is computed on a real network: a small one of our own, whose
# arithmetic is followed step by step.

# %% [markdown] tags=["needs:minilm"]
# Then comes a published one, which read enough to be worth looking at ({ref}`bert-published`).

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import pandas as pd

from t5study.chapters import bert, tables
from t5study.chapters.style import word
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
sentence = "Although the story was boring, I liked the film."
seen = study.observe("bert.attention", sentence=sentence)
facts(parameters=f"{seen.values['parameters']:,}")
if study.has("bert"):
    facts(read=f"{study.pretraining('bert').metrics['tokens']:,}")

# %% [markdown]
# Our own BERT has {eval}`facts.parameters` parameters and read {eval}`facts.read` tokens. BERT-base has
# 110 million parameters and read a corpus of 3.3 billion words about forty times, so what ours answers
# shows the mechanism, and not what BERT can do. The report says that BERT learns "from both
# left-to-right and right-to-left"; it does something better ({ref}`bert-both-directions`).

# %% [markdown]
# ## What is read: tokens
#
# A network reads numbers. A {term}`tokenizer` cuts a text into pieces of a fixed
# {term}`vocabulary` and gives each piece its number, its *id*; a {term}`token` is one such piece.
# Common words are one piece, rare ones several. Three pieces are BERT's own: `[CLS]` opens every
# input, `[SEP]` closes every sentence, and `[MASK]` stands where a word has been hidden.
#
# Throughout the chapter the example is a sentence with a hinge in the middle:
#
# > Although the story was boring, I liked the film.

# %%
seen = study.observe("bert.attention", sentence=sentence)

# %% tags=["remove-input"]
tables.show(pd.DataFrame([seen.values["tokens"]], columns=range(1, 1 + len(seen.values["tokens"]))))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    tokens=len(seen.values["tokens"]),
    layers=seen.values["layers"],
    heads=seen.values["heads"],
    width=seen.values["width"],
    head_width=seen.values["head_width"],
    head_difference=f"{seen.values['difference']:.1e}",
    smallest_weight=f"{seen.values['smallest_weight']:.1e}",
)

# %% [markdown]
# These are {eval}`facts.tokens` tokens. Where you see `▁`, it marks the space before a piece,
# so that the text can be put together again; tokenizers that mark it otherwise are shown the same
# way here.
#
# Each token's id picks a row of a table, the {term}`embedding`. To the row are added a vector for
# the position and one for the *segment* (first or second sentence), because attention by itself
# knows neither:
#
# $$
# x_i = \mathrm{LayerNorm}\big(E_{\text{token}(i)} + P_i + S_{\text{segment}(i)}\big).
# $$
#
# So the network starts with one vector $x_i$ a token, here of width
# {eval}`facts.width`, and up to this point no token knows of any other.

# %% [markdown]
# ## Self-attention: every token asks every other
#
# Write the vectors as the rows of a matrix $X$. {term}`Self-attention` multiplies it by three
# learnt matrices: the *queries* $Q = XW_Q$ (what does this position look for?), the *keys*
# $K = XW_K$ (what does it offer?) and the *values* $V = XW_V$ (what does it hand over?). The
# product of one query and one key is a score; {term}`softmax` turns each row of scores into weights
# that are positive and sum to one; and the new vector of a position is the weighted mean of all
# values {cite:p}`vaswani2017attention`:
#
# $$
# \mathrm{Attention}(Q, K, V) = A V,
# \qquad
# A = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right).
# $$
#
# Why the division by $\sqrt{d_k}$, the root of a query's width? A score is a sum of $d_k$ products.
# Where the entries of queries and keys are independent with variance one, roughly as at the start
# of training, its variance is $d_k$, and the division brings that back to one. Without it, wide
# vectors would make softmax put nearly all weight on one position from the start and hardly learn.

# %% mystnb={"figure": {"caption": "The first head of the first layer, computed by hand from its queries and keys. Left: the scores. Right: softmax of each row, the attention weights. Read a row: this token looks, the columns are looked at.", "name": "fig-bert-steps"}, "image": {"alt": "Two square heat maps over the tokens of the example sentence. The left one shows scores, negative in blue and positive in red; the right one shows the weights after softmax, each row summing to one."}} tags=["remove-input"]
bert.plot_attention_steps(seen)

# %% [markdown]
# {numref}`fig-bert-steps` takes $Q$ and $K$ out of the network and does the arithmetic of the
# formula. The largest difference between these weights and those the network itself used is
# {eval}`facts.head_difference`, rounding. That is the whole mechanism: one matrix product, one
# softmax, one more product. There is no loop along the sentence, so all positions are computed at
# once.
#
# Look at what is *not* there, too. The smallest weight anywhere, in all layers and heads, is
# {eval}`facts.smallest_weight`: small perhaps, but above zero. Every token looks at every
# other, to its left and to its right. Such attention is called
# {term}`fully visible <fully visible mask>`.
#
# ### Many heads
#
# One set of weights gives one mean: a row sums to one, so more weight on the verb leaves less for
# the subject, and the two are blended. BERT therefore runs several
# {term}`attention heads <attention head>` side by side, each with its own narrow $W_Q$, $W_K$,
# $W_V$, and joins their results ({term}`multi-head attention`). This network has
# {eval}`facts.layers` layers of {eval}`facts.heads` heads, each
# {eval}`facts.head_width` wide.

# %% mystnb={"figure": {"caption": "All attention weights of the network on the example: a row of pictures for each layer, a column for each head. Every picture is a square of tokens by tokens, dark where the weight is large; one scale for all.", "name": "fig-bert-heads"}, "image": {"alt": "A grid of small heat maps, one for each layer and head. In some the weight lies in few cells or in vertical stripes, in others it is spread out."}} tags=["remove-input"]
bert.plot_attention_overview(seen)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
layer, head = seen.values["sharpest_head"]
facts(
    sharp_layer=layer + 1,
    sharp_head=head + 1,
    sharp_bits=f"{seen.values['sharpest_entropy']:.2f}",
    even_bits=f"{seen.values['uniform_entropy']:.2f}",
)

# %% [markdown]
# The pictures in {numref}`fig-bert-heads` differ. How concentrated a head is can be measured by the
# {term}`entropy` of its rows: zero bits if each token looks at exactly one other,
# {eval}`facts.even_bits` bits if it looks at all of them alike. The most concentrated head of
# this network is head {eval}`facts.sharp_head` of layer {eval}`facts.sharp_layer`, with
# {eval}`facts.sharp_bits` bits on average. {numref}`fig-bert-sharp` shows it with its tokens.
#
# A vertical stripe is a token that most others look at; here it is often `[SEP]`. There is nothing to
# read at `[SEP]`. But a row of weights must sum to one, so a head that has nothing to say has to put its
# weight somewhere; that may be what such a stripe shows, as it seems to be in the published BERT
# {cite:p}`clark2019look`.

# %% mystnb={"figure": {"caption": "The most concentrated head of the network on the example, chosen by entropy.", "name": "fig-bert-sharp"}, "image": {"alt": "One heat map of attention weights over the tokens of the example sentence; most rows have a single dark cell."}} tags=["remove-input"]
bert.plot_attention_heads(seen, [(layer, head)])

# %% [markdown]
# :::{admonition} What such a picture proves
# :class: note
# A weight says how much of a *value* flows from one position to another in one head. It does not
# say why the network gave an answer: values can be small, later layers can undo it, and quite
# different weights can give the same output {cite:p}`jain2019attention`. Below we therefore also
# change the input and watch the output.
# :::
#
# ### The block, and the stack
#
# Around attention stands a {term}`feed-forward layer` that works on each position alone. Each of
# the two adds its result to what came in (a residual connection), followed by
# {term}`layer normalisation`:
#
# $$
# Z = \mathrm{LayerNorm}\big(X + \mathrm{MultiHead}(X)\big), \qquad
# X' = \mathrm{LayerNorm}\big(Z + \mathrm{GELU}(ZW_1 + b_1)\,W_2 + b_2\big).
# $$
#
# (GELU is a ramp with a rounded corner: $x\,\Phi(x)$, with $\Phi$ the normal distribution
# function.) That is one encoder block. BERT is nothing but these, one on top of the other:
# attention mixes positions, the feed-forward layer digests, and the next block begins again with
# better vectors. BERT-base stacks 12 blocks of 12 heads, 768 wide.

# %% [markdown]
# ## Learning without labels: the masked word
#
# Nobody labels enough text to train such a network, so BERT makes its own questions. In
# {term}`masked language modelling` $15\,\%$ of the tokens are chosen; the network must say what
# they were. Of the chosen ones $80\,\%$ are replaced by `[MASK]`, $10\,\%$ by a random token and
# $10\,\%$ are left as they are. The paper's first reason (section 3.1) is that `[MASK]` never
# occurs in the tasks that follow: a network trained on masks alone would learn to work where it
# sees one. So it must not rely on the mask: any token might be the one in question.
#
# For a hidden position $i$ the last vector $h_i$ gives a score to each of the vocabulary's words,
# by a product with their embeddings, and softmax makes it a distribution. The report's "probability
# of word from the vocabulary" is this:
#
# $$
# p(w \mid \text{the rest}) = \mathrm{softmax}\big(E\, g(h_i) + b\big)_w ,
# $$
#
# with $g$ one small layer. Hide *boring* in the example and ask:

# %%
blank = "Although the story was [boring], I liked the film."
fill = study.observe("bert.fill", sentence=blank)

# %% mystnb={"figure": {"caption": "The network's distribution for the hidden word in 'Although the story was [MASK], I liked the film.': its most probable tokens, the hidden word in orange where it is among them.", "name": "fig-bert-fill"}, "image": {"alt": "Horizontal bars with the probabilities of the most probable tokens for the blank."}} tags=["remove-input"]
bert.plot_candidates(fill, answer=fill.values["answer"])

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
recovered = study.observe("bert.cloze", count=300, seed=seed)
best = recovered.values["first"]
facts(
    fill_best=word(fill.values["candidates"][0]["token"]),
    fill_rank=fill.values["rank"],
    fill_probability=f"{100 * fill.values['probability']:.1f} %",
    fill_bits=f"{fill.values['entropy']:.2f}",
    fill_even_bits=f"{fill.values['uniform_entropy']:.2f}",
    vocabulary=f"{fill.values['vocabulary']:,}",
    cloze_n=best["n"],
    cloze_first=f"{100 * best['share']:.0f} %",
    cloze_low=f"{100 * best['low']:.0f}",
    cloze_high=f"{100 * best['high']:.0f} %",
    cloze_five=f"{100 * recovered.values['among_five']['share']:.0f} %",
    cloze_chance=f"{100 * recovered.values['chance']['share']:.0f} %",
)
study.finds(cloze_below_chance=best["share"] < recovered.values["chance"]["share"])

# %% [markdown]
# The network's first choice is "{eval}`facts.fill_best`"; the word that stood there, *boring*,
# is number {eval}`facts.fill_rank` of {eval}`facts.vocabulary` with a probability of
# {eval}`facts.fill_probability`. The distribution's entropy is {eval}`facts.fill_bits`
# bits, where an even guess over the vocabulary has {eval}`facts.fill_even_bits`. No single word
# is right here, so some spread is fitting; but a model that knows nothing is spread out too.
#
# One sentence shows little. On {eval}`facts.cloze_n` texts of the {term}`pocket corpus` that no
# model was trained on, with one word of one token hidden in each, the first choice is the hidden
# word in {eval}`facts.cloze_first` (95 % interval {eval}`facts.cloze_low` to
# {eval}`facts.cloze_high`), and in {eval}`facts.cloze_five` it is among the first five.
# Always saying the commonest of these hidden words would score {eval}`facts.cloze_chance`.

# %% [markdown] tags=["finds:cloze_below_chance"]
# The network scores below that: it read film reviews and old books, and has not learnt to use the
# context of such sentences.

# %% [markdown]
# (bert-both-directions)=
# ## Both directions at once
#
# What does the blank know of its surroundings? Take them away and see. Below, the same blank is
# filled four times: with the whole sentence, with everything to its right replaced by `[MASK]`,
# with everything to its left, and with both.

# %%
views = study.observe("bert.context", sentence=blank)

# %% mystnb={"figure": {"caption": "The same blank under four views of the same sentence. Each row is a distribution over the vocabulary; the columns are the most probable tokens of any view, and the hidden word, in orange.", "name": "fig-bert-context"}, "image": {"alt": "A heat map with four rows, both sides, left only, right only and neither, and a column for each of the most probable tokens, with probabilities in per cent."}} tags=["remove-input"]
bert.plot_context_views(views)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
for view in views.values["views"]:
    key = view["view"].replace(" ", "_")
    facts(
        **{
            f"context_{key}": f"{100 * view['probability']:.3f} %",
            f"context_{key}_first": word(view["candidates"][0]["token"]),
            f"context_{key}_bits": f"{view['entropy']:.2f}",
        }
    )

# %% [markdown]
# | the network sees | probability of *boring* | first choice | entropy (bits) |
# | --- | --- | --- | --- |
# | both sides | {eval}`facts.context_both_sides` | {eval}`facts.context_both_sides_first` | {eval}`facts.context_both_sides_bits` |
# | the left only | {eval}`facts.context_left_only` | {eval}`facts.context_left_only_first` | {eval}`facts.context_left_only_bits` |
# | the right only | {eval}`facts.context_right_only` | {eval}`facts.context_right_only_first` | {eval}`facts.context_right_only_bits` |
# | neither | {eval}`facts.context_neither` | {eval}`facts.context_neither_first` | {eval}`facts.context_neither_bits` |
#
# The left side, *Although the story was*, says that an adjective follows. Whether it praises or
# blames depends on *I liked the film*, on the right, together with *Although*, on the left: the
# clue is the contrast between the two. Only a network that combines both sides can use it. With
# nothing to read this network's entropy is {eval}`facts.context_neither_bits` bits, with both sides
# {eval}`facts.context_both_sides_bits`.

# %% [markdown] tags=["only:published"]
# The sides make it a little surer and hardly wiser: among the tokens of {numref}`fig-bert-context`
# *boring* is the only adjective, and it is there because it is the answer. This network has learnt how
# frequent words are, and little of how they depend on each other.

# %% [markdown]
# This is what the paper's title means by *deep bidirectional*, and why the report's wording
# misleads. Learning "from left-to-right and right-to-left" describes ELMo {cite:p}`peters2018elmo`:
# two networks, one for each direction, whose outputs are put side by side at the end; neither ever
# sees the whole sentence. BERT has no direction. In every block each position reads from both sides
# at once, so the very first layer can already combine *Although* with *liked*. Masking is what
# makes this possible: a network that sees both sides would see the very word it has to predict,
# unless that word is hidden.

# %% [markdown]
# ## One word, many vectors
#
# The report speaks of "contextual embeddings". The embedding table gives *good* the same vector in
# every sentence. What do the blocks make of it? Here are four sentences with *good* in the same
# place, and the cosine between its vector in the first and in each of the others, layer by layer.

# %%
sentences = [
    "The film was very [good].",
    "The film was really [good].",
    "The film was not [good].",
    "The film was hardly [good].",
]
vectors = study.observe("bert.vectors", sentences=sentences)

# %% mystnb={"figure": {"caption": "Cosine similarity between the vector of 'good' in 'The film was very good.' and in three other sentences, after each layer. Layer 0 is the embedding, before any attention.", "name": "fig-bert-vectors"}, "image": {"alt": "Line chart: three lines start at one in layer zero and spread in the later layers."}} tags=["remove-input"]
bert.plot_similarity(vectors)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
last = vectors.arrays["similarity"][-1, 0]
cosines = dict(zip(("really", "not", "hardly"), last[1:].astype(float), strict=True))
facts(**{f"cosine_{name}": f"{cosine:.4f}" for name, cosine in cosines.items()})
study.finds(hardly_nearest=max(cosines, key=cosines.get) == "hardly")

# %% [markdown]
# At layer 0 the network knows the word and its place and nothing else: where these agree, the lines
# of {numref}`fig-bert-vectors` begin at 1. From the first block on the neighbours come in, so the
# vectors can part although the word is the same. How far they part depends on training: note the
# scale of the figure. After the last block the cosine with *very good* is
# {eval}`facts.cosine_really` for *really good*, {eval}`facts.cosine_not` for *not good* and
# {eval}`facts.cosine_hardly` for *hardly good*. A network that knows what *not* and *hardly* do would put
# *really good* nearest by far.

# %% [markdown] tags=["finds:hardly_nearest"]
# Here all three numbers are close to one, and *hardly good* is the nearest: this network has seen that
# the neighbours differ, and not what they mean.

# %% [markdown] tags=["needs:minilm"]
# (bert-published)=
# ## A BERT that read enough
#
# The network above read three million tokens. MiniLM {cite:p}`wang2020minilm` is a BERT of six layers
# and twelve heads a layer, distilled from a larger one and then trained on pairs
# of sentences {cite:p}`reimers2019sentencebert`. Its weights are published
# (`sentence-transformers/all-MiniLM-L6-v2`), and the same code looks at it.
#
# ### What a head looks at
#
# Three sentences, each with a question that only another word can answer. In the first, who *are*? In
# the second, who was tired? In the third, what does *not* turn around?

# %% tags=["needs:minilm"]
looked = study.observe(
    "minilm.attention",
    sentences=[
        "The keys to the old cabinet are on the table.",
        "The cat chased the mouse until it was tired.",
        "The film was not good.",
        "The letters that the man wrote were never sent.",
        "Mary said that she would call her brother.",
    ],
)

# %% mystnb={"figure": {"caption": "One head of MiniLM on each of three sentences. Left: *are* looks at *keys*, over the nearer noun *cabinet*. Middle: *it* looks at *cat*, and less at *mouse*. Right: each word looks at the one before it, so *good* looks at *not*.", "name": "fig-bert-looks"}, "image": {"alt": "Three square heat maps of attention weights. In the first the row of the word are is dark at keys. In the second the row of it is dark at cat. In the third a dark diagonal lies one place to the left."}} tags=["needs:minilm", "remove-input"]
bert.plot_looks(looked, [(0, 3, 1), (1, 5, 11), (2, 0, 2)])


# %% jupyter={"source_hidden": true} tags=["needs:minilm", "remove-cell"]
def weight(number, layer, head, looks, at):
    tokens = looked.values["sentences"][number]["tokens"]
    row, column = tokens.index(looks), tokens.index(at)
    return f"{looked.arrays[f'attention_{number}'][layer, head, row, column]:.2f}"


ends = [
    looked.arrays[f"attention_{i}"].astype(float)[..., [0, -1]].sum(-1).mean() for i in range(5)
]
facts(
    looks_keys=weight(0, 3, 1, "are", "keys"),
    looks_letters=weight(3, 3, 1, "were", "letters"),
    looks_cat=weight(1, 5, 11, "it", "cat"),
    looks_mouse=weight(1, 5, 11, "it", "mouse"),
    looks_mary=weight(4, 5, 11, "she", "mary"),
    looks_not=weight(2, 0, 2, "good", "not"),
    looks_ends=f"{100 * sum(ends) / len(ends):.0f} %",
)

# %% [markdown] tags=["needs:minilm"]
# In layer 4, head 2, *are* gives {eval}`facts.looks_keys` of its weight to *keys*, its subject, five
# words to the left. The same head in "The letters that the man wrote were never sent" takes *were* to
# *letters* with {eval}`facts.looks_letters`. In layer 6, head 12, *it* looks at *cat* with
# {eval}`facts.looks_cat` and at *mouse* with {eval}`facts.looks_mouse`; in "Mary said that she would
# call her brother", *she* looks at *Mary* with {eval}`facts.looks_mary`. Nobody told these heads what a
# subject or a pronoun is.
#
# The third picture is a warning. *Good* gives *not* a weight of {eval}`facts.looks_not`, but that head
# looks at the word before, whatever it is. And on average {eval}`facts.looks_ends` of all weight lies
# on `[CLS]` and `[SEP]`, where a head looks that has nothing to say. The heads were chosen after
# looking at all 72 on each sentence. A weight shows where a vector was read from, and not what the
# network makes of it {cite:p}`jain2019attention`.
#
# ### One word in two senses
#
# *Bank* is one token and starts with one vector. Does its vector know, after six layers, which bank is
# meant? Twelve sentences, three words, two senses each:

# %% tags=["needs:minilm"]
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

# %% mystnb={"figure": {"caption": "How alike the vectors of one word are, by layer: pairs of sentences that mean the same by it, and pairs that do not. Layer 0 is the embeddings, which know the word and its place alone.", "name": "fig-bert-senses"}, "image": {"alt": "Three panels, for bank, plot and sharp, each with two lines of the mean cosine against the layer. The line of the same sense stays above that of different senses; for bank the two part widely, for plot and sharp hardly."}} tags=["needs:minilm", "remove-input"]
bert.plot_senses(senses)

# %% jupyter={"source_hidden": true} tags=["needs:minilm", "remove-cell"]
last = bert.senses_table(senses).query("layer == layer.max()").set_index("word")
facts(
    **{f"{word}_same": f"{row['same sense']:.2f}" for word, row in last.iterrows()},
    **{f"{word}_other": f"{row['other sense']:.2f}" for word, row in last.iterrows()},
)
study.finds(senses_part=(last["same sense"] > last["other sense"]).all())

# %% [markdown] tags=["needs:minilm", "finds:senses_part"]
# It does for *bank*: after the last layer the mean cosine is {eval}`facts.bank_same` within a sense and
# {eval}`facts.bank_other` across. For *plot* ({eval}`facts.plot_same` and {eval}`facts.plot_other`) and
# *sharp* ({eval}`facts.sharp_same` and {eval}`facts.sharp_other`) the order is the same and the gap is
# small. Twelve sentences are an illustration; a test would need many words and other people's choice.

# %% [markdown] tags=["needs:minilm"]
# ### Sentences that mean the same
#
# MiniLM was trained to give sentences of one meaning vectors of one direction. The mean over a
# sentence's token vectors is its vector, and the cosine compares two. Three pairs share a meaning and
# hardly a word:

# %% tags=["needs:minilm"]
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

# %% tags=["needs:minilm", "remove-input"]
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
# Words in common would have found none of these pairs. This is what people use such a network for: to
# find a text that says the same in other words.

# %% [markdown]
# ## Two losses, one sum
#
# BERT's second objective is {term}`next-sentence prediction`. Inputs are pairs, `[CLS]` A `[SEP]` B
# `[SEP]`; in half of them B really followed A in the text, in half it was taken from elsewhere. A
# layer on the vector of `[CLS]` must tell which. (The report writes that it predicts "whether
# Sentence A or B are the next sentence"; the question is whether B follows A.)
#
# Both objectives are {term}`cross-entropies <cross-entropy>`: minus the logarithm of the
# probability given to what was true. With $M$ the set of masked positions, $w_i$ the hidden words
# and $y \in \{\text{follows}, \text{does not}\}$ the truth about the pair,
#
# $$
# \mathcal{L} \;=\;
# \underbrace{-\frac{1}{|M|} \sum_{i \in M} \log p(w_i \mid \text{input})}_{\text{masked words}}
# \;+\;
# \underbrace{-\log p(y \mid \text{input})}_{\text{next sentence}} .
# $$
#
# With the natural logarithm a loss is in *nats*; divided by $\log 2$ it is in bits, the unit of the
# entropies above. Here is every term, on one pair that follows and one that does not. Brackets mark
# the words that were masked.

# %%
losses = study.observe(
    "bert.objectives",
    first="The Silent River is a new [comedy] about a doctor.",
    second="The [actors] were very funny.",
    other="The nurses [worked] in the kitchen.",
)

# %% mystnb={"figure": {"caption": "The terms of BERT's pre-training loss on two pairs with the same first sentence. Pale: the loss of each masked word; blue: their mean; green: the next-sentence loss; orange: the sum of blue and green, which is what training makes small.", "name": "fig-bert-losses"}, "image": {"alt": "Two panels of horizontal bars, for a pair that follows and a pair that does not: the loss of each masked word, their mean, the next-sentence loss, and the sum."}} tags=["remove-input"]
bert.plot_objectives(losses)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
for name in ("next", "random"):
    pair = losses.values[name]
    facts(
        **{
            f"{name}_sum": f"{pair['sum']:.4f}",
            f"{name}_model": f"{pair['model_loss']:.4f}",
            f"{name}_difference": f"{pair['difference']:.0e}",
            f"{name}_follows": f"{100 * pair['is_next_probability']:.1f} %",
        }
    )

# %% [markdown]
# | pair | probability that B follows | sum by hand | loss of the model | difference |
# | --- | --- | --- | --- | --- |
# | B follows | {eval}`facts.next_follows` | {eval}`facts.next_sum` | {eval}`facts.next_model` | {eval}`facts.next_difference` |
# | B does not | {eval}`facts.random_follows` | {eval}`facts.random_sum` | {eval}`facts.random_model` | {eval}`facts.random_difference` |
#
# The paper defines it so (appendix A.2: the training loss is the sum of the mean masked LM
# likelihood and the mean next sentence prediction likelihood), and the library computes it so: what
# is left in the last column is rounding.
#
# Whether the second term earns its place is another question, and the answers differ. BERT's
# authors trained a network without it and found it worse, most of all on QNLI (section 5.1: does
# this sentence answer this question?). RoBERTa's authors compared again on one corpus with one
# number of updates (section 4.2): without the term, on blocks of full sentences, the tasks that
# follow came out the same or slightly better {cite:p}`liu2019roberta`. They suspect that the first
# comparison dropped the term and kept the pairs of segments as input.

# %% [markdown]
# (bert-dense-layer)=
# ## One dense layer on top
#
# A pre-trained BERT is used for {term}`sequence-to-vector` tasks: a text goes in, one vector comes
# out, and a single dense layer turns it into the probabilities of the labels,
#
# $$
# p(\text{label} \mid \text{text}) = \mathrm{softmax}\big(W h_{\texttt{[CLS]}} + b\big).
# $$
#
# $W$ has a row for each label. For two labels one row is enough, since only the difference of the
# two scores counts. To see what the vectors are worth by themselves, the network is frozen here and
# only this layer is trained, on a few hundred single sentences of the pocket corpus that praise or
# blame a film. Beside it stand two controls that answer the question "how much of this is due to
# pre-training?": the same architecture with random weights, and counts of words and word pairs
# without any network.

# %%
dense = study.observe("bert.classifier", train=400, test=500, seed=seed)

# %% mystnb={"figure": {"caption": "Accuracy of one trained layer on frozen vectors, on sentences not seen in training, with 95 % intervals. [CLS] and mean are two ways to make one vector of a text.", "name": "fig-bert-dense"}, "image": {"alt": "Dots with intervals: accuracy of a dense layer on counts of words, on vectors of a random network, and on vectors of the pre-trained network."}} tags=["remove-input"]
rows = dense.values["accuracy"]
bert.plot_shares([row["view"] for row in rows], {"accuracy": rows})

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
share = {row["view"]: row for row in rows}
accuracy = {view: f"{100 * row['share']:.0f} %" for view, row in share.items()}
facts(
    dense_train=dense.values["train"],
    dense_test=dense.values["test"],
    dense_parameters=dense.values["layer_parameters"],
    dense_body=f"{dense.values['model_parameters']:,}",
    dense_words=accuracy["counts of words"],
    dense_random=accuracy["random weights, mean"],
    dense_cls=accuracy["pre-trained, [CLS]"],
    dense_mean=accuracy["pre-trained, mean"],
)
first = share["pre-trained, [CLS]"]
study.finds(
    cls_guesses=first["low"] <= 0.5 <= first["high"],
    mean_not_above_counts=share["pre-trained, mean"]["low"] <= share["counts of words"]["high"],
)

# %% [markdown]
# The new layer has {eval}`facts.dense_parameters` parameters on top of the frozen
# {eval}`facts.dense_body`. Trained on {eval}`facts.dense_train` sentences and judged on
# {eval}`facts.dense_test` others, it is right in {eval}`facts.dense_cls` of them with the
# vector of `[CLS]` and in {eval}`facts.dense_mean` with the mean of all vectors; on a random
# network's mean it reaches {eval}`facts.dense_random`, on counts of words
# {eval}`facts.dense_words`. A share near a half is what guessing gives. Where two intervals of
# {numref}`fig-bert-dense` overlap, the figure does not show which is better. The random network
# lacks more than the pre-training: its embeddings, too, are random, where our own start from counts of
# which words stand near each other.

# %% [markdown] tags=["finds:cls_guesses", "finds:mean_not_above_counts"]
# The vector of `[CLS]` is no better than guessing, and the mean of all vectors is not above the counts
# of words. The paper expects the first. A footnote to its section 3.1 says that the vector of `[CLS]` is
# not a meaningful representation of a sentence without fine-tuning, since it was trained with
# next-sentence prediction {cite:p}`devlin2019bert`: nothing ever asked it about praise.

# %% [markdown]
# In practice the network is not frozen. {term}`Fine-tuning <fine-tuning>` lets the gradient of the new
# layer change all the weights below. {doc}`04_glue` does that, with intervals.

# %% [markdown]
# ## What the report says, and what holds
#
# | the report | what this page found |
# | --- | --- |
# | BERT stacks encoder-only blocks | yes: {eval}`facts.layers` of them here; no decoder, no cross-attention |
# | it learns left-to-right and right-to-left | corrected: it has no direction; every position reads both sides in every block ({ref}`bert-both-directions`) |
# | multi-head self-attention makes contextual embeddings | yes: the same word's vector is the same before the first block and differs after ({numref}`fig-bert-vectors`); by how much depends on the training |
# | next-sentence prediction tells whether A or B is next | corrected: it tells whether B follows A |
# | the loss is the sum of two mean cross-entropies | yes: the paper defines it so, and the library's differs by {eval}`facts.next_difference`, rounding ({numref}`fig-bert-losses`) |
# | a single dense layer on top does well on many tasks | not with the body frozen ({numref}`fig-bert-dense`); BERT's paper claims it only after fine-tuning, which {doc}`04_glue` does |
#
# ## Exercises
#
# :::{admonition} Exercise 1
# :class: tip
# In the formula for $A$, swap two tokens of the input and leave out the position vectors $P_i$.
# What happens to the output? What does that say about attention and word order?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# Swapping two rows of $X$ swaps the same rows of $Q$, $K$ and $V$, hence rows *and* columns of $A$,
# and the output rows are swapped likewise: nothing else changes. Attention treats a sentence as a
# set. All it knows of order comes from $P_i$, which BERT learns as one vector for each of 512
# positions; T5 does it differently, see {ref}`t5-position`.
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
# It would learn to copy: for a visible token the answer stands in the input, and passing it on
# gives a loss near zero. Most of the gradient would then teach what is already known. The $10\,\%$
# of chosen tokens that are left as they are ask for a little of this, on purpose, so that the
# vectors of visible words are useful too.
# :::
#
# :::{admonition} Exercise 3
# :class: tip
# With a profile that computes, such as `profile = "pocket"`, run the notebook, then add a cell and run
# this in it:
#
# ```python
# other = "The [story] was boring, but I liked the film."
# others = study.observe("bert.context", sentence=other)
# pd.DataFrame(others.values["views"])[["view", "probability", "entropy"]]
# ```
#
# Which side carries more of the information now? Look at the entropies.
# :::
#
# :::{admonition} Solution
# :class: dropdown
# A noun is asked for, and nearly all that is known about it stands to its right: a thing that can
# be boring, in a sentence about a film. The view *right only* should come closer to *both sides*
# than *left only* does; the left is a single article.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
