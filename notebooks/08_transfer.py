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
# # Is it the pre-training?
#
# The report fine-tunes a T5 that others pre-trained and finds that it does well. How much of that is
# the pre-training? A score alone cannot say: the same network might have learnt the task from its
# labels, and so might a machine that counts words. This chapter takes the pre-training away, or
# gives less of it, and measures what is lost.
#
# Three words are used throughout. {term}`Transfer learning` is the use of what was learnt on one
# task for another. A network trained {term}`from scratch` starts from random weights. The
# {term}`gain` of pre-training is the score of the pre-trained network less that of the network from
# scratch: same architecture, same recipe, same rows in the same order.
#
# The study's own models are pre-trained in two parts. First the {term}`embeddings <embedding>` are
# set from counts of which pieces stand near each other, in the first {glue:text}`transfer-counted`
# pieces of the corpus or in all where it is shorter. Then the network reads. The network from
# scratch has neither, so the gain is that of both.

# %% tags=["parameters", "hide-cell"]
profile = "pocket"
seed = 21

# %% tags=["hide-input"]
import pandas as pd

from t5study.chapters import tables, transfer
from t5study.claims.published import load_published
from t5study.pretraining import embeddings as cooccurrence
from t5study.study import Study

pd.set_option("display.max_colwidth", None)
study = Study(profile, seed=seed)
published = load_published()
study.badge()

# %% tags=["hide-cell"]
study.glue("transfer-counted", f"{cooccurrence.MOST_PIECES:,}")

# %% [markdown]
# (transfer-curves)=
# ## With few labels, and with many
#
# What pre-training gives should matter most where labels are few. A {term}`learning curve` shows it:
# the score against the number of labelled training rows. At each number four answers are compared,
# all trained on the same rows:
#
# - **pre-trained** T5, fine-tuned;
# - the same T5 **from random weights**;
# - **TF-IDF + linear SVM**, the baseline of the chapters before;
# - **{term}`NB-SVM`** {cite}`wang2012nbsvm`, a linear SVM on words and word pairs. Each is
#   present in a text or not, and counts as much as a ratio from {term}`naive Bayes` says. With
#   $\mathbf{p}$ and $\mathbf{q}$ the numbers of positive and negative training texts that hold each
#   feature, plus one, that ratio is
#
# $$
# \mathbf{r} = \log \frac{\mathbf{p} / \lVert \mathbf{p} \rVert_1}
# {\mathbf{q} / \lVert \mathbf{q} \rVert_1} .
# $$
#
# The weights that the machine learns are then drawn three quarters of the way to their mean size, so
# that none departs far from its ratio. By its paper it does better than most results of its time on
# sentiment. With more than two labels, one such machine is fitted for each label against the rest.
#
# How the points were made:
#
# - The rows are chosen by a hash of their text, in the proportions of the labels; the rows of a small
#   point are part of every larger one.
# - To choose a checkpoint takes labels as well. A point has no more validation rows than training
#   rows, or it would have more labels than it says.
# - With fifty rows, two or three epochs are a handful of {term}`updates <update>`. The recipe of the
#   small points names a least number of updates, and epochs are added until it is met.
# - The point of all labels is the run of the earlier chapters, with its own recipe and all test
#   rows. In the published book the smaller points of sentiment are judged on 2,000 test reviews,
#   the last on 25,000. On emotion the last point trains for five epochs with dropout, the others
#   for two without, or more where the least number of updates asks for it. On both, an update of
#   the last point has twice the rows of one of the others. So the step to the last point is not one
#   of labels alone.
# - The networks read the beginning of a text, the linear machines all of it. So many test texts
#   fill the network's longest input, and may have lost their end: {glue:text}`transfer-cut`. On
#   long reviews the curve compares two readers of which one sees less. With longer inputs, by other
#   recipes and on all labels, the same pre-trained network reaches on sentiment
#   {glue:text}`transfer-longer-inputs`.

# %%
roles = transfer.curve_roles(study)
metric = {role: study.task(role).metrics[0] for role in roles}
points = {role: transfer.learning_curve(study, role) for role in roles}
curves = {role: transfer.curve_table(points[role], metric[role]) for role in roles}
otherwise = transfer.missing(study, roles, "learning curves")

# %% mystnb={"figure": {"caption": "Learning curves: test score against the number of labelled training rows, on a logarithmic axis. Bands are 95 % intervals, Student's over seeds, or the bootstrap's over test rows where there is one run.", "name": "fig-curves"}, "image": {"alt": "One panel a task with four rising lines: pre-trained T5, T5 from random weights and two baselines on bags of words. The distance between the first two lines is the gain of pre-training."}} tags=["hide-input"]
transfer.plot_curves(curves, " or ".join(dict.fromkeys(metric.values())), otherwise)

# %% [markdown]
# In {numref}`fig-curves` the gain is the distance between two lines. The table gives it as a
# number. Runs are paired by seed, so the {term}`standard error` in it is that of the mean of the
# differences. A gain of more than two standard errors is called clear. That is a loose rule with
# few seeds: Student's distribution asks for 12.7 standard errors with two seeds and 4.3 with three,
# for 95 %. One seed has no standard error, and the table then does not answer.

# %%
gains = {role: transfer.gain_table(points[role], metric[role]) for role in roles}

# %% tags=["hide-input"]
table = pd.concat(gains, names=["task"]) if gains else pd.DataFrame()
tables.show(transfer.shown(table, otherwise))

# %% tags=["hide-cell"]
clear, judged = transfer.counted(list(gains.values()))
by_student, _ = transfer.counted(list(gains.values()), transfer.STUDENT)
study.glue("transfer-clear-student", by_student)
study.glue("transfer-clear", clear)
study.glue("transfer-judged", judged)
study.glue("transfer-largest", transfer.largest_gain(gains))
study.glue("transfer-cut", transfer.cut_shares(points))
study.glue("transfer-longer-inputs", transfer.longer_inputs(study, "sentiment"))

# %% [markdown]
# The gain is clear at {glue:text}`transfer-clear` of the {glue:text}`transfer-judged` points that
# have several seeds; it is beyond Student's 95 % interval at {glue:text}`transfer-clear-student`. The
# largest: {glue:text}`transfer-largest`.
#
# In the published book the gain on reviews shrinks as labels grow. That may be the labels' doing,
# or a ceiling: no network here can tell more than the beginning of a review does. With fifty labels
# of emotion no model has learnt the task: the pre-trained network is right about as often as the
# answer *joy* always is, so its gain there, though it counts as clear, says nothing. The gain is
# largest in the middle.
#
# In the published book most of these gains are the counts' and not the reading's. The section
# {ref}`transfer-parted` takes the two apart, with one seed: reading the profile's own budget after
# the counts is worth {glue:text}`transfer-by-reading-own`. It lost points with 500 labels of
# emotion.
#
# ```{admonition} What the standard error leaves out
# :class: note
# The standard error knows the seeds alone. Other test rows would give another score. With two seeds it
# is itself a guess: two differences that happen to agree make it tiny. The bands of the figure are then
# 12.7 standard errors wide to each side, may leave the range from 0 to 1, and may overlap where the
# gain is beyond Student's interval, because the gain is taken seed by seed.
#
# All seeds of a point read the same rows. With fifty labels, *which* fifty matters a good deal, and
# the error bar knows nothing of that. It also takes the recipe as given: a recipe tuned for the
# network from scratch might help it, and none was looked for at each point.
#
# And all seeds share one pre-training. There is one for each budget, with one seed. Another would
# give other weights, perhaps on the other side of the plateau that {numref}`fig-held-out` shows. No
# interval on this page knows of that.
# ```
#
# (transfer-budgets)=
# ## More text, more gain?
#
# A model that was pre-trained for an hour is not one that was pre-trained for a month. The
# {term}`budget` of a pre-training is counted here in tokens read. T5 was pre-trained again with
# other budgets, each a training of its own to the end of its schedule, and each was then
# fine-tuned in the same way. All start from the same counts, so a budget says what was read, not what
# was counted. The row of 0 tokens is the network from random weights; it has no counts either. In
# the published book the largest budget was read in bf16, the others in fp32. Fine-tunings were in
# fp32, whatever the budget; further down, those that read up to 512 tokens of a review were in
# bf16.

# %%
budgets = {role: transfer.budget_table(study, role) for role in transfer.budget_roles(study)}
otherwise = transfer.missing(study, budgets, "budgets")

# %% mystnb={"figure": {"caption": "Test accuracy against the tokens that T5 read in pre-training, for different numbers of labels. The dashed line of the same colour is the network from random weights. Bands are 95 % intervals as in the figure before.", "name": "fig-budgets"}, "image": {"alt": "One panel a task. Solid lines with dots show accuracy at three or more pre-training budgets on a logarithmic axis; horizontal dashed lines show the accuracy without pre-training."}} tags=["hide-input"]
transfer.plot_budgets(budgets, otherwise)

# %% tags=["hide-input"]
indexed = {role: table.set_index(["labels", "tokens"]) for role, table in budgets.items()}
table = pd.concat(indexed, names=["task"]) if indexed else pd.DataFrame()
tables.show(transfer.shown(table, otherwise))

# %% tags=["hide-cell"]
study.glue("transfer-left-out", transfer.left_out(study))

# %% [markdown]
# A text that stands in a test set must not be read before, or the test is no test. Texts left out
# of pre-training: {glue:text}`transfer-left-out`. They are found by their letters and digits alone,
# so that another comma does not hide a copy. Only whole texts are compared, and with real data only
# with the test reviews of IMDB. SST-2 is cut from film reviews as well: whether sentences of its
# development set stand inside a review that was read was not looked for.
#
# Tokens read are not different tokens. The run records do not hold the length of the corpus. By the
# packed text of the published book, it is a little longer than the part that is counted for the
# embeddings. So the profile's own budget there reads little more than half of it, once; the largest
# reads it more than twice, and the trial of the most tokens ({ref}`transfer-trials`) about eleven
# times.
#
# Where a solid line of {numref}`fig-budgets` lies on its dashed one, that much pre-training bought
# nothing. Where it falls, more text was not better for that task, at that number of labels and with
# that recipe. Each point is one seed, or as many as the table says.
#
# (transfer-parted)=
# ### Counting and reading
#
# A smallest budget of one single update leaves the embeddings as the counts set them. So the gain
# can be parted: from random weights to counts, and from counts to a budget. The table has the
# largest budget and, in its last column, the profile's own, from which the learning curves start.

# %%
parted = transfer.counting_and_reading(study, budgets)

# %% tags=["hide-input"]
otherwise = "Not run: no budget of this profile is one single update."
tables.show(transfer.shown(parted, otherwise))

# %% tags=["hide-cell"]
for part in ("counting", "reading"):
    values = parted[f"gain of {part}"] if len(parted) else []
    study.glue(f"transfer-by-{part}", transfer.points_range(values))
values = parted[transfer.READING_OWN] if len(parted) else []
study.glue("transfer-by-reading-own", transfer.points_range(values))

# %% [markdown]
# Over the rows of the table, counting is worth {glue:text}`transfer-by-counting`. Reading after it
# is worth {glue:text}`transfer-by-reading` with the largest budget and
# {glue:text}`transfer-by-reading-own` with the profile's own. In the published book the counts
# alone do about as well as the budgets in the middle, and better on emotion with the smaller number
# of labels: what the early reading learns is of little use to these tasks, or takes as much as it
# gives. Only the largest budget has an interval above that of the counts, in three of the four
# rows.
#
# {numref}`fig-held-out` shows the {term}`held-out loss`, the loss on texts kept out of the
# pre-training. It does not fall evenly: a small network waits on a plateau and then falls from it.

# %% mystnb={"figure": {"caption": "Held-out loss of T5's pre-training against the tokens read, on a logarithmic axis, one line a budget. Each line has a learning-rate schedule of its own length.", "name": "fig-held-out"}, "image": {"alt": "Falling lines of held-out loss against tokens read, one for each pre-training budget; the lines of larger budgets end lower."}} tags=["hide-input"]
pretrainings = transfer.pretrainings(study)
transfer.plot_held_out(pretrainings, transfer.missing(study, pretrainings, "pre-training"))

# %% tags=["hide-cell"]
steep = transfer.steepest(list(pretrainings.values())[-1]) if pretrainings else None
study.glue("transfer-steep-from", f"{steep[0]:,}" if steep else "not run")
study.glue("transfer-steep-to", f"{steep[1]:,}" if steep else "not run")
study.glue("transfer-steep-by", f"{steep[2]:.2f}" if steep else "not run")
study.glue("transfer-own-rates", transfer.own_rates(study))

# %% [markdown]
# After its beginning, the run of the largest budget falls most between
# {glue:text}`transfer-steep-from` and {glue:text}`transfer-steep-to` tokens, by
# {glue:text}`transfer-steep-by`. In the published book that is where it leaves its plateau. The
# profile's own budget goes as far and stays. Two things differ. Over that stretch the schedule of
# the profile's own budget lowered its learning rate, from and to these shares of the highest:
# {glue:text}`transfer-own-rates`. And it was computed in fp32, the largest budget in bf16. Which of
# the two kept it is not known; a trial further down left its plateau at a rate that was lowered
# too. It may be neither: each line is one run with one seed, and another seed may leave the plateau
# earlier, later or not at all. A budget is not tokens alone: the schedule belongs to it.

# %% [markdown]
# (transfer-longest)=
# ### All labels after the longest reading
#
# The tasks of the report, once more on all labels and all their seeds: T5 as its chapter has it, T5
# after the largest budget with the recipe that the profile gives it, and the usual baseline.

# %% tags=["hide-input"]
longest = transfer.longer_table(study)
tables.show(transfer.shown(longest, transfer.missing(study, len(longest), "longer pre-training")))

# %% [markdown]
# In the published book the longest reading lifts emotion above the baseline and above the
# report's figures, with none of its weights. On reviews it is not told apart from the baseline,
# and its mean is below the report's figure; there, reading up to 512 tokens of a review in place
# of 128 gives more than the longer pre-training. Longer reviews are still cut.
#
# A published table asks a neighbouring question at another scale: how many of the tokens must be
# different? {cite:t}`raffel2020t5` pre-trained T5-base on ever fewer different tokens, repeating
# them to keep the length of training, and averaged over GLUE's development sets:

# %% tags=["hide-input"]
by_tokens = published.table(task="glue", split="validation", metric="glue")
by_tokens.set_index("model")[["value", "source", "verified"]]

# %% tags=["hide-cell"]
whole = published.value("glue-tokens-full")
study.glue("transfer-t5-29", float(whole - published.value("glue-tokens-29")), digits=1)
study.glue("transfer-t5-23", float(whole - published.value("glue-tokens-23")), digits=1)

# %% [markdown]
# With half a billion different tokens T5-base loses {glue:text}`transfer-t5-29` points against the
# whole corpus, with eight million {glue:text}`transfer-t5-23`. All rows of that table read the
# same number of tokens. So it shows what repeating text costs, and not what reading less costs.
#
# ### What makes a short pre-training better
#
# The embeddings of a random model say nothing about which words are alike. That can be had from
# counting: which pieces stand near which, how much more often than chance
# ({term}`pointwise mutual information`), brought down to the width of the embeddings by a singular
# value decomposition {cite}`levy2014factorization`. The table compares the recipe as it is with each
# change of it, alone, at one small budget.

# %% tags=["hide-input"]
variants = transfer.variant_table(transfer.variants(study))
tables.show(transfer.shown(variants, transfer.missing(study, len(variants), "variants")))

# %% [markdown]
# The study's recipe starts from such embeddings; the other row takes them away. A lower held-out loss
# after the same number of tokens is a better start. It is one run each: take small differences for
# luck.
#
# (transfer-trials)=
# ### Tokens are not updates
#
# A GPU reads far faster than a processor core. It does so in large portions: an update of a small
# network with twice the tokens takes it little longer. So the same tokens make fewer updates there.
# A window is the piece of text that is read as one example. The table sets trials on a GPU, with a
# larger T5, beside the run of the largest budget above, which
# one core made; {numref}`fig-trials` counts updates in place of tokens.

# %%
trials = transfer.trials(study)
table = transfer.trial_table(trials)

# %% tags=["hide-input"]
otherwise = transfer.missing(study, trials, "trials, which need a GPU")
whole = [
    "parameters",
    "tokens",
    "updates",
    "tokens an update",
    "tokens a window",
    "tokens a second",
]
form = {column: "{:,.0f}" for column in whole if column in table}
tables.show(transfer.shown(table, otherwise))

# %% mystnb={"figure": {"caption": "Held-out loss against the number of updates, on a logarithmic axis: the run of the largest budget and the trials. A window's length changes the question a little, so the ends of lines with other windows are compared with care; where a line falls from its plateau can be compared.", "name": "fig-trials"}, "image": {"alt": "Four falling lines of held-out loss against updates. The line of the largest budget goes furthest and lowest; the line with long windows stays on its plateau to its end; one of the lines with short windows falls from it, the other ends before."}} tags=["hide-input"]
transfer.plot_held_out(trials, otherwise, against="step")

# %% [markdown]
# Where each of these lines, and that of the profile's own budget, is steepest on the logarithmic
# axis, and the learning rate there as a share of the highest:

# %%
own = {"the profile's own budget": study.pretraining("t5")} if trials else {}
falls = transfer.fall_table(own | trials)

# %% tags=["hide-input"]
shares = [column for column in falls if column.startswith("rate")]
tables.show(transfer.shown(falls, otherwise), formats=dict.fromkeys(shares, "{:.0%}"))

# %% tags=["hide-cell"]
most = table["tokens"].max() / table["tokens"].iloc[0] if len(table) else 0
fastest = table["tokens a second"].max() / table["tokens a second"].iloc[0] if len(table) else 0
study.glue("transfer-trials-tokens", f"{most:.0f} times" if len(table) else "not run")
study.glue("transfer-trials-faster", f"{fastest:.0f} times" if len(table) else "not run")
study.glue("transfer-trials-fewest", f"{table['updates'].min():,}" if len(table) else "not run")
for name, text in transfer.fall_words(table, falls).items():
    study.glue(f"transfer-fall-{name}", text)

# %% [markdown]
# The trials read up to {glue:text}`transfer-trials-faster` as fast as the one core, and up to
# {glue:text}`transfer-trials-tokens` the tokens. In the published book each of them ends above the
# core's loss. The one with long windows never leaves its plateau. Its windows have four times as
# many gaps, among which the network must find the one that a sentinel stands for; that may be why.
#
# The trial with the lowest loss is "{glue:text}`transfer-fall-name`". Found on the axis of
# updates, its steepest stretch lies between updates {glue:text}`transfer-fall-from` and
# {glue:text}`transfer-fall-to`, while its rate goes from {glue:text}`transfer-fall-high` to
# {glue:text}`transfer-fall-low` of its highest. In the published book that is after fewer updates
# than the smaller network took to its fall. The other trial with short windows stays on its
# plateau; it ended after {glue:text}`transfer-trials-fewest` updates, about where the first one
# fell. So a lowered rate alone does not hold a network on its plateau. Whether the second would
# have left with more updates, these records do not say.
#
# These runs speak for many updates on short windows first. They do not prove it: windows, updates
# and rate differ at once between the first two trials, and each is one run.
#
# (transfer-architectures)=
# ## Encoder, decoder, or both
#
# T5 has an encoder and a decoder, BERT an encoder, GPT a decoder. The report describes all three and
# compares places on a leaderboard. Here they are pre-trained on the same text, with one vocabulary,
# and fine-tuned on the same task. {cite:t}`raffel2020t5`, section 3.2, explain why the three cannot be
# made equal in everything: an encoder-decoder with twice the parameters of a decoder costs the same
# {term}`FLOPs <FLOP>`, since each token passes through one half of it. The budgets are therefore
# printed and not only named. Where T5 has several budgets, the one nearest to the others' stands here.

# %%
table = transfer.architecture_table(study, "sst")

# %% tags=["hide-input"]
otherwise = transfer.missing(study, len(table), "pre-training")
large = {"parameters": "{:,.0f}", "tokens": "{:,.0f}", "FLOPs": "{:.1e}"}
form = {column: form for column, form in large.items() if column in table}
tables.show(transfer.shown(table, otherwise))

# %% tags=["hide-cell"]
columns = ("tokens", "FLOPs", "parameters")
for column in columns:
    values = table[column].tolist() if len(table) else []
    study.glue(f"transfer-spread-{column.lower()}", transfer.spread(values))
scores = table[f"sst, {study.task('sst').metrics[0]}"].to_dict() if len(table) else {}
study.glue("transfer-ranked", transfer.ranked(scores))
study.glue("transfer-apart", transfer.neighbours(study, "sst"))
for name, text in transfer.masked_words(table).items():
    study.glue(f"transfer-masked-{name}", text)

# %% [markdown]
# From the smallest to the largest of the three, the tokens differ by
# {glue:text}`transfer-spread-tokens`, the FLOPs by {glue:text}`transfer-spread-flops` and the
# parameters by {glue:text}`transfer-spread-parameters`. In so small a network the output layer
# costs more than any other at a position where it is computed. GPT computes it at every position,
# BERT at the masked ones and T5 for the text that it writes, so at equal tokens GPT costs most. The
# held-out losses must not be compared across rows: to fill a gap, to fill a masked word and to go
# on with a text are three different questions.
#
# By the score on the task: {glue:text}`transfer-ranked`. By the paired bootstrap over test rows,
# {glue:text}`transfer-apart`. In the published book T5 and GPT are not told apart, and GPT is above
# BERT, whose pre-training taught it little. It answers for the masked pieces alone,
# {glue:text}`transfer-masked-asked` of the tokens that it reads, and on held-out texts it names
# {glue:text}`transfer-masked-right` of them. That is a network at the beginning of its training. So
# the table ranks three short trainings, and not three architectures.
#
# There are other reasons for care. Each score is one seed. In the published book T5 was pre-trained
# with Adafactor, BERT and GPT with AdamW at rates of their own, while all three were fine-tuned
# with T5's recipe. A lower score may be the recipe's and not the architecture's. One thing can be
# expected: a model with one direction of sight reads the beginning of a sentence without knowing
# what follows. That costs less where the answer is given after the end.
#
# (transfer-enough)=
# ## Where it is enough
#
# Two questions decide whether pre-training one's own small model is worth it. Is it better than
# everything that needs none? And how far is it from a model that others pre-trained on far more?
# The first is answered by the paired bootstrap of {ref}`glue-luck`, on all labels: for the
# pre-trained network of the chapters and, where the profile has a longer pre-training, for the
# network after it.

# %% tags=["hide-input"]
otherwise = transfer.missing(study, roles, "learning curves")
standings = {role: transfer.standing(study, role, points[role], metric[role]) for role in roles}
table = pd.concat(standings, names=["task"]) if standings else pd.DataFrame()
tables.show(transfer.shown(table, otherwise))

# %% [markdown]
# In the published book the answer depends on which of the two networks is asked. That of the
# chapters is above random weights on both tasks. On emotion it is not told apart from either linear
# machine; on reviews both are ahead, and they read whole reviews while it reads 128 tokens. After
# the longest reading the network is above everything else in the table on emotion: there its own
# pre-training is enough. On reviews, with up to 512 tokens of them, it is not told apart from
# TF-IDF and a little below NB-SVM: there it is not. All its seeds share the one pre-training that
# left the plateau.
#
# The second needs numbers from elsewhere. A column belongs to one kind of evidence: what the report
# prints, what others published, and what this study measured. The column *read* says how a
# published number was checked: *read* was read at its source, *listing* was seen in a list that
# quotes the source, and *not verified* was not read again. Where the column *note* says that a
# source used a split of its own, its test rows are not those of the other rows, and the distance to
# it is a rough one.

# %% tags=["hide-input"]
tables.show(transfer.beside_published(study, "sentiment", "accuracy"))

# %% tags=["hide-input"]
tables.show(transfer.beside_published(study, "emotion", "accuracy"))

# %% tags=["hide-cell"]
study.glue("transfer-own-electra", int(published.value("self-pretraining-electra")))
study.glue("transfer-own-roberta", int(published.value("self-pretraining-roberta")))
study.glue("transfer-nanot5", float(published.value("nanot5-rouge")), digits=1)
study.glue("transfer-t5v11", float(published.value("t5v11-rouge")), digits=1)

# %% [markdown]
# In the published book the network after the longest reading stays below T5-small's published
# accuracy on reviews and reaches it, to two decimals, on emotion.
#
# Pre-training on the task's own text is not a makeshift. In the published book the models of this
# study read film reviews, the text of sentiment, and old books; of emotion's messages they read
# none. {cite:t}`krishna2023downstream` pre-trained on the own text of ten classification sets, IMDB
# not among them, and compared it with a general corpus: the task's own text won on
# {glue:text}`transfer-own-electra` of the ten with ELECTRA and on {glue:text}`transfer-own-roberta`
# with RoBERTa. Nor does pre-training need hundreds of accelerators, as the report has it:
# {cite:t}`nawrot2023nanot5` pre-trained T5-base v1.1 on one GPU in sixteen hours. Fine-tuned on
# Super-Natural Instructions, it reached {glue:text}`transfer-nanot5` Rouge-L where the published
# weights of T5-base v1.1 reach {glue:text}`transfer-t5v11`.
#
# (transfer-price)=
# ## What would the missing points cost?
#
# If the error $1 - s$ falls with the tokens $N$ as a {term}`power law`, then in logarithms it is a
# straight line {cite}`kaplan2020scaling`:
#
# $$
# 1 - s(N) = a\,N^{-b} \quad\Longleftrightarrow\quad \log(1 - s) = \log a - b \log N .
# $$
#
# {cite:t}`kaplan2020scaling` found this law for the loss; for a task's error it is an assumption.
# A line through the budgets above, at the largest number of labels in that table, says by least
# squares what a doubled budget does to the error, and where it meets the target. More labels may
# reach the target without more text. To see how much the answer hangs on one point, each point is
# left out in turn, also that of a single update, which read next to nothing. If the error does
# not fall in one of these fits, the slope is of no use and there is no price: *never (no useful
# slope)*. If it falls in all of them, but the line meets the target only beyond $10^{12}$ tokens,
# what each of the five final models of {cite:t}`raffel2020t5` read (section 3.7), the answer is
# *never (beyond 1e+12 tokens)*. A target that the best score meets while its interval reaches
# below is *reached, within its interval*.
#
# One row must not be asked too much. In the published book the curve of sentiment is that of
# networks that read 128 tokens of a review, and its target is the report's accuracy, with four
# times the text. So its row says what more pre-training does for that short input. It cannot say
# what the target costs: {ref}`transfer-longest` has the same task with 512 tokens, far nearer to
# the target.

# %%
prices = transfer.price_table(study, budgets) if budgets else pd.DataFrame()

# %% tags=["hide-input"]
otherwise = transfer.missing(study, len(prices), "budgets")
tables.show(transfer.shown(prices, otherwise))

# %% tags=["hide-cell"]
said = [f"{role}: {text}" for role, text in prices["budget"].items()] if len(prices) else []
study.glue("transfer-price", "; ".join(said) or "not run")

# %% [markdown]
# What the curve says is needed to reach the target, by task: {glue:text}`transfer-price`. Read it as a
# direction and not as a price tag:
#
# - It is a line through few points, most of them of one seed, and one of them can turn a price into
#   *never*.
# - Nothing says that the line goes on. Labels have noise, so some error never goes away; and a small
#   network stops gaining from text that a larger one would still use {cite}`kaplan2020scaling`.
# - The text is finite. Beyond its length the same tokens are read again, and repeated tokens are
#   worth less {cite}`raffel2020t5`. In the published book the largest budget is beyond it already.
#
# ## Exercises
#
# ```{admonition} Exercise 1
# :class: tip
# Three seeds give the gains 1, 2 and 6 points. Is the mean gain clear, by the rule of this chapter?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# The mean is 3. The differences from it are $-2$, $-1$ and $3$; their squares sum to 14, so the
# standard deviation is $\sqrt{14 / 2} \approx 2.65$ and the standard error $2.65 / \sqrt{3} \approx
# 1.53$. Twice that is 3.06, so 3 is not clear, narrowly. With three seeds Student's distribution
# would ask for more still: 4.3 standard errors for 95 %.
# ```
#
# ```{admonition} Exercise 2
# :class: tip
# A rule of thumb says: "with all labels, pre-training gains nothing here, so it is useless." Which
# figure of this chapter would you show in reply, and what would the rule have to say instead?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# {numref}`fig-curves`: a gain belongs to a number of labels. Where labels are plentiful they can
# teach what pre-training would have taught. The rule would have to name the number, and the price of
# labels against that of computing.
# ```
#
# ```{admonition} Exercise 3
# :class: tip
# The points of a curve vary the seed and keep the rows. Change the experiment so that the error bar
# covers the choice of rows as well. What becomes of the pairing?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# Draw other rows for every seed, in `split_rows` of `t5study/data/tasks.py`: put the seed into the hash.
# Pre-trained and from scratch must still see the same rows for the same seed, or the difference would
# hold the luck of two draws in place of one. The pairing stays; the spread over seeds grows.
# ```
#
# ```{admonition} Exercise 4
# :class: tip
# An error falls from 20 to 16 points when the budget is multiplied by four. By the power law, which
# budget would halve the first error?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# $4^{-b} = 0.8$ gives $b = \log(1/0.8)/\log 4 \approx 0.161$. To halve the error takes
# $2^{1/b} \approx 2^{6.2} \approx 74$ times the first budget.
# ```
#
# ## Where these numbers come from

# %% tags=["hide-input"]
study.provenance()
