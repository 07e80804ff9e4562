# %% [markdown]
# # GPT: writing from left to right

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import numpy as np
import pandas as pd

from t5study.chapters import gpt, scorecard, tables
from t5study.chapters.drawings.writing import bert_beside_gpt
from t5study.chapters.explorer import explorer
from t5study.chapters.style import word
from t5study.claims.published import load_published
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
published = load_published()
study.badge()

# %% jupyter={"source_hidden": true} tags=["needs:smollm2", "remove-cell"]
text = study.observe(
    "smollm2.text", sentence="The capital of France is Paris, and the capital of Italy is Rome."
)
looked = study.observe(
    "smollm2.attention",
    sentences=[
        "The keys to the old cabinet are on the table.",
        "Mary said that she would call her brother.",
    ],
)
cuts = study.observe(
    "smollm2.truncation", prompt="Although the story was", top=12, top_k=5, top_p=0.9
)
orders = study.observe(
    "smollm2.scrambled",
    sentences=[
        "The children played in the garden until it was dark.",
        "She had never seen such a quiet town before.",
        "We missed the last train and walked home in the rain.",
        "The baker opens his shop before the sun comes up.",
    ],
)
order = pd.DataFrame(orders.values["rows"])
losses = dict(zip(text.values["tokens"][1:], text.values["losses"], strict=True))
chances = {word(token): np.exp(-loss) for token, loss in losses.items()}
facts(
    sum=f"{text.values['log_probability']:.3f}",
    count=len(text.values["losses"]),
    loss=f"{text.values['loss']:.3f}",
    model_loss=f"{text.values['model_loss']:.3f}",
    perplexity=f"{text.values['perplexity']:.1f}",
    vocabulary=f"{text.values['vocabulary']:,}",
    rome=f"{chances['Rome']:.2f}",
    italy=f"{chances['Italy']:.2f}",
    parameters=f"{looked.values['parameters'] / 1e6:.0f} million",
    layers=looked.values["layers"],
    heads=looked.values["heads"],
    future=f"{looked.values['on_the_future']:g}",
    topk=cuts.values["top_k"],
    topk_mass=f"{100 * cuts.values['top_k_mass']:.0f} %",
    topp=f"{cuts.values['top_p']:.1f}",
    nucleus=cuts.values["nucleus_size"],
    plain=f"{order['plain_perplexity'].median():,.0f}",
    mixed=f"{order['mixed_perplexity'].median():,.0f}",
)
study.finds(order_matters=(order["mixed_perplexity"] > 5 * order["plain_perplexity"]).all())

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
hinge = "Although the story was boring, I liked the film."
own = study.observe("gpt.attention", sentence=hinge)
reader = study.observe("bert.influence", sentence=hinge)
writer = study.observe("gpt.influence", sentence=hinge)
facts(
    own_future=f"{own.values['on_the_future']:g}",
    own_parameters=f"{own.values['parameters'] / 1e6:.1f} million",
    own_right=f"{writer.values['from_the_right']:g}",
    own_left=f"{writer.values['from_the_left']:.2f}",
    own_bert_right=f"{reader.values['from_the_right']:.2f}",
    own_bert_left=f"{reader.values['from_the_left']:.2f}",
)
if study.has("gpt"):
    facts(read=f"{study.pretraining('gpt').metrics['tokens'] / 1e6:.0f} million")

# %% [markdown]
# A GPT {cite:p}`radford2018gpt` is a {term}`language model`: it reads the beginning of a text and gives a
# probability to every token that could come next. Written down again and again, the next token becomes a
# text. This chapter shows the one matrix that makes a Transformer a writer, what can be done with the
# distribution it gives, and what a reader like BERT can do that a writer cannot.

# %% [markdown] tags=["needs:smollm2"]
# The network on this page is SmolLM2 {cite:p}`benallal2025smollm2`: a decoder of {eval}`facts.layers`
# layers and {eval}`facts.parameters` weights, which read two trillion tokens and was then tuned to follow
# instructions. It is published as `HuggingFaceTB/SmolLM2-135M-Instruct`; this page ran its weights in four
# bits each, made float again. Its design is newer than GPT-2's, with the same causal mask.

# %% [markdown] tags=["needs:smollm2", "finds:order_matters"]
# **What was found.**
#
# - In all {eval}`facts.layers` layers the largest weight on a later token is {eval}`facts.future`.
#   Replace a token, and nothing to its left moves.
# - It finds sentences likelier than their words in another order: four sentences have a median
#   {term}`perplexity` of {eval}`facts.plain`, the same words mixed one of {eval}`facts.mixed`.
# - After "Although the story was" the likeliest {eval}`facts.topk` tokens hold
#   {eval}`facts.topk_mass` of the probability, and it takes {eval}`facts.nucleus` tokens to hold nine
#   tenths. How one of them is picked decides what kind of text comes out.

# %% [markdown]
# A word on dates. The report gives 2019 as the year of GPT and cites the paper on GPT-3. The name stands
# for three models: GPT of 2018 {cite:p}`radford2018gpt`, GPT-2 of 2019 {cite:p}`radford2019gpt2`, which
# the report's figure and its other two links are about, and GPT-3 of 2020 {cite:p}`brown2020gpt3`.
#
# ## BERT beside GPT
#
# The report's second figure says: BERT stacks {term}`encoder` blocks, GPT stacks {term}`decoder` blocks. In
# the Transformer of 2017 {cite:p}`vaswani2017attention` a decoder block has three parts: self-attention
# under a mask, attention to the encoder's output, and a {term}`feed-forward layer`. A GPT has no encoder,
# so the second part falls away. What is left is BERT's block with a mask. (GPT-2 also moves
# {term}`layer normalisation` in front of each part, which has nothing to do with writing.)

# %% mystnb={"figure": {"caption": "Two stacks of the same blocks. In blue: what the second position can know. BERT's positions see everything and guess what was hidden; GPT's see what came before and guess what comes next.", "name": "fig-bert-gpt"}, "image": {"alt": "Two networks of three rows of four positions. In BERT every position is connected with all positions below, and the second one guesses the hidden second token. In GPT each position is connected with itself and those to its left, and each guesses the token that follows. Below are their masks: a full square, and a triangle."}} tags=["remove-input"]
bert_beside_gpt()


# %% [markdown]
# (gpt-two-masks)=
# ## The two masks
#
# All positions are computed in one pass, each predicting its successor. That is only fair if no position
# can see its successor. So scores that look to the right are set to minus infinity before the
# {term}`softmax`, and since $e^{-\infty} = 0$ the weight there is exactly zero. This is the
# {term}`causal mask`, and it is the whole difference:


# %%
def encoder_mask(tokens):
    """Every row may look at every column."""
    return np.ones((tokens, tokens), dtype=bool)


def decoder_mask(tokens):
    """A row may look at itself and at what stands before it."""
    return np.tril(np.ones((tokens, tokens), dtype=bool))


def weights(scores, mask):
    """Weights of one head: softmax of each row over what it may look at."""
    allowed = np.where(mask, scores, -np.inf)
    raised = np.exp(allowed - allowed.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


# %%
with np.printoptions(precision=2, suppress=True):
    print(weights(np.zeros((4, 4)), decoder_mask(4)))

# %% [markdown]
# Four tokens with equal scores: the first can only look at itself, the last looks at all four alike.

# %% [markdown] tags=["needs:smollm2"]
# In a real network the upper right stays empty. Where do its {eval}`facts.heads` heads a layer look?

# %% tags=["needs:smollm2", "remove-input"]
explorer(looked, layer=9, head=7, token="are")

# %% [markdown]
# ### Measured from outside
#
# A mask is code, and code can be wrong. So take a sentence, replace one token, run the whole network again,
# and see which positions' final vectors have moved.

# %% tags=["needs:minilm", "needs:smollm2"]
sees_both = study.observe("minilm.influence", sentence=hinge)
sees_left = study.observe("smollm2.influence", sentence=hinge)

# %% mystnb={"figure": {"name": "fig-two-masks", "caption": "One sentence, two networks. A column's token is replaced; shade shows how far each row's final vector moves, relative to its length (the square root, so that small moves show). Hatched: it does not move at all."}, "image": {"alt": "Two square heat maps. For MiniLM every cell is shaded: each position depends on all tokens. For SmolLM2 all cells above the diagonal are hatched: no position depends on a later token."}} tags=["needs:minilm", "needs:smollm2", "remove-input"]
gpt.plot_influence([sees_both, sees_left], ["an encoder, MiniLM", "a decoder, SmolLM2"])

# %% jupyter={"source_hidden": true} tags=["needs:minilm", "needs:smollm2", "remove-cell"]
facts(
    moves_right=f"{sees_left.values['from_the_right']:g}",
    moves_left=f"{sees_left.values['from_the_left']:.2f}",
    bert_moves_right=f"{sees_both.values['from_the_right']:.2f}",
    bert_moves_left=f"{sees_both.values['from_the_left']:.2f}",
)

# %% [markdown] tags=["needs:minilm", "needs:smollm2"]
# In MiniLM a token on the right moves a position by up to {eval}`facts.bert_moves_right` of its length, in
# SmolLM2 by {eval}`facts.moves_right` ({numref}`fig-two-masks`). MiniLM's token is replaced by `[MASK]`,
# SmolLM2's by the token that ends a text, so compare left and right within a network and not the two
# networks.

# %% [markdown]
# The claims are judged on a BERT and a GPT that this study pre-trained itself: there a token on the right
# moves BERT by {eval}`facts.own_bert_right` and GPT by {eval}`facts.own_right`, and GPT's largest weight on a
# later token is {eval}`facts.own_future`.
#
# Much follows from this one difference. A writer's vectors know only the left; a reader's know both sides.
# And because nothing to the left changes when a token is added, a GPT keeps its old keys and values and
# computes one new position a step, where BERT would have to compute all of them again.
#
# ## A text's probability, one token at a time
#
# The probability of a text is a product: that of the first token, times that of the second given the
# first, and so on,
#
# $$
# p(x_1, \dots, x_n) = \prod_{t=1}^{n} p(x_t \mid x_1, \dots, x_{t-1}).
# $$
#
# This is bookkeeping and no assumption. A model that predicts from its own past is called
# {term}`autoregressive`, and training makes the mean of the negative logarithms small, again a
# {term}`cross-entropy`:
#
# $$
# \mathcal{L} = -\frac{1}{n} \sum_{t=1}^{n} \log p(x_t \mid x_{<t}),
# \qquad \text{perplexity} = e^{\mathcal{L}} .
# $$
#
# With the natural logarithm the loss is in *nats*. {term}`Perplexity` reads as a number of choices: a model
# with perplexity 8 is on average as unsure as if it had to choose evenly among eight tokens.

# %% mystnb={"figure": {"name": "fig-gpt-losses", "caption": "The loss of each token given the tokens to its left. The dashed line is their mean, the loss of the sentence."}, "image": {"alt": "Bars, one for each token of a sentence about the capitals of France and Italy, with the negative log-probability of the token given what stands before it; a dashed line marks the mean. The bar of Italy is high, that of Rome is low."}} tags=["needs:smollm2", "remove-input"]
gpt.plot_token_losses(text)

# %% [markdown] tags=["needs:smollm2"]
# The text was free to name any country, and *Italy* has a probability of {eval}`facts.italy`. After it
# little choice is left: *Rome* has {eval}`facts.rome`. The logarithms of {eval}`facts.count` tokens add up
# to {eval}`facts.sum`; the mean with its sign turned is {eval}`facts.loss`, and the network itself reports
# {eval}`facts.model_loss`. The perplexity is {eval}`facts.perplexity`, out of a vocabulary of
# {eval}`facts.vocabulary`.
#
# A model of language finds a sentence likelier than its words in another order:

# %% tags=["needs:smollm2", "remove-input"]
tables.show(
    order.rename(
        columns={
            "scrambled": "its words in another order",
            "plain_perplexity": "perplexity",
            "mixed_perplexity": "perplexity of those",
        }
    ).set_index("sentence")[["perplexity", "its words in another order", "perplexity of those"]],
    formats={"perplexity": "{:,.0f}", "perplexity of those": "{:,.0f}"},
)

# %% [markdown]
# ## The next token
#
# At the end of a beginning stands a distribution over the whole vocabulary.

# %% tags=["needs:smollm2", "remove-input"]
nexts = study.observe(
    "smollm2.next",
    prompts=[
        "The capital of France is",
        "She put the kettle on because she wanted a cup of",
        "The doctor told the nurse that",
        "Although the story was",
    ],
    top=5,
)
tables.show(gpt.next_table(nexts))

# %% [markdown]
# Where the text decides the word, the probability is in one place; where it does not, it is spread over
# many. The {term}`entropy` counts that in bits: 0 for a token that is certain.
#
# To write, one token has to be picked, and the ways to pick differ:
#
# - {term}`Greedy search` takes the most probable token.
# - {term}`Beam search` keeps the few best beginnings, extends each by every token, and keeps the best
#   again; {doc}`05_generation` draws one.
# - {term}`Sampling` draws from the distribution. A {term}`temperature` $T$ divides the scores before the
#   softmax, $p_T(w) \propto p(w)^{1/T}$: below 1 the likely becomes likelier, above 1 the distribution
#   flattens.
# - {term}`Top-k sampling` {cite:p}`fan2018topk` draws among the $k$ most probable tokens only.
# - {term}`Nucleus sampling` {cite:p}`holtzman2020degeneration` draws among the fewest tokens whose
#   probabilities add up to at least $p$: few where the model is sure, many where it is not.

# %% mystnb={"figure": {"name": "fig-gpt-truncation", "caption": "The most probable next tokens after 'Although the story was' at three temperatures. Top-k sampling cuts after the fifth; the nucleus of nine tenths goes on far beyond the picture."}, "image": {"alt": "Grouped bars of the probabilities of the twelve most probable tokens at temperatures one half, one and one and a half, with a vertical line where top-k sampling cuts."}} tags=["needs:smollm2", "remove-input"]
gpt.plot_truncation(cuts)

# %% [markdown] tags=["needs:smollm2"]
# The {eval}`facts.topk` best tokens hold {eval}`facts.topk_mass` of the probability, and a nucleus of
# {eval}`facts.topp` needs {eval}`facts.nucleus`. After another beginning the nucleus has another size; $k$
# stays. One beginning, six ways to go on, one seed:

# %% tags=["needs:smollm2", "remove-input"]
ways = study.observe(
    "smollm2.decoding", prompt="The old lighthouse keeper opened the door and", length=40
)
tables.show(
    pd.DataFrame(ways.values["rows"])
    .rename(columns={"different_pairs": "share of word pairs that differ"})
    .set_index("method")
)

# %% [markdown]
# On many long texts {cite:t}`holtzman2020degeneration` found that searches repeat themselves, that sampling
# from the whole distribution strays, since the unlikely tokens are many and together not so unlikely, and
# that cutting them off helps. Six short texts cannot show this: here the text of top-k sampling repeats itself
# most. People's texts are not the most probable ones either: again and again they use a
# word that the model finds unlikely. Where the input leaves little
# choice of what to say, as in translation, searching is what one wants; {doc}`05_generation` goes on there.

# %% [markdown]
# (gpt-understanding)=
# ## Does the architecture explain what each is good at?
#
# The report says that it explains "the language understanding prowess of BERT and the ability of GPT to
# generate coherent text". A fair test would change the mask alone. The two networks of this section, a BERT
# and a GPT of this study, have {eval}`facts.own_parameters` weights each and read {eval}`facts.read` tokens
# each. They differ in the mask, in what they are trained to predict, and in the learning rate. They are small
# and know little; what can be compared is what the mask allows.
#
# ### A blank whose clue lies to the right
#
# > Although the story was ___, I **liked** the film.
# >
# > Although the story was ___, I **hated** the film.
#
# The first asks for a word of blame, the second for praise; ten words stand for each. Take the *leaning* to
# blame, its share of the probability that both sides get, and compare it within a pair: after *liked* or
# *loved* it should be larger than after *hated* or *disliked*. GPT can be asked at the blank, where it has
# read the left alone, or by whole sentences: each word is written into the blank, and the probabilities of
# the sentences are compared.

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
groups = {
    "praise": [
        *("good", "great", "wonderful", "brilliant", "funny"),
        *("clever", "beautiful", "excellent", "perfect", "lovely"),
    ],
    "blame": [
        *("bad", "awful", "terrible", "boring", "dull"),
        *("silly", "weak", "stupid", "horrible", "poor"),
    ],
}
wanted = {"liked": "blame", "loved": "blame", "hated": "praise", "disliked": "praise"}
items = [
    {
        "sentence": f"Although the {noun} was [good], I {verb} the film.",
        "noun": noun,
        "verb": verb,
        "right": right,
    }
    for noun in ["story", "plot", "music", "acting", "ending", "dialogue", "script", "beginning"]
    for verb, right in wanted.items()
]
read = study.observe("bert.clues", items=items, groups=groups)
wrote = study.observe("gpt.clues", items=items, groups=groups)
found_by_bert = study.observe("bert.cloze", count=300, seed=seed)
found_by_gpt = study.observe("gpt.cloze", count=300, seed=seed)
leaning = {
    "BERT, at the blank": gpt.leanings(read, "masses"),
    "GPT, at the blank": gpt.leanings(wrote, "left_masses"),
    "GPT, by whole sentences": gpt.leanings(wrote, "whole_masses"),
}
moved = {name: gpt.moves(table) for name, table in leaning.items()}
# What is below this is rounding.
right = {name: int((each > 1e-6).sum()) for name, each in moved.items()}
pairs = len(moved["BERT, at the blank"])
shares = {"bert": found_by_bert.values["first"], "gpt": found_by_gpt.values["first"]}
chance = found_by_bert.values["chance"]["share"]
names = ("no_nsp_mrpc", "ltr_mrpc", "no_nsp_sst2", "ltr_sst2")
values = {name: published.value(f"bert-{name.replace('_', '-')}") for name in names}
facts(
    clues_bert=right["BERT, at the blank"],
    clues_left=right["GPT, at the blank"],
    clues_whole=right["GPT, by whole sentences"],
    clues_n=pairs,
    clues_most=f"{abs(moved['BERT, at the blank']).max():.3f}",
    cloze_n=shares["bert"]["n"],
    cloze_chance=f"{100 * chance:.0f} %",
    **{f"cloze_{name}": f"{100 * share['share']:.0f} %" for name, share in shares.items()},
    **{name: f"{100 * value:.1f} %" for name, value in values.items()},
)
study.finds(
    moves_by_little=abs(moved["BERT, at the blank"]).max() < 0.05,
    gpt_finds_more=shares["gpt"]["share"] > shares["bert"]["share"],
    bert_below_chance=shares["bert"]["share"] < chance,
)

# %% [markdown]
# | of {eval}`facts.clues_n` pairs of sentences | the leaning moves the right way in |
# | --- | --- |
# | BERT, at the blank | {eval}`facts.clues_bert` |
# | GPT, at the blank | {eval}`facts.clues_left` |
# | GPT, by whole sentences | {eval}`facts.clues_whole` |
#
# At the blank GPT's leaning cannot move: the sentences of a pair are the same up to there, and no amount of
# training can change that. By whole sentences it can, at the price of one pass for each candidate word.
# (The largest GPTs are used for understanding by putting the question *behind* the text
# {cite:p}`brown2020gpt3`.)

# %% [markdown] tags=["finds:moves_by_little"]
# BERT's leaning mostly moves the right way, but by {eval}`facts.clues_most` at most. This small network has
# learnt to use very little of what the mask allows. The pairs share four verbs, so they are not
# {eval}`facts.clues_n` independent tests.

# %% [markdown]
# ### One hidden word anywhere
#
# In {eval}`facts.cloze_n` texts of the {term}`pocket corpus` that neither has read one word is hidden. BERT
# reads around the gap and finds {eval}`facts.cloze_bert`; GPT reads up to it and finds
# {eval}`facts.cloze_gpt`. Always answering with the commonest of these words would find
# {eval}`facts.cloze_chance`.

# %% mystnb={"figure": {"name": "fig-read-write", "caption": "Hidden words of held-out texts, found by BERT from both sides and by GPT from the left, with 95 % intervals."}, "image": {"alt": "Two panels of dots with intervals for BERT and GPT: hidden words that are the first choice, and hidden words among the first five."}} tags=["remove-input"]
panels = {
    "hidden word first": [found_by_bert.values["first"], found_by_gpt.values["first"]],
    "among the first five": [found_by_bert.values["among_five"], found_by_gpt.values["among_five"]],
}
gpt.plot_shares(["BERT", "GPT"], panels)

# %% [markdown] tags=["finds:gpt_finds_more"]
# GPT finds more, although it sees one side only. Masking trains on one token in seven, so after as many
# tokens read BERT has been corrected far less often. That may be why; this page does not part the two.

# %% [markdown] tags=["finds:bert_below_chance"]
# BERT is below the commonest word: it has not learnt this task, and its score says nothing about reading both
# sides.

# %% [markdown]
# (gpt-others)=
# ### What others measured
#
# GPT was published for understanding: its paper is called "Improving Language Understanding by Generative
# Pre-Training". It puts a linear layer on the vector of the *last* token, which has seen the whole text, and
# fine-tunes all weights {cite:p}`radford2018gpt`. In 2018 that was the state of the art on most of the tasks it was tried on.
#
# GPT-2 was shown to summarise and to translate without training for either, far below systems made for the task
# {cite:p}`radford2019gpt2`.
#
# What the mask costs was measured by BERT's authors (section 5.1 of {cite:t}`devlin2019bert`). They trained
# one network twice with the same data and settings: once to fill in masked words with both sides in view,
# once as a left-to-right language model. Left to right was worse on every task. On paraphrases (MRPC) the
# accuracy fell from {eval}`facts.no_nsp_mrpc` to {eval}`facts.ltr_mrpc`, on film reviews (SST-2) from
# {eval}`facts.no_nsp_sst2` to {eval}`facts.ltr_sst2`.
#
# ## What to take away
#
# - An encoder and a decoder without an encoder are the same blocks. The mask is the difference, and it is
#   one line.
# - A language model gives a distribution. Text comes out of a way to pick from it.
# - The mask sets what a vector can know. Whether a network uses it is a matter of training.
#
# What the report said, with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, gpt.CLAIMS)

# %% [markdown]
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
# $p_T(w) \propto p(w)^{1/T}$, and $x \mapsto x^{1/T}$ increases for every $T > 0$. For $T \to 0$
# all probability goes to the most probable token: greedy search. For $T \to \infty$ every token
# becomes equally likely, so a high temperature needs a cut such as top-k.
# :::
#
# :::{admonition} Exercise 3
# :class: tip
# How would you show that BERT's lead on MRPC is due to the mask, and not to the loss?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# Train the same network on the same text twice, both times to fill in masked words, once with and once
# without the causal mask. (With GPT's own loss this would not do: without the mask the network could read
# the token that it has to predict.) BERT's authors came near, but there the loss changes together with the
# mask, so the two effects are not parted.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
