# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # GPT: writing from left to right
#
# A GPT {cite:p}`radford2018gpt` is a {term}`language model`: it reads the beginning of a text and
# gives a probability to every token that could come next. Written down again and again, the next
# token becomes a text. This chapter shows the one matrix that makes a Transformer a writer, what
# can be done with the distribution it gives, and, measured on the same sentences, whether a reader
# like BERT can do what a writer cannot, and the other way round.
#
# A word on dates first. The report gives 2019 as the year of GPT and cites the paper on GPT-3. The
# name stands for three models: GPT of 2018 {cite:p}`radford2018gpt`, GPT-2 of 2019
# {cite:p}`radford2019gpt2`, which is what the report's figure and links are about, and GPT-3 of 2020
# {cite:p}`brown2020gpt3`. The architecture on this page is GPT-2's.

# %% tags=["parameters", "hide-cell"]
profile = "pocket"
seed = 21

# %% tags=["hide-cell"]
import pandas as pd

from t5study import diagrams
from t5study.study import Study
from t5study.tables import framed

pd.set_option("display.max_colwidth", None)
pd.set_option("display.precision", 3)
study = Study(profile, seed=seed)
study.badge()

# %% [markdown]
# ## A text's probability, one token at a time
#
# Any probability of a whole text can be written as a product: that of the first token, times that
# of the second given the first, and so on,
#
# $$
# p(x_1, \dots, x_n) = \prod_{t=1}^{n} p(x_t \mid x_1, \dots, x_{t-1}).
# $$
#
# This is no assumption, only bookkeeping. The modelling begins where one network is asked for every
# factor. A model that predicts from its own past is called {term}`autoregressive`. Training makes
# the mean of the negative logarithms small, again a {term}`cross-entropy`:
#
# $$
# \mathcal{L} = -\frac{1}{n} \sum_{t=1}^{n} \log p(x_t \mid x_{<t}),
# \qquad \text{perplexity} = e^{\mathcal{L}} .
# $$
#
# With the natural logarithm the loss is in *nats*; divided by $\log 2$ it is in bits.
#
# {term}`Perplexity` reads as a number of choices: a model with perplexity 8 is, on average, as
# unsure as if it had to choose evenly among eight tokens. Here are the terms for one sentence.

# %%
sentence = "Although the story was boring, I liked the film."
text = study.observe("gpt.next", sentence=sentence)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-gpt-losses", "caption": "The loss of each token given the tokens to its left. The dashed line is their mean, the loss of the sentence."}, "image": {"alt": "Bars, one for each token of the example sentence, with the negative log-probability of the token given what stands before it; a dashed line marks the mean."}}
diagrams.token_losses(text)

# %% tags=["hide-cell"]
study.glue("gpt-sum", text.values["log_probability"], 4)
study.glue("gpt-count", len(text.values["losses"]))
study.glue("gpt-loss", text.values["loss"], 4)
study.glue("gpt-model-loss", text.values["model_loss"], 4)
study.glue("gpt-perplexity", text.values["perplexity"], 1)
study.glue("gpt-vocabulary", f"{text.values['vocabulary']:,}")
losses = dict(zip(text.values["tokens"][1:], text.values["losses"], strict=True))
study.glue("gpt-hardest", diagrams.word(max(losses, key=losses.get)))
study.glue("gpt-easiest", diagrams.word(min(losses, key=losses.get)))

# %% [markdown]
# The logarithms of {glue:text}`gpt-count` tokens add up to {glue:text}`gpt-sum`; divided by
# their number and with the sign turned this is {glue:text}`gpt-loss`, and the network itself reports
# {glue:text}`gpt-model-loss`. Its perplexity on the sentence is {glue:text}`gpt-perplexity`, out of
# a vocabulary of {glue:text}`gpt-vocabulary`. The token it found hardest is
# *{glue:text}`gpt-hardest`*, the easiest *{glue:text}`gpt-easiest`*: look in {numref}`fig-gpt-losses`
# for places where the text was free to go on in many ways, and for those where grammar left little
# choice.

# %% [markdown]
# ## The causal mask
#
# All these factors come out of *one* pass over the sentence, which makes training cheap: every
# position predicts its successor at the same time. That is only fair if no position can see its
# successor. {term}`Self-attention` as in BERT would show it everything, so scores that look to the
# right are set to minus infinity before the {term}`softmax`:
#
# $$
# A = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}} + M\right), \qquad
# M_{ij} = \begin{cases} 0 & j \le i, \\ -\infty & j > i. \end{cases}
# $$
#
# Since $e^{-\infty} = 0$, the weight there is exactly zero. $M$ is the {term}`causal mask`.

# %%
seen = study.observe("gpt.attention", sentence=sentence)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-gpt-heads", "caption": "All attention weights of the network on the example, a row of pictures for each layer, a column for each head. Nothing lies above the diagonal."}, "image": {"alt": "A grid of small triangular heat maps, one for each layer and head; the upper right half of each is empty."}}
diagrams.attention_overview(seen)

# %% tags=["hide-cell"]
study.glue("gpt-future", f"{seen.values['on_the_future']:g}")
study.glue("gpt-layers", seen.values["layers"])
study.glue("gpt-heads", seen.values["heads"])
study.glue("gpt-parameters", f"{seen.values['parameters']:,}")

# %% [markdown]
# The largest weight on any later token, in all {glue:text}`gpt-layers` layers of
# {glue:text}`gpt-heads` heads, is {glue:text}`gpt-future`.
#
# ### What is a decoder block?
#
# The report's figure says: BERT stacks {term}`encoder` blocks, GPT stacks {term}`decoder` blocks. In
# the Transformer of 2017 {cite:p}`vaswani2017attention` a decoder block has three parts: masked
# self-attention, attention to the encoder's output, and a {term}`feed-forward layer`. A GPT has no
# encoder, so the second part falls away. What is left is BERT's block with a mask. (GPT-2 also moves
# {term}`layer normalisation` in front of each part, which trains more stably; that is unrelated to
# writing.) The network of this page has {glue:text}`gpt-parameters` parameters.

# %% [markdown]
# (gpt-two-masks)=
# ## The difference from BERT, in one figure
#
# A mask is code, and code can be wrong. So here is the difference measured from outside: take the
# sentence, replace one token, run the whole network again, and see which positions' final vectors
# have moved. Do that for every token and for both networks.

# %%
reader = study.observe("bert.influence", sentence=sentence)
writer = study.observe("gpt.influence", sentence=sentence)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-two-masks", "caption": "Same sentence, two networks. A column's token is replaced; shade shows how far each row's final vector moves, relative to its length (the square root, so that small moves show). Hatched: it does not move at all."}, "image": {"alt": "Two square heat maps. For BERT every cell is shaded: each position depends on all tokens. For GPT all cells above the diagonal are hatched or as pale as zero: no position depends on a later token."}}
diagrams.influence([reader, writer], ["BERT", "GPT"])

# %% tags=["hide-cell"]
study.glue("gpt-moves-right", f"{writer.values['from_the_right']:.1g}")
study.glue("gpt-moves-left", writer.values["from_the_left"])
study.glue("gpt-bert-moves-right", reader.values["from_the_right"])
study.glue("gpt-bert-moves-left", reader.values["from_the_left"])

# %% [markdown]
# | largest move of a position when a token is replaced | to its left | to its right |
# | --- | --- | --- |
# | BERT | {glue:text}`gpt-bert-moves-left` | {glue:text}`gpt-bert-moves-right` |
# | GPT | {glue:text}`gpt-moves-left` | {glue:text}`gpt-moves-right` |
#
# In GPT a change to the right moves nothing, apart from rounding: a value of about $10^{-7}$ is
# the precision of 32-bit numbers. That is the key difference, and everything else follows from it.
# A writer must work with what is already there, so GPT's vectors know only the left. A reader has
# the whole text, so BERT's know both sides. And because nothing to the left changes when a token is
# added, a GPT can keep its old keys and values and compute one new position a step; BERT would have
# to compute all of them again.

# %% [markdown]
# ## The next token
#
# At the end of a beginning stands a distribution over the whole vocabulary.

# %%
prompt = "Although the story was"
after = study.observe("gpt.next", sentence=prompt)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-gpt-next", "caption": "The network's most probable next tokens after 'Although the story was'."}, "image": {"alt": "Horizontal bars with the probabilities of the most probable next tokens."}}
diagrams.candidates(after)

# %% [markdown]
# To write, one token has to be picked. The ways to pick differ in how they treat this distribution:
#
# - {term}`Greedy search` takes the most probable token.
# - {term}`Beam search` keeps the few best beginnings, extends each by every token, and keeps the best
#   again: it looks for the most probable *text*, not the most probable next token.
# - {term}`Sampling` draws from the distribution. A {term}`temperature` $T$ divides the scores before
#   the softmax, $p_T(w) \propto p(w)^{1/T}$: below 1 the likely becomes likelier, above 1 the
#   distribution flattens.
# - {term}`Top-k sampling` {cite:p}`fan2018topk` draws among the $k$ most probable tokens only.
# - {term}`Nucleus sampling` {cite:p}`holtzman2020degeneration` draws among the fewest tokens whose
#   probabilities add up to at least $p$: few where the model is sure, many where it is not.

# %%
cuts = study.observe("gpt.truncation", prompt=prompt, top=12, top_k=5, top_p=0.9)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-gpt-truncation", "caption": "The most probable next tokens after 'Although the story was' at three temperatures, and where top-k and nucleus sampling cut the distribution at temperature 1. A cut beyond the shown tokens appears in the legend alone."}, "image": {"alt": "Grouped bars of the probabilities of the most probable tokens at temperatures one half, one and one and a half, with vertical lines for the cuts of top-k and nucleus sampling."}}
diagrams.truncation(cuts)

# %% tags=["hide-cell"]
study.glue("gpt-topk", cuts.values["top_k"])
study.glue("gpt-topk-mass", f"{100 * cuts.values['top_k_mass']:.0f} %")
study.glue("gpt-topp", cuts.values["top_p"], 1)
study.glue("gpt-nucleus", cuts.values["nucleus_size"])

# %% [markdown]
# Here the {glue:text}`gpt-topk` best tokens hold {glue:text}`gpt-topk-mass` of the probability, and
# a nucleus of {glue:text}`gpt-topp` needs {glue:text}`gpt-nucleus` tokens. After another beginning
# the nucleus would have another size; $k$ stays.
#
# Side by side, from the same beginning, each sampling method with three draws:

# %%
texts = study.observe("gpt.decoding", prompt=prompt, length=24, samples=3, seed=seed)

# %% tags=["hide-input"]
table = pd.DataFrame(texts.values["rows"]).rename(
    columns={"log_probability": "mean log p", "different_pairs": "different word pairs"}
)
columns = ["method", "text", "mean log p", "different word pairs"]
framed(table[columns]).format(precision=2).hide()

# %% tags=["hide-cell"]
by_method = table.groupby("method", sort=False)["mean log p"].mean()
study.glue("gpt-greedy-score", float(by_method["greedy"]))
study.glue("gpt-beam-score", float(by_method.iloc[1]))
study.glue("gpt-sampling-score", float(by_method["sampling, T = 1"]))

# %% [markdown]
# The column *different word pairs* is the share of a text's pairs of neighbouring words that are
# different ones: 1 if no pair comes twice. The column *mean log p* is the model's own opinion of what was written, per token: greedy search
# reaches {glue:text}`gpt-greedy-score`, beam search {glue:text}`gpt-beam-score`, free sampling
# {glue:text}`gpt-sampling-score` on average. Higher is more probable, and that is not the same as
# better. People's texts are not the most probable ones: again and again they use a word that the
# model finds unlikely, and a search for the maximum avoids them, which on open-ended prompts ends
# in bland and repeating text {cite:p}`holtzman2020degeneration`. Where the input leaves little
# choice of what to say, as in translation, searching is what one wants; see the chapter on
# generation.

# %% [markdown]
# (gpt-understanding)=
# ## Understanding and writing, measured
#
# The report says that the architecture explains "the language understanding prowess of BERT and the
# ability of GPT to generate coherent text". That can be tested: give both networks both jobs.
#
# ### Job one: a blank whose clue lies to the right
#
# The sentences come in pairs. Their left sides are the same, only the end differs:
#
# > Although the story was ___, I **liked** the film.
# >
# > Although the story was ___, I **hated** the film.
#
# The first asks for a word of blame, the second for praise. Ten words stand for each side (those of
# them that are one token in the vocabulary are counted), and the answer is the side that gets more
# probability at the blank.

# %% tags=["hide-input"]
groups = {
    "praise": [
        "good",
        "great",
        "wonderful",
        "brilliant",
        "funny",
        "clever",
        "beautiful",
        "excellent",
        "perfect",
        "lovely",
    ],
    "blame": [
        "bad",
        "awful",
        "terrible",
        "boring",
        "dull",
        "silly",
        "weak",
        "stupid",
        "horrible",
        "poor",
    ],
}
wanted = {"liked": "blame", "loved": "blame", "hated": "praise", "disliked": "praise"}
items = [
    {"sentence": f"Although the {part} was [good], I {verb} the film.", "right": right}
    for part in ["story", "plot", "music", "acting", "ending", "dialogue", "script", "beginning"]
    for verb, right in wanted.items()
]
read = study.observe("bert.clues", items=items, groups=groups)
wrote = study.observe("gpt.clues", items=items, groups=groups)

# %% [markdown]
# ### Job two: one hidden word anywhere
#
# The same held-out texts as in the last chapter, one word hidden in each. BERT reads
# around the gap, GPT reads up to it. Words of several tokens are passed over.

# %%
found_by_bert = study.observe("bert.cloze", count=300, seed=seed)
found_by_gpt = study.observe("gpt.cloze", count=300, seed=seed)

# %% [markdown]
# ### Job three: write
#
# Both get the first token of a held-out text. GPT samples at temperature 1 until its end token, or until it has written
# 80 tokens. BERT
# has no way to write, but it can be made to: put up a row of masks as long as the held-out text's
# first sentence and fill it from left to right, each word sampled from its distribution. The judge
# is the grammar of the {term}`pocket corpus`. It is strict, it accepts the sentences of that
# grammar and no others, and a sentence that contradicts itself ("the plot was good, but I liked the
# songs") is not among them; so it is a fair judge of networks trained on that corpus and says
# nothing of a network trained on the web.

# %%
by_gpt = study.observe("gpt.generation", samples=500, seed=seed)
by_bert = study.observe("bert.generation", samples=200, seed=seed)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-read-write", "caption": "Reading and writing, BERT and GPT, on the same held-out material: blanks whose clue lies to the right, single hidden words, and sentences written freely and judged by the corpus's grammar. 95 % intervals; the first panel's say nothing where a network gives all blanks the same answer."}, "image": {"alt": "Three panels of dots with intervals for BERT and GPT: right answers on blanks with the clue to the right, hidden words found, and generated sentences that are grammatical."}}
diagrams.shares(
    ["BERT", "GPT"],
    {
        "clue to the right": [read.values["correct"], wrote.values["left"]],
        "hidden word found": [found_by_bert.values["first"], found_by_gpt.values["first"]],
        "grammatical sentences": [by_bert.values["sentences"], by_gpt.values["sentences"]],
    },
)


# %% tags=["hide-cell"]
def per_cent(share):
    return f"{100 * share['share']:.0f} %"


study.glue("gpt-clues-n", read.values["correct"]["n"])
study.glue("gpt-clues-bert", per_cent(read.values["correct"]))
study.glue("gpt-clues-left", per_cent(wrote.values["left"]))
study.glue("gpt-clues-whole", per_cent(wrote.values["whole"]))
study.glue("gpt-cloze-bert", per_cent(found_by_bert.values["first"]))
study.glue("gpt-cloze-gpt", per_cent(found_by_gpt.values["first"]))
study.glue("gpt-written", by_gpt.values["n"])
study.glue("gpt-written-german", by_gpt.values["german"])
study.glue("gpt-written-english", by_gpt.values["texts"]["n"])
study.glue("gpt-written-sentences", by_gpt.values["sentences"]["n"])
study.glue("gpt-grammatical", per_cent(by_gpt.values["sentences"]))
study.glue("gpt-formed", per_cent(by_gpt.values["well_formed"]))
study.glue("gpt-bert-formed", per_cent(by_bert.values["well_formed"]))
study.glue("gpt-grammatical-texts", per_cent(by_gpt.values["texts"]))
study.glue("gpt-copied", by_gpt.values["seen_texts"]["count"])
study.glue("gpt-seen-sentences", per_cent(by_gpt.values["seen_sentences"]))
study.glue("gpt-bert-grammatical", per_cent(by_bert.values["sentences"]))

# %% [markdown]
# | job | BERT | GPT |
# | --- | --- | --- |
# | {glue:text}`gpt-clues-n` blanks with the clue to the right | {glue:text}`gpt-clues-bert` | {glue:text}`gpt-clues-left` |
# | single hidden words found | {glue:text}`gpt-cloze-bert` | {glue:text}`gpt-cloze-gpt` |
# | sentences written, right in form | {glue:text}`gpt-bert-formed` | {glue:text}`gpt-formed` |
# | sentences written, right in form and sense | {glue:text}`gpt-bert-grammatical` | {glue:text}`gpt-grammatical` |
#
# GPT's half in the first row needs no experiment: the two sentences of a pair are the same up to the
# blank, so its answer to both is the same, and one of the two is wrong. No amount of training can
# change that.
#
# A GPT can also be *asked* differently. Write each of these words into the blank, score every
# whole sentence, and compare. The words to the right are now part of what is scored, and GPT gets
# {glue:text}`gpt-clues-whole` right. If this share is clearly above a half, GPT has the knowledge
# and lacks only a vector at the blank that holds it. If it is not, the test shows no use of the
# contrast; the same holds for BERT's share. For a half is chance, and a network that leans to one
# side whatever follows gets a half as well. In the published book both networks do just that:
# however they are asked, they answer praise every time, so their intervals say nothing either.
#
# The price of asking for whole sentences is one pass for each candidate in place of one pass for
# all. (The largest GPTs are therefore used for understanding by putting the question *behind* the
# text {cite:p}`brown2020gpt3`.)
#
# The second row need not favour the reader. In the published book GPT finds more hidden words than
# BERT, although it sees one side only. Masking trains on one token in seven, so after as many tokens
# read BERT has been corrected far less often. That may be why; rates and objectives differ too, and
# this page does not part them.
#
# As to writing: {glue:text}`gpt-written-german` of {glue:text}`gpt-written` samples hold a word
# that the pocket corpus knows from German alone, and the judge passes them over. The other
# {glue:text}`gpt-written-english` have {glue:text}`gpt-written-sentences` sentences, of which
# {glue:text}`gpt-grammatical` are grammatical; {glue:text}`gpt-grammatical-texts` of the texts are
# so from beginning to end. Counting form alone, {glue:text}`gpt-formed` of the sentences pass.
# Where the second share is larger, the gap is made of sentences that are right in form but whose
# parts do not go together: praise after a "but" that called for blame, grief over an exam that was
# passed. Where both are near zero, as for a network trained on other text, the judge cannot rate
# it: read the samples below instead. Did the model learn its sentences by heart? Of the samples,
# {glue:text}`gpt-copied` occur as a whole in the {term}`pocket corpus`'s training text; of the
# single sentences {glue:text}`gpt-seen-sentences` do. For a network trained on that corpus this
# measures copying, and short sentences must recur in a small language. For a network trained on
# other text it measures nothing. A few samples:

# %% tags=["hide-input"]
samples = {
    "GPT, sampled at temperature 1": by_gpt.values["examples"][:6],
    "BERT, masks filled from left to right": by_bert.values["examples"][:6],
}
framed(pd.DataFrame(samples)).hide()

# %% [markdown]
# ## What the report says, and what holds
#
# | the report | what this page found |
# | --- | --- |
# | GPT was released in 2019 | corrected: GPT in 2018, GPT-2 in 2019; the paper it cites is GPT-3's, of 2020 |
# | BERT has encoder blocks, GPT decoder blocks | yes, and the difference between the two is the mask: GPT's blocks have no cross-attention ({ref}`gpt-two-masks`) |
# | this explains BERT's understanding and GPT's coherent text | tested ({numref}`fig-read-write`): the mask sets what each vector can know, not what a network learns. In the published book the test decides little: both give one answer to every clue, the judge cannot rate networks trained on other text, and only the hidden words tell the two apart, in GPT's favour |
# | GPT is good at summarisation and translation | GPT-2 was shown to do both without training for them, far below systems made for the task {cite:p}`radford2019gpt2`; the chapter on generation measures T5 instead |
#
# ## Exercises
#
# :::{admonition} Exercise 1
# :class: tip
# A model has loss 2.0 nats a token on a text of 50 tokens. What is its perplexity? What probability
# does it give the whole text?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# Perplexity $e^{2} \approx 7.4$. The text's probability is $e^{-2 \cdot 50} = e^{-100} \approx
# 4 \cdot 10^{-44}$: tiny, as for every single text of this length, and still far above that of a
# random string.
# :::
#
# :::{admonition} Exercise 2
# :class: tip
# Show that temperature never changes the order of the tokens. What happens for $T \to 0$ and for
# $T \to \infty$?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# $p_T(w) \propto p(w)^{1/T}$, and $x \mapsto x^{1/T}$ increases for every $T > 0$. For $T \to 0$ all
# probability goes to the most probable token: greedy search. For $T \to \infty$ every token becomes
# equally likely. Sampling at high temperature therefore needs a cut such as top-k: the many tokens
# that were nearly impossible together become probable.
# :::
#
# :::{admonition} Exercise 3
# :class: tip
# Suppose BERT did better than GPT in job one. How would you show that this is due to the mask, and not
# to size, training text or loss?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# Train the same network on the same text twice, both times to fill in masked words, once with and once
# without the causal mask, and give both the job. (With GPT's own loss this would not do: without the
# mask the network could read the token that it has to predict.) Chapter 3 runs one network under two masks ({numref}`fig-three-architectures`): the mask is an
# argument, not a part of the weights.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["hide-input"]
study.provenance()
