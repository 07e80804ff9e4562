# %% [markdown]
# # T5: every task as text
#
# BERT turns a text into vectors, GPT continues a text. T5 {cite:p}`raffel2020t5` does one thing for
# every task: it reads a text and writes a text. This chapter shows what that looks like, which of
# three architectures T5 is (the report names the wrong one, for an understandable reason), what its
# decoder looks at, how it is pre-trained, how it knows where a word stands, and what its loss is.
#
# As before every figure is drawn from tensors of networks, and wherever the report misreads the paper,
# the evidence is computed.

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import numpy as np
import pandas as pd

from t5study.chapters import t5, tables
from t5study.chapters.style import word
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
study.badge()

# %% [markdown]
# ## Text in, text out
#
# A {term}`prefix` in front of the input says which task is meant. The answer is text as well, even
# where the task asks for a class or a number: the class is a {term}`label word`, the number is
# written out. The report's Fig. 3 shows four such tasks. Here are three of them, live, and
# sentiment in place of the fourth, the similarity of two sentences: what is read, and what is
# answered.

# %% tags=["remove-input"]
STORY = (
    "A film festival opened in Berlin on Monday. Five hundred people came on the first day. "
    "Last year, only two hundred people came. It closes on Friday."
)
questions = {
    "translation": [("The king slept in the garden.",)],
    "acceptability": [("The old teacher read the book.",), ("The old teacher read book the.",)],
    "sst": [("The plot was not boring.",), ("I wish the story had been clever.",)],
    "summary": [(STORY,)],
}


def asked(role):
    task = study.task(role)
    texts = [task.source(dict(zip(task.fields, fields, strict=True))) for fields in questions[role]]
    return study.observe("t5.prompts", run=study.run(f"{role}, T5"), texts=texts).values["rows"]


# %% tags=["remove-input"]
answers = pd.DataFrame([row for role in questions for row in asked(role)])
tables.show(answers[["prompt", "answer"]].set_index("prompt"))

# %% [markdown]
# Each row was answered by the network fine-tuned for its task. All have one architecture and one
# vocabulary. The translator and the summariser began as the T5 that read most ({ref}`transfer-budgets`),
# the other two as the one that read 20 million tokens. (The checkpoints published with the paper were
# trained on all these tasks mixed together before they were released, so one of them answers all
# four.) Between the tasks only the weights differ: no new layer, no other loss. Even how alike two
# sentences are, the task STS-B, T5 answers with a text such as *3.8*: to the network that is no number
# but a few tokens, which have probabilities like any other.

# %% [markdown] tags=["only:published"]
# The table shows the form of a task; most of the answers are wrong, since our T5 is small and has read
# little.

# %% [markdown]
# (t5-architectures)=
# ## Three architectures, and which one T5 is
#
# The paper compares three ways to use attention blocks for text-to-text tasks, which the report's
# Fig. 4 repeats. They differ in who may look at whom:
#
# - In an {term}`encoder-decoder` one stack reads the input, every token seeing every other (a
#   {term}`fully visible mask`); a second stack writes the output, each token seeing the output before
#   it (a {term}`causal mask`) and, through {term}`cross-attention`, all of the input.
# - A *language model* is one stack with a causal mask over input and output in a row.
# - A {term}`prefix LM` is that one stack with another mask: inside the input everything is visible.
#
# The figure is not a drawing of the idea. The first panel comes from three attention tensors of this
# page's T5, the other two from this page's GPT, run once under its own mask and once under a
# prefix mask; a cell is filled if some head of some layer gave it a weight above zero.

# %% [markdown] tags=["only:published"]
# Our vocabulary was learnt from English text alone. Letters such as *ö* are not in it, and the figures
# show `<unk>` for them.

# %%
short = {"source": "The king slept.", "target": "Der König schlief."}
translator = study.run("translation, T5")
masks = study.observe("t5.masks", run=translator, **short)
single = study.observe("gpt.prefix", **short)

tokens, source_tokens = len(single.values["tokens"]), single.values["source_length"]
causal_mask = np.tril(np.ones((tokens, tokens), dtype=bool))
prefix_mask = causal_mask.copy()
prefix_mask[:source_tokens, :source_tokens] = True

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-three-architectures", "caption": "Who looked at whom, from the attention weights of real networks. A row looks, a column is looked at; the lines separate input from output. Left: the translator, a fine-tuned T5, its three attentions put together. Middle and right: one GPT under a causal mask and under a prefix mask."}, "image": {"alt": "Three square grids over input and output tokens. Encoder-decoder: the input block is full, the output rows see the whole input and earlier output. Language model: a triangle. Prefix LM: the same pattern as the encoder-decoder."}}
t5.plot_three_architectures(masks, single)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(decoder_future=f"{masks.values['on_the_future']:g}")
looked_at = {name: single.arrays[name].max((0, 1)) > 0 for name in ("causal", "prefix")}
study.finds(
    masks_are_these=np.array_equal(looked_at["causal"], causal_mask)
    and np.array_equal(looked_at["prefix"], prefix_mask),
)

# %% [markdown] tags=["finds:masks_are_these"]
# The second and the third panel are the masks of the four lines of code, cell by cell: nothing that a
# mask allows went unused, and nothing that it hides was seen.

# %% [markdown]
# Compare the first panel with the third. The *pattern* is the same: whoever writes sees the whole
# input and the past of the output. This is probably where the report's sentence "T5 model follows the
# Prefix LM" comes from, and it quotes the paper's explanation of a prefix LM for T5 itself. But the
# networks are different:
#
# | | encoder-decoder (T5) | prefix LM |
# | --- | --- | --- |
# | stacks | two, each with weights of its own | one |
# | the output looks at the input by | cross-attention, a third set of $W_Q, W_K, W_V$ | the same self-attention |
# | what it sees of the input | the encoder's *last* layer, from every decoder layer | the same layer's vectors |
# | parameters at equal depth and width | about twice as many | |
# | operations for one input and output | about the same: each token passes through one stack | |
#
# The paper trains all three and concludes that the encoder-decoder with a denoising objective does
# best {cite:p}`raffel2020t5`; T5 is that network. The parts listed in {ref}`t5-sizes` show both
# stacks.

# %% [markdown]
# ## What the decoder looks at
#
# The report goes on: the masks are there "to make sure when autoregressively predicting Das - ist -
# gut … the model doesn't pay attention to 'translate English to German'". This is a testable sentence,
# and it is wrong twice over. A fully visible mask hides nothing; it is the *absence* of hiding. And
# the decoder reaches the prefix through cross-attention, like every other part of the input.
# {numref}`fig-t5-attentions` shows the three kinds of weights, {numref}`fig-t5-prefix` those on a
# prefix.

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-t5-attentions", "caption": "The weights of T5's last layers, the mean over heads. Encoder: every token sees every token. Decoder: only itself and the past, starting from the padding token. Cross-attention: each output position over the whole input."}, "image": {"alt": "Three heat maps: encoder self-attention, full; decoder self-attention, lower triangle; cross-attention of output tokens over input tokens, full."}}
t5.plot_attentions(masks)

# %%
source, target = "The king slept in the garden.", "Der König schlief im Garten."
prefix = study.observe(
    "t5.prefix",
    run=translator,
    prefix=study.task("translation").prefix.strip(),
    source=source,
    target=target,
    other_prefix="summarize:",
)

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-t5-prefix", "caption": "Above: cross-attention of the last layer while the translation is written, the mean over heads, with the task prefix framed. Below: the share of each head's weight that lies on the prefix; the dashed line is what even attention would give it."}, "image": {"alt": "A heat map of target tokens over source tokens with the prefix columns framed, and dots for each head showing its share of weight on the prefix, by decoder layer."}}
t5.plot_prefix_attention(prefix)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
moves = prefix.values["moved"]
facts(
    prefix_mass=f"{100 * prefix.values['mean_mass']:.0f} %",
    prefix_least=f"{100 * prefix.values['least_mass']:.2g} %",
    prefix_most=f"{100 * prefix.values['largest_mass']:.0f} %",
    prefix_even=f"{100 * prefix.values['even_share']:.0f} %",
    prefix_moved=f"{prefix.values['largest_move']:.3f}",
    prefix_moved_at=word(prefix.values["labels"][moves.index(max(moves))]),
)

# %% [markdown]
# Of the decoder's cross-attention {eval}`facts.prefix_mass` lies on the prefix (even attention
# would give {eval}`facts.prefix_even`). From head to head and position to position the share ranges
# from {eval}`facts.prefix_least` to {eval}`facts.prefix_most`.
#
# Weights alone prove little. They lie on places, and the encoder has mixed what stood at each
# place into all the others: the prefix reaches the decoder that way, too. So change the prefix to
# `summarize:`, leave everything else, and compare the distributions of the next token at each
# step. Their *total variation distance* is half the sum of the absolute differences: 0 if they
# agree, 1 if they have nothing in common. The largest is {eval}`facts.prefix_moved`, where the
# translation has "{eval}`facts.prefix_moved_at`". How far the prefix matters depends on
# training. A network tuned on a single task, as on this page, gains nothing by telling prefixes
# apart, but one it never saw can still disturb it. One trained on many tasks has no other way to
# know what is wanted.
#
# What the report may have meant is right: the prefix does not appear in the *output*, and no loss is
# counted on it. That is a matter of the targets, not of a mask.

# %% [markdown]
# (t5-span-corruption)=
# ## Pre-training: span corruption
#
# The report says that T5, like BERT, is pre-trained by {term}`masked language modelling`. In the
# wide sense it is, and the paper's section 3.1.4 uses the word so. The form is another.
# {term}`Span corruption` works on spans of text:
#
# 1. Choose $15\,\%$ of the tokens, in spans of three on average.
# 2. Put one {term}`sentinel` in place of each span: `<extra_id_0>`, `<extra_id_1>`, … The input ends
#    with the end token.
# 3. The target is the sentinels, each followed by the tokens it stands for, and the end token.


# %%
def corrupt(tokens, hidden):
    """The input and the target of span corruption; `hidden` says of each token whether it is."""
    inputs, target, spans = [], [], 0
    for token, is_hidden, was_hidden in zip(tokens, hidden, [False, *hidden], strict=False):
        if is_hidden and not was_hidden:
            sentinel = f"<extra_id_{spans}>"
            inputs.append(sentinel)
            target.append(sentinel)
            spans += 1
        (target if is_hidden else inputs).append(token)
    return [*inputs, "</s>"], [*target, "</s>"]


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

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-t5-corruption", "caption": "One example of span corruption. text: the tokens, the chosen spans shaded. input: what the encoder reads, <0> being the sentinel <extra_id_0>. target: what the decoder must write. model: what our pre-trained T5 writes when it reads the input."}, "image": {"alt": "Four rows of token boxes: the text with shaded spans, the input with sentinels in their place, the target listing each sentinel and its span, and the model's own answer."}}
t5.plot_span_corruption(corrupted)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    corruption_tokens=len(corrupted.values["tokens"]),
    corruption_inputs=len(corrupted.values["inputs"]),
    corruption_targets=len(corrupted.values["targets"]),
    corruption_loss=f"{corrupted.values['loss']:.2f}",
    corruption_filled=corrupted.values["filled"],
)
pair = corrupt(corrupted.values["tokens"], corrupted.values["hidden"])
study.finds(
    corrupted_as_written=pair == (corrupted.values["inputs"], corrupted.values["targets"]),
)

# %% [markdown] tags=["finds:corrupted_as_written"]
# The figure's second and third row are what `corrupt` makes of the first.

# %% [markdown]
# (To show more than one span the share and the length were set to $20\,\%$ and two tokens.) A text of
# {eval}`facts.corruption_tokens` tokens became an input of {eval}`facts.corruption_inputs` and a
# target of {eval}`facts.corruption_targets`, each with its end token, which the text does not
# count. With the network's answer put into the gaps the text
# reads:
#
# > {eval}`facts.corruption_filled`
#
# The loss on the true target is {eval}`facts.corruption_loss` a token. Several spans may fit a gap,
# so an answer that differs from the text need not be wrong.

# %% [markdown] tags=["only:published"]
# This one is: the same common word for both gaps, and sentinels that were never asked for, which are
# left out above.

# %% [markdown]
# | | BERT's masked words | T5's spans |
# | --- | --- | --- |
# | the input shows | one `[MASK]` for each hidden token | one sentinel for each hidden span: its length is part of the question |
# | the answer stands | at the masked positions, each predicted by itself | in a text of its own, each token predicted given those before |
# | computed for the answer | the encoder, and an output for each hidden token | the encoder on a shorter input, and the decoder on a short target: most of the text is never written |
# | replaced by random or left | $10\,\%$ and $10\,\%$ | never |

# %% [markdown]
# (t5-position)=
# ## Where a word stands: relative position bias
#
# BERT and GPT-2 add a vector for each position to the input. T5 adds nothing to the input. Instead
# each head adds a learnt number to its scores, which depends on the *distance* from the query to the
# key ({term}`relative position bias`):
#
# $$
# \text{score}_{ij} = q_i \cdot k_j + b_{\,\text{bucket}(j-i)} .
# $$

# %%
bias = study.observe("t5.position_bias", reach=40)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
strongest = bias.arrays["encoder"].max(0)
facts(
    buckets=bias.values["buckets"],
    max_distance=bias.values["max_distance"],
    bias_layers=bias.values["layers_with_a_bias"],
    bias_parameters=bias.values["parameters"],
    bias_heads=bias.values["heads"],
    bias_peak=int(bias.arrays["distances"][strongest.argmax()]),
)
if study.has("t5"):
    made = study.pretraining("t5")
    sequences = made.metrics["tokens"] / made.config["recipe"]["sequence_length"]
    facts(target_length=f"{made.metrics['target_tokens'] / sequences:.0f}")

# %% [markdown]
# Distances share {eval}`facts.buckets` {term}`buckets <bucket>`: near ones have a bucket each,
# farther ones share, on a logarithmic scale, and beyond {eval}`facts.max_distance` all are alike. No
# table ends where the training texts did; whether a bias is any good at a distance that was hardly
# ever met is another matter. (T5 also leaves out the division by
# $\sqrt{d_k}$: its initial weights are chosen so that the scores have the right size without.)


# %%
def bucket(distance, buckets=32, farthest=128):
    """T5's bucket of a distance, in the encoder: half of the buckets for each side."""
    side = buckets // 2
    near = side // 2
    away = np.abs(distance)
    along = np.log(np.maximum(away, 1) / near) / np.log(farthest / near)
    far = np.minimum(near + (along * (side - near)).astype(int), side - 1)
    return side * (distance > 0) + np.where(away < near, away, far)


distances = np.array([-200, -40, -8, -2, -1, 0, 1, 2, 8, 40, 200])
tables.show(pd.DataFrame([bucket(distances)], index=["bucket"], columns=distances))

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-t5-bias", "caption": "The learnt bias of each head by distance. Negative distances: the key stands before the query. The decoder looks only backwards. Steps are buckets."}, "image": {"alt": "Two panels of step curves, one for the encoder with distances to both sides, one for the decoder with distances to the left only; each head has its own curve, with flat steps far away."}}
t5.plot_position_bias(bias)

# %% [markdown]
# {numref}`fig-t5-bias` shows the curves that the pre-trained network has learnt. Where a curve is
# high, its head prefers to look that far. The decoder had little occasion to look far: in
# pre-training targets had {eval}`facts.target_length` tokens on average. What its curves show beyond
# that was hardly ever trained. The highest point of all encoder heads is at distance {eval}`facts.bias_peak`. The whole device
# costs {eval}`facts.bias_parameters` parameters a stack ({eval}`facts.buckets` buckets for
# {eval}`facts.bias_heads` heads): only {eval}`facts.bias_layers` layer of the stack owns a
# table, and the others use its result.

# %% [markdown]
# ## Teacher forcing, and the loss
#
# How does an encoder-decoder learn to write? It is given the right answer as if it had written it, and
# asked for the next token at every step, all steps at once: {term}`teacher forcing`. What the decoder
# reads is the target shifted one place to the right, with a start token (T5 takes the padding token)
# in front. The loss is the mean {term}`cross-entropy` over the target's tokens,
#
# $$
# \mathcal{L} = -\frac{1}{m} \sum_{t=1}^{m} \log p(y_t \mid y_{<t},\, x),
# $$
#
# which transformers computes when it is given `labels` (the report's `lm_labels` is the same
# argument under an old name; a label of −100 is passed over, which is how padding is left out).

# %%
forced = study.observe(
    "t5.teacher_forcing",
    run=translator,
    source=study.task("translation").prefix + source,
    target=target,
)
log_probabilities = [np.log(step["probability"]) for step in forced.values["steps"]]
loss = -np.mean(log_probabilities)

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-t5-forcing", "caption": "Every step of the decoder on one translation: what it reads, what it must say next, and the loss of that step. The dashed line is the mean, the loss of the example."}, "image": {"alt": "Bars for each step of the decoder, labelled with the token read and the token to be predicted, their height the negative log-probability."}}
t5.plot_teacher_forcing(forced)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    forced_loss=f"{loss:.4f}",
    forced_model=f"{forced.values['model_loss']:.4f}",
    forced_steps=len(forced.values["steps"]),
    forced_right=sum(step["best"] == step["label"] for step in forced.values["steps"]),
)

# %% [markdown]
# By hand the mean over {eval}`facts.forced_steps` steps is {eval}`facts.forced_loss`; the network
# returns {eval}`facts.forced_model`. In {eval}`facts.forced_right` of the steps the right token
# is also the most probable one. When T5 writes by itself it reads its own tokens in place of the
# teacher's, and one early mistake changes everything after it: a loss measured with the teacher is
# not the quality of free writing.

# %% [markdown]
# (t5-sizes)=
# ## How large is T5?
#
# The first table lists the first modules of this page's network, as the report does for T5-small;
# the second lists its large parts. The report cuts its counts off and does not round them, and so
# does the last column. {doc}`06_sentiment` compares the report's own rows, all of them, with
# T5-small's.

# %% tags=["remove-input"]
modules = study.observe("t5.modules", rows=32)
tables.show(
    pd.DataFrame(modules.values["rows"])[["name", "type", "params", "rounded"]]
    .rename(columns={"rounded": "cut as the report cuts"})
    .set_index("name")
)

# %% tags=["remove-input"]
tables.show(pd.DataFrame(modules.values["parts"])[["part", "parameters"]])

# %% [markdown]
# Encoder and decoder share one embedding, which also serves as the output layer; the library counts it
# into each of them, so the rows add up to more than the whole. A decoder block is larger than an
# encoder block because of its cross-attention. There are no bias vectors in any linear layer, and the
# only numbers that know about position are the relative biases.
#
# "The base model which has 11Bn parameters", says the report's conclusion. Here are the five published
# sizes, counted from their settings in the paper on modules that need no memory:

# %%
sizes = study.observe("t5.sizes")

# %% tags=["remove-input"]
tables.show(pd.DataFrame(sizes.values["published"]))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
counts = {row["model"]: row["parameters"] for row in sizes.values["published"]}
facts(
    here=f"{sizes.values['here']:,}",
    base_size=f"{counts['T5-base'] / 1e6:.0f} million",
    largest_size=f"{counts['T5-11B'] / 1e9:.1f} billion",
    small_of_base=f"{100 * sizes.values['small_of_base']:.0f} %",
    small_of_largest=f"{100 * sizes.values['small_of_largest']:.1f} %",
)

# %% [markdown]
# T5-base has {eval}`facts.base_size` parameters; {eval}`facts.largest_size` is the largest of the
# five. And T5-small is not half a per cent of T5-base, as the report's limitations say, but
# {eval}`facts.small_of_base` of it; it is {eval}`facts.small_of_largest` of the largest. The
# network of this page has {eval}`facts.here`.

# %% [markdown]
# ## What the report says, and what holds
#
# | the report | what this page found |
# | --- | --- |
# | tasks are given and answered as text, with the task's name in front | yes |
# | T5 follows the prefix LM | corrected: it is the encoder-decoder; the prefix LM shares the pattern of visibility, not the architecture ({ref}`t5-architectures`) |
# | in the encoder-decoder the encoder is fully visible | yes ({numref}`fig-t5-attentions`) |
# | the output is written under a causal mask | yes: the largest weight on a later token is {eval}`facts.decoder_future` |
# | the decoder pays no attention to the prefix | corrected: another prefix moves the distribution of the next token, by up to {eval}`facts.prefix_moved`; {eval}`facts.prefix_mass` of the cross-attention lies on the prefix, where even attention would give {eval}`facts.prefix_even` ({numref}`fig-t5-prefix`) |
# | T5 and BERT both use masked language modelling | yes, in the wide sense in which T5's paper uses the word; T5 hides spans and writes them out ({ref}`t5-span-corruption`) |
# | T5 uses a cross-entropy loss, as BERT does | yes ({numref}`fig-t5-forcing`) |
# | the original model has 11 billion parameters | yes, the largest of the five sizes released together ({ref}`t5-sizes`) |
# | the base model has 11 billion parameters | corrected: {eval}`facts.base_size` ({ref}`t5-sizes`) |
# | it is one of the largest language models even today (2021) | yes, with a limit: it was among the large ones; GPT-3 had 175 billion in 2020, more than fifteen times as many {cite:p}`brown2020gpt3` |
# | T5-small is around half a per cent of T5-base | corrected: {eval}`facts.small_of_base` |
#
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
# sentinel, for the text after the last gap. So would its published code here; in training it adds
# none, since the masks that it draws end with a hidden span. This book leaves it out.)
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
# is about the same: a parameter is used once for each token that passes through its layer, the 100
# input tokens pass only the encoder and the 20 output tokens only the decoder, while in the prefix LM
# all 120 pass the one stack. Cross-attention adds something on the decoder's side.
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
# Put as many sentinels as there are hidden tokens, each with a target of one token: the mean length
# of a span is then one. Or write the length into the prefix, as in `fill in 2 words: …`, and train on
# examples of that form: a text-to-text network can be told anything that can be written.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
