# %% [markdown]
# # Sentiment: T5 fine-tuned on film reviews
#
# The report's first experiment asks T5-small whether a film review of IMDB {cite:p}`maas2011imdb` is
# positive or negative. This chapter does the experiment again with a T5 whose every weight was learnt
# in this study, and puts beside it what the report leaves out: a cheap baseline, the same network
# without pre-training, and an interval around every number.

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
role = "sentiment"
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

# %% [markdown] tags=["finds:longest_like_baseline", "finds:more_review_helps", "finds:baseline_ahead", "finds:scratch_below"]
# The report prints an accuracy of {eval}`facts.report_accuracy` on the 25,000 test reviews. Found here, with
# a T5 of {eval}`facts.parameters` parameters:
#
# - The best of our networks read 80 million tokens of other text first and reads up to 512 tokens of
#   a review. It is right on {eval}`facts.best` of the reviews. A linear machine on word pairs, which
#   learns in seconds, is right on {eval}`facts.baseline`; the two are not told apart.
# - How much of a review is read matters most. The same network with
#   {eval}`facts.reads` tokens of a review is right on {eval}`facts.accuracy`, with 256 on
#   {eval}`facts.twice_the_review`.
# - Pre-training helps: with the same {eval}`facts.reads` tokens and random weights at the start it is
#   {eval}`facts.scratch`.

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
# The report does not state its prefix. Ours is the text "{eval}`facts.prefix`" in front of the
# review. The table shows what the decoder has to write for each label: the {term}`label word` and the
# end token `</s>`.

# %% tags=["remove-input"]
tables.show(finetuning.casting_table(study.casting(role)))

# %% [markdown]
# ## The model and its arguments
#
# The report prints the first rows of the module summary of T5-small. The same table can be built from
# the model's configuration alone, without its weights, so it is exact on every machine. The report's
# column cuts the counts to thousands or millions and does not round them; the column *cut* does the
# same to ours.

# %% tags=["only-here", "remove-input"]
modules = finetuning.t5_small_modules().rename(columns={"rounded": "cut"})
tables.show(modules)

# %% jupyter={"source_hidden": true} tags=["only-here", "remove-cell"]
same_class = modules["type"].to_numpy() == published.module_table()["type"].to_numpy()
facts(
    modules_agree=int((modules["cut"] == modules["report"]).sum()),
    modules_renamed=int((~same_class).sum()),
    modules_rows=len(modules),
    modules_total=f"{int(modules['parameters'].iloc[0]):,}",
    modules_shared=f"{int(modules['parameters'].iloc[1]):,}",
)

# %% [markdown]
# The counts of {eval}`facts.modules_agree` of the report's {eval}`facts.modules_rows` rows agree.
# Rows whose class has another name today: {eval}`facts.modules_renamed` (`T5DenseReluDense` is now
# `T5DenseActDense`). The model has {eval}`facts.modules_total` parameters, of which
# {eval}`facts.modules_shared` are the {term}`embedding` table. The encoder's row counts that table
# too, since encoder, decoder and output layer share it: adding the rows of encoder and decoder would
# count it twice.
#
# That is the report's model. Ours has the same parts in a smaller size, {eval}`facts.parameters`
# parameters, and {doc}`08_transfer` tells how it was pre-trained.
#
# The next table holds the report's arguments and, beside each, the value of this page. The report
# puts 8 examples through the network at a time and adds up 16 such steps, which makes one
# {term}`update` for 128 examples; our recipe says that number directly and lets memory decide how it
# is cut. The report's optimiser is AdamW, ours {eval}`facts.optimizer`; the report has one seed, this
# page {eval}`facts.seeds`.

# %% tags=["only-here", "remove-input"]
batch, steps = "train_batch_size", "gradient_accumulation_steps"
arguments = finetuning.argument_table(study.plans(f"{role}, T5")[0].recipe)
rows, times = (int(arguments.loc[name, "report"]) for name in (batch, steps))
arguments.loc[batch, "report"] = f"{rows} × {times} = {rows * times}"
tables.show(arguments.drop(steps).rename(index={batch: f"{batch} × {steps}"}))

# %% [markdown]
# ## Which rows
#
# IMDB has 25,000 reviews to train on, as many to test, and none to validate. So 2,500 of the training
# reviews are held out, chosen by a hash and in the proportions of the labels; they choose the
# checkpoint. T5 and the baseline learn from the other {eval}`facts.train_rows`. A more thorough
# protocol would train the chosen model again on all 25,000, compare reviews as they are with reviews
# cleaned as the report's samples seem to be, and count reviews that stand in both the training and
# the test set. The pre-training leaves texts of the test set out ({ref}`transfer-budgets`); the
# fine-tuning does not look for them.
#
# ## A baseline first
#
# A number says little alone. The baseline counts words and pairs of words, weighs them by TF-IDF, and
# fits a linear support vector machine: no network, no pre-training, seconds of work. It is known to
# be hard to beat on long reviews {cite:p}`wang2012nbsvm`.

# %%
baseline = study.run(f"{role}, TF-IDF")

# %% [markdown]
# ## Fine-tuning
#
# One line gives the runs of one experiment, one run a seed. Each draws its updates of examples at
# random, takes the checkpoint with the lowest validation loss, and reads the test set once. Where the
# runs are kept, they are loaded; where not, they are trained. The second line is the same from random
# weights: same architecture, same recipe, same order of the data. The difference between the two is
# what pre-training gave under this recipe.

# %%
runs = study.runs(f"{role}, T5")
scratch = study.runs(f"{role}, T5 from scratch")
tables.show(finetuning.recipe_table(study.recipe(f"{role}, T5")))

# %% [markdown]
# Answers are not generated. The label words are scored: one pass of the encoder, one step of the
# decoder, and a softmax over the first tokens of the label words, which all differ here. The table is
# that of the first seed.

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
# Of {eval}`facts.n` test rows T5 is right on {eval}`facts.accuracy`, as a mean over its seeds. The
# same network from random weights is right on {eval}`facts.scratch`, the baseline on
# {eval}`facts.baseline`; {numref}`fig-sentiment-intervals` has the intervals. In the first run
# training passed {eval}`facts.speed` examples a second, and {eval}`facts.padding` % of the encoder's
# positions were padding.
#
# The network reads at most {eval}`facts.reads` tokens of a text, its prefix included, and
# {eval}`facts.cut` % of the test texts fill that and may have lost their end. The baseline reads all
# of every text, and reviewers like to say at the end what they think.

# %% mystnb={"figure": {"caption": "Training and validation loss of the sentiment fine-tuning, per label token, on a logarithmic axis, one line a seed. A dotted line marks the checkpoint that a seed kept: its lowest validation loss.", "name": "fig-sentiment-losses"}, "image": {"alt": "Line chart of training loss and validation loss against epochs, with a vertical dotted line at each epoch whose checkpoint was kept."}} tags=["remove-input"]
finetuning.plot_losses(runs)

# %% [markdown]
# {numref}`fig-sentiment-losses` shows both losses. A validation loss that rises while the training
# loss still falls means that the model has begun to learn the training rows by heart; the checkpoint
# before that is the one kept. With one epoch and one evaluation there is one checkpoint and nothing to
# choose. {numref}`fig-sentiment-confusion` shows where the answers of the first seed go wrong; the
# more frequent mistake is {eval}`facts.mistake`, {eval}`facts.mistakes` times.

# %% mystnb={"figure": {"caption": "Confusion matrix on the sentiment test rows: actual labels down, predicted labels across, counts in the cells, shade by the share of the actual label.", "name": "fig-sentiment-confusion"}, "image": {"alt": "Heat map of the confusion matrix: rows are actual labels, columns predicted labels, with the counts printed in the cells."}} tags=["remove-input"]
finetuning.plot_confusion(run)

# %% [markdown]
# ## Actual and predicted
#
# The report's code prints 32 reviews with the actual and the predicted label. Here are 32 test rows of
# this study, as many of each label, with the probability that the model gave its answer. IMDB's terms
# do not let us print the reviews; the row numbers find them.

# %% tags=["remove-input"]
tables.show(finetuning.examples(run))

# %% [markdown]
# ## What the number is worth
#
# The table puts all answers to the task side by side, from the checkpoints and recipes that were
# tried. With several seeds the interval is Student's over the seeds, which says nothing about other
# test rows. With a single run it is the bootstrap interval over the test rows, which says nothing
# about other seeds. The two cannot be compared, so {numref}`fig-sentiment-intervals` draws one kind
# for all: test rows and seeds drawn anew together, as far as there are seeds. The recipe of this page
# was kept because it costs least, and the seeds, label counts and budgets of {doc}`08_transfer` are
# run with it or close to it.

# %% tags=["remove-input"]
tables.show(finetuning.comparison_table(answers, ["accuracy", "macro_f1"]))

# %% mystnb={"figure": {"caption": "Test accuracy on the sentiment task with 95 % intervals over test rows and seeds, for every checkpoint and recipe of the table and the baselines.", "name": "fig-sentiment-intervals"}, "image": {"alt": "Dot plot with one row per model; each dot is a test accuracy with a horizontal bar for its 95 percent interval."}} tags=["remove-input"]
intervals = ranking.score_table(answers, "accuracy")
finetuning.plot_intervals(intervals, "test accuracy")

# %% [markdown]
# Is one above another? By the paired bootstrap of {ref}`glue-luck`, over test rows and seeds: T5 with
# the recipe of this page against the baseline: {eval}`facts.above_baseline`; against its twin from
# random weights: {eval}`facts.above_scratch`; the network that read most against the baseline:
# {eval}`facts.best_above`.

# %% [markdown] tags=["finds:baseline_ahead", "finds:longest_like_baseline"]
# So the baseline is ahead of the recipe of this page: it reads whole reviews and takes seconds. After
# the longest pre-training, and with 512 tokens of a review, the network is not told apart from it
# ({ref}`transfer-longest`).

# %% [markdown]
# The validation loss of the first seed, by which recipes are chosen: {eval}`facts.validation`. With
# the report's own recipe, two epochs of AdamW at 3e-4 with 512 tokens, our small network is right on
# {eval}`facts.literal` of the reviews. {doc}`07_emotion` shows what the same recipe does on short
# messages.

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
# starts without such help. Change the `prefix` of the task `imdb` where tasks are defined in
# `t5study/data/`, name an experiment of its own in a profile, and ask
# `ranking.difference(with_prefix, without, "accuracy")`. It compares the two row by row, and so sees
# more than two intervals set side by side.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
