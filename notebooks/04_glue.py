# %% [markdown]
# # BERT and T5 on GLUE

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import pandas as pd

from t5study.chapters import glue, scorecard, tables
from t5study.claims.published import load_published
from t5study.judging import ranking, scores
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
published = load_published()
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
roles = ("acceptability", "sst", "paraphrase", "similarity", "entailment")
roles = [role for role in roles if study.has(f"{role}, T5")]
tasks = {role: study.task(role) for role in roles}
names = {
    "T5": "{}, T5",
    "BERT": "{}, BERT",
    "TF-IDF": "{}, TF-IDF",
    "word overlap": "{}, word overlap",
}
runs = {
    role: {
        model: study.runs(name.format(role))
        for model, name in names.items()
        if study.has(name.format(role))
    }
    for role in roles
}
metric = {role: tasks[role].metrics[0] for role in roles}
scored = {role: ranking.score_table(runs[role], metric[role]) for role in roles}
order = ranking.ranking_table(runs, metric, "T5", "BERT")
over_baseline = ranking.ranking_table(runs, metric, "T5", "TF-IDF")
told = (over_baseline["low"] > 0) | (over_baseline["high"] < 0)
one_answer = [
    f"{name} on {role}"
    for role in roles
    for name, group in runs[role].items()
    if any(run.predictions["prediction"].nunique() == 1 for run in group)
]
facts(
    roles=len(roles),
    t5_size=f"{runs[roles[0]]['T5'][0].metrics['parameters'] / 1e6:.1f} million",
    bert_size=f"{runs[roles[0]]['BERT'][0].metrics['parameters'] / 1e6:.1f} million",
    t5_above=int((order["low"] > 0).sum()),
    bert_above=int((order["high"] < 0).sum()),
    not_told_apart=int(((order["low"] <= 0) & (order["high"] >= 0)).sum()),
    over_baseline=int((over_baseline["low"] > 0).sum()),
    under_baseline=int((over_baseline["high"] < 0).sum()),
    like_baseline=int((~told).sum()),
    comparisons=len(order) + len(over_baseline),
    one_answer=", ".join(one_answer) or "none",
)
similar = scored.get("similarity", pd.DataFrame(index=[]))
study.finds(
    overlap_leads_similarity="word overlap" in similar.index
    and similar.loc["T5", "high"] < similar.loc["word overlap", "mean"],
)
for name in ("t5", "bert"):
    if study.has(name):
        tokens = study.pretraining(name).metrics["tokens"]
        facts(**{f"read_{name}": f"{tokens / 1e6:.0f} million"})
yes_sayer = glue.yes_sayers(runs, scored, metric)
facts(**yes_sayer.facts)
study.finds(**yes_sayer.finds)

# %% [markdown]
# The report compares models by their places on a leaderboard. This chapter keeps that leaderboard as data,
# explains what its scores are made of, asks how much of a difference is luck, and then fine-tunes T5 and
# BERT side by side, with a cheap baseline next to them. The networks are this study's own: a T5 with
# {eval}`facts.t5_size` parameters and a BERT with {eval}`facts.bert_size`. What they score says nothing about
# the report's T5-small of 60 million, or the T5 of its leaderboard of 11 billion.

# %% [markdown] tags=["finds:overlap_leads_similarity", "finds:yes_sayer"]
# **What was found.**
#
# - Of {eval}`facts.roles` tasks our T5 is above our BERT on {eval}`facts.t5_above` and below it on
#   {eval}`facts.bert_above`, with a recipe chosen for T5 and more tokens read. It is above a linear classifier
#   on words and word pairs on {eval}`facts.over_baseline`, and below it on {eval}`facts.under_baseline`.
# - A score needs a simple comparison beside it. Four numbers about common words beat T5 at the similarity of
#   sentences, and T5's F1 on paraphrases is not told apart from answering *equivalent* to every pair.
# - The scores on SST-2 that the report's leaderboard prints are too close to order its ranks one to six.

# %% [markdown]
# (glue-leaderboard)=
# ## The leaderboard the report found
#
# A {term}`benchmark` is a fixed set of tasks with a fixed way of scoring them, and a
# {term}`leaderboard` is the public list of who scored what. {term}`GLUE` {cite}`wang2019glue` is a
# benchmark of nine tasks on English sentences; a system's answers to the test sets are sent in and
# scored by the organisers, who keep the labels to themselves. The report prints the top of the list
# as it stood in spring 2021:

# %% tags=["remove-input"]
board = published.leaderboard()
columns = ["rank", "team", "model", "score", "cola", "sst2"]
tables.show(board[columns].rename(columns={"cola": "CoLA", "sst2": "SST-2"}).set_index("rank"))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
t5 = board.set_index("family").loc["t5"]
first, last = board.iloc[0], board.iloc[-1]
facts(
    t5_rank=int(t5["rank"]),
    deberta_rank=int(board.loc[board["model"].str.contains("DeBERTa"), "rank"].iloc[0]),
    bert_in_top_five=int((board.head(5)["family"] == "bert").sum()),
    gap_first=f"{first['score'] - t5['score']:.1f}",
    t5_score=f"{t5['score']:.1f}",
    last_score=f"{last['score']:.1f}",
    bert_score=f"{published.value('glue-test-bert-large'):.1f}",
    people=f"{published.value('glue-human'):.1f}",
    cola_gap=f"{board['cola'].max() - t5['cola']:.1f}",
    cola_best=board.loc[board["cola"].idxmax(), "model"],
)

# %% [markdown]
# What the report reads from it can be checked line by line.
#
# - *T5 is sixth.* It is at rank {eval}`facts.t5_rank`, {eval}`facts.gap_first` points
#   behind the first.
# - *DeBERTa is second, and many models in the top five come from BERT.* DeBERTa's rank is
#   {eval}`facts.deberta_rank`; of the first five, {eval}`facts.bert_in_top_five` are
#   encoders that descend from BERT.
# - *The original BERT is 32nd.* The printed rows end at 13, so this cannot be read from them.
#   It fits: the score of BERT-large in its paper's abstract, {eval}`facts.bert_score` {cite:p}`devlin2019bert`, is
#   far below the {eval}`facts.last_score` of the last row printed.
#
# Two things the table does not say. The rows compare *systems*: T5's is its largest model, with 11
# billion parameters, BERT's has 340 million, and some rows are ensembles of several models. And the
# order depends on the column: {numref}`fig-leaderboard` shows that on CoLA the best row is
# {eval}`facts.cola_best`, {eval}`facts.cola_gap` points above T5. An estimate for people is
# a GLUE score of {eval}`facts.people` {cite:p}`nangia2019human`; every printed row is above it.

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-leaderboard", "caption": "The report's leaderboard as dots: the GLUE score and two of its nine parts. Blue: encoders that start from BERT's design. The dotted line is an estimate for people. Dots close together are close in score, which a list of ranks hides."}, "image": {"alt": "Three columns of dots for thirteen systems: GLUE score, CoLA and SST-2. Scores fall slowly from rank 1 to 13; on CoLA and SST-2 the order is different from that of the score."}}
glue.plot_leaderboard(board, people=published.value("glue-human"))

# %% [markdown]
# ## What the nine tasks ask
#
# The sizes are those of the GLUE paper's Table 1 {cite}`wang2019glue`; *MCC* is Matthews'
# correlation, explained below. GLUE took most of the sets from others
# {cite:p}`warstadt2019cola,socher2013sst,dolan2005mrpc,cer2017stsb,dagan2006rte,levesque2012winograd`.

# %% tags=["remove-input"]
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
tables.show(GLUE_TASKS)

# %% [markdown]
# BERT answers each task through a new layer of its own: the vector of `[CLS]` goes through a dense
# layer with one output for each label, or, for STS-B, a single output that is the number
# {cite}`devlin2019bert`. T5 answers all of them in
# words {cite}`raffel2020t5`. A prefix names the task, the label is a word to be written, and even
# STS-B's number is written as text: it is rounded to the nearest multiple of 0.2, as in *2.6*.
# The five tasks of this chapter:

# %% tags=["remove-input"]
asked_for = {
    role: {
        "task": task.name,
        "T5 reads": task.prefix + task.template,
        "T5 writes": ", ".join(task.label_words[:3]) + (" …" if len(task.label_words) > 3 else ""),
        "scored by": ", ".join(tables.name_of(metric) for metric in task.metrics),
    }
    for role, task in tasks.items()
}
tables.show(pd.DataFrame.from_dict(asked_for, orient="index"))

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
judged = {
    judge: {
        "accuracy": scores.accuracy(labels, answers),
        "F1": scores.f1(labels, answers),
        "Matthews": scores.matthews(labels, answers),
    }
    for judge, answers in judges.items()
}
tables.show(pd.DataFrame.from_dict(judged, orient="index"))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
yes = judged["says yes to all"]
facts(
    yes_accuracy=f"{yes['accuracy']:.2f}",
    yes_f1=f"{yes['F1']:.2f}",
    yes_matthews=f"{yes['Matthews']:.2f}",
    careful_matthews=f"{judged['is careful']['Matthews']:.2f}",
)

# %% [markdown]
# Who says yes to all has understood nothing, yet gets an accuracy of {eval}`facts.yes_accuracy`
# and an F1 of {eval}`facts.yes_f1`, because most sentences *are* acceptable. The Matthews
# correlation of that judge is {eval}`facts.yes_matthews`, that of the careful one
# {eval}`facts.careful_matthews`. The formula is 0 over 0 for a judge who never changes the
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
correlated = {
    name: {
        "Pearson": scores.pearson(similarities, y),
        "Spearman": scores.spearman(similarities, y),
    }
    for name, y in answers.items()
}
tables.show(pd.DataFrame.from_dict(correlated, orient="index"))

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

# %% tags=["remove-input"]
dev = published.table(split="validation")
dev = dev[dev["model"] == "BERT-base-cased"].set_index(["task", "metric"])["value"]
tables.show(dev.unstack("metric"))

# %%
groups = dev.groupby("task")
parts = {task: dict(group.droplevel("task")) for task, group in groups}
with_wnli = scores.glue_score(parts)
others = {task: part for task, part in parts.items() if task != "wnli"}
without = scores.glue_score(others)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    average_with=f"{with_wnli:.1f}",
    average_without=f"{without:.1f}",
    average_tasks=len(parts),
    wnli_effect=f"{without - with_wnli:.1f}",
)

# %% [markdown]
# Over these {eval}`facts.average_tasks` tasks the mean is {eval}`facts.average_with`;
# without WNLI it is {eval}`facts.average_without`. Leaving out one small task moves the score by
# {eval}`facts.wnli_effect` points, more than lies between the first and the sixth of the
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

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-luck", "caption": "Half the width of the 95 % interval of an accuracy as high as T5's on SST-2, for the sizes of GLUE's test sets. The dashed line is the difference between the first and the sixth of the leaderboard on SST-2."}, "image": {"alt": "A falling straight line on logarithmic axes. All but the largest test sets lie above the dashed line: their intervals are wider than the difference between rank 1 and rank 6."}}
sst_share, sst_gap = t5["sst2"] / 100, (first["sst2"] - t5["sst2"]) / 100
glue.plot_luck(GLUE_TASKS["test"].to_dict(), sst_share, sst_gap)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
sst_half = float(glue.half_width(sst_share, 1_821))
needed = float(sst_share * (1 - sst_share) * (1.96 / sst_gap) ** 2)
facts(
    sst_half=f"{100 * sst_half:.1f}",
    sst_gap=f"{100 * float(sst_gap):.1f}",
    sst_needed=f"{round(needed, -2):,.0f}",
)

# %% [markdown]
# SST-2's test set has 1,821 sentences. T5's accuracy there is known to within
# {eval}`facts.sst_half` points either way, and the leader is {eval}`facts.sst_gap` ahead. To
# pin one system's accuracy down to that difference takes about {eval}`facts.sst_needed`
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

# %% [markdown]
# All networks get the recipe that was chosen for T5. T5 had read {eval}`facts.read_t5` tokens before,
# BERT {eval}`facts.read_bert`, so this compares two models and not two designs;
# {ref}`transfer-architectures` sets the designs side by side after the same number of tokens.
#
# The checkpoint is chosen on validation rows, and no choice is made by the test rows. GLUE's own test
# labels are not public, so "test" here is GLUE's development set, and the validation rows are held out
# of the training set.

# %% tags=["remove-input"]
tables.show(glue.score_table(runs, scored, tasks))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
ours = {
    name: scores.glue_score(
        {role: {metric[role]: scored[role].loc[name, "mean"]} for role in roles}
    )
    for name in ("T5", "BERT", "TF-IDF")
}
leader = max(ours, key=ours.get)
facts(
    seeds=min(len(runs[role]["T5"]) for role in roles),
    ours_t5=f"{ours['T5']:.1f}",
    ours_bert=f"{ours['BERT']:.1f}",
    ours_baseline=f"{ours['TF-IDF']:.1f}",
    ours_first="the baseline" if leader == "TF-IDF" else leader,
    among_nine=sum(task.repo == "nyu-mll/glue" for task in tasks.values()),
)

# %% [markdown]
# A row of a model has the mean over its seeds and the interval of the bootstrap
# ({numref}`fig-glue-scores`). There is {eval}`facts.seeds` seed a task, so the interval knows the test
# rows alone. Averaged like the GLUE score over these {eval}`facts.roles` tasks, first metric of each,
# T5 has {eval}`facts.ours_t5`, BERT {eval}`facts.ours_bert` and the baseline
# {eval}`facts.ours_baseline` points; the highest average is that of {eval}`facts.ours_first`. It is an
# average of our own and must not be put beside the leaderboard: {eval}`facts.among_nine` of its tasks
# are among GLUE's nine, and those have one metric each and are scored on development sets.

# %% tags=["remove-input"] mystnb={"figure": {"name": "fig-glue-scores", "caption": "Scores on the test rows of this run. Dots are means over seeds, vertical strokes single seeds, bars the 95 % intervals of the bootstrap."}, "image": {"alt": "One panel for each task with a row for each model, T5, BERT and one or two baselines, each a dot with a horizontal bar for its interval."}}
glue.plot_scores(scored, metric)

# %% [markdown]
# The report's recipe is AdamW at $3 \times 10^{-4}$, two epochs, 128 rows an update. On two tasks T5
# was trained once more by that:

# %% tags=["remove-input"]
by_report = {
    role: {"T5": runs[role]["T5"], "T5, the report's recipe": study.runs(name)}
    for role in roles
    if study.has(name := f"{role}, T5, the report's recipe")
}
recipes = {role: ranking.score_table(groups, metric[role]) for role, groups in by_report.items()}
tables.show(pd.concat(recipes, names=["task", "model"])) if recipes else None

# %% [markdown]
# Now the ranking. *T5 above BERT* is what the leaderboard says of two particular checkpoints; here
# it is asked of our two models, task by task, and then of T5 and the baseline:

# %% tags=["remove-input"]
tables.show(order)

# %% tags=["remove-input"]
tables.show(over_baseline)

# %% [markdown]
# Of the {eval}`facts.roles` tasks, T5 is above BERT on {eval}`facts.t5_above`, BERT above T5 on
# {eval}`facts.bert_above`, and {eval}`facts.not_told_apart` cannot be told apart. Against the baseline,
# T5 is above on {eval}`facts.over_baseline`, below on {eval}`facts.under_baseline`, and
# {eval}`facts.like_baseline` cannot be told apart. Not told apart does not mean equal: these runs do
# not show an order.
#
# This is no verdict on the two designs. Besides the recipe and the tokens, there is {eval}`facts.seeds` seed
# a task, and another may give another order. The two tables hold {eval}`facts.comparisons` comparisons; of
# comparisons between equally good models, one in twenty would be called a difference by luck. Models that give one answer to every test row have not
# learnt their task, and to be above them is easy: {eval}`facts.one_answer`.
#
# The baseline sees words and neighbouring pairs. In one sentence pairs hold some word order, so it can notice
# *book the*. Two sentences are one bag to it, and it can hardly compare them. Word overlap is the measure
# there: it compares two sentences and understands neither.

# %% [markdown] tags=["finds:overlap_leads_similarity"]
# On similarity T5's whole interval lies below the score of word overlap: its pre-training did not
# teach it enough to compare two sentences.

# %% [markdown] tags=["only:published"]
# An F1 must be read with the yes-sayer in mind. Where most pairs are paraphrases, saying *equivalent*
# to all of them already has an F1 of {eval}`facts.yes_sayer`. T5 has {eval}`facts.pairs_t5`. It says
# yes to {eval}`facts.pairs_yes_t5` of the pairs, the baseline to {eval}`facts.pairs_yes_baseline`.
# Saying yes more often does not in itself raise the Matthews correlation. T5's is
# {eval}`facts.pairs_matthews_t5`, the baseline's {eval}`facts.pairs_matthews_baseline`, and the
# interval of the difference is {eval}`facts.pairs_matthews_gap`.

# %% [markdown] tags=["finds:yes_sayer"]
# The interval of T5's F1 holds the yes-sayer, and by Matthews T5 and the baseline are not told apart.
# So the higher F1 is no evidence that T5 does better on paraphrases, although the table calls it a win.

# %% [markdown]
# An accuracy needs the same care: a model that is not clearly above the commoner answer's share has
# learnt nothing that shows. The shares: {eval}`facts.commoner`. Models with the whole interval above
# it: {eval}`facts.above_commoner`. A Matthews correlation of 0 with an interval of no width
# means one answer to every sentence.
#
# ### Beside published scores
#
# Published scores belong to named checkpoints, and are comparable only where split and training rows agree.
# T5's rows are scores on GLUE's *test* sets, of which this study has no labels. BERT's rows are on the
# development sets (split *validation*), as this study's own scores are. *Read* marks what was read at its source, *listing* what was seen in a list
# that quotes the source, and *not verified* what was not read again for this book.

# %% tags=["remove-input"]
GLUE_NAMES = ["cola", "sst2", "mrpc", "stsb", "rte", "wnli"]
beside = published.table()
beside = beside[beside["task"].isin(GLUE_NAMES)]
columns = ["task", "split", "metric", "model", "value", "source", "verified"]
tables.show(beside[columns].set_index("task"))

# %% [markdown]
# ## What to take away
#
# - A leaderboard compares systems, not designs: sizes differ more than thirtyfold, and some rows are ensembles.
# - A difference has an interval. On 1,821 sentences half a point can be luck.
# - Ask of every score what a judge would get who says yes to all, or counts common words.
#
# What the report said, with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, glue.CLAIMS)

# %% [markdown]
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
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
