# %% [markdown]
# # More for less
#
# The report ends with a wish: *"the need of the hour is to come up with techniques to increase the
# performance/size ratio as much we can"*. Two such techniques were known by then, and both fit on a page: to
# write the weights with fewer bits, and to let a small network learn from a large one. This chapter applies
# them to the best model of chapter 7 and measures what is lost and what is saved on one core of a processor.
# That model is MiniLM, a small published encoder of six layers, {term}`fine-tuned <fine-tuning>` on the six
# emotions.

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
from t5study.chapters import scorecard, smaller, tables
from t5study.chapters.listing import listing
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
study.badge()

# %% jupyter={"source_hidden": true} tags=["needs:published", "remove-cell"]
whole = study.run("emotion, MiniLM")
made = study.shrink(whole)
table = smaller.size_table(made)
full, eight, half = (
    table.loc["MiniLM, fp32"],
    table.loc["MiniLM, int8"],
    table.loc["half, distilled"],
)
told, both = table.loc["half, taught by labels"], table.loc["half, distilled, int8"]
taught = smaller.difference(made, "half, distilled", "half, taught by labels")
counted = table.iloc[0]
facts(
    rows=f"{made.metrics['texts']:,}",
    whole=f"{full['accuracy']:.3f}",
    whole_ms=f"{full['ms alone']:.1f}",
    whole_mb=f"{full['megabytes']:.0f}",
    int8=f"{eight['accuracy']:.3f}",
    int8_times=f"{eight['times as fast']:.1f}",
    int8_mb=f"{eight['megabytes']:.0f}",
    half=f"{half['accuracy']:.3f}",
    half_times=f"{half['times as fast']:.1f}",
    told=f"{told['accuracy']:.3f}",
    both=f"{both['accuracy']:.3f}",
    both_times=f"{both['times as fast']:.1f}",
    both_mb=f"{both['megabytes']:.0f}",
    counted=f"{counted['accuracy']:.3f}",
    counted_times=f"{counted['times as fast']:.0f}",
    counted_batches=f"{full['ms in batches'] / counted['ms in batches']:.0f}",
    both_loss=f"{-100 * both['low']:.1f}",
    kept=f"{100 * half['weights'] / full['weights']:.0f} %",
    bf16_batches=f"{full['ms in batches'] / table.loc['MiniLM, bf16', 'ms in batches']:.2f}",
    temperature=f"{made.config['temperature']:g}",
    bf16_times=f"{table.loc['MiniLM, bf16', 'times as fast']:.2f}",
    taught=taught.in_points,
    bf16_mb=f"{table.loc['MiniLM, bf16', 'megabytes']:.0f}",
    alike=f"{100 * smaller.agreement(made, 'MiniLM, fp32', 'MiniLM, int8'):.1f}",
)
study.finds(
    int8_like_whole=eight["low"] <= 0 <= eight["high"],
    int8_faster=eight["times as fast"] > 1.2,
    half_like_whole=half["low"] <= 0 <= half["high"] and told["low"] <= 0 <= told["high"],
    teacher_adds_nothing=taught.verdict == "not told apart",
    both_fastest_network=both["times as fast"] == table["times as fast"].iloc[1:].max(),
    counted_below=counted["high"] < 0,
    bf16_slower=table.loc["MiniLM, bf16", "times as fast"] < 1,
    both_like_whole=both["low"] <= 0 <= both["high"],
)

# %% [markdown] tags=["needs:published", "finds:int8_like_whole", "finds:int8_faster", "finds:both_fastest_network", "finds:both_like_whole", "finds:teacher_adds_nothing"]
# **What was found**, on {eval}`facts.rows` test messages and one core:
#
# - **Eight bits lose nothing that can be seen.** The original MiniLM, with numbers of 32 bits, is right on
#   {eval}`facts.whole` of the messages. With matrices of 8 bits it is right on {eval}`facts.int8`, and answers
#   one message {eval}`facts.int8_times` times as fast.
# - **Half the layers, in eight bits, answer {eval}`facts.both_times` times as fast.** They are right on
#   {eval}`facts.both`. The difference is too small for these messages to show; a loss of up to
#   {eval}`facts.both_loss` points is possible.
# - **The teacher made no difference here.** Half of the network does as well when it is taught by labels
#   alone.

# %% [markdown] tags=["needs:published", "finds:counted_below"]
# - **Counting words is the other end of the scale.** {term}`TF-IDF` with a linear classifier is
#   {eval}`facts.counted_times` times as fast as MiniLM, one message at a time, and right on
#   {eval}`facts.counted`. In batches it is {eval}`facts.counted_batches` times as fast.

# %% [markdown]
# ## Fewer bits
#
# A weight in fp32 has 32 bits. In {term}`bf16` it has 16: it can be as large and as small, and is stored less
# exactly. In int8, with 8 bits, a matrix $W$ becomes whole numbers and one scale,
#
# $$
# W \approx s\,Q, \qquad Q_{ij} \in \{-127, \dots, 127\}, \qquad s = \frac{\max_{ij} |W_{ij}|}{127},
# $$
#
# so a product $x W$ is a product of whole numbers and one multiplication at the end. To round like this is
# called *quantisation*. *Dynamic* quantisation rounds the input $x$ of a layer in the same way at the moment it
# arrives; nothing is learnt and no data is needed {cite:p}`zafrir2019q8bert`. In PyTorch it is one line:
#
# ```python
# rounded = quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
# ```
#
# Word vectors are looked up and not multiplied, so they stay in fp32 here, and
# they are half of MiniLM.
#
# ## Fewer layers
#
# A student of half the depth starts as every other layer of the fine-tuned network, as DistilBERT did
# {cite:p}`sanh2019distilbert`. It can be taught in two ways. Labels say which emotion is right. The whole
# network, the *teacher*, gives each emotion a probability, which says more: that a message is joy most likely
# and love perhaps tells what it is like. With $z_k$ the score of emotion $k$ before the {term}`softmax`,
# {cite:t}`hinton2015distilling` divide all scores by a {term}`temperature` $T$ above 1. That makes the small
# probabilities larger, so that they count:
#
# $$
# \mathcal{L} = -T^2 \sum_k \mathrm{softmax}(z^{\text{teacher}} / T)_k \,
# \log \mathrm{softmax}(z^{\text{student}} / T)_k .
# $$
#
# This function does all the training. To distil, `targets` are the teacher's softened probabilities. To teach
# by labels, they are 1 for the right emotion and 0 elsewhere, and $T$ is 1.

# %% tags=["remove-input"]
listing("distilling", "distil")

# %% [markdown] tags=["needs:published"]
# ## What is lost and what is saved
#
# All models answer the same test rows, on one core, with tokenising. A time is the least of several, since
# other work on a machine can only add to it. *Alone* is one message at a time; batches have 32. The column
# *times as fast* is for one message alone. A half has half of the layers; its word vectors stay. The two halves
# start alike, read the same batches in the same order for the same number of updates, and differ in what they
# are taught.

# %% mystnb={"figure": {"caption": "Test accuracy on the emotion task against the time that one message takes on one core: MiniLM in three precisions, half of it taught in two ways, and TF-IDF with a linear classifier.", "name": "fig-smaller"}, "image": {"alt": "Scatter plot with a mark for each model: milliseconds a message on a logarithmic axis across, test accuracy up."}} tags=["needs:published", "remove-input"]
smaller.plot_sizes(table)

# %% tags=["needs:published", "remove-input"]
one = ("ms alone", "ms in batches", "times as fast")
tables.show(table, formats={"megabytes": "{:.0f}", **dict.fromkeys(one, "{:.1f}")})

# %% [markdown] tags=["needs:published"]
# The column *against whole* is the share of rows that a model has right and the whole MiniLM wrong, less the
# reverse, with a 95 % interval over rows. In eight bits {eval}`facts.alike` % of all answers stay the same.

# %% [markdown] tags=["needs:published", "finds:half_like_whole", "finds:teacher_adds_nothing"]
# Half of the layers ({eval}`facts.kept` of the weights), distilled at $T$ = {eval}`facts.temperature`, are not
# told apart from the whole by these rows: {eval}`facts.half` against {eval}`facts.whole`. Taught by labels it has {eval}`facts.told`; distilled against taught by labels is
# {eval}`facts.taught`. So on messages of twenty words the depth that was taken away did little, and with 16,000
# labels at hand the teacher had little to add. A teacher can answer texts that nobody has labelled, too; this
# chapter did not try that.

# %% [markdown] tags=["needs:published", "finds:bf16_slower"]
# Fewer bits help only where the processor can multiply them. This one has no instructions for bf16, and there
# bf16 is slower than fp32: {eval}`facts.bf16_times` times its speed alone and {eval}`facts.bf16_batches` in
# batches, at half the size, {eval}`facts.bf16_mb` MB.

# %% [markdown]
# ## What to take away
#
# - Round first: eight bits cost one line and no data.
# - Then halve: a student that starts from its teacher's layers needs two passes over the data.
# - Measure on the machine that will answer. A format that the processor does not know is slower.
# - Ask what the counting baseline reaches before anything is made smaller.
#
# How much memory *training* takes, and what saves it there, is {doc}`10_does_it_fit`. What the report said,
# with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, smaller.CLAIMS)

# %% [markdown]
# ## Exercises
#
# :::{admonition} Exercise 1
# :class: tip
# MiniLM has 30,522 word vectors of 384 numbers. How many bytes would it have with its word vectors in int8 too?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# The word vectors are $30{,}522 \cdot 384 \approx 11.7$ million of 22.7 million weights: 47 MB in fp32, 12 MB
# in bytes. All in bytes is about 23 MB, a quarter of fp32, where the table's int8 has about 59.
# :::
#
# :::{admonition} Exercise 2
# :class: tip
# Why does the loss carry the factor $T^2$?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# The gradient of the cross-entropy with respect to $z^{\text{student}}$ is
# $(\mathrm{softmax}(z^{\text{student}}/T) - \mathrm{softmax}(z^{\text{teacher}}/T)) / T$, and for large $T$ the
# difference of the two shares falls like $1/T$ as well. With $T^2$ the step of an update does not depend on
# $T$, so one learning rate serves all.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
