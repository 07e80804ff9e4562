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
# {cite:p}`radford2019gpt2`, which is what the report's figure and its other two links are about,
# and GPT-3 of 2020 {cite:p}`brown2020gpt3`. The architecture on this page is GPT-2's.
#
# The network that is asked is a small one of our own, whose arithmetic is followed step by step.

# %% [markdown] tags=["needs:smollm2"]
# Then comes a published one, which read enough to be worth reading ({ref}`gpt-published`).

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import pandas as pd

from t5study.chapters import gpt, tables
from t5study.chapters.style import word
from t5study.claims.published import load_published
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
published = load_published()
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
sentence = "Although the story was boring, I liked the film."
seen = study.observe("gpt.attention", sentence=sentence)
facts(parameters=f"{seen.values['parameters']:,}")
if study.has("gpt"):
    facts(read=f"{study.pretraining('gpt').metrics['tokens']:,}")

# %% [markdown]
# Our own GPT has {eval}`facts.parameters` parameters and read {eval}`facts.read` tokens. What it writes
# shows the mechanism, and not what a GPT can do.

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
text = study.observe("gpt.next", sentence=sentence)

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-gpt-losses", "caption": "The loss of each token given the tokens to its left. The dashed line is their mean, the loss of the sentence."}, "image": {"alt": "Bars, one for each token of the example sentence, with the negative log-probability of the token given what stands before it; a dashed line marks the mean."}}
gpt.plot_token_losses(text)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
losses = dict(zip(text.values["tokens"][1:], text.values["losses"], strict=True))
facts(
    sum=f"{text.values['log_probability']:.4f}",
    count=len(text.values["losses"]),
    loss=f"{text.values['loss']:.4f}",
    model_loss=f"{text.values['model_loss']:.4f}",
    perplexity=f"{text.values['perplexity']:.1f}",
    vocabulary=f"{text.values['vocabulary']:,}",
    hardest=word(max(losses, key=losses.get)),
    easiest=word(min(losses, key=losses.get)),
)

# %% [markdown]
# The logarithms of {eval}`facts.count` tokens add up to {eval}`facts.sum`; divided by their
# number and with the sign turned this is {eval}`facts.loss`, and the network itself reports
# {eval}`facts.model_loss`. Its perplexity on the sentence is {eval}`facts.perplexity`, out of
# a vocabulary of {eval}`facts.vocabulary`. The token it found hardest is
# *{eval}`facts.hardest`*, the easiest *{eval}`facts.easiest`*: look in
# {numref}`fig-gpt-losses` for places where the text was free to go on in many ways, and for those
# where grammar left little choice.

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

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-gpt-heads", "caption": "All attention weights of the network on the example, a row of pictures for each layer, a column for each head. Nothing lies above the diagonal."}, "image": {"alt": "A grid of small triangular heat maps, one for each layer and head; the upper right half of each is empty."}}
gpt.plot_attention_overview(seen)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    future=f"{seen.values['on_the_future']:g}",
    layers=seen.values["layers"],
    heads=seen.values["heads"],
)

# %% [markdown]
# The largest weight on any later token, in all {eval}`facts.layers` layers of
# {eval}`facts.heads` heads, is {eval}`facts.future`.
#
# ### What is a decoder block?
#
# The report's figure says: BERT stacks {term}`encoder` blocks, GPT stacks {term}`decoder` blocks.
# In the Transformer of 2017 {cite:p}`vaswani2017attention` a decoder block has three parts: masked
# self-attention, attention to the encoder's output, and a {term}`feed-forward layer`. A GPT has no
# encoder, so the second part falls away. What is left is BERT's block with a mask. (GPT-2 also
# moves {term}`layer normalisation` in front of each part, which is
# unrelated to writing.)

# %% [markdown]
# (gpt-two-masks)=
# ## The difference from BERT, in one figure
#
# A mask is code, and code can be wrong. So here is the difference measured from outside: take the
# sentence, replace one token, run the whole network again, and see which positions' final vectors
# have moved. Do that for every token and for both networks. BERT's token is replaced by `[MASK]`,
# which it has met in training. GPT has no such token and gets its end-of-text token, which it has
# never met inside a sentence. So compare the two directions within a network, along a row of the
# table below, and not the two networks down a column.

# %%
reader = study.observe("bert.influence", sentence=sentence)
writer = study.observe("gpt.influence", sentence=sentence)

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-two-masks", "caption": "Same sentence, two networks. A column's token is replaced; shade shows how far each row's final vector moves, relative to its length (the square root, so that small moves show). Hatched: it does not move at all."}, "image": {"alt": "Two square heat maps. For BERT every cell is shaded: each position depends on all tokens. For GPT all cells above the diagonal are hatched or as pale as zero: no position depends on a later token."}}
gpt.plot_influence([reader, writer], ["BERT", "GPT"])

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    moves_right=f"{writer.values['from_the_right']:.1g}",
    moves_left=f"{writer.values['from_the_left']:.2f}",
    bert_moves_right=f"{reader.values['from_the_right']:.2f}",
    bert_moves_left=f"{reader.values['from_the_left']:.2f}",
)

# %% [markdown]
# | largest move of a position, relative to its vector's length | when a token left of it is replaced | when a token right of it is replaced |
# | --- | --- | --- |
# | BERT | {eval}`facts.bert_moves_left` | {eval}`facts.bert_moves_right` |
# | GPT | {eval}`facts.moves_left` | {eval}`facts.moves_right` |
#
# In GPT a change to the right moves nothing, apart from rounding: a value of about $10^{-7}$ is
# the precision of 32-bit numbers. That is the key difference, and much else follows from it.
# A writer must work with what is already there, so GPT's vectors know only the left. A reader has
# the whole text, so BERT's know both sides. And because nothing to the left changes when a token is
# added, a GPT can keep its old keys and values and compute one new position a step; BERT would have
# to compute all of them again.

# %% [markdown]
# ## The next token
#
# At the end of a beginning stands a distribution over the whole vocabulary: the bars for $T = 1$ in
# {numref}`fig-gpt-truncation`. To write, one token has to be picked. The ways to pick differ in
# how they treat this distribution:
#
# - {term}`Greedy search` takes the most probable token.
# - {term}`Beam search` keeps the few best beginnings, extends each by every token, and keeps the
#   best again: it looks for the most probable *text*, not the most probable next token.
# - {term}`Sampling` draws from the distribution. A {term}`temperature` $T$ divides the scores
#   before the softmax, $p_T(w) \propto p(w)^{1/T}$: below 1 the likely becomes likelier, above 1
#   the distribution flattens.
# - {term}`Top-k sampling` {cite:p}`fan2018topk` draws among the $k$ most probable tokens only.
# - {term}`Nucleus sampling` {cite:p}`holtzman2020degeneration` draws among the fewest tokens whose
#   probabilities add up to at least $p$: few where the model is sure, many where it is not.

# %%
prompt = "Although the story was"
cuts = study.observe("gpt.truncation", prompt=prompt, top=12, top_k=5, top_p=0.9)

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-gpt-truncation", "caption": "The most probable next tokens after 'Although the story was' at three temperatures, and where top-k and nucleus sampling cut the distribution at temperature 1. A cut beyond the shown tokens appears in the legend alone."}, "image": {"alt": "Grouped bars of the probabilities of the most probable tokens at temperatures one half, one and one and a half, with vertical lines for the cuts of top-k and nucleus sampling."}}
gpt.plot_truncation(cuts)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    topk=cuts.values["top_k"],
    topk_mass=f"{100 * cuts.values['top_k_mass']:.0f} %",
    topp=f"{cuts.values['top_p']:.1f}",
    nucleus=cuts.values["nucleus_size"],
)

# %% [markdown]
# Here the {eval}`facts.topk` best tokens hold {eval}`facts.topk_mass` of the probability, and
# a nucleus of {eval}`facts.topp` needs {eval}`facts.nucleus` tokens. After another beginning
# the nucleus would have another size; $k$ stays.
#
# Side by side, from the same beginning, each sampling method with three draws:

# %%
texts = study.observe("gpt.decoding", prompt=prompt, length=24, samples=3, seed=seed)

# %% tags=["remove-input"]
table = pd.DataFrame(texts.values["rows"]).rename(
    columns={"log_probability": "mean log p", "different_pairs": "different word pairs"}
)
columns = ["method", "text", "mean log p", "different word pairs"]
tables.show(table[columns])

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
by_method = table.groupby("method", sort=False)["mean log p"].mean()
facts(
    greedy_score=f"{by_method['greedy']:.2f}",
    beam_score=f"{by_method.iloc[1]:.2f}",
    sampling_score=f"{by_method['sampling, T = 1']:.2f}",
)

# %% [markdown]
# The column *different word pairs* is the share of a text's pairs of neighbouring words that are
# different ones: 1 if no pair comes twice. The column *mean log p* is the model's own opinion of
# what was written, per token: greedy search reaches {eval}`facts.greedy_score`, beam search
# {eval}`facts.beam_score`, free sampling {eval}`facts.sampling_score` on average. Higher is
# more probable, and that is not the same as better. People's texts are not the most probable ones:
# again and again they use a word that the model finds unlikely, and a search for the maximum avoids
# them, which on open-ended prompts ends in bland and repeating text
# {cite:p}`holtzman2020degeneration`. Where the input leaves little choice of what to say, as in
# translation, searching is what one wants; see {doc}`05_generation`.

# %% [markdown] tags=["needs:smollm2"]
# (gpt-published)=
# ## A GPT that read enough
#
# The network above read three million tokens. SmolLM2 {cite:p}`benallal2025smollm2` is a decoder of
# 30 layers and 135 million weights that read two trillion and was then tuned to follow instructions.
# Its weights are published (`HuggingFaceTB/SmolLM2-135M-Instruct`); what this page ran are the same in
# four bits each, made float again. It is a newer design than GPT-2, with one decoder stack and one
# causal mask like it.
#
# ### What comes next?

# %% tags=["needs:smollm2"]
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

# %% tags=["needs:smollm2", "remove-input"]
tables.show(gpt.next_table(nexts))

# %% [markdown] tags=["needs:smollm2"]
# Where the text decides the word, the probability is in one place; where it does not, it is spread
# over many. The {term}`entropy` counts that in bits: 0 for a word that is certain, and 15.6 for
# 49,152 tokens that are all alike.
#
# ### A sentence against its words
#
# A model of language should find a sentence likelier than the same words in another order. The
# perplexity is the number of words among which the model might as well have chosen at random:

# %% tags=["needs:smollm2"]
orders = study.observe(
    "smollm2.scrambled",
    sentences=[
        "The children played in the garden until it was dark.",
        "She had never seen such a quiet town before.",
        "We missed the last train and walked home in the rain.",
        "The baker opens his shop before the sun comes up.",
    ],
)

# %% tags=["needs:smollm2", "remove-input"]
tables.show(
    pd.DataFrame(orders.values["rows"])
    .rename(
        columns={
            "scrambled": "its words in another order",
            "plain_perplexity": "perplexity",
            "mixed_perplexity": "perplexity of the other order",
        }
    )
    .set_index("sentence"),
    formats={"perplexity": "{:,.0f}", "perplexity of the other order": "{:,.0f}"},
)

# %% [markdown] tags=["needs:smollm2"]
# ### One beginning, six ways to go on
#
# {doc}`05_generation` explains the ways of decoding. Here they are on one prompt, with one seed:

# %% tags=["needs:smollm2"]
ways = study.observe(
    "smollm2.decoding", prompt="The old lighthouse keeper opened the door and", length=40
)

# %% tags=["needs:smollm2", "remove-input"]
tables.show(
    pd.DataFrame(ways.values["rows"])
    .rename(columns={"different_pairs": "different pairs of words"})
    .set_index("method")
)

# %% [markdown] tags=["needs:smollm2"]
# Greedy and beam search stay close to what is usual. Sampling from the whole distribution strays,
# since the unlikely words are many and together not so unlikely. To cut them off, as top-k and nucleus
# sampling do, keeps the text together {cite:p}`holtzman2020degeneration`.

# %% [markdown]
# (gpt-understanding)=
# ## Understanding and writing, measured
#
# The report says that the architecture explains "the language understanding prowess of BERT and the
# ability of GPT to generate coherent text". That can be tested: give both networks both jobs.
#
# ### Job one: a blank whose clue lies to the right
#
# The sentences come in pairs. Their left sides are the same, only the verb at the end differs:
#
# > Although the story was ___, I **liked** the film.
# >
# > Although the story was ___, I **hated** the film.
#
# The first asks for a word of blame, the second for praise. Ten words stand for each side (those of
# them that are one token in the vocabulary are counted). Which side gets more probability at the
# blank would say little: that is decided by how common the words are. So take the *leaning* to
# blame, which is blame's share of the probability that both sides get, and compare it within a
# pair: after *liked* or *loved* it should be larger than after *hated* or *disliked*.
#
# GPT can be asked in two ways: at the blank, where it has read the left alone, or by whole
# sentences. For the second each word is written into the blank, and the probabilities of the
# sentences are compared. The words to the right are then part of what is scored.

# %% tags=["remove-input"]
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


# %% tags=["remove-input"]
def leanings(look, masses):
    table = pd.DataFrame(look.values["rows"])
    table["leaning"] = [mass["blame"] / sum(mass.values()) for mass in table[masses]]
    return table.pivot(index="noun", columns="verb", values="leaning")


leaning = {
    "BERT, at the blank": leanings(read, "masses"),
    "GPT, at the blank": leanings(wrote, "left_masses"),
    "GPT, by whole sentences": leanings(wrote, "whole_masses"),
}
means = pd.DataFrame({name: table.mean() for name, table in leaning.items()}).T
tables.show(means[list(wanted)], formats=dict.fromkeys(wanted, "{:.4f}"))


# %% jupyter={"source_hidden": true} tags=["remove-cell"]
def moves(table):
    after_praise = table[["liked", "loved"]].to_numpy()
    return (after_praise[:, :, None] - table[["hated", "disliked"]].to_numpy()[:, None]).ravel()


moved = {name: moves(table) for name, table in leaning.items()}
# What is below this is rounding.
right = {name: int((each > 1e-6).sum()) for name, each in moved.items()}
at_blank = moved["BERT, at the blank"]
facts(
    clues_bert=right["BERT, at the blank"],
    clues_left=right["GPT, at the blank"],
    clues_whole=right["GPT, by whole sentences"],
    clues_n=len(at_blank),
    clues_most=f"{abs(at_blank).max():.3f}",
    clues_nouns=len(leaning["BERT, at the blank"]),
)
study.finds(
    both_lean_to_praise=(means[list(wanted)].loc[["BERT, at the blank"]] < 0.5).all(axis=None)
)

# %% [markdown]
# The table gives the mean leaning to blame after each verb, over {eval}`facts.clues_nouns`
# nouns. Each noun makes four pairs, so there are {eval}`facts.clues_n`. BERT's leaning moves the
# right way in {eval}`facts.clues_bert` of them, by {eval}`facts.clues_most` at most. GPT's
# cannot move at the blank: the sentences of a pair are the same up to there, so its answer to both
# is the same, and no amount of training can change that. By whole sentences it moves the right way
# in {eval}`facts.clues_whole`.
#
# The pairs are not independent, since they share four verbs, so their number proves less than it seems
# to.

# %% [markdown] tags=["finds:both_lean_to_praise"]
# BERT leans to praise, whatever the verb, and its leaning moves with the verb by very little. That is no
# sign of a network that reads the contrast.

# %% [markdown]
# Asking for whole sentences has a price: one pass for each candidate in place of one pass for all.
# (The largest GPTs are therefore used for understanding by putting the question *behind* the text
# {cite:p}`brown2020gpt3`.)

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
# Both get the first token of a held-out text. GPT samples at temperature 1 until its end token, or
# until it has written 80 tokens. BERT has no way to write, but it can be made to: put up a row of
# masks as long as the held-out text's first sentence and fill it from left to right, each word
# sampled from its distribution. The judge is the grammar of the {term}`pocket corpus`. It accepts
# the sentences of that grammar and no others, and a sentence that contradicts itself ("the plot was
# good, but I liked the songs") is not among them. So it can rate networks trained on that corpus
# alone, and not our published ones.

# %%
by_gpt = study.observe("gpt.generation", samples=500, seed=seed)
by_bert = study.observe("bert.generation", samples=200, seed=seed)

# %% mystnb={"figure": {"name": "fig-read-write", "caption": "Hidden words of held-out texts, found by BERT from both sides and by GPT from the left, with 95 % intervals; on a page whose networks read the pocket corpus also the share of their sentences that are grammatical."}, "image": {"alt": "Panels of dots with intervals for BERT and GPT: hidden words that are the first choice, and hidden words among the first five."}} tags=["remove-input"]
panels = {
    "hidden word first": [found_by_bert.values["first"], found_by_gpt.values["first"]],
    "among the first five": [found_by_bert.values["among_five"], found_by_gpt.values["among_five"]],
}
if any(seen.values["well_formed"]["count"] for seen in (by_bert, by_gpt)):
    panels["grammatical sentences"] = [by_bert.values["sentences"], by_gpt.values["sentences"]]
gpt.plot_shares(["BERT", "GPT"], panels)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
shares = {"bert": found_by_bert.values["first"], "gpt": found_by_gpt.values["first"]}
facts(**{f"cloze_{name}": f"{100 * share['share']:.0f} %" for name, share in shares.items()})
names = ("no_nsp_mrpc", "ltr_mrpc", "no_nsp_sst2", "ltr_sst2")
values = {name: published.value(f"bert-{name.replace('_', '-')}") for name in names}
facts(**{name: f"{100 * value:.1f} %" for name, value in values.items()})
study.finds(gpt_finds_more=shares["gpt"]["share"] > shares["bert"]["share"])

# %% [markdown]
# | job | BERT | GPT |
# | --- | --- | --- |
# | pairs, of {eval}`facts.clues_n`, whose leaning moves the right way | {eval}`facts.clues_bert` | {eval}`facts.clues_left` at the blank, {eval}`facts.clues_whole` by whole sentences |
# | single hidden words found | {eval}`facts.cloze_bert` | {eval}`facts.cloze_gpt` |

# %% [markdown] tags=["finds:gpt_finds_more"]
# The second row need not favour the reader: GPT finds more hidden words than BERT, although it sees one
# side only. Masking trains on one token in seven, so after as many tokens read BERT has been corrected
# far less often. That may be why; rates and objectives differ too, and this page does not part them.

# %% [markdown]
# As to writing, the samples say most.

# %% [markdown] tags=["only:published"]
# Both networks write scraps: GPT's hold together for a few words at a time, BERT's hardly for two.

# %% tags=["remove-input"]
samples = {
    "GPT, sampled at temperature 1": by_gpt.values["examples"][:6],
    "BERT, masks filled from left to right": by_bert.values["examples"][:6],
}
tables.show(pd.DataFrame(samples))

# %% [markdown]
# ### What others measured
#
# None of this is how GPT was meant to understand. Its own paper, "Improving Language Understanding
# by Generative Pre-Training", fine-tunes the network for each task, with a linear layer on the
# vector of the *last* token, which has seen the whole text {cite:p}`radford2018gpt`. In 2018 that
# was the state of the art on most of the tasks it was tried on. So a decoder can understand. The
# question is what the mask costs it.
#
# BERT's authors measured that (section 5.1 of {cite:t}`devlin2019bert`). They trained one network
# twice with the same data and settings, neither time with next-sentence prediction: once to fill in
# masked words with both sides in view, once as a left-to-right language model. Left to right was
# worse on every task. On paraphrases (MRPC) the accuracy fell from {eval}`facts.no_nsp_mrpc` to
# {eval}`facts.ltr_mrpc`, on film reviews (SST-2) from {eval}`facts.no_nsp_sst2` to
# {eval}`facts.ltr_sst2`. It fell most in SQuAD, where the answer to a question has to be marked
# in a text: there each word's own vector is asked, and it does not know what stands to its right.

# %% [markdown]
# ## What the report says, and what holds
#
# | the report | what this page found |
# | --- | --- |
# | GPT was released in 2019 | corrected: GPT in 2018, GPT-2 in 2019; the paper it cites is GPT-3's, of 2020 |
# | BERT has encoder blocks, GPT decoder blocks | yes, and the difference between the two is the mask: GPT's blocks have no cross-attention ({ref}`gpt-two-masks`) |
# | this explains BERT's understanding and GPT's coherent text | in part: the mask sets what each vector can know, and with the same data and settings BERT's authors found left-to-right worse on every task. But GPT was published for understanding, too, by fine-tuning, and our own tests ({numref}`fig-read-write`) decide little: the networks are small |
# | GPT is good at summarisation and translation | GPT-2 was shown to do both without training for them, far below systems made for the task {cite:p}`radford2019gpt2`; {doc}`05_generation` measures T5 instead |
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
# $p_T(w) \propto p(w)^{1/T}$, and $x \mapsto x^{1/T}$ increases for every $T > 0$. For $T \to 0$
# all probability goes to the most probable token: greedy search. For $T \to \infty$ every token
# becomes equally likely. Sampling at high temperature therefore needs a cut such as top-k: the many
# tokens that were nearly impossible together become probable.
# :::
#
# :::{admonition} Exercise 3
# :class: tip
# Suppose BERT did better than GPT in job one. How would you show that this is due to the mask, and
# not to size, training text or loss?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# Train the same network on the same text twice, both times to fill in masked words, once with and
# once without the causal mask, and give both the job. (With GPT's own loss this would not do:
# without the mask the network could read the token that it has to predict.) BERT's authors came
# near: the same network, text and settings, both sides in view against left to right, with
# {eval}`facts.no_nsp_mrpc` against {eval}`facts.ltr_mrpc` on MRPC (section 5.1 of their
# paper, Table 5). But there the loss changes together with the mask, so the two effects are not
# parted. Chapter 3 runs one network under two masks ({numref}`fig-three-architectures`): the mask
# is an argument, not a part of the weights.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
