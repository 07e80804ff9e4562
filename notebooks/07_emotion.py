# %% [markdown]
# # Emotion: the same trainer, another data set
#
# The report's second experiment sorts short English messages into six emotions
# {cite:p}`saravia2018carer`. Its point is the method: *"the same trainer function with a modification
# in the dataset"*. This chapter takes that literally: its code cells are those of {doc}`06_sentiment`
# with the role's name changed, and a test of the project compares them.

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
from t5study.chapters import finetuning, tables
from t5study.claims.published import load_published
from t5study.judging import ranking
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
published = load_published()
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
role = "emotion"
task = study.task(role)
printed = published.classification_report(role)
runs, scratch = study.runs(f"{role}, T5"), study.runs(f"{role}, T5 from scratch")
baseline = study.run(f"{role}, TF-IDF")
answers = study.select(task=role, labels=None)
leaders = (f"{role}, T5 80M, 512 tokens", f"{role}, T5 80M")
best = next((answers[name] for name in leaders if name in answers), runs)
longer = answers.get(f"{role}, T5, 256 tokens", runs)
literal = answers.get(f"{role}, T5, the report's recipe", runs)
recipe = study.plans(f"{role}, T5")[0].recipe
above_baseline = ranking.difference(runs, [baseline], "accuracy")
above_scratch = ranking.difference(runs, scratch, "accuracy")
best_above = ranking.difference(best, [baseline], "accuracy")
facts(
    prefix=task.prefix,
    labels=len(task.label_words),
    optimizer={"adamw": "AdamW", "adafactor": "Adafactor"}[recipe.optimizer],
    seeds=len(runs),
    epochs=recipe.epochs,
    dropout=f"{recipe.dropout:g}",
    train_rows=f"{baseline.metrics['train_rows']:,}",
    report_accuracy=f"{printed.loc['accuracy', 'f1']:.2f}",
    parameters=f"{runs[0].metrics['parameters']:,}",
    reads=runs[0].config["recipe"]["max_source_length"],
    accuracy=finetuning.mean_score(runs),
    scratch=finetuning.mean_score(scratch),
    baseline=finetuning.mean_score([baseline]),
    best=finetuning.mean_score(best),
    twice_the_review=finetuning.mean_score(longer),
    literal=finetuning.mean_score(literal),
    above_baseline=above_baseline.in_points,
    above_scratch=above_scratch.in_points,
    best_above=best_above.in_points,
)
study.finds(
    baseline_ahead=above_baseline.high < 0,
    like_baseline=above_baseline.low <= 0 <= above_baseline.high,
    scratch_below=above_scratch.low > 0,
    longest_like_baseline=best_above.low <= 0 <= best_above.high,
    best_above_baseline=best_above.low > 0,
    more_review_helps=ranking.difference(longer, runs[:1], "accuracy").low > 0,
)

# %% [markdown] tags=["finds:best_above_baseline", "finds:like_baseline", "finds:scratch_below"]
# The report prints an accuracy of {eval}`facts.report_accuracy`. Found here:
#
# - After reading 80 million tokens of other text our network of {eval}`facts.parameters` parameters is
#   right on {eval}`facts.best` of the messages, above the report's {eval}`facts.report_accuracy`, with
#   none of T5-small's weights. A linear machine on word pairs is right on {eval}`facts.baseline`.
# - After 20 million tokens it is right on {eval}`facts.accuracy`, which is not told apart from that
#   machine; from random weights on {eval}`facts.scratch`.
# - The recipe decides as well. With the report's own, the same network stops at {eval}`facts.literal`.

# %% [markdown]
# ## From six labels to a text
#
# With a classification head the step from two labels to six changes the model: the new layer has six
# rows in place of two. In text-to-text form model and loss stay as they are. The prefix is
# "{eval}`facts.prefix`", and there are {eval}`facts.labels` {term}`label words <label word>`.

# %% tags=["remove-input"]
tables.show(finetuning.casting_table(study.casting(role)))

# %% [markdown]
# ## A baseline first
#
# Emotion words give much away, and counting them is cheap. Since the six classes differ in size, the
# support vector machine weighs each class by the inverse of its share.

# %%
baseline = study.run(f"{role}, TF-IDF")

# %% [markdown]
# ## Fine-tuning
#
# The first line gives the runs from the pre-trained checkpoint, one a seed, the second those from
# random weights. The recipe is {eval}`facts.epochs` epochs of {eval}`facts.optimizer` with dropout
# {eval}`facts.dropout`.

# %%
runs = study.runs(f"{role}, T5")
scratch = study.runs(f"{role}, T5 from scratch")
tables.show(finetuning.recipe_table(study.recipe(f"{role}, T5")))

# %% [markdown]
# The answer is again a softmax over the first tokens of the label words after one decoder step. With
# unequal classes accuracy hides the small ones, so the table's macro average matters: the mean of the
# six F1 scores, each class counted once. The table is that of the first seed.

# %% tags=["remove-input"]
run = runs[0]
tables.show(finetuning.report_table(run, role))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
actual, predicted, count = finetuning.largest_confusion(run)
longest = recipe.max_source_length
facts(
    n=f"{run.metrics['n']:,}",
    speed=f"{run.metrics['examples_per_second']:.0f}",
    mistake=f"{actual} taken for {predicted}",
    mistakes=count,
    padding=f"{100 * run.metrics['padding_share']:.1f}",
    validation=finetuning.validation_losses(answers),
    cut=f"{100 * float((run.predictions['tokens'] >= longest).mean()):.0f}",
)

# %% [markdown]
# Of {eval}`facts.n` test rows T5 is right on {eval}`facts.accuracy`, as a mean over its
# {eval}`facts.seeds` seeds. From random weights the same network is right on {eval}`facts.scratch`,
# the baseline, which learns from the same {eval}`facts.train_rows` rows, on {eval}`facts.baseline`;
# {numref}`fig-emotion-intervals` has the intervals. In the first run training passed
# {eval}`facts.speed` examples a second, and {eval}`facts.padding` % of the encoder's positions were
# padding. The network reads at most {eval}`facts.reads` tokens of a text, and {eval}`facts.cut` % of
# the test messages fill that.

# %% mystnb={"figure": {"caption": "Training and validation loss of the emotion fine-tuning, per label token, on a logarithmic axis, one line a seed. A dotted line marks the checkpoint that a seed kept: its lowest validation loss.", "name": "fig-emotion-losses"}, "image": {"alt": "Line chart of training loss and validation loss against epochs, with a vertical dotted line at each epoch whose checkpoint was kept."}} tags=["remove-input"]
finetuning.plot_losses(runs)

# %% [markdown]
# {numref}`fig-emotion-losses` shows training and validation loss, {numref}`fig-emotion-confusion`
# which emotions the model of the first seed takes for which. Its most frequent mistake is
# {eval}`facts.mistake`, {eval}`facts.mistakes` times.

# %% mystnb={"figure": {"caption": "Confusion matrix on the emotion test rows: actual labels down, predicted labels across, counts in the cells, shade by the share of the actual label.", "name": "fig-emotion-confusion"}, "image": {"alt": "Heat map of the confusion matrix: rows are actual labels, columns predicted labels, with the counts printed in the cells."}} tags=["remove-input"]
finetuning.plot_confusion(run)

# %% [markdown]
# ## Actual and predicted
#
# The report's code prints 32 messages with the actual and the predicted label. Here are 32 test rows,
# as evenly from the six labels as they allow, with the probability that the model gave its answer.

# %% tags=["remove-input"]
tables.show(finetuning.examples(run))

# %% [markdown]
# ## What the number is worth
#
# The table has accuracy and macro F1 of all answers to the task, with Student's interval over the
# seeds where there are several. {numref}`fig-emotion-intervals` draws intervals of one kind for all,
# over test rows and seeds together, which can be compared. Recipes that lost on the validation rows
# are listed too: a score that is the best of several tries should be read with the others beside it.

# %% tags=["remove-input"]
tables.show(finetuning.comparison_table(answers, ["accuracy", "macro_f1"]))

# %% mystnb={"figure": {"caption": "Test accuracy on the emotion task with 95 % intervals over test rows and seeds, for every checkpoint and recipe of the table and the baselines.", "name": "fig-emotion-intervals"}, "image": {"alt": "Dot plot with one row per model; each dot is a test accuracy with a horizontal bar for its 95 percent interval."}} tags=["remove-input"]
intervals = ranking.score_table(answers, "accuracy")
finetuning.plot_intervals(intervals, "test accuracy")

# %% [markdown]
# Is one above another? By the paired bootstrap of {ref}`glue-luck`, over test rows and seeds: T5 with
# the recipe of this page against the baseline: {eval}`facts.above_baseline`; against its twin from
# random weights: {eval}`facts.above_scratch`; the network that read most against the baseline:
# {eval}`facts.best_above`.

# %% [markdown]
# The validation loss of the first seed, by which recipes are chosen: {eval}`facts.validation`.

# %% [markdown]
# :::{admonition} Exercise
# :class: tip
# Which of the six labels would you expect to gain most from pre-training, and why? Compare the
# classification reports of `runs[0]` and `scratch[0]` label by label.
# :::
#
# :::{admonition} Solution
# :class: dropdown
# One would expect the rare ones. A network from random weights must learn from the labelled rows
# alone which words are alike, and a rare label brings few rows. But the F1 of a rare label rests on
# few test rows, so one pair of runs may show another order; take the mean over the seeds.
# `finetuning.report_table(scratch[0], role)` shows the other report.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
