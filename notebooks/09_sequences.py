# %% [markdown]
# # Texts as answers, and one model for all
#
# The report fine-tunes T5 on two tasks whose answers are labels. It wanted translation and summarisation as
# well and left them out, "due to the humongous size of the model and limited hardware constraints". This
# chapter trains both: captions of pictures from English to German {cite:p}`elliott2016multi30k`, and
# summaries of scientific abstracts in a sentence {cite:p}`cachola2020scitldr`. Then it asks what the report
# did not. Can one set of weights do all tasks at once? And can a network do them that is only asked?

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
from t5study.chapters import prompts, scorecard, sequences, tables
from t5study.judging import ranking
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
labels, translator = study.run("sst, T5"), study.run("translation, T5")
summariser, copy = study.run("summary, T5"), study.baseline("translation")
lead, whole = study.baseline("summary", kind="lead"), study.baseline("summary")
ours, copied = translator.metrics, copy.metrics
rouge = {"t5": summariser, "lead": lead}
table = sequences.joint_table(study)
verdicts = table["verdict"].tolist() if len(table) else []
facts(
    translations=f"{ours['n']:,}",
    bleu=f"{ours['bleu']:.1f}",
    copy_bleu=f"{copied['bleu']:.1f}",
    summaries=summariser.metrics["n"],
    **{f"rouge_{name}": f"{run.metrics['rougeL']:.1f}" for name, run in rouge.items()},
    joint_tasks=len(verdicts),
    joint_above=verdicts.count("joint above"),
    joint_below=verdicts.count("joint below"),
    not_told_apart=verdicts.count("not told apart"),
)
above_copy = all(
    min(ours["intervals"][metric]) > max(copied["intervals"][metric]) for metric in ("bleu", "chrf")
)
below_lead = max(summariser.metrics["intervals"]["rougeL"]) < min(
    lead.metrics["intervals"]["rougeL"]
)
study.finds(
    translates_above_copy=above_copy,
    summary_below_lead=below_lead and summariser.metrics["rougeL"] <= whole.metrics["rougeL"],
    joint_never_above=len(verdicts) > 0 and "joint above" not in verdicts,
)

# %% [markdown] tags=["finds:translates_above_copy", "finds:summary_below_lead", "finds:joint_never_above"]
# Found here:
#
# - **Translation is learnt a little.** The BLEU is {eval}`facts.bleu`, that of the English sentence
#   given back {eval}`facts.copy_bleu`.
# - **Summaries are not.** By ROUGE-L T5 has {eval}`facts.rouge_t5`, the first sentence of the abstract
#   {eval}`facts.rouge_lead`.
# - **One model for {eval}`facts.joint_tasks` tasks is never above the model of one task**, and below it
#   on {eval}`facts.joint_below`. But it met fewer examples of each.

# %% [markdown]
# Chapter 5 explains how a text is generated and what BLEU, chrF and ROUGE count
# ({ref}`generation-scores`, {ref}`generation-summary`).
#
# ## One trainer, three kinds of answer
#
# To T5 a label is a short text. Nothing in the model, the loss or the trainer changes when the target becomes a
# sentence; the decoder takes more steps. The three lines differ in the name of a task.

# %%
labels = study.run("sst, T5")
translator = study.run("translation, T5")
summariser = study.run("summary, T5")

# %% tags=["remove-input"]
runs = {"sst": labels, "translation": translator, "summary": summariser}
tables.show(
    sequences.cost_table(runs),
    formats={"examples a second": "{:,.0f}", "seconds of training": "{:,.0f}"},
)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
slower = labels.metrics["examples_per_second"] / translator.metrics["examples_per_second"]
facts(
    parameters=" or ".join(sorted({f"{run.metrics['parameters']:,}" for run in runs.values()})),
    slower=f"{slower:.1f}",
)

# %% [markdown] tags=["only:published"]
# Translation and summaries start from the T5 that read most ({ref}`transfer-budgets`), the labels of
# sentences from the one of the chapters before.

# %% [markdown]
# All have {eval}`facts.parameters` parameters. An example of translation took {eval}`facts.slower` times as long to
# train on as a sentence with a label. The report trained T5-small with 512 tokens an example, more than most
# sentences to translate have, so for translation the size of the model alone cannot be the reason to leave it out.
# For summaries, whose inputs are longer, it is open.
#
# (sequences-translation)=
# ## Translation
#
# English to German, with the prefix that T5's own training used {cite}`raffel2020t5`. Answers are
# generated greedily, the likeliest piece at each place. The {term}`copy baseline` gives the English
# sentence back as its own translation; names and numbers score.

# %%
copy = study.baseline("translation")
translation_metrics = study.task("translation").metrics
answers = {"T5": translator, "copy of the input": copy}
tables.show(ranking.beside(answers, translation_metrics))

# %% [markdown] tags=["finds:translates_above_copy"]
# On {eval}`facts.translations` sentences T5 is above the copy by BLEU and by chrF. The copy has more of chrF than of BLEU
# because German and English share letters long before they share words. Intervals are the bootstrap's, over test
# sentences {cite}`koehn2004bootstrap`.

# %% [markdown] tags=["only:published"]
# Umlauts count against T5: its vocabulary was learnt from English texts and has none. What others reached on the
# same test set (*not verified*: not read again at its source):

# %% tags=["remove-input"]
tables.show(sequences.published_rows(translation_metrics, study.task("translation").name))

# %% [markdown]
# (sequences-summaries)=
# ## Summaries
#
# The {term}`lead baseline` takes the first sentence of the text, where news says the most important thing, and an
# abstract need not. A second baseline gives the whole text as its own summary.

# %%
lead = study.baseline("summary", kind="lead")
whole = study.baseline("summary")
summary_metrics = study.task("summary").metrics
answers = {"T5": summariser, "first sentence": lead, "the whole text": whole}
tables.show(ranking.beside(answers, summary_metrics))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(faithful=f"{100 * summariser.metrics['faithful']:.1f}")

# %% [markdown] tags=["finds:summary_below_lead"]
# A network that is below the first sentence has not learnt to summarise. Of its {eval}`facts.summaries` summaries
# {eval}`facts.faithful` % invent no number, date or name (chapter 5 says how that is checked), but one that names
# nothing passes as well. Published scores take the best of several references for each abstract
# {cite}`cachola2020scitldr`; this study compares with the first alone, which gives lower scores.

# %% tags=["remove-input"]
tables.show(sequences.published_rows(["rougeL", "rouge1", "rouge2"], study.task("summary").name))

# %% [markdown]
# (sequences-length)=
# ## Where it goes wrong: length
#
# A long source has more places to go wrong, and a long answer is written on top of its own mistakes.
# {numref}`fig-by-length` cuts each test set into up to four groups by the length of the source; sources that were
# cut to the model's longest input share one. The score is the mean of the answers' own: BLEU is defined for a whole
# test set only {cite}`post2018sacrebleu`, chrF and ROUGE-L can be taken of one answer.

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
lengths = {
    "translation": sequences.by_length(translator, "chrf"),
    "summary": sequences.by_length(summariser, "rougeL"),
}

# %% mystnb={"figure": {"caption": "Mean score of a group of the test set against the length of its sources in tokens: chrF for translation, ROUGE-L for summaries. Bars are 95 % intervals of the mean.", "name": "fig-by-length"}, "image": {"alt": "Two panels with a dot for each group of the test set, from short to long sources, with vertical bars for the intervals."}} tags=["remove-input"]
sequences.plot_by_length(lengths)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
ends = {role: group["answer length"].iloc[-1] for role, group in lengths.items()}
facts(
    translation_length=sequences.length_effect(lengths["translation"]),
    summary_length=sequences.length_effect(lengths["summary"]),
    translation_answer=f"{ends['translation']:.2f}",
    summary_answer=f"{ends['summary']:.2f}",
)
study.finds(summaries_run_on=ends["summary"] > 1.3)

# %% [markdown]
# The longest group is, for translation, {eval}`facts.translation_length`; for summaries,
# {eval}`facts.summary_length`. In it the answers have {eval}`facts.translation_answer` times the words of their
# references for translation and {eval}`facts.summary_answer` times for summaries.

# %% [markdown] tags=["finds:summaries_run_on"]
# The summaries do not end in time, as when a model repeats itself.

# %% [markdown]
# (sequences-joint)=
# ## One model for all tasks
#
# A prefix tells T5 which task it is given, so the tasks can be trained at once, and one model answers all. In
# proportion to their sizes, the largest would drown the others; in equal parts, the smallest would be repeated until
# it is known by heart. {cite:t}`raffel2020t5` mix in proportion up to a limit, {term}`examples-proportional mixing`
# (section 3.5.2): with $e_n$ training rows in task $n$ and a limit $K$, task $m$ is met with the probability
#
# $$
# r_m = \frac{\min(e_m, K)}{\sum_n \min(e_n, K)} .
# $$
#
# The loss is a mean over target tokens, so within an update a summary weighs more than a label; the checkpoint is
# chosen by the mean over tasks.

# %% mystnb={"figure": {"caption": "One model for all tasks against one model a task, on the same test rows, each with its 95 % bootstrap interval. BLEU and ROUGE are divided by 100.", "name": "fig-joint"}, "image": {"alt": "One row a task with two dots and horizontal bars: the score of the model trained on that task alone and that of the model trained on all tasks at once."}} tags=["remove-input"]
sequences.plot_joint(table)

# %% tags=["remove-input"]
tables.show(table.drop(columns=["judged by", "share of the mixture"], errors="ignore"))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if len(table):
    below = table["verdict"] == "joint below"
    met = table["single examples"]
    facts(
        joint_cap=f"{study.experiments[sequences.JOINT].cap:,}",
        joint_examples=sequences.extremes(table["joint examples"].tolist()),
        single_examples=sequences.extremes(met.tolist()),
        share=sequences.extremes(table["share of the mixture"].tolist()),
        by_intervals=sequences.judged_by(table, sequences.BY_INTERVALS),
    )
    study.finds(
        shares_are_equal=table["share of the mixture"].round(3).nunique() == 1,
        below_where_most_was_met=met[below].min() > met[~below].max(),
        every_single_met_more=(met > table["joint examples"]).all(),
    )

# %% [markdown] tags=["finds:shares_are_equal"]
# With a limit of {eval}`facts.joint_cap` rows a task, the joint model of {eval}`facts.joint_tasks` tasks
# is above the single-task model on {eval}`facts.joint_above`, below it on {eval}`facts.joint_below`, and
# not told apart from it on {eval}`facts.not_told_apart`. Each task's share of the mixture is
# {eval}`facts.share`: every task has as many rows as the limit, or a few fewer, and the large ones are cut down.

# %% [markdown] tags=["finds:below_where_most_was_met", "finds:every_single_met_more"]
# The efforts are not equal. In training the joint model met {eval}`facts.joint_examples` examples a task, the
# single models {eval}`facts.single_examples`. It is below on exactly the tasks whose single model met most, and that
# alone may explain it. The recipes differ, too: the joint model has two epochs, no dropout, and sources of at most
# 160 tokens.

# %% [markdown] tags=["only:published"]
# The verdict is that of the paired bootstrap of {ref}`glue-luck`. Of texts ({eval}`facts.by_intervals`) the records
# hold no labels by row; there "not told apart" means that the two intervals overlap, which is the weaker test. Each
# model is one seed.

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if len(table):
    verdict = table["verdict"].droplevel(1)
    single = table["single"].droplevel(1)
    little = ["acceptability", "entailment", "paraphrase", "summary"]
    study.finds(
        alike_where_little_was_learnt=sorted(verdict[verdict == "not told apart"].index) == little
        and abs(single.get("acceptability", 1)) < 0.1,
        similarity_near_chance=verdict["similarity"] == "joint below"
        and single["similarity"] < 0.2,
    )

# %% [markdown] tags=["finds:alike_where_little_was_learnt", "finds:similarity_near_chance"]
# "Not told apart" happens only where the single model has learnt little or nothing: on acceptability, paraphrase
# and entailment it is near chance or the answer "always yes", on summaries it is below the first sentence. On
# similarity both models are near chance. On each task that the single model learnt, the joint model is below.
# {cite:t}`raffel2020t5` found, with far more examples of every task, that training on a mixture alone stays behind
# fine-tuning on each task for most tasks, and that fine-tuning after the mixture makes up for it.

# %% jupyter={"source_hidden": true} tags=["needs:published", "remove-cell"]
asked = prompts.prompted_table(study)
sst, grammar, emotion = (asked.loc[role] for role in ("sst", "acceptability", "emotion"))
bare, after = sst.iloc[0], sst.iloc[1]
liked = prompts.liking_table(study, "sst, SmolLM2, 4 examples").loc["positive"]
facts(
    sst_bare=f"{bare['raw']:.3f}",
    sst_bare_calibrated=f"{bare['calibrated']:.3f}",
    sst_examples=f"{after['raw']:.3f}",
    sst_calibrated=f"{after['calibrated']:.3f}",
    sst_lowest=f"{after['lowest']:.2f}",
    sst_highest=f"{after['highest']:.2f}",
    sst_trained=f"{bare['trained']:.3f}",
    liked=f"{liked.min():.2f} to {liked.max():.2f}",
    draws=int(after["draws"]),
    emotion_best=f"{emotion[['raw', 'calibrated']].to_numpy().max():.3f}",
    emotion_one=f"{emotion.iloc[0]['always one']:.3f}",
    grammar_trained=f"{grammar.iloc[0]['trained']:.3f}",
    grammar_counts=f"{study.run('acceptability, TF-IDF').metrics['matthews']:.3f}",
    emotion_trained=f"{emotion.iloc[0]['trained']:.3f}",
    grammar_best=f"{grammar[['raw', 'calibrated']].to_numpy().max():.3f}",
)
study.finds(
    trained_above=all(
        part[["raw", "calibrated"]].to_numpy().max() < part["trained"].min() - 0.05
        for part in (sst, emotion)
    ),
    emotion_below_one_label=emotion[["raw", "calibrated"]].to_numpy().max()
    < emotion.iloc[0]["always one"],
    examples_tip_it=after["raw"] < bare["raw"] - 0.1 and liked.min() > 0.6,
    calibration_mends_part=after["raw"] < after["calibrated"] < bare["raw"],
    grammar_not_found=grammar[["raw", "calibrated"]].to_numpy().max() < 0.1,
)

# %% [markdown] tags=["needs:published"]
# (sequences-prompts)=
# ## The other answer: ask, and train nothing
#
# The paper that the report cites for GPT has another way to one model for many tasks: the task stands in the
# prompt, and no weight changes {cite:p}`brown2020gpt3`. With the bare question that is called zero-shot, after a
# few solved examples few-shot. SmolLM2, the decoder of chapter 2, is asked here for the next word after a line such as
# "Review: … Sentiment:". What counts is the probability of each label word, so that it always answers with a
# label.
#
# A decoder has words that it likes whatever the question is, most of all those of the last example.
# {cite:t}`zhao2021calibrate` measure that liking with texts that say nothing, such as "N/A", and divide by
# it. If $p(y \mid x)$ is the share of the label word $y$ after the text $x$, and $\bar p(y)$ its mean share
# after such texts, then the calibrated answer is
#
# $$
# \hat y = \arg\max_y \frac{p(y \mid x)}{\bar p(y)} .
# $$

# %% mystnb={"figure": {"caption": "SmolLM2 asked for labels without training, with and without solved examples in the prompt, raw and calibrated; beside it what the best network trained on the task reaches, and the commonest label given to every row. Values with examples are means over three draws of them.", "name": "fig-prompted"}, "image": {"alt": "Dot plot with a row for each task and number of examples, with marks for the raw score, the calibrated score, the score of a trained model, and a bar for the commonest label."}} tags=["needs:published", "remove-input"]
prompts.plot_prompted(asked)

# %% tags=["needs:published", "remove-input"]
ends = {"lowest": "lowest draw, calibrated", "highest": "highest draw, calibrated"}
tables.show(asked.drop(columns="by").rename(columns=ends))

# %% [markdown] tags=["needs:published", "finds:examples_tip_it", "finds:calibration_mends_part"]
# Whether a sentence praises or blames the decoder knows without being taught: {eval}`facts.sst_bare` on SST-2,
# {eval}`facts.sst_bare_calibrated` calibrated. Four examples make it worse: {eval}`facts.sst_examples` in the
# mean of {eval}`facts.draws` draws. After them it gives *positive* a share of {eval}`facts.liked` when the text
# says nothing at all. Calibration mends a part of it, {eval}`facts.sst_calibrated`, and which four examples were
# drawn decides between {eval}`facts.sst_lowest` and {eval}`facts.sst_highest`.

# %% [markdown] tags=["needs:published", "finds:trained_above", "finds:emotion_below_one_label"]
# MiniLM was trained on SST-2 by adapters, and on emotion whole. It is far above: {eval}`facts.sst_trained` on
# SST-2, and on the six emotions {eval}`facts.emotion_trained`. There the bare question has at best {eval}`facts.emotion_best`, less than
# the commonest label given to every message, {eval}`facts.emotion_one`. The decoder has six times as many weights
# as MiniLM. MiniLM saw labels and the decoder did not. The two networks also differ in design and pre-training.

# %% [markdown] tags=["needs:published", "finds:grammar_not_found"]
# Grammar it does not judge when it is asked, although it writes grammatical English: on CoLA its correlation
# with the right answers is at most {eval}`facts.grammar_best`, in the mean of the draws. The best network that
# this study trained on CoLA has {eval}`facts.grammar_trained`, and TF-IDF {eval}`facts.grammar_counts`.

# %% [markdown]
# ## What to take away
#
# - One trainer serves labels and texts; what changes is how long an answer is, and how it is judged.
# - A score of a text means something beside a baseline: the input copied, the first sentence.
# - One model for many tasks is compared fairly only at equal effort for each.
# - A prompt needs no label, and leans towards words of its own; measure that leaning before you trust it.
#
# What the report said, with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, sequences.CLAIMS)

# %% [markdown]
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
# With one word of ten right, ROUGE-1 has precision 1 and recall $1/10$, so $F_1 = 0.2 / 1.1 \\approx 0.18$.
# chrF weighs recall more and has about $0.5 / 4.1 \\approx 0.12$. So ROUGE-1 forgives it most.
# ```
#
# ```{admonition} Exercise 3
# :class: tip
# The joint model was given a sentence with the prefix of another task, say a film review to
# translate. What do you expect? A run of `all tasks, T5` answers
# `.venv/bin/t5study predict RUN --role translation --text "…"`.
# ```
#
# ```{admonition} Solution
# :class: dropdown
# It obeys the prefix in the language only. The run of this page answers "I hated every minute of this
# movie." with "Ein Mann in einem Fahrnner und ihrend ihrend.", the beginning of a picture's caption
# with nothing of the review. Its BLEU on its own test set says why: it has learnt what the answers look
# like, and little of how they depend on the source.
# ```
#
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
