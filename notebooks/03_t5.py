# %% [markdown]
# # T5: every task as text

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import numpy as np
import pandas as pd

from t5study.chapters import scorecard, t5, tables
from t5study.chapters.drawings.writing import (
    life_of_a_text,
    t5_stack,
    teacher_forcing,
    three_masks,
)
from t5study.chapters.style import word
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
translator = study.run("translation, T5")
short = {"source": "The king slept.", "target": "Der König schlief."}
masks = study.observe("t5.masks", run=translator, **short)
single = study.observe("gpt.prefix", **short)
source, target = "The king slept in the garden.", "Der König schlief im Garten."
prefix = study.observe(
    "t5.prefix",
    run=translator,
    prefix=study.task("translation").prefix.strip(),
    source=source,
    target=target,
    other_prefix="summarize:",
)
modules = study.observe("t5.modules", rows=32)
sizes = study.observe("t5.sizes")
counts = {row["model"]: row["parameters"] for row in sizes.values["published"]}
moves = prefix.values["moved"]
facts(
    decoder_future=f"{masks.values['on_the_future']:g}",
    prefix_mass=f"{100 * prefix.values['mean_mass']:.0f} %",
    prefix_even=f"{100 * prefix.values['even_share']:.0f} %",
    prefix_least=f"{100 * prefix.values['least_mass']:.2g} %",
    prefix_most=f"{100 * prefix.values['largest_mass']:.0f} %",
    prefix_moved=f"{prefix.values['largest_move']:.3f}",
    prefix_moved_at=word(prefix.values["labels"][moves.index(max(moves))]),
    here=f"{sizes.values['here'] / 1e6:.1f} million",
    base_size=f"{counts['T5-base'] / 1e6:.0f} million",
    largest_size=f"{counts['T5-11B'] / 1e9:.1f} billion",
    small_of_base=f"{100 * sizes.values['small_of_base']:.0f} %",
    small_of_largest=f"{100 * sizes.values['small_of_largest']:.1f} %",
)
study.finds(prefix_matters=prefix.values["largest_move"] > 0.05)

# %% [markdown]
# BERT turns a text into vectors, GPT continues a text. T5 {cite:p}`raffel2020t5` does one thing for every
# task: it reads a text and writes a text. This chapter shows what that looks like, which of three
# architectures T5 is (the report names the wrong one, for an understandable reason), how it is
# pre-trained, how it knows where a word stands, and how it is taught to write.

# %% [markdown] tags=["finds:prefix_matters"]
# **What was found.**
#
# - T5 is an {term}`encoder-decoder` and not a prefix LM. The two let the same tokens see each other, with
#   different networks.
# - Its decoder does look at the task's name in front of the text. Another name changes what it holds
#   likely next, by up to {eval}`facts.prefix_moved` on a scale from 0 to 1.
# - T5-base has {eval}`facts.base_size` parameters. The 11 billion that the report gives are the
#   largest of five sizes, and T5-small is {eval}`facts.small_of_base` of T5-base.

# %% [markdown]
# No published T5 could be had here, so the tensors on this page are those of this study's own T5 of
# {eval}`facts.here` parameters. How its parts work together is the same as in the published ones; what it
# answers is not.
#
# (t5-text-to-text)=
# ## Text in, text out
#
# A {term}`prefix` in front of the input says which task is meant. The answer is text as well, even where
# the task asks for a class or a number: the class is a {term}`label word`, the number is written out
# (*3.8* for how alike two sentences are). One network of this study was trained on nine tasks at once.
# Here it reads one sentence under four prefixes:

# %% tags=["remove-input"]
texts = [
    study.task(role).source({study.task(role).fields[0]: "Two children are playing in the snow."})
    for role in ("sst", "emotion", "acceptability", "translation")
]
name = "all tasks, T5" if study.has("all tasks, T5") else "sst, T5"
everything = study.run(name)
asked = study.observe("t5.prompts", run=everything, texts=texts)
tables.show(
    pd.DataFrame(asked.values["rows"])
    .rename(columns={"prompt": "it reads", "answer": "it writes"})
    .set_index("it reads")
)

# %% [markdown]
# The prefix decides what kind of answer comes: an opinion, an emotion, a judgement of grammar, German.
# Nothing else differs, no layer and no loss. Whether an answer is any good is another question,
# which {doc}`09_sequences` measures.
#
# ### The life of one text
#
# A classifier has a score for each class. T5 has a probability for every text, so a label is scored by the
# probability that T5 would write it, its end included ({term}`label scoring`). The decoder gives one factor
# a piece, as a GPT does:


# %%
def label_scores(log_probabilities):
    """Each label's share of the probability that all labels have."""
    labels, scores = zip(*log_probabilities.items(), strict=True)
    chances = np.exp(scores)
    return dict(zip(labels, chances / chances.sum(), strict=True))


# %%
sst = study.task("sst")
review = "A wonderful film, I loved every minute."
question = sst.source({sst.fields[0]: review})
scores, seen = {}, {}
for label in ("positive", "negative"):
    seen[label] = study.observe(
        "t5.teacher_forcing",
        run=everything,
        source=question,
        target=label,
    )
    scores[label] = seen[label].values["log_probability"]
scored = label_scores(scores)

# %% mystnb={"figure": {"name": "fig-life", "caption": "The life of one text, with the numbers of this study's T5: the prefix names the task, the tokenizer cuts, the encoder reads, the decoder scores both label words, and the likelier is the answer."}, "image": {"alt": "A flow of boxes: the text, the text with its prefix, its pieces in a row, an encoder, a decoder, two bars for the scores of positive and negative, and the answer positive."}} tags=["remove-input"]
life_of_a_text(review, question, seen["positive"].values["source"], scored)

# %% [markdown]
# (t5-architectures)=
# ## Two stacks: which of three architectures T5 is

# %% mystnb={"figure": {"name": "fig-t5-stack", "caption": "T5. The encoder reads the whole input. The decoder reads what was written, looks at the encoder's output through cross-attention, and scores the next token. Additions and normalisations are left out; T5 normalises in front of each part, BERT after it."}, "image": {"alt": "Two columns. Left, from below: the text translate English to German, that is good; embedding; encoder blocks of self-attention and feed-forward layer. Right: start, Das, ist, gut; the same embedding; decoder blocks of self-attention, cross-attention and feed-forward layer; scores; Das ist gut, end. An arrow leads from the encoder's output to cross-attention."}} tags=["remove-input"]
t5_stack()

# %% [markdown]
# The paper compares three ways to use attention for such tasks, which the report's Fig. 4 repeats:
#
# - In an {term}`encoder-decoder` one stack reads the input, every token seeing every other (a
#   {term}`fully visible mask`). A second stack writes the output, each token seeing the output before it
#   (a {term}`causal mask`) and, through {term}`cross-attention`, all of the input.
# - A *language model* is one stack with a causal mask over input and output in a row.
# - A {term}`prefix LM` is that one stack with another mask: inside the input everything is visible.

# %% mystnb={"figure": {"name": "fig-three-masks", "caption": "Who may look at whom, for three tokens of input and two of output: a row looks, a column is looked at. The encoder-decoder needs three attentions for the pattern that a prefix LM has in one."}, "image": {"alt": "Three square grids. Encoder-decoder and prefix LM: the input block is full, the output rows see the whole input and the output up to themselves. Language model: a triangle. In the first grid lines separate encoder, cross and decoder attention."}} tags=["remove-input"]
three_masks()

# %% [markdown]
# In code the second and the third differ in one line:

# %%
tokens = len(single.values["tokens"])
inputs = single.values["source_length"]
causal = np.tril(np.ones((tokens, tokens), dtype=bool))
prefix_lm = causal.copy()
prefix_lm[:inputs, :inputs] = True

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
looked_at = {name: single.arrays[name].max((0, 1)) > 0 for name in ("causal", "prefix")}
study.finds(
    masks_are_these=np.array_equal(looked_at["causal"], causal)
    and np.array_equal(looked_at["prefix"], prefix_lm),
)

# %% [markdown]
# Do real networks look there, and nowhere else?

# %% mystnb={"figure": {"name": "fig-three-architectures", "caption": "Who looked at whom, from attention weights: a cell is filled if some head of some layer gave it a weight above zero. Left: this study's translator, a T5, its three attentions put together. Middle and right: one GPT under the two masks."}, "image": {"alt": "Three square grids over input and output tokens, with the same patterns as in the figure before."}} tags=["remove-input"]
t5.plot_three_architectures(masks, single)

# %% [markdown] tags=["finds:masks_are_these"]
# They do: the second and the third panel are the masks of the code, cell by cell. Nothing that a mask
# allows went unused, and nothing that it hides was seen.

# %% [markdown]
# The first and the third panel have one pattern. This is probably where the report's sentence "T5 model
# follows the Prefix LM" comes from; it also quotes the paper's explanation of a prefix LM for T5 itself.
# But the networks are different:
#
# | | encoder-decoder (T5) | prefix LM |
# | --- | --- | --- |
# | stacks | two, each with weights of its own | one |
# | the output looks at the input by | cross-attention, a third set of $W_Q, W_K, W_V$ | the same self-attention |
# | what it sees of the input | the encoder's *last* layer, from every decoder layer | the same layer's vectors |
# | parameters at equal depth and width | about twice as many | |
# | operations for one input and output | about the same: each token passes through one stack | |
#
# The paper trains all three and finds that the encoder-decoder with a denoising objective does best.
#
# ## Does the decoder look at the prefix?
#
# The report goes on: the masks are there "to make sure when autoregressively predicting Das - ist - gut …
# the model doesn't pay attention to 'translate English to German'". A fully visible mask hides nothing; it
# is the *absence* of hiding. And the decoder reaches the prefix through cross-attention, like every other
# part of the input.

# %% mystnb={"figure": {"name": "fig-t5-prefix", "caption": "Above: cross-attention of the last layer while the translation is written, the mean over heads, with the task prefix framed. Below: the share of each head's weight that lies on the prefix; the dashed line is what even attention would give it."}, "image": {"alt": "A heat map of target tokens over source tokens with the prefix columns framed, and dots for each head showing its share of weight on the prefix, by decoder layer."}} tags=["remove-input"]
t5.plot_prefix_attention(prefix)

# %% [markdown]
# Of the cross-attention {eval}`facts.prefix_mass` lies on the prefix, where even attention would give
# {eval}`facts.prefix_even`; from head to head and place to place it ranges from {eval}`facts.prefix_least`
# to {eval}`facts.prefix_most`. (The vocabulary was learnt from English text; letters such as *ö* are not in
# it, and the figures show `<unk>`.)
#
# Weights alone prove little, since the encoder has mixed what stood at each place into all the others. So
# change the prefix to `summarize:`, leave everything else, and compare the distributions of the next token
# at each step. Their *total variation distance* is half the sum of the absolute differences: 0 if they
# agree, 1 if they have nothing in common. The largest is {eval}`facts.prefix_moved`, where the translation
# has "{eval}`facts.prefix_moved_at`". This network was tuned on one task and gains nothing by telling
# prefixes apart; one trained on many tasks has no other way to know what is wanted.
#
# What the report may have meant is right: the prefix does not appear in the *output*, and no loss is
# counted on it. That is a matter of the targets, not of a mask.

# %% [markdown]
# (t5-span-corruption)=
# ## Pre-training: span corruption
#
# The report says that T5, like BERT, is pre-trained by {term}`masked language modelling`. In the wide sense
# it is, and the paper uses the word so. The form is another, {term}`span corruption`:
#
# 1. Choose $15\,\%$ of the tokens, in spans of three on average.
# 2. Put one {term}`sentinel` in place of each span: `<extra_id_0>`, `<extra_id_1>`, …
# 3. The target is the sentinels, each followed by the tokens it stands for. Both end with the end token.


# %%
def corrupt(tokens, hidden):
    """Input and target; `hidden` says of each token whether it is."""
    inputs, target, spans = [], [], 0
    before = [False, *hidden[:-1]]
    for token, gone, was_gone in zip(tokens, hidden, before, strict=True):
        if gone and not was_gone:
            for side in (inputs, target):
                side.append(f"<extra_id_{spans}>")
            spans += 1
        (target if gone else inputs).append(token)
    return [*inputs, "</s>"], [*target, "</s>"]


# %% jupyter={"source_hidden": true} tags=["remove-cell"]
corrupted = study.observe(
    "t5.span_corruption",
    sentence=(
        "The Silent River is a new comedy about a doctor. "
        "The story was not very good, but I liked the actors."
    ),
    seed=seed,
    density=0.2,
    mean_span=2.0,
)
pair = corrupt(corrupted.values["tokens"], corrupted.values["hidden"])
facts(
    corruption_tokens=len(corrupted.values["tokens"]),
    corruption_inputs=len(corrupted.values["inputs"]),
    corruption_targets=len(corrupted.values["targets"]),
)
study.finds(
    corrupted_as_written=pair == (corrupted.values["inputs"], corrupted.values["targets"]),
)

# %% mystnb={"figure": {"name": "fig-t5-corruption", "caption": "One example of span corruption. text: the tokens, the chosen spans shaded. input: what the encoder reads, <0> being the sentinel <extra_id_0>. target: what the decoder must write."}, "image": {"alt": "Three rows of token boxes: the text with shaded spans, the input with sentinels in their place, and the target listing each sentinel and its span."}} tags=["remove-input"]
t5.plot_span_corruption(corrupted)

# %% [markdown] tags=["finds:corrupted_as_written"]
# The second and the third row are what `corrupt` makes of the first, and what this study's pre-training
# made of it.

# %% [markdown]
# A text of {eval}`facts.corruption_tokens` tokens became an input of {eval}`facts.corruption_inputs` and a
# target of {eval}`facts.corruption_targets`. (To show more than one span the share was set to $20\,\%$, the
# length to two.)
#
# | | BERT's masked words | T5's spans |
# | --- | --- | --- |
# | the input shows | one `[MASK]` for each hidden token | one sentinel for each span: its length is part of the question |
# | the answer stands | at the masked positions, each predicted by itself | in a text of its own, each token given those before |
# | computed for the answer | the encoder, and an output for each hidden token | the encoder on a shorter input, the decoder on a short target |
# | replaced by random or left | $10\,\%$ and $10\,\%$ | never |

# %% [markdown]
# (t5-position)=
# ## Where a word stands: relative position bias
#
# BERT and GPT-2 add a vector for each position to the input. T5 adds nothing to the input. Each head adds a
# learnt number to its scores, which depends on the *distance* from the query to the key
# ({term}`relative position bias`):
#
# $$
# \text{score}_{ij} = q_i \cdot k_j + b_{\,\text{bucket}(j-i)} .
# $$

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
bias = study.observe("t5.position_bias", reach=40)
if study.has("t5"):
    made = study.pretraining("t5")
    sequences = made.metrics["tokens"] / made.config["recipe"]["sequence_length"]
    facts(target_length=f"{made.metrics['target_tokens'] / sequences:.0f}")
facts(
    buckets=bias.values["buckets"],
    max_distance=bias.values["max_distance"],
    bias_parameters=bias.values["parameters"],
    bias_heads=bias.values["heads"],
)

# %% [markdown]
# Distances share {eval}`facts.buckets` {term}`buckets <bucket>`: near ones have a bucket each, farther ones
# share, on a logarithmic scale, and beyond {eval}`facts.max_distance` all are alike. (T5 also leaves out the
# division by $\sqrt{d_k}$: its first weights are chosen so that the scores have the right size without.)


# %%
def bucket(distance, buckets=32, farthest=128):
    """T5's bucket of a distance in its encoder: half of them for a side."""
    side = buckets // 2
    near = side // 2
    away = np.abs(distance)
    along = np.log(np.maximum(away, 1) / near) / np.log(farthest / near)
    far = np.minimum(near + (along * (side - near)).astype(int), side - 1)
    return side * (distance > 0) + np.where(away < near, away, far)


distances = np.array([-200, -40, -8, -2, -1, 0, 1, 2, 8, 40, 200])
print("distance", *(f"{each:5d}" for each in distances))
print("bucket  ", *(f"{each:5d}" for each in bucket(distances)))

# %% mystnb={"figure": {"name": "fig-t5-bias", "caption": "The learnt bias of each head by distance. Negative distances: the key stands before the query. The decoder looks only backwards. Steps are buckets."}, "image": {"alt": "Two panels of step curves, one for the encoder with distances to both sides, one for the decoder with distances to the left only; each head has its own curve, with flat steps far away."}} tags=["remove-input"]
t5.plot_position_bias(bias)

# %% [markdown]
# Where a curve of {numref}`fig-t5-bias` is high, its head prefers to look that far. (In pre-training the
# targets had {eval}`facts.target_length` tokens on average, so what the decoder's curves show beyond that was
# hardly ever trained.) The whole device costs
# {eval}`facts.bias_parameters` parameters a stack ({eval}`facts.buckets` buckets for
# {eval}`facts.bias_heads` heads): the first layer owns the table, and the others use it.
#
# ## Teacher forcing, and the loss
#
# How does an encoder-decoder learn to write? It is given the right answer as if it had written it, and
# asked for the next token at every place, all places at once: {term}`teacher forcing`.

# %% mystnb={"figure": {"name": "fig-forcing", "caption": "Teacher forcing. The decoder reads the right answer one place late, behind a start token (T5 takes the padding token), and must say it in time. The causal mask keeps each place from seeing what it must say."}, "image": {"alt": "Three rows. Below, the decoder reads start, Das, ist, gut, full stop. Above, it must say Das, ist, gut, full stop, end. Dashed arrows lead from each token that must be said to the place on the right where it is read."}} tags=["remove-input"]
teacher_forcing(["Das", "ist", "gut", "."])

# %% [markdown]
# The loss is the mean {term}`cross-entropy` over the target's tokens:
#
# $$
# \mathcal{L} = -\frac{1}{m} \sum_{t=1}^{m} \log p(y_t \mid y_{<t},\, x).
# $$

# %%
forced = study.observe(
    "t5.teacher_forcing",
    run=translator,
    source=study.task("translation").prefix + source,
    target=target,
)
chances = [step["probability"] for step in forced.values["steps"]]
loss = -np.mean(np.log(chances))

# %% mystnb={"figure": {"name": "fig-t5-forcing", "caption": "Every step of the decoder on one translation: what it reads, what it must say next, and the loss of that step. The dashed line is the mean, the loss of the example."}, "image": {"alt": "Bars for each step of the decoder, labelled with the token read and the token to be predicted, their height the negative log-probability."}} tags=["remove-input"]
t5.plot_teacher_forcing(forced)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    forced_loss=f"{loss:.4f}",
    forced_model=f"{forced.values['model_loss']:.4f}",
    forced_steps=len(forced.values["steps"]),
    forced_right=sum(step["best"] == step["label"] for step in forced.values["steps"]),
)

# %% [markdown]
# By hand the mean over {eval}`facts.forced_steps` steps is {eval}`facts.forced_loss`; transformers returns
# {eval}`facts.forced_model` when it is given `labels`. (The report's `lm_labels` is the same argument under
# an old name.) In {eval}`facts.forced_right` of the steps the right token is also the most probable one.
# When T5 writes by itself it reads its own tokens in place of the teacher's, and one early mistake changes
# everything after it: a loss measured with the teacher is not the quality of free writing.

# %% [markdown]
# (t5-sizes)=
# ## How large is T5?
#
# "The base model which has 11Bn parameters", says the report's conclusion. These are the five published
# sizes, counted from their settings in the paper without allocating any weights:

# %% tags=["remove-input"]
tables.show(pd.DataFrame(sizes.values["published"]))

# %% [markdown]
# T5-base has {eval}`facts.base_size` parameters; {eval}`facts.largest_size` is the largest of the five.
# T5-small is {eval}`facts.small_of_base` of T5-base, and {eval}`facts.small_of_largest` of the largest. The
# parts of this page's T5:

# %% tags=["remove-input"]
tables.show(pd.DataFrame(modules.values["parts"])[["part", "parameters"]])

# %% [markdown]
# Encoder and decoder share one embedding, which also serves as the output layer; the library counts it into
# each of them, so the rows add up to more than the whole. A decoder block is larger than an encoder block
# because of its cross-attention. {doc}`06_sentiment` compares the report's own list of modules with
# T5-small's.
#
# ## What to take away
#
# - Text in, text out: the prefix names the task, and label scoring turns a writer into a classifier.
# - An encoder-decoder is two networks joined by cross-attention. A prefix LM has the same pattern of
#   visibility and is one network.
# - Span corruption hides several tokens behind one sentinel and writes only what was hidden.
#
# What the report said, with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, t5.CLAIMS)

# %% [markdown]
# ## Exercises
#
# :::{admonition} Exercise 1
# :class: tip
# Write the input and the target of span corruption for *The king slept in the garden.* if *slept in*
# and *garden* are hidden (take words as tokens).
# :::
#
# :::{admonition} Solution
# :class: dropdown
# Input: `The king <extra_id_0> the <extra_id_1> . </s>`; target:
# `<extra_id_0> slept in <extra_id_1> garden </s>`. (The paper's figure ends the target with one more
# sentinel, for the text after the last gap. Its published code adds none in training, since the masks that
# it draws end with a hidden span. This book leaves it out.)
# :::
#
# :::{admonition} Exercise 2
# :class: tip
# An encoder-decoder has a 12-layer encoder and a 12-layer decoder; a prefix LM of equal width has 12
# layers. Which has more parameters? Which needs more computation for 100 input and 20 output tokens?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# The encoder-decoder has about twice the parameters, and a little more for cross-attention. Computation
# is about the same: the 100 input tokens pass only the encoder and the 20 output tokens only the decoder,
# while in the prefix LM all 120 pass the one stack. Cross-attention adds something on the decoder's side.
# :::
#
# :::{admonition} Exercise 3
# :class: tip
# Could T5 be asked to fill a gap *and* respect its length, as BERT must? Change the format of the
# input so that it can.
# :::
#
# :::{admonition} Solution
# :class: dropdown
# Put as many sentinels as there are hidden tokens, each with a target of one token. Or write the length
# into the prefix, as in `fill in 2 words: …`, and train on examples of that form: a text-to-text network
# can be told anything that can be written.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
