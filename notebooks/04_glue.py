# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
#     formats: ipynb,py:percent
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
# # BERT and T5 on GLUE
#
# The report compares models by their places on a leaderboard. This chapter keeps that leaderboard
# as data, explains what its scores are made of, asks how much of a difference in score is luck,
# and then fine-tunes T5 and BERT side by side on tasks of the same kind, with a cheap baseline next
# to them.
#
# The networks fine-tuned here: T5 ({glue:text}`glue-t5-name`) with {glue:text}`glue-t5-size`
# parameters, BERT ({glue:text}`glue-bert-name`) with {glue:text}`glue-bert-size`. The report's
# T5-small has 60 million, the T5 of its leaderboard 11 billion. In the published book both networks
# are this study's own: what they score says nothing about T5-small.

# %% tags=["parameters"]
profile = "pocket"
seed = 21

# %% tags=["hide-input"]
import pandas as pd

from t5study.chapters import glue, transfer
from t5study.chapters.tables import show
from t5study.claims.published import load_published
from t5study.data.tasks import ceiling
from t5study.judging import ranking, scores
from t5study.study import Study

pd.set_option("display.max_colwidth", None)
pd.set_option("display.precision", 3)
study = Study(profile, seed=seed)
published = load_published()
study.badge()

# %% [markdown]
# (glue-leaderboard)=
# ## The leaderboard the report found
#
# A {term}`benchmark` is a fixed set of tasks with a fixed way of scoring them, and a
# {term}`leaderboard` is the public list of who scored what. {term}`GLUE` {cite}`wang2019glue` is a
# benchmark of nine tasks on English sentences; a system's answers to the test sets are sent in and
# scored by the organisers, who keep the labels to themselves. The report prints the top of the list
# as it stood in spring 2021:

# %% tags=["hide-input"]
board = published.leaderboard()
board.set_index("rank")[["team", "model", "score", "cola", "sst2"]].rename(
    columns={"cola": "CoLA", "sst2": "SST-2"}
)

# %% tags=["hide-cell"]
t5 = board.set_index("family").loc["t5"]
first, last = board.iloc[0], board.iloc[-1]
study.glue("glue-t5-rank", int(t5["rank"]))
study.glue(
    "glue-deberta-rank", int(board.loc[board["model"].str.contains("DeBERTa"), "rank"].iloc[0])
)
study.glue("glue-bert-in-top-five", int((board.head(5)["family"] == "bert").sum()))
study.glue("glue-gap-first", float(first["score"] - t5["score"]), digits=1)
study.glue("glue-t5-score", float(t5["score"]), digits=1)
study.glue("glue-last-score", float(last["score"]), digits=1)
study.glue("glue-bert-score", published.value("glue-test-bert-large"), digits=1)
study.glue("glue-people", published.value("glue-human"), digits=1)
study.glue("glue-cola-gap", float(board["cola"].max() - t5["cola"]), digits=1)
study.glue("glue-cola-best", board.loc[board["cola"].idxmax(), "model"])

# %% [markdown]
# What the report reads from it can be checked line by line.
#
# - *T5 is sixth.* It is at rank {glue:text}`glue-t5-rank`, {glue:text}`glue-gap-first` points
#   behind the first.
# - *DeBERTa is second, and many models in the top five come from BERT.* DeBERTa's rank is
#   {glue:text}`glue-deberta-rank`; of the first five, {glue:text}`glue-bert-in-top-five` are
#   encoders that descend from BERT. (ERNIE, which leads, does so too.)
# - *The original BERT is 32nd.* The printed rows end at 13, so this cannot be read from them.
#   It fits: the score known for BERT-large, {glue:text}`glue-bert-score` (from the literature, not
#   read again for this book), is far below the {glue:text}`glue-last-score` of the last row printed.
#
# Two things the table does not say. The rows compare *systems*: T5's is its largest model, with 11
# billion parameters, BERT's has 340 million, and some rows are ensembles of several models. And the
# order depends on the column: {numref}`fig-leaderboard` shows that on CoLA the best row is
# {glue:text}`glue-cola-best`, {glue:text}`glue-cola-gap` points above T5. An estimate for people is
# a GLUE score of {glue:text}`glue-people` {cite:p}`nangia2019human`; every printed row is above it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-leaderboard", "caption": "The report's leaderboard as dots: the GLUE score and two of its nine parts. Blue: encoders that start from BERT's design. The dotted line is an estimate for people. Dots close together are close in score, which a list of ranks hides."}, "image": {"alt": "Three columns of dots for thirteen systems: GLUE score, CoLA and SST-2. Scores fall slowly from rank 1 to 13; on CoLA and SST-2 the order is different from that of the score."}}
glue.plot_leaderboard(board, people=published.value("glue-human"))

# %% [markdown]
# ## What the nine tasks ask
#
# The sizes are those of the GLUE paper's Table 1 {cite}`wang2019glue`; *MCC* is Matthews'
# correlation, explained below. GLUE took most of the sets from others
# {cite:p}`warstadt2019cola,socher2013sst,dolan2005mrpc,cer2017stsb,dagan2006rte,levesque2012winograd`.

# %% tags=["hide-input"]
GLUE_TASKS = pd.DataFrame(
    [
        ("CoLA", "Is this sentence acceptable English?", "MCC", 8_500, 1_000),
        ("SST-2", "Is this opinion on a film positive?", "accuracy", 67_000, 1_800),
        ("MRPC", "Do these two sentences say the same?", "F1, accuracy", 3_700, 1_700),
        (
            "STS-B",
            "How alike in meaning are these two, from 0 to 5?",
            "Pearson, Spearman",
            7_000,
            1_400,
        ),
        ("QQP", "Do these two questions ask the same?", "F1, accuracy", 364_000, 391_000),
        (
            "MNLI",
            "Does the second follow from the first, contradict it, or neither?",
            "accuracy (two test sets)",
            393_000,
            20_000,
        ),
        ("QNLI", "Does this sentence answer the question?", "accuracy", 105_000, 5_400),
        ("RTE", "Does the second sentence follow from the first?", "accuracy", 2_500, 3_000),
        ("WNLI", "Does the sentence still follow with the pronoun replaced?", "accuracy", 634, 146),
    ],
    columns=["task", "question", "scores", "training", "test"],
).set_index("task")
GLUE_TASKS

# %% [markdown]
# BERT answers each task through a new layer of its own: the vector of `[CLS]` goes through a dense
# layer with as many outputs as there are labels {cite}`devlin2019bert`. T5 answers all of them in
# words {cite}`raffel2020t5`. A prefix names the task, the label is a word to be written, and even
# STS-B's number is written as text: it is rounded to the nearest multiple of 0.2, as in *2.6*.
# Which data set stands for each kind of task in this run:

# %% tags=["hide-input"]
GLUE_ROLES = [
    role
    for role in ("acceptability", "sst", "paraphrase", "similarity", "entailment")
    if study.has(role)
]
tasks = {role: study.task(role) for role in GLUE_ROLES}
pd.DataFrame(
    {
        role: {
            "task": task.name,
            "T5 reads": task.prefix + task.template,
            "T5 writes": ", ".join(task.label_words[:3])
            + (" …" if len(task.label_words) > 3 else ""),
            "scored by": ", ".join(task.metrics),
        }
        for role, task in tasks.items()
    }
).T

# %% [markdown]
# ## Five ways to count what is right
#
# With two classes, call one of them *positive*. The answers then fall into four boxes: true and
# false positives ($TP$, $FP$), true and false negatives ($TN$, $FN$), together $n$. Then
#
# $$
# \text{accuracy} = \frac{TP + TN}{n}, \qquad
# F_1 = \frac{2\,TP}{2\,TP + FP + FN},
# $$
#
# $$
# \text{MCC} = \frac{TP \cdot TN - FP \cdot FN}
# {\sqrt{(TP + FP)(TP + FN)(TN + FP)(TN + FN)}} .
# $$
#
# {term}`Accuracy <accuracy>` counts every right answer alike. {term}`F1 <F1 score>` is the harmonic
# mean of {term}`precision` and {term}`recall`: it never looks at the true negatives. {term}`Matthews'
# correlation <Matthews correlation>` {cite}`matthews1975comparison` is the ordinary correlation of
# two columns of zeros and ones, the labels and the answers: 1 for agreement, 0 for answers that have
# nothing to do with the labels, $-1$ for the opposite. Four judges of twenty sentences, fourteen of
# them acceptable, show why CoLA uses it:

# %%
labels = [1] * 14 + [0] * 6
judges = {
    "says yes to all": [1] * 20,
    "says no to all": [0] * 20,
    "takes turns": [1, 0] * 10,
    "is careful": [1] * 12 + [0] * 7 + [1],
}
pd.DataFrame(
    {
        judge: {
            "accuracy": scores.accuracy(labels, answers),
            "F1": scores.f1(labels, answers),
            "Matthews": scores.matthews(labels, answers),
        }
        for judge, answers in judges.items()
    }
).T

# %% tags=["hide-cell"]
yes = judges["says yes to all"]
study.glue("glue-yes-accuracy", scores.accuracy(labels, yes))
study.glue("glue-yes-f1", scores.f1(labels, yes))
study.glue("glue-yes-matthews", scores.matthews(labels, yes))
study.glue("glue-careful-matthews", scores.matthews(labels, judges["is careful"]))

# %% [markdown]
# Who says yes to all has understood nothing, yet gets an accuracy of {glue:text}`glue-yes-accuracy`
# and an F1 of {glue:text}`glue-yes-f1`, because most sentences *are* acceptable. The Matthews
# correlation of that judge is {glue:text}`glue-yes-matthews`, that of the careful one
# {glue:text}`glue-careful-matthews`. The formula is 0 over 0 for a judge who never changes the
# answer; by convention it is then 0, the value of one who guesses.
#
# When answers are numbers, as in STS-B, two correlations are used. {term}`Pearson's <Pearson
# correlation>` asks how nearly the answers $y$ are a rising straight line of the labels $x$,
#
# $$
# r = \frac{\sum_i (x_i - \bar x)(y_i - \bar y)}
# {\sqrt{\sum_i (x_i - \bar x)^2}\,\sqrt{\sum_i (y_i - \bar y)^2}} ,
# $$
#
# and {term}`Spearman's <Spearman correlation>` is Pearson's of the *ranks*: it asks about the order
# alone.

# %%
similarities = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
answers = {
    "half of each": [x / 2 for x in similarities],
    "right order, bent": [x**4 for x in similarities],
    "one pair exchanged": [0.0, 1.0, 3.0, 2.0, 4.0, 5.0],
}
pd.DataFrame(
    {
        name: {
            "Pearson": scores.pearson(similarities, y),
            "Spearman": scores.spearman(similarities, y),
        }
        for name, y in answers.items()
    }
).T

# %% [markdown]
# Neither minds that every answer is half of what it should be: correlations forgive a wrong scale.
#
# The {term}`GLUE score` is a mean of means. With $T$ tasks, and $M_t$ the metrics of task $t$,
#
# $$
# \text{GLUE} = \frac{100}{T} \sum_{t=1}^{T} \frac{1}{|M_t|} \sum_{m \in M_t} m ,
# $$
#
# so a task with two metrics weighs no more than one with one, and WNLI's 146 test pairs weigh as
# much as MNLI's twenty thousand. As a worked example, the development scores that the
# transformers library publishes for BERT-base {cite}`wolf2020transformers`, as far as this study has
# them:

# %% tags=["hide-input"]
dev = published.table(split="validation")
dev = dev[dev["model"] == "BERT-base-cased"].set_index(["task", "metric"])["value"]
show(dev.unstack("metric"))

# %%
parts = {task: dict(group.droplevel("task")) for task, group in dev.groupby("task")}
with_wnli = scores.glue_score(parts)
without = scores.glue_score({task: part for task, part in parts.items() if task != "wnli"})

# %% tags=["hide-cell"]
study.glue("glue-average-with", with_wnli, digits=1)
study.glue("glue-average-without", without, digits=1)
study.glue("glue-average-tasks", len(parts))
study.glue("glue-wnli-effect", without - with_wnli, digits=1)

# %% [markdown]
# Over these {glue:text}`glue-average-tasks` tasks the mean is {glue:text}`glue-average-with`;
# without WNLI it is {glue:text}`glue-average-without`. Leaving out one small task moves the score by
# {glue:text}`glue-wnli-effect` points, more than lies between the first and the sixth of the
# leaderboard; with nine tasks it would weigh less. (BERT's own paper leaves WNLI out of its average,
# {cite:t}`devlin2019bert`, Table 1.)
#
# (glue-luck)=
# ## How much of a difference is luck?
#
# A test set is a sample. Had other sentences been drawn, the score would be another. For an accuracy
# $p$ on $n$ examples the standard error is $\sqrt{p(1-p)/n}$, and the {term}`confidence interval`
# reaches about two of them to either side:
#
# $$
# p \pm 1.96 \sqrt{\frac{p\,(1 - p)}{n}} .
# $$

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-luck", "caption": "Half the width of the 95 % interval of an accuracy as high as T5's on SST-2, for the sizes of GLUE's test sets. The dashed line is the difference between the first and the sixth of the leaderboard on SST-2."}, "image": {"alt": "A falling straight line on logarithmic axes. All but the largest test sets lie above the dashed line: their intervals are wider than the difference between rank 1 and rank 6."}}
sst_share, sst_gap = t5["sst2"] / 100, (first["sst2"] - t5["sst2"]) / 100
glue.plot_luck(GLUE_TASKS["test"].to_dict(), sst_share, sst_gap)

# %% tags=["hide-cell"]
sst_half = float(glue.half_width(sst_share, 1_821))
study.glue("glue-sst-half", 100 * sst_half, digits=1)
study.glue("glue-sst-gap", 100 * float(sst_gap), digits=1)
needed = float(sst_share * (1 - sst_share) * (1.96 / sst_gap) ** 2)
study.glue("glue-sst-needed", f"{round(needed, -2):,.0f}")

# %% [markdown]
# SST-2's test set has 1,821 sentences. T5's accuracy there is known to within
# {glue:text}`glue-sst-half` points either way, and the leader is {glue:text}`glue-sst-gap` ahead. To
# pin one system's accuracy down to that difference takes about {glue:text}`glue-sst-needed`
# sentences ({numref}`fig-luck`). Ranks one to six on this column are a photo finish without a photo.
# The difference of two systems is less sure than either score if their errors are independent, and
# surer only if they mostly fail on the same sentences (Exercise 3). To know which, one needs both
# systems' answers, and a leaderboard does not show them.
#
# Where the answers are at hand, as below, this book uses the {term}`bootstrap`
# {cite}`efron1993bootstrap`: draw as many test rows as there are, with replacement; score; repeat a
# thousand times; the middle 95 % of the scores is the interval. It works for every metric above. To
# compare two models, the *difference* is scored on the same draws for both
# {cite}`bergkirkpatrick2012significance`, and where there are several seeds the runs are drawn anew
# as well. A ranking is claimed only if the interval of the difference leaves zero out.
#
# ```{admonition} What the interval does not cover
# :class: note
# It knows the rows that were drawn and the seeds that were run. It does not know whether the test
# set asks the right question, whether its labels are right, or whether another recipe would have
# changed the order.
# ```
#
# ## T5, BERT and a cheap baseline, measured
#
# The ways of answering each task, with the same training rows:
#
# - **T5** writes the label's word. Its answer is the label to whose tokens it gives the highest
#   probability.
# - **BERT** gets a fresh dense layer on top of `[CLS]`, trained together with the rest.
# - **The baseline** knows no word order beyond pairs: {term}`TF-IDF` of words and word pairs, and a
#   linear model on them (a support vector machine, or ridge regression for numbers). Where a task
#   has two sentences, both go into one bag, so it cannot set one against the other.
# - **Word overlap**, on tasks with two sentences, is a second baseline that can do so: the cosine of
#   the two TF-IDF vectors and the shares of words in common, and a linear model on these four numbers
#   (logistic regression, or least squares for numbers).
#
# Where the answers are labels, one row is no model: it gives every test row the label that is
# commonest among them.
#
# All networks get the recipe that was chosen for T5. Tokens read in pre-training: T5
# {glue:text}`glue-read-t5`, BERT {glue:text}`glue-read-bert`. Where these differ, what follows
# compares two models and not two designs; {ref}`transfer-architectures` sets the designs side by side
# after the same number of tokens.
#
# The checkpoint is chosen on validation rows, and no choice is made by the test rows. GLUE's own test
# labels are not public, so on real data "test" here is GLUE's development set, and the validation
# rows are held out of the training set.

# %%
runs = {
    role: {
        "T5": study.runs(f"{role}, T5"),
        "BERT": study.runs(f"{role}, BERT"),
        "TF-IDF": [study.baseline(role)],
    }
    for role in GLUE_ROLES
}
for role, task in tasks.items():
    if len(task.fields) == 2:
        runs[role]["word overlap"] = [study.baseline(role, kind="overlap")]
metric = {role: tasks[role].metrics[0] for role in GLUE_ROLES}
tables = {role: ranking.score_table(runs[role], metric[role]) for role in GLUE_ROLES}


# %% tags=["hide-input"]
def commonest(role):
    """Score and interval of the test rows' commonest label, given to all of them."""
    labels = runs[role]["T5"][0].predictions["label"].tolist()
    always = [max(set(labels), key=labels.count)] * len(labels)
    score = scores.METRICS[metric[role]]
    return score(labels, always), *score.interval(labels, always, seed=0)


scored = {role: table.copy() for role, table in tables.items()}
for role, table in scored.items():
    if tasks[role].kind == "classification":
        table.loc["commonest label"] = [*commonest(role), 0, ""]
    table["training rows"] = runs[role]["TF-IDF"][0].metrics["train_rows"]
    table["test rows"] = runs[role]["T5"][0].metrics["n"]
pd.concat(scored, names=["role"])

# %% tags=["hide-cell"]
own = [name for name in ("t5", "bert") if study.profile.models.get(name) == "own"]
read = {name: f"{study.pretraining(name).metrics['tokens']:,}" for name in own}
for name in ("t5", "bert"):
    study.glue(f"glue-read-{name}", read.get(name, "as published"))
for name, model in (("t5", "T5"), ("bert", "BERT")):
    source = "pre-trained by this study" if name in own else study.profile.models[name]
    study.glue(f"glue-{name}-name", source)
    study.glue(f"glue-{name}-size", f"{runs[GLUE_ROLES[0]][model][0].metrics['parameters']:,}")
study.glue("glue-seeds", min(len(runs[role]["T5"]) for role in GLUE_ROLES))
study.glue("glue-roles", len(GLUE_ROLES))
ours = {
    name: scores.glue_score(
        {role: {metric[role]: tables[role].loc[name, "mean"]} for role in GLUE_ROLES}
    )
    for name in ("T5", "BERT", "TF-IDF")
}
for name, key in (("T5", "t5"), ("BERT", "bert"), ("TF-IDF", "baseline")):
    study.glue(f"glue-ours-{key}", ours[name], digits=1)
leader = max(ours, key=ours.get)
study.glue("glue-ours-first", "the baseline" if leader == "TF-IDF" else leader)
study.glue("glue-among-nine", sum(task.repo == "nyu-mll/glue" for task in tasks.values()))

# %% [markdown]
# A row of a model has the mean over its seeds, the interval of the bootstrap, and the score of every
# seed ({numref}`fig-glue-scores`). Seeds a task in this run: {glue:text}`glue-seeds`. With a single
# one, the interval knows the test rows alone. Averaged like the GLUE score over these
# {glue:text}`glue-roles` tasks (first metric of each), T5 has {glue:text}`glue-ours-t5`, BERT
# {glue:text}`glue-ours-bert` and the baseline {glue:text}`glue-ours-baseline` points. The highest
# average is that of {glue:text}`glue-ours-first`. It is an average of our own and must not be put
# beside the leaderboard: of its tasks, {glue:text}`glue-among-nine` are among GLUE's nine, and those
# have one metric each and are scored on development sets.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-glue-scores", "caption": "Scores on the test rows of this run. Dots are means over seeds, vertical strokes single seeds, bars the 95 % intervals of the bootstrap."}, "image": {"alt": "One panel for each task with a row for each model, T5, BERT and one or two baselines, each a dot with a horizontal bar for its interval."}}
glue.plot_scores(tables, metric)

# %% [markdown]
# The recipe of these runs is the profile's. Where the profile also names the report's (AdamW at
# $3 \times 10^{-4}$, two epochs, 128 rows an update), T5 was trained once more by that:

# %% tags=["hide-input"]
others = {role: transfer.other_recipes(study, role) for role in GLUE_ROLES}
recipes = {
    role: ranking.score_table(
        {"T5": runs[role]["T5"], **{f"T5, {name}": [run] for name, run in named.items()}},
        metric[role],
    )
    for role, named in others.items()
    if named
}
table = pd.concat(recipes, names=["role"]) if recipes else pd.DataFrame()
show(transfer.shown(table, "Not run: this profile names no other recipe."))

# %% [markdown]
# Now the ranking. *T5 above BERT* is what the leaderboard says of two particular checkpoints; here
# it is asked of the two models of this run, task by task:

# %%
order = ranking.ranking_table(runs, metric, "T5", "BERT")
order

# %%
over_baseline = ranking.ranking_table(runs, metric, "T5", "TF-IDF")
over_baseline

# %% tags=["hide-cell"]
study.glue("glue-t5-above", int((order["low"] > 0).sum()))
study.glue("glue-bert-above", int((order["high"] < 0).sum()))
study.glue("glue-open", int(((order["low"] <= 0) & (order["high"] >= 0)).sum()))
study.glue("glue-over-baseline", int((over_baseline["low"] > 0).sum()))
study.glue("glue-under-baseline", int((over_baseline["high"] < 0).sum()))
told = (over_baseline["low"] > 0) | (over_baseline["high"] < 0)
study.glue("glue-open-baseline", int((~told).sum()))
study.glue("glue-comparisons", len(order) + len(over_baseline))
one_answer = [
    f"{name} on {role}"
    for role in GLUE_ROLES
    for name, group in runs[role].items()
    if any(run.predictions["prediction"].nunique() == 1 for run in group)
]
study.glue("glue-one-answer", ", ".join(one_answer) or "none")
pairs = [role for role in GLUE_ROLES if metric[role] == "f1"]
positive = {role: float(runs[role]["T5"][0].predictions["label"].mean()) for role in pairs}
yes = {role: f"{2 * share / (1 + share):.3f}" for role, share in positive.items()}
study.glue("glue-yes-sayer", ", ".join(yes.values()) or "(not run)")
by_f1 = {
    role: "{mean:.3f} ({low:.3f} to {high:.3f})".format(**tables[role].loc["T5"]) for role in pairs
}
study.glue("glue-pairs-t5", ", ".join(by_f1.values()) or "(not run)")
for name, key in (("T5", "t5"), ("TF-IDF", "baseline")):
    answered = [runs[role][name][0] for role in pairs]
    said = [f"{100 * run.predictions['prediction'].mean():.0f} %" for run in answered]
    study.glue(f"glue-pairs-yes-{key}", ", ".join(said) or "(not run)")
    by_matthews = [f"{run.metrics['matthews']:.3f}" for run in answered]
    study.glue(f"glue-pairs-matthews-{key}", ", ".join(by_matthews) or "(not run)")
gaps = [ranking.difference(runs[r]["T5"], runs[r]["TF-IDF"], "matthews") for r in pairs]
spans = [f"{gap.low:.3f} to {gap.high:.3f}" for gap in gaps]
study.glue("glue-pairs-matthews-gap", ", ".join(spans) or "(not run)")
by_accuracy = [role for role in GLUE_ROLES if metric[role] == "accuracy"]
commoner = [f"{role} {commonest(role)[0]:.3f}" for role in by_accuracy]
study.glue("glue-commoner", ", ".join(commoner) or "(not run)")
above = [
    f"{name} on {role}"
    for role in by_accuracy
    for name, low in tables[role]["low"].items()
    if low > commonest(role)[0]
]
study.glue("glue-above-commoner", ", ".join(above) or "none")

# %% [markdown]
# Of the {glue:text}`glue-roles` tasks, T5 is above BERT on {glue:text}`glue-t5-above`, BERT above T5
# on {glue:text}`glue-bert-above`, and {glue:text}`glue-open` cannot be told apart. Against the
# baseline, T5 is above on {glue:text}`glue-over-baseline`, below on
# {glue:text}`glue-under-baseline`, and {glue:text}`glue-open-baseline` cannot be told apart. Where
# the verdict is "not told apart", the honest sentence is that this run does not show an order, not
# that the two are equal.
#
# *T5 above BERT* is no verdict on the two designs:
#
# - Both were trained by the recipe that was chosen for T5.
# - T5 had read {glue:text}`glue-read-t5` tokens and BERT {glue:text}`glue-read-bert`. In the
#   published book T5 read several times as many; {ref}`transfer-architectures` compares the two after the
#   same number of tokens, by different numbers of FLOPs.
# - A model that gives one answer to every test row has not learnt its task, and to be above it is
#   easy. Models of this run that do so: {glue:text}`glue-one-answer`.
# - Seeds a task: {glue:text}`glue-seeds`. Another seed may give another order.
# - The two tables hold {glue:text}`glue-comparisons` comparisons. At this level, one in twenty would
#   be called by luck alone if no model were better than another.
#
# The baseline sees words and neighbouring pairs. In one sentence pairs hold some word order, so it
# can notice *book the*. Two sentences are one bag to it. It sees that *dog* occurs twice, not that
# both sentences have it, and it would have to learn for every word anew what a second one means. So
# it can hardly compare them. What it scores on such tasks may come from words that go with a label.
# A network that reads both sentences can compare them in principle, but only if its pre-training
# taught it enough. Word overlap is the measure there: it compares two sentences and understands
# neither. Where T5's whole interval lies below that of word overlap, as on similarity in the
# published book, the pre-training did not teach it enough.
#
# An F1 must be read with the yes-sayer in mind. Where most pairs are paraphrases, saying *equivalent*
# to all of them already has an F1 of {glue:text}`glue-yes-sayer`. T5 has
# {glue:text}`glue-pairs-t5`; in the published book that interval holds the yes-sayer. T5 says yes to
# {glue:text}`glue-pairs-yes-t5` of the pairs, the baseline to {glue:text}`glue-pairs-yes-baseline`.
# Saying yes more often does not in itself raise the Matthews correlation. T5's is
# {glue:text}`glue-pairs-matthews-t5`, the baseline's {glue:text}`glue-pairs-matthews-baseline`, and
# the interval of the difference is {glue:text}`glue-pairs-matthews-gap`. In the published book the
# two are not told apart by Matthews, and T5 says yes more often. So the higher F1 alone is no
# evidence that T5 does better there, although the table calls it a win.
#
# An accuracy needs the same care: a model that is not clearly above the commoner answer's share has
# learnt nothing that shows. The shares: {glue:text}`glue-commoner`. Models with the whole interval
# above it: {glue:text}`glue-above-commoner`. A Matthews correlation of 0 with an interval of no width
# means one answer to every sentence.
#
# ### How far to the top?
#
# On real data nobody knows the best score that any reader of the sentences could reach. On a
# synthetic corpus it is known, because the generator and the share of labels that it turns wrong on
# purpose are known: the {term}`ceiling`. Where there is one, it is in the table, beside the score of
# each model in the ceiling's own metric.

# %% tags=["hide-input"]
tops = {role: ceiling(task) for role, task in tasks.items() if ceiling(task)}
table = pd.DataFrame(
    {
        role: {"metric": top[0], "ceiling": top[1]}
        | {name: runs[role][name][0].metrics[top[0]] for name in runs[role]}
        for role, top in tops.items()
    }
).T
show(transfer.shown(table, "No ceiling is known: the tasks of this profile are real data."))

# %% tags=["hide-cell"]
gaps = [top[1] - runs[role]["T5"][0].metrics[top[0]] for role, top in tops.items()]
study.glue("glue-ceilings", len(gaps))
study.glue("glue-near-ceiling", sum(gap <= 0.03 for gap in gaps) or "none")

# %% [markdown]
# Tasks of this page with a known ceiling: {glue:text}`glue-ceilings` of {glue:text}`glue-roles`. Of
# these, T5's first seed comes within three points of the ceiling on {glue:text}`glue-near-ceiling`.
# Where it stays below on the {term}`pocket corpus`, that is the price of a book that is made in
# minutes: few rows, few updates, a small pre-training.
#
# ### Beside published scores
#
# Published scores belong to real tasks and to named checkpoints. They are listed here apart, so that
# they are not read as scores of this run. They are comparable only where split and training rows
# agree. T5's rows are scores on GLUE's *test* sets, of which this study has no labels; its own are on
# development sets (split *validation* here), and its training rows are those of the score table, not
# always all there are. A pocket task is comparable with none. *Read* marks what was read at its
# source, *listing* what was seen in a list that quotes the source, and *not verified* what was not
# read again for this book.

# %% tags=["hide-input"]
GLUE_NAMES = ["cola", "sst2", "mrpc", "stsb", "rte", "wnli"]
beside = published.table()
beside = beside[beside["task"].isin(GLUE_NAMES)]
beside.set_index(["task", "split", "metric"])[["model", "value", "source", "verified"]]

# %% [markdown]
# ## One model, two manners of answering
#
# What does it look like when a classifier answers in words? The fine-tuned T5 of the first task,
# asked about three sentences of our own, and left to *write* instead of being scored on its labels:

# %%
judge = runs[GLUE_ROLES[0]]["T5"][0]
asked = [
    "The young singer bought a red car.",
    "The young singer bought red a car.",
    "The nurses was tired.",
]
field = tasks[GLUE_ROLES[0]].fields[0]
seen = study.observe(
    "generation.answers",
    run=judge,
    prompts=[tasks[GLUE_ROLES[0]].source({field: sentence}) for sentence in asked],
    arguments={"max_length": 12},
)
pd.DataFrame(seen.values["rows"])[["prompt", "answer", "pieces", "log_probability"]]

# %% tags=["hide-cell"]
answered = [row["answer"] for row in seen.values["rows"]]
study.glue("glue-faulty-asked", len(asked) - 1)
study.glue("glue-faulty-passed", answered[1:].count("acceptable"))

# %% [markdown]
# Nothing forces it to write a label. After fine-tuning it does, because every target it saw was one;
# the log-probability, a sum over the pieces of the word and its end, says how sure it was of the
# whole. Sure is not right: of the {glue:text}`glue-faulty-asked` faulty sentences, the last ones, it
# calls {glue:text}`glue-faulty-passed` acceptable. BERT could not write anything else than one of its
# outputs; T5 could, and an untrained one would.
#
# ## Exercises
#
# ```{admonition} Exercise 1
# :class: tip
# Show that the Matthews correlation does not change when the two classes exchange their names, and
# that F1 does. What does that mean for MRPC, where GLUE takes "equivalent" as positive?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# Exchanging the names exchanges $TP$ with $TN$ and $FP$ with $FN$. In the MCC, the numerator
# $TP \cdot TN - FP \cdot FN$ stays, and the four factors under the root change places only. In $F_1$
# the true positives are replaced by the true negatives. On MRPC two thirds of the pairs are
# equivalent, so the $F_1$ of the larger class is reported, which is the higher one for a model that
# leans towards it.
# ```
#
# ```{admonition} Exercise 2
# :class: tip
# A judge says "acceptable" with probability $q$, whatever the sentence. What accuracy, and what
# Matthews correlation, does it have in expectation when a share $a$ of the sentences is acceptable?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# Accuracy: $aq + (1 - a)(1 - q)$, which is largest at $q = 1$ when $a$ is more than a half. For the
# correlation, the expected boxes are $TP = naq$, $FN = na(1-q)$, $FP = n(1-a)q$ and
# $TN = n(1-a)(1-q)$, so $TP \cdot TN = FP \cdot FN$ and the correlation is 0 for every $q$.
# ```
#
# ```{admonition} Exercise 3
# :class: tip
# Two systems are tested on the same $n$ sentences. They disagree on $b + c$ of them: the first alone
# is right on $b$, the second alone on $c$. What is the standard error of the difference in
# accuracy, and when is it smaller than that of two independent test sets of $n$ sentences each?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# A sentence adds $+1$, $-1$ or $0$ to the difference, with mean $(b - c)/n$ and variance
# $(b + c)/n - ((b - c)/n)^2$, so the standard error is $\sqrt{(b + c) - (b - c)^2/n}\,/\,n$. Let
# $p_1$ and $p_2$ be the two accuracies and $v$ the covariance, over sentences, of the first being
# right with the second being right. Then the same variance is
# $p_1(1 - p_1) + p_2(1 - p_2) - 2v$. With two independent test sets the last term is missing, and the
# standard error is $\sqrt{p_1(1-p_1)/n + p_2(1-p_2)/n}$. So the same sentences help only if $v$ is
# positive: if the two systems fail together more often than chance would have it. If their errors
# are independent, $v$ is 0 and nothing is won. To be surer than a single score, with accuracies about
# equal, the correlation of the errors must be above one half. The paired bootstrap of this chapter
# takes $v$ as it finds it.
# ```
#
# ```{admonition} Exercise 4
# :class: tip
# In the notebook, add the judge "is right on every acceptable sentence and on half of the others" to
# the table of judges. Which of the three scores tells it best from the one who says yes to all?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# `[1] * 14 + [0] * 3 + [1] * 3`. Accuracy rises from 0.70 to 0.85 and F1 from 0.82 to 0.90; the
# Matthews correlation rises from 0 to 0.64.
# ```
#
# ## Where these numbers come from

# %% tags=["hide-input"]
study.provenance()
