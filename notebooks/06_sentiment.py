# %% [markdown]
# # Sentiment: T5 fine-tuned on film reviews
#
# The report's first experiment asks T5-small whether a film review of IMDB {cite:p}`maas2011imdb` is
# positive or negative. This chapter does it again with a T5 whose every weight was learnt in this study.
# It shows how a label becomes a text, what a training loop is, what the report's own code does, and how
# much of the result is due to the network, its pre-training and the length of what it reads.

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
from t5study.chapters import finetuning, scorecard, tables
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
best = answers.get(finetuning.LONGEST[role], runs)
longer = answers.get(f"{role}, T5, 256 tokens", runs)
literal = answers.get(f"{role}, T5, the report's recipe", runs)
recipe = study.plans(f"{role}, T5")[0].recipe
above_baseline = ranking.difference(runs, [baseline], "accuracy")
above_scratch = ranking.difference(runs, scratch, "accuracy")
best_above = ranking.difference(best, [baseline], "accuracy")
tuned = next(iter(study.select(task=role, model="minilm", labels=None).values()), best)
facts(
    prefix=task.prefix.strip(),
    labels=len(task.label_words),
    optimizer={"adamw": "AdamW", "adafactor": "Adafactor"}[recipe.optimizer],
    seeds=len(runs),
    best_seeds=len(best),
    epochs=recipe.epochs,
    dropout=f"{recipe.dropout:g}",
    train_rows=f"{baseline.metrics['train_rows']:,}",
    report_accuracy=f"{printed.loc['accuracy', 'f1']:.2f}",
    parameters=f"{runs[0].metrics['parameters']:,}",
    reads=runs[0].config["recipe"]["max_source_length"],
    best_reads=best[0].config["recipe"]["max_source_length"],
    accuracy=finetuning.mean_score(runs),
    scratch=finetuning.mean_score(scratch),
    baseline=finetuning.mean_score([baseline]),
    best=finetuning.mean_score(best),
    tuned=finetuning.mean_score(tuned),
    tuned_f1=finetuning.mean_score(tuned, "macro_f1"),
    tuned_seeds=len(tuned),
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
    tuned_above_best=ranking.difference(tuned, best, "accuracy").low > 0,
    tuned_above_report=float(finetuning.mean_score(tuned)) > printed.loc["accuracy", "f1"],
    more_review_helps=ranking.difference(longer, runs[:1], "accuracy").low > 0,
    literal_is_better=ranking.difference(literal, runs[:1], "accuracy").low > 0,
    literal_is_worse=ranking.difference(literal, runs[:1], "accuracy").high < 0,
)

# %% [markdown] tags=["finds:longest_like_baseline", "finds:more_review_helps", "finds:baseline_ahead", "finds:scratch_below"]
# The report prints an accuracy of {eval}`facts.report_accuracy` on the 25,000 test reviews. Found here, with
# a T5 of {eval}`facts.parameters` parameters:
#
# - The best of our networks first read 80 million tokens without labels: IMDB's unlabelled and training
#   reviews, and old books. It reads up to {eval}`facts.best_reads` tokens of a review. It is right on {eval}`facts.best` of the reviews. A linear
#   classifier on words and word pairs, which learns in seconds, is right on {eval}`facts.baseline`; the two are not
#   told apart.
# - How much of a review is read matters most. With {eval}`facts.reads` tokens of a review and the shorter
#   pre-training the network is right on {eval}`facts.accuracy`, with 256 on
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
# The report does not state its prefix; ours is *{eval}`facts.prefix`*. The table shows what the decoder
# has to write for each label: the {term}`label word` and the end token `</s>`.

# %% tags=["remove-input"]
tables.show(finetuning.casting_table(study.casting(role)))

# %% [markdown]
# ## Fine-tuning in forty lines
#
# Little code is needed. The function below takes any T5, its tokenizer and rows of text and word. It writes
# the prefix `sst2 sentence:` before each text; for another task put that task's prefix there. It
# draws the rows of an epoch in a new order, hands the network a batch at a time, hides the padding of the
# targets from the loss, and lets the learning rate fall to zero with the last update.

# %% tags=["only-here", "remove-input"]
finetuning.loop_source()

# %% jupyter={"source_hidden": true} tags=["only-here", "remove-cell"]
facts(**finetuning.appendix_facts())

# %% [markdown]
# The study's own trainer does the same and adds what a long run needs: gradients that are the same
# however an update is cut to fit into memory, texts of like length in one batch, checkpoints from which a
# broken run goes on, and a record of every run ({ref}`architecture`).
#
# (sentiment-appendix)=
# ## The report's code, line by line
#
# The report prints its trainer in the appendix, for a version of the libraries of its time. Most of it does
# what it means to. Five places deserve a mark.
#
# **The targets.** The padding is taken out of the loss, as above. The name of the argument was right for
# the library that the code was written for; it was `labels` from June 2020 on, and today's T5 refuses the
# old one.
#
# ```{code-block} python
# :emphasize-lines: 4
# lm_labels = batch["target_ids"]
# lm_labels[lm_labels[:, :] == self.tokenizer.pad_token_id] = -100
# outputs = self(input_ids=batch["source_ids"],
#                lm_labels=lm_labels, ...)
# ```
#
# **The filter that misses the normalisations.** Layer normalisations and biases are to be spared from weight decay.
#
# ```{code-block} python
# :emphasize-lines: 1
# no_decay = ["bias", "LayerNorm.weight"]
# ... [p for n, p in model.named_parameters()
#      if not any(nd in n for nd in no_decay)] ...
# ```
#
# T5's layers have no biases, and its normalisations are called `layer_norm.weight`, in small letters. Of
# their {eval}`facts.norms` names the filter catches {eval}`facts.norms_caught`; what it catches, by the
# word *bias*, are the two tables of relative positions. The weight decay is zero in the report's table of
# arguments, so nothing came of it.
#
# **The schedule that is too short.** The number of updates is rounded down where the training rounds up.
#
# ```{code-block} python
# :emphasize-lines: 1,2
# t_total = (len(dataset) // (train_batch_size * n_gpu)
#            // gradient_accumulation_steps * num_train_epochs)
# scheduler = get_linear_schedule_with_warmup(
#     self.opt, num_warmup_steps=warmup_steps, num_training_steps=t_total)
# ```
#
# With all 25,000 reviews the schedule has {eval}`facts.scheduled` updates and the training makes
# {eval}`facts.made`. The last {eval}`facts.beyond` run at a learning rate of zero. In the loop above one
# expression counts the updates, and rounds up.
#
# **The warm-up that is not there.** The comment in the code promises a linear warm-up; the arguments set it
# to {eval}`facts.warmup` steps.
#
# **The five best checkpoints.** `save_top_k=5` keeps the five checkpoints of lowest validation loss. With
# {eval}`facts.report_epochs` epochs and one validation in each there are {eval}`facts.report_epochs`, so
# all are kept, and the report does not say which it tested. Here the checkpoint of the lowest validation
# loss is the one that is tested, and the record names it.

# %% [markdown]
# ## The model and its arguments
#
# The report prints the first rows of the module summary of T5-small. The same table can be built from
# the model's configuration alone, so it is exact on every machine. The report's column cuts the counts to
# thousands or millions and does not round them; the column *cut* does the same to ours.

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
# The counts of {eval}`facts.modules_agree` of the report's {eval}`facts.modules_rows` rows agree; of the classes,
# {eval}`facts.modules_renamed` has another name today. The model has {eval}`facts.modules_total` parameters, of which
# {eval}`facts.modules_shared` are the {term}`embedding` table that encoder, decoder and output layer share. Ours has
# the same parts in a smaller size, {eval}`facts.parameters` parameters; {doc}`08_transfer` tells how it was
# pre-trained.
#
# The report's arguments stand beside those of this chapter's runs with {eval}`facts.reads` tokens.

# %% tags=["only-here", "remove-input"]
batch, steps = "train_batch_size", "gradient_accumulation_steps"
arguments = finetuning.argument_table(study.plans(f"{role}, T5")[0].recipe)
rows, times = (int(arguments.loc[name, "report"]) for name in (batch, steps))
arguments.loc[batch, "report"] = f"{rows} × {times} = {rows * times}"
seeds = ", ".join(str(run.config["seed"]) for run in runs)
arguments.loc["seed", ["our name", "this page"]] = ["seed", seeds]
tables.show(arguments.drop(steps).rename(index={batch: f"{batch} × {steps}"}))

# %% [markdown]
# ## The experiment
#
# IMDB has 25,000 reviews to train on, as many to test, and none to validate. So 2,500 of the training
# reviews are held out, chosen by a hash and in the proportions of the labels; they choose the checkpoint.
# T5 and the baseline learn from the other {eval}`facts.train_rows`. The baseline counts words and pairs
# of words, weighs them by TF-IDF, and fits a linear support vector machine: no network, no pre-training,
# seconds of work. It is known to be hard to beat on long reviews {cite:p}`wang2012nbsvm`.
#
# One line gives the runs of one experiment, one run a seed. Where the runs are kept, they are loaded;
# where not, they are trained.

# %%
baseline = study.run(f"{role}, TF-IDF")
runs = study.runs(f"{role}, T5")
scratch = study.runs(f"{role}, T5 from scratch")
tables.show(finetuning.recipe_table(study.recipe(f"{role}, T5")))

# %% [markdown]
# Answers are not generated. The label words are scored: one pass of the encoder, one step of the decoder,
# and a softmax over the first tokens of the label words, which all differ here.

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
run = best[0]
steps = finetuning.step_table(answers, role)
falls = -steps["accuracy"].diff().iloc[1:]
actual, predicted, count = finetuning.largest_confusion(run)
longest = recipe.max_source_length
facts(
    n=f"{run.metrics['n']:,}",
    mistake=f"{actual} taken for {predicted}",
    mistakes=f"{count:,}",
    cut=f"{100 * float((runs[0].predictions['tokens'] >= longest).mean()):.0f}",
)
study.finds(
    first_step_costs_most=len(falls) > 2 and falls.iloc[0] == falls.max(),
    every_step_costs=len(falls) > 1 and bool((falls > 0).all()),
)

# %% [markdown]
# ## The best run, and what makes it worse
#
# The table begins with the best of our networks. Each row changes one thing of the row above it, except that
# the first step also changes the precision, from bf16 to fp32. With three runs the interval is Student's over
# the seeds; with one run it is the bootstrap's over test rows.

# %% tags=["remove-input"]
tables.show(steps)

# %% [markdown] tags=["finds:first_step_costs_most", "finds:every_step_costs", "finds:literal_is_better"]
# Reading less of each review costs most: {eval}`facts.cut` % of the reviews fill the {eval}`facts.reads`
# tokens of the lower rows and may have lost their end, where reviewers like to say what they think.
# Reading less in pre-training costs less. So does reading nothing, when the embeddings are set from counts
# of which pieces stand near each other ({ref}`transfer-parted`). The report's recipe, with 512 tokens of a
# review, brings the network with the shorter pre-training to {eval}`facts.literal`.

# %% [markdown]
# Is one above another? By the paired bootstrap of {ref}`glue-luck`, over test rows and seeds, the best
# network against the baseline: {eval}`facts.best_above`. The network with {eval}`facts.reads` tokens
# against the baseline: {eval}`facts.above_baseline`; against its twin from random weights:
# {eval}`facts.above_scratch`.

# %% mystnb={"figure": {"caption": "Test accuracy on the sentiment task with 95 % intervals over test rows and seeds, for every checkpoint and recipe that was tried and the baselines.", "name": "fig-sentiment-intervals"}, "image": {"alt": "Dot plot with one row per model; each dot is a test accuracy with a horizontal bar for its 95 percent interval."}} tags=["remove-input"]
intervals = ranking.score_table(answers, "accuracy")
finetuning.plot_intervals(intervals, "test accuracy")

# %% [markdown]
# ## What the best run answers
#
# The report's table of metrics stands beside that of the best run's first seed.

# %% tags=["remove-input"]
tables.show(finetuning.report_table(run, role))

# %% mystnb={"figure": {"caption": "Confusion matrix of the best run on the sentiment test rows: actual labels down, predicted labels across, counts in the cells, shade by the share of the actual label.", "name": "fig-sentiment-confusion"}, "image": {"alt": "Heat map of the confusion matrix: rows are actual labels, columns predicted labels, with the counts printed in the cells."}} tags=["remove-input"]
finetuning.plot_confusion(run)

# %% [markdown]
# The more frequent mistake is {eval}`facts.mistake`, {eval}`facts.mistakes` of {eval}`facts.n` rows
# ({numref}`fig-sentiment-confusion`). IMDB's terms do not let us print reviews; whoever has the set finds
# the mistakes that the network is surest of by their row numbers, counted from 0.

# %% tags=["remove-input"]
tables.show(finetuning.surest_mistakes(run))

# %% mystnb={"figure": {"caption": "Training and validation loss of the best run on the sentiment task, per label token, on a logarithmic axis, one line a seed. A dotted line marks the checkpoint that a seed kept: its lowest validation loss.", "name": "fig-sentiment-losses"}, "image": {"alt": "Line chart of training loss and validation loss against epochs, with a vertical dotted line at each epoch whose checkpoint was kept."}} tags=["remove-input"]
finetuning.plot_losses(best)

# %% [markdown]
# {numref}`fig-sentiment-losses` shows the losses of its {eval}`facts.best_seeds` seeds. A validation loss
# that rises while the training loss still falls means that the model has begun to learn the training rows
# by heart; the checkpoint before that is the one kept.

# %% jupyter={"source_hidden": true} tags=["needs:published", "remove-cell"]
own = finetuning.sentence_table(study, role)
right = {name: int((own[name] == own["meant"]).sum()) for name in ("MiniLM", "SmolLM2")}
facts(own=len(own), own_minilm=right["MiniLM"], own_smollm2=right["SmolLM2"])
irony = own[own["kind"] == "irony"]
study.finds(irony_missed=(irony["MiniLM"] != irony["meant"]).all())

# %% [markdown] tags=["needs:published"]
# ## Sentences of our own
#
# Sentences of our own can be printed, and chosen to be hard: negation, irony, mixed praise, understatement.
# They were written before any model was asked. MiniLM is here an encoder whose adapters, small matrices
# beside the published weights {cite:p}`hu2022lora`, learnt from the phrases of SST-2; SmolLM2, an
# instruction-tuned decoder of 135 million parameters {cite:p}`benallal2025smollm2`, is asked without an
# example, and the label words are scored. Of {eval}`facts.own` sentences MiniLM answers
# {eval}`facts.own_minilm` as we meant them, SmolLM2 {eval}`facts.own_smollm2`.
#
# `.venv/bin/t5study predict models/sentiment --text "…"` asks the same model about a sentence of yours.

# %% [markdown] tags=["needs:published", "finds:irony_missed"]
# Irony defeats MiniLM each time: it reads the praise, and not what is meant by it.

# %% tags=["needs:published", "remove-input"]
tables.show(own)

# %% [markdown]
# ## What to take away
#
# - A classification task needs no new layer and no new loss: a label is a word to be written.
# - A score means little without a cheap baseline, a twin from random weights and an interval.
# - What a model is allowed to read can matter more than what it read before.
#
# What the report said, with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, finetuning.CLAIMS[role])

# %% [markdown]
# ## Exercises
#
# :::{admonition} Exercise 1
# :class: tip
# Take the prefix away, train again, and compare. Does a model that only ever sees one task need to
# be told which?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# It does not need the prefix to choose among tasks, since there is one. What the prefix can still
# give is a link to pre-training: T5's own checkpoints met `sst2 sentence:` before, and a new prefix
# starts without such help. Change the `prefix` of the task `imdb` in `t5study/data/tasks.py`, name an
# experiment of its own in a profile, and ask `ranking.difference(with_prefix, without, "accuracy")`.
# :::
#
# :::{admonition} Exercise 2
# :class: tip
# A data set has 2,100 rows. How many updates does the report's training make with batches of 8, 16 of
# them to an update, in two epochs, and for how many is its schedule made?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# An epoch has 262 whole batches, the last incomplete one being dropped. They make 16 full updates and one
# short one, so 34 in two epochs. The schedule counts $\lfloor\lfloor 2100/8 \rfloor/16\rfloor \cdot 2 =
# 32$. The last two updates run at a rate of zero.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
