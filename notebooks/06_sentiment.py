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
# # Sentiment: T5 fine-tuned on film reviews
#
# The report's first experiment asks a T5 model whether a film review is positive or negative. It
# prints a classification report with an accuracy of
# {glue:text}`report-sentiment-accuracy` on IMDB's 25,000 test reviews {cite:p}`maas2011imdb`. This
# chapter does the experiment again, step by step, and adds what the report leaves out: a cheap
# baseline, the same network without pre-training, and an interval around every number.

# %% tags=["parameters", "hide-cell"]
profile = "pocket"
seed = 21

# %% tags=["hide-cell"]
from t5study import figures, tables
from t5study.published import load_published
from t5study.study import Study

figures.style()
study = Study(profile, seed=seed)
published = load_published()
study.badge()

# %%
role = "sentiment"

# %% tags=["hide-cell"]
task = study.task(role)
study.glue(f"{role}-task", task.name)
study.glue(f"{role}-prefix", task.prefix)
study.glue(f"{role}-labels", len(task.label_words))
study.glue(
    f"report-{role}-accuracy", float(published.classification_report(role).loc["accuracy", "f1"])
)

# %% [markdown]
# ## From a label to a text
#
# BERT would get a new layer for this task: a matrix from the last hidden state to two numbers. T5
# gets none. {cite:t}`raffel2020t5` write every task as *text in, text out*: the input is a
# {term}`prefix` that names the task, followed by the review, and the {term}`target` is a word. The
# loss stays what it was in pre-training, the cross-entropy of the target's tokens:
#
# $$
# \mathcal{L}(\theta) = -\frac{1}{\sum_i |y_i|} \sum_i \sum_{t=1}^{|y_i|}
#   \log p_\theta\!\left(y_{i,t} \mid y_{i,<t},\, x_i\right).
# $$
#
# The report does not state its prefix. Ours is the text
# "{glue:text}`sentiment-prefix`" in front of the review. The table shows what the decoder has to
# write for each label: the {term}`label word` and the end token `</s>`.

# %%
tables.casting_table(study.casting(role))

# %% [markdown]
# ## The model and its arguments
#
# The report prints the first rows of the module summary of T5-small. The same table can be built
# from the model's configuration alone, without its weights, so it is exact on every machine. The
# report's column cuts the counts to thousands or millions, without rounding.

# %% tags=["only-here"]
modules = tables.t5_small_modules()
modules

# %% tags=["only-here", "hide-cell"]
agree = int((modules["rounded"] == modules["report"]).sum())
study.glue("modules-agree", agree)
study.glue("modules-rows", len(modules))
study.glue("modules-total", f"{int(modules['parameters'].iloc[0]):,}")
study.glue("modules-shared", f"{int(modules['parameters'].iloc[1]):,}")

# %% [markdown]
# {glue:text}`modules-agree` of the report's {glue:text}`modules-rows` rows agree. The model has
# {glue:text}`modules-total` parameters, of which {glue:text}`modules-shared` are the
# {term}`embedding` table. The encoder's row counts that table too, since encoder, decoder and
# output layer share it: adding the rows of encoder and decoder would count it twice.
#
# The next table holds the report's arguments and, beside each, the value that this page used. The
# report's `train_batch_size` of 8 with 16 accumulation steps is one {term}`update` for 128
# examples; our recipe says that number directly and lets memory decide how it is cut. The report's
# optimiser is AdamW, this page's {glue:text}`sentiment-optimizer`; the report has one seed, this page
# {glue:text}`sentiment-seeds`.

# %% tags=["only-here"]
tables.argument_table(study.settings(role).recipe)

# %% [markdown]
# ## A baseline first
#
# A number says little alone. The baseline counts words and pairs of words, weighs them by TF-IDF,
# and fits a linear support vector machine: no network, no pre-training, seconds of work. It is
# known to be hard to beat on long reviews {cite:p}`wang2012nbsvm`.

# %%
baseline = study.baseline(role)

# %% [markdown]
# ## Fine-tuning
#
# One line trains the model: it draws updates of examples at random, groups them by length so that
# little is padding, takes the checkpoint with the lowest validation loss, and reads the test set
# once. The result is kept as a run record; running the line again loads it.
#
# The second line does the same from random weights: same architecture, same recipe, same order of
# the data. The difference between the two is what pre-training gave.

# %%
runs = study.finetunes(role)
scratch = study.finetunes(role, init="scratch")

# %% [markdown]
# Answers are not generated. The label words are scored: one pass of the encoder, one step of the
# decoder, and a softmax over the first tokens of the label words, which all differ here.

# %% tags=["hide-input"]
run = runs[0]
tables.report_beside(run, role)

# %% tags=["hide-cell"]
recipe, names = study.settings(role).recipe, {"adamw": "AdamW", "adafactor": "Adafactor"}
study.glue(f"{role}-optimizer", names[recipe.optimizer])
study.glue(f"{role}-seeds", len(runs))
study.glue(f"{role}-epochs", recipe.epochs)
study.glue(f"{role}-dropout", recipe.dropout)
study.glue(f"{role}-accuracy", run.metrics["accuracy"], 3)
study.glue(f"{role}-low", run.metrics["intervals"]["accuracy"][0], 3)
study.glue(f"{role}-high", run.metrics["intervals"]["accuracy"][1], 3)
study.glue(f"{role}-baseline", baseline.metrics["accuracy"], 3)
study.glue(f"{role}-scratch", scratch[0].metrics["accuracy"], 3)
study.glue(f"{role}-n", f"{run.metrics['n']:,}")
study.glue(f"{role}-speed", run.metrics["examples_per_second"], 0)
actual, predicted, count = figures.largest_confusion(run)
study.glue(f"{role}-mistake", f"{actual} taken for {predicted}")
study.glue(f"{role}-mistakes", count)
study.glue(f"{role}-padding", 100 * run.metrics["padding_share"], 1)
longest = recipe.max_source_length
study.glue(f"{role}-reads", longest)
study.glue(f"{role}-cut", 100 * float((run.predictions["tokens"] >= longest).mean()), 0)

# %% [markdown]
# On {glue:text}`sentiment-n` test rows the first run is right on
# {glue:text}`sentiment-accuracy` of them; the 95 % bootstrap interval over the test rows reaches
# from {glue:text}`sentiment-low` to {glue:text}`sentiment-high`. The same network from random
# weights reaches {glue:text}`sentiment-scratch`, the baseline {glue:text}`sentiment-baseline`.
# Training passed {glue:text}`sentiment-speed` examples a second;
# {glue:text}`sentiment-padding` % of the encoder's positions were padding.
#
# The network reads at most {glue:text}`sentiment-reads` tokens of a text, its prefix included, and
# {glue:text}`sentiment-cut` % of the test texts fill that and may have lost their end. The baseline
# reads all of every text, and reviewers like to say at the end what they think.

# %% mystnb={"figure": {"caption": "Training and validation loss of the sentiment fine-tuning, per label token. The dotted line marks the checkpoint that was kept: the lowest validation loss.", "name": "fig-sentiment-losses"}, "image": {"alt": "Line chart of training loss and validation loss against epochs, with a vertical dotted line at the epoch whose checkpoint was kept."}} tags=["hide-input"]
figures.plot_losses(runs)

# %% [markdown]
# {numref}`fig-sentiment-losses` shows both losses. A validation loss that rises while the training
# loss still falls means that the model has begun to learn the training rows by heart; the
# checkpoint before that is the one kept. With one epoch and one evaluation there is one checkpoint
# and nothing to choose. {numref}`fig-sentiment-confusion` shows where the answers
# go wrong; the more frequent mistake is {glue:text}`sentiment-mistake`,
# {glue:text}`sentiment-mistakes` times.

# %% mystnb={"figure": {"caption": "Confusion matrix on the sentiment test rows: actual labels down, predicted labels across, counts in the cells, shade by the share of the actual label.", "name": "fig-sentiment-confusion"}, "image": {"alt": "Heat map of the confusion matrix: rows are actual labels, columns predicted labels, with the counts printed in the cells."}} tags=["hide-input"]
figures.plot_confusion(run)

# %% [markdown]
# ## Actual and predicted
#
# The report's code prints 32 reviews with the actual and the predicted label, and the report shows
# a few of them. Here are the first 32 test rows of this study, with the probability the model gave
# its answer. In the published book all of these are negative, since IMDB's test set is sorted by
# label, so only one kind of mistake can show there. The text of a row is printed where the page was
# built from data that may be printed.

# %% tags=["hide-input"]
study.examples(role, run, count=32)

# %% [markdown]
# ## What the number is worth
#
# {numref}`fig-sentiment-intervals` puts the results side by side. Where several seeds were run, the
# interval is Student's over the seeds; with a single run it is the bootstrap interval over the test
# rows, which says nothing about other seeds. Student's, in turn, says nothing about other test rows,
# and so may be the narrower of the two. A profile may name other recipes beside its own: the
# report's, those that lost on the validation rows, or one that costs more. Each was run once, from
# the same weights.

# %% tags=["hide-input"]
comparison = tables.comparison(
    {
        "T5, pre-trained": runs,
        **{f"T5, pre-trained, {name}": [one] for name, one in study.other_recipes(role).items()},
        "T5, random weights": scratch,
        baseline.metrics["model"]: [baseline],
    },
    ["accuracy", "macro_f1"],
)
tables.framed(comparison).format(precision=3)

# %% mystnb={"figure": {"caption": "Test accuracy on the sentiment task with 95 % intervals: pre-trained T5 with the recipe of this chapter and with the others of the table, the same network from random weights, and the TF-IDF baseline.", "name": "fig-sentiment-intervals"}, "image": {"alt": "Dot plot with one row per model; each dot is a test accuracy with a horizontal bar for its 95 percent interval."}} tags=["hide-input"]
figures.plot_intervals(comparison, "accuracy", "accuracy low", "accuracy high", "test accuracy")

# %% [markdown]
# :::{admonition} Exercise
# :class: tip
# Take the prefix away, train again, and compare. Does a model that only ever sees one task need to
# be told which?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# It does not need the prefix to choose among tasks, since there is one. What the prefix can still
# give is a link to pre-training: T5's own checkpoints met `sst2 sentence:` before, and a new prefix
# starts without such help. Change `prefix` of the task in `t5study/tasks.py`, run the chapter, and
# look whether the intervals of the two results overlap.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["hide-input"]
study.provenance()
