# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
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
# # Texts as answers, and one model for all
#
# The report fine-tunes T5 on two tasks whose answers are labels. It wanted translation and
# summarisation as well and left them out, "due to the humongous size of the model and limited
# hardware constraints". This chapter trains both. In the published book translation is that of
# Multi30k's captions of pictures {cite:p}`elliott2016multi30k`, and the summaries are SciTLDR's,
# one sentence for a scientific abstract {cite:p}`cachola2020scitldr`. The report's fourth
# objective is one pre-trained model for several tasks, and that it reached: one checkpoint,
# fine-tuned twice, which gives two models in the end. One set of weights for all tasks at once is
# a harder question, which the report did not ask. This chapter asks it too.
#
# Chapter 5 explains how a text is generated and what BLEU, chrF and ROUGE count
# ({ref}`generation-scores`, {ref}`generation-summary`); here they are used.

# %% tags=["parameters", "hide-cell"]
profile = "pocket"
seed = 21

# %% tags=["hide-input"]
import pandas as pd

from t5study.chapters import sequences, tables
from t5study.judging import ranking
from t5study.study import Study

pd.set_option("display.max_colwidth", None)
study = Study(profile, seed=seed)
study.badge()

# %% [markdown]
# ## One trainer, three kinds of answer
#
# To T5 a label is a short text. Nothing in the model, the loss or the trainer changes when the target
# becomes a sentence: the decoder takes more steps, and that is all. The three lines below differ in
# the name of a role. In the published book translation and summaries start from the T5 that read
# most ({ref}`transfer-budgets`), the labels of sentences from the one of the chapters before; both have
# the same size.

# %%
labels = study.run("sst, T5")
translator = study.run("translation, T5")
summariser = study.run("summary, T5")

# %% tags=["hide-input"]
runs = {"sst": labels, "translation": translator, "summary": summariser}
tables.show(
    sequences.cost_table(runs),
    formats={"examples a second": "{:,.0f}", "seconds of training": "{:,.0f}"},
)

# %% tags=["hide-cell"]
sizes = {f"{run.metrics['parameters']:,}" for run in runs.values()}
study.glue("seq-parameters", " or ".join(sorted(sizes)))
ratio = labels.metrics["examples_per_second"] / translator.metrics["examples_per_second"]
study.glue("seq-slower", float(ratio), digits=1)

# %% [markdown]
# The model has {glue:text}`seq-parameters` parameters in each of them. An example of translation
# took {glue:text}`seq-slower` times as long to train on as one of sentiment in a sentence. The
# number of parameters is the same for a label and for a text; what a text costs more is its length.
# The report trained T5-small with 512 tokens an example, more than most sentences to translate
# have. So for translation the size of the model alone cannot be the reason. For summaries it is
# open: a text to summarise may well be longer than 512 tokens, and what the two need in memory, at
# the report's lengths and on its GPU, was not measured here.
#
# (sequences-translation)=
# ## Translation
#
# English to German, with the prefix that T5's own training used {cite}`raffel2020t5`. Answers are
# generated greedily, the likeliest piece at each place. The {term}`copy baseline` gives the English
# sentence back as its own translation. It costs nothing, and names and numbers score.

# %%
copy = study.baseline("translation")
translation_metrics = study.task("translation").metrics
tables.show(ranking.beside({"T5": translator, "copy of the input": copy}, translation_metrics))

# %% tags=["hide-cell"]
study.glue("seq-translations", translator.metrics["n"])
study.glue("seq-bleu", float(translator.metrics["bleu"]), digits=1)
study.glue("seq-chrf", float(translator.metrics["chrf"]), digits=1)
study.glue("seq-copy-bleu", float(copy.metrics["bleu"]), digits=1)
study.glue("seq-copy-chrf", float(copy.metrics["chrf"]), digits=1)

# %% [markdown]
# On {glue:text}`seq-translations` sentences the BLEU is {glue:text}`seq-bleu` against
# {glue:text}`seq-copy-bleu` of the copy, the chrF {glue:text}`seq-chrf` against
# {glue:text}`seq-copy-chrf`. Umlauts count against every model of the published book: its
# vocabulary was learnt from English texts and has none. The copy does better by chrF than by BLEU
# because German and English share letters long before they share words. Intervals are the
# bootstrap's, over test sentences {cite}`koehn2004bootstrap`.
#
# What others reached on the same test set, where this profile's is a public one. The column
# *verified* says how a number was checked: *read* was read at its source, *listing* was seen in a
# list that quotes the source, and *not verified* was not read again.

# %% tags=["hide-input"]
others = sequences.published_rows(translation_metrics, study.task("translation").name)
tables.show(others)

# %% [markdown]
# And T5 itself, on a test set of news from 2014 that no profile here uses. It stands here for scale,
# and is not to be set beside the scores above: another test set is another BLEU.

# %% tags=["hide-input"]
tables.show(sequences.published_rows(["bleu"], "WMT-14 English-German"))

# %% [markdown]
# (sequences-summaries)=
# ## Summaries
#
# Two baselines stand beside the summaries. The {term}`lead baseline` takes the first sentence of
# the text, where news says the most important thing, and an abstract need not. The other gives
# the whole text as its own summary.

# %%
lead = study.baseline("summary", kind="lead")
whole = study.baseline("summary")
summary_metrics = study.task("summary").metrics
answers = {"T5": summariser, "first sentence": lead, "the whole text": whole}
tables.show(ranking.beside(answers, summary_metrics))

# %% tags=["hide-cell"]
study.glue("seq-summaries", summariser.metrics["n"])
for name, run in (("t5", summariser), ("lead", lead), ("whole", whole)):
    study.glue(f"seq-rouge-{name}", float(run.metrics["rougeL"]), digits=1)
best = max(lead.metrics["rougeL"], whole.metrics["rougeL"])
study.glue(
    "seq-rouge-place", "above both" if summariser.metrics["rougeL"] > best else "not above both"
)
study.glue("seq-faithful", 100 * float(summariser.metrics["faithful"]), digits=1)

# %% [markdown]
# On {glue:text}`seq-summaries` texts the ROUGE-L is {glue:text}`seq-rouge-t5`, that of the first
# sentence {glue:text}`seq-rouge-lead` and that of the whole text {glue:text}`seq-rouge-whole`: T5 is
# {glue:text}`seq-rouge-place`. A network that is below its baselines has not learnt to summarise. Of
# the summaries, {glue:text}`seq-faithful` % invent no number, date or name (chapter 5 says how that
# is checked). A summary that names nothing at all passes as well. The baselines invent nothing, and a
# high ROUGE of theirs means that the references were close to the source.

# %% tags=["hide-input"]
others = sequences.published_rows(["rougeL", "rouge1", "rouge2"], study.task("summary").name)
tables.show(others)

# %% [markdown]
# Published scores of SciTLDR take the best of several references for each abstract
# {cite}`cachola2020scitldr`; this study compares with the first reference alone, which gives lower
# scores.
#
# (sequences-length)=
# ## Where it goes wrong: length
#
# A long source has more places to go wrong, and a long answer is written on top of its own
# mistakes. {numref}`fig-by-length` cuts each test set into up to four groups by the length of the
# source. Sources that were cut to the model's longest input count as equally long and share a
# group. The score is the mean of the answers' own scores, since BLEU is defined for a whole test
# set only {cite}`post2018sacrebleu`; chrF and ROUGE-L can be taken of one answer.

# %%
lengths = {
    "translation": sequences.by_length(translator, "chrf"),
    "summary": sequences.by_length(summariser, "rougeL"),
}

# %% mystnb={"figure": {"caption": "Mean score of a group of the test set against the length of its sources in tokens: chrF for translation, ROUGE-L for summaries. Bars are 95 % intervals of the mean.", "name": "fig-by-length"}, "image": {"alt": "Two panels with a dot for each group of the test set, from short to long sources, with vertical bars for the intervals."}} tags=["hide-input"]
sequences.plot_by_length(lengths)

# %% tags=["hide-input"]
tables.show(pd.concat(lengths, names=["task", "tokens of the source"]))

# %% tags=["hide-cell"]
for role, table in lengths.items():
    study.glue(f"seq-length-{role}", sequences.length_effect(table))
    study.glue(f"seq-answer-{role}", float(table["answer length"].iloc[-1]))

# %% [markdown]
# The longest group is, for translation, {glue:text}`seq-length-translation`; for summaries,
# {glue:text}`seq-length-summary`. The column *answer length* is the words of the answers over those
# of the references; in the longest group it is {glue:text}`seq-answer-translation` for
# translation and {glue:text}`seq-answer-summary` for summaries. A value well below one means that
# answers end too early. A value well above one means that they do not end in time, as when a model
# repeats itself.
#
# (sequences-joint)=
# ## One model for all tasks
#
# A prefix tells T5 which task it is given. So the tasks can be trained at once, and one model answers
# all. The question is how to mix them. In proportion to their sizes, the largest would drown the
# others; in equal parts, the smallest would be repeated until it is known by heart. Raffel et al.
# mix in proportion up to a limit, {term}`examples-proportional mixing` ({cite:t}`raffel2020t5`,
# section 3.5.2): with $e_n$ training rows in task $n$ and a limit $K$, task $m$ is met with the
# probability
#
# $$
# r_m = \frac{\min(e_m, K)}{\sum_n \min(e_n, K)} .
# $$
#
# The trainer is that of the chapters before. The loss is a mean over target tokens, so within an update
# a summary weighs more than a label; the checkpoint is chosen by the mean over tasks, so that each
# task counts alike there.

# %%
table = sequences.joint_table(study)

# %% mystnb={"figure": {"caption": "One model for all tasks against one model a task, on the same test rows, each with its 95 % bootstrap interval. BLEU and ROUGE are divided by 100.", "name": "fig-joint"}, "image": {"alt": "One row a task with two dots and horizontal bars: the score of the model trained on that task alone and that of the model trained on all tasks at once."}} tags=["hide-input"]
sequences.plot_joint(table)

# %% tags=["hide-input"]
tables.show(table)

# %% tags=["hide-cell"]
verdicts = table["verdict"].tolist() if len(table) else []
study.glue("seq-joint-tasks", len(verdicts))
for verdict in ("joint above", "joint below", "not told apart"):
    study.glue(f"seq-{verdict.replace(' ', '-')}", verdicts.count(verdict))
if study.has(sequences.JOINT):
    study.glue("seq-joint-cap", f"{study.experiments[sequences.JOINT].cap:,}")
for column in ("joint examples", "single examples", "share of the mixture"):
    values = table[column].tolist() if len(table) else []
    study.glue(f"seq-{column.replace(' ', '-')}", sequences.extremes(values))
study.glue("seq-by-intervals", sequences.judged_by(table, sequences.BY_INTERVALS))

# %% [markdown]
# With a limit of {glue:text}`seq-joint-cap` rows a task, the joint model of
# {glue:text}`seq-joint-tasks` tasks is above the single-task model on {glue:text}`seq-joint-above`,
# below it on {glue:text}`seq-joint-below`, and not told apart from it on
# {glue:text}`seq-not-told-apart`. The shares of the mixture are
# {glue:text}`seq-share-of-the-mixture`. In the published book every task has as many rows as the limit,
# or a few fewer. So all shares are equal, and this is the mixing in equal parts
# that was warned of above. No small task is repeated for it; it is the large ones that are cut
# down.
#
# So the comparison is not one of equal effort. In training the joint model met
# {glue:text}`seq-joint-examples` examples a task, the single models
# {glue:text}`seq-single-examples`. In the published book every single model met more, and the tasks
# on which the joint model is below are exactly those whose single model met most. That alone may
# explain why it is below; the table cannot part it from what mixing does. There the joint model
# also has two epochs where some single models have three to five, no dropout where that of emotion
# has some, and sources cut at 160 tokens where a summary's own model reads 256.
#
# The verdict is that of the paired bootstrap of {ref}`glue-luck` where the records hold labels and
# answers by row. Of texts they hold none; there two intervals are compared, and "not told apart"
# means that they overlap, which is the weaker test: {glue:text}`seq-by-intervals`. All intervals
# are those of test rows; each model is one seed.
#
# In the published book "not told apart" happens only where the single model has learnt little or
# nothing: on acceptability, paraphrase and entailment it is near chance or the answer "always yes",
# on summaries it is below the first sentence and not above the whole text. On similarity both
# models are near chance, the joint one a little lower, which means nothing. On each task that the
# single model learnt, the joint model is clearly below. {cite:t}`raffel2020t5` found, with far more
# examples of every task, that training on a mixture alone stays behind fine-tuning on each task for
# most tasks, and that fine-tuning after the mixture makes up for it. What is measured here neither
# confirms nor contradicts that.
#
# ## Exercises
#
# ```{admonition} Exercise 1
# :class: tip
# Three tasks have 100, 1,000 and 100,000 rows. What are their shares without a limit, and with
# $K = 1{,}000$?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# Without a limit, of 101,100 rows the tasks have about one in a thousand, one in a hundred, and nearly
# all. With the limit the counts are 100, 1,000 and 1,000: shares of $1/21$, $10/21$ and $10/21$.
# ```
#
# ```{admonition} Exercise 2
# :class: tip
# A system translates each sentence by its first word and nothing else. Why is its BLEU almost zero
# although every word it says may be right? Which of the other scores forgives it more?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# BLEU multiplies by a penalty for brevity, $e^{1 - r/c}$: with one word where the reference has ten it
# is $e^{-9}$. Besides, no runs of two or more words exist, so three of its four precisions are zero.
# chrF has no such penalty, but it weighs recall twice as much as precision and finds little of the
# reference. ROUGE-1's precision alone would be high; its $F_1$ is not.
# ```
#
# ```{admonition} Exercise 3
# :class: tip
# The joint model was given a sentence with the prefix of another task, say a film review to
# translate. What do you expect? Try it:
# `.venv/bin/t5study predict models/joint --role translation --text "…"` asks the published joint model.
# ```
#
# ```{admonition} Solution
# :class: dropdown
# It obeys the prefix in the language only. The published model answers "I hated every minute of this
# movie." with "Ein Mann in einem Fahrnner und ihrend ihrend.", the beginning of a picture's caption
# with nothing of the review. Its BLEU on its own test set says why: it has learnt what the answers look
# like, and little of how they depend on the source.
# ```
#
# ## Where these numbers come from

# %% tags=["hide-input"]
study.provenance()
