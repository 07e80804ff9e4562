# %% [markdown]
# # Is it the pre-training?
#
# The report fine-tunes a T5 that others pre-trained and finds that it does well. The same network might have
# learnt the task from its labels alone, and a machine that counts words might do as well. This chapter takes
# the pre-training away, or gives less of it, and measures what is lost.

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
from t5study.chapters import budgets, finetuning, scorecard, tables, transfer
from t5study.claims.published import load_published
from t5study.experiments.recipes import MOST_COUNTED
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
published = load_published()
report = {role: published.classification_report(role) for role in ("emotion", "sentiment")}
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
curves = transfer.learning_curves(study)
metric = {role: study.task(role).metrics[0] for role in curves}
gains = tables.stacked({role: transfer.gain_table(c, metric[role]) for role, c in curves.items()})
by_budget = budgets.budget_tables(study)
parted = budgets.parted_table(study, by_budget)
after_most = {"sentiment": "T5 80M, 512 tokens", "emotion": "T5 80M"}
most = {
    role: study.runs(f"{role}, {who}")
    for role, who in after_most.items()
    if study.has(f"{role}, {who}")
}
answers = {
    role: {**list(curve.values())[-1], **({after_most[role]: most[role]} if role in most else {})}
    for role, curve in curves.items()
}
standing = tables.stacked(
    {
        role: transfer.standing_table(
            group,
            [who for who in (transfer.T5, after_most.get(role)) if who in group],
            metric[role],
        )
        for role, group in answers.items()
    }
)
facts(counted=f"{MOST_COUNTED:,}")

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if most:
    role, count = gains["gain"].idxmax()
    verdict = standing["verdict"]
    facts(
        parameters=f"{most['emotion'][0].metrics['parameters']:,}",
        largest_gain=f"{100 * gains['gain'].max():.1f} points, on {role} with {count:,} labels",
        by_counting=budgets.points(parted[budgets.COUNTING]),
        by_reading=budgets.points(parted[budgets.READING]),
        by_reading_own=budgets.points(parted[budgets.READING_OWN]),
        tfidf_emotion=finetuning.mean_score(answers["emotion"]["TF-IDF"]),
        tfidf_sentiment=finetuning.mean_score(answers["sentiment"]["TF-IDF"]),
        most_emotion=f"{tables.mean_and_interval(most['emotion'], 'accuracy')[0]:.3f}",
        most_sentiment=f"{tables.mean_and_interval(most['sentiment'], 'accuracy')[0]:.3f}",
        report_emotion=f"{report['emotion'].loc['accuracy', 'f1']:.2f}",
    )
    study.finds(
        every_gain_clear=gains[transfer.CLEAR].isin([transfer.ERRORS, transfer.STUDENT]).all(),
        counting_gives_most=(parted[budgets.COUNTING] > parted[budgets.READING]).all(),
        most_above_all_on_emotion=(verdict.loc["emotion", "T5 80M"] == "above").all(),
        most_like_tfidf_on_reviews=verdict["sentiment", "T5 80M, 512 tokens", "TF-IDF"]
        == "not told apart",
        most_above_the_report_on_emotion=float(facts.most_emotion) > float(facts.report_emotion),
    )

# %% jupyter={"source_hidden": true} tags=["needs:published", "remove-cell"]
encoder = transfer.published_curve(study, "emotion")
carried = transfer.gain_table(encoder, "accuracy", (transfer.MINILM, transfer.MINILM_SCRATCH))
rates = transfer.rate_table(study, "emotion")
labels = answers["emotion"][transfer.T5][0].predictions["label"]
always_joy = labels.value_counts(normalize=True).max()
facts(
    **{f"minilm_{count}": f"{row[transfer.MINILM]:.3f}" for count, row in carried.iterrows()},
    **{f"twin_{count}": f"{row[transfer.MINILM_SCRATCH]:.3f}" for count, row in carried.iterrows()},
    minilm_seeds=" and ".join(str(count) for count in carried["seeds"].loc[[500, 5000]]),
    t5_500=f"{carried.loc[500, transfer.T5]:.3f}",
    minilm_parameters=f"{study.run('emotion, MiniLM').metrics['parameters'] / 1e6:.1f} million",
)
study.finds(
    minilm_gain_is_clear=carried.loc[[500, 5000], transfer.CLEAR].eq(transfer.STUDENT).all(),
    twin_learns_nothing_from_500=abs(carried.loc[500, transfer.MINILM_SCRATCH] - always_joy) < 0.02,
    weights_stand_in_for_labels=carried.loc[500, transfer.MINILM]
    > carried.loc[5000, transfer.MINILM_SCRATCH] + 0.02,
    minilm_above_all_at_500=(
        carried.loc[500, transfer.MINILM]
        > carried.loc[500, [transfer.MINILM_SCRATCH, transfer.T5, "TF-IDF"]].max() + 0.1
    ),
)

# %% [markdown] tags=["finds:minilm_gain_is_clear", "finds:twin_learns_nothing_from_500"]
# **To what extent is transfer possible?** With weights that others trained, far: given 500 labelled messages,
# MiniLM is right on {eval}`facts.minilm_500` of the six emotions, and the same architecture from random weights
# on {eval}`facts.twin_500`, which is what always answering *joy* gets ({ref}`transfer-minilm`).

# %% [markdown] tags=["finds:every_gain_clear", "finds:counting_gives_most", "finds:most_above_all_on_emotion", "finds:most_like_tfidf_on_reviews", "finds:most_above_the_report_on_emotion"]
# Found with a T5 of {eval}`facts.parameters` parameters that the study pre-trained itself:
#
# 1. Pre-training helps wherever a task was learnt, most by {eval}`facts.largest_gain` ({numref}`fig-curves`).
#    With fifty labels of emotion neither network learnt it.
# 2. Where the two were taken apart, most of it is counting: {term}`embeddings <embedding>` set from counts of which
#    pieces of words stand near each other give {eval}`facts.by_counting`, and reading 80 million tokens after that
#    adds {eval}`facts.by_reading`.
# 3. On emotion it is enough, {eval}`facts.most_emotion` against {eval}`facts.tfidf_emotion` of a machine that
#    counts words and {eval}`facts.report_emotion` of the report; on reviews it is not told apart from TF-IDF,
#    {eval}`facts.most_sentiment` against {eval}`facts.tfidf_sentiment`.

# %% mystnb={"figure": {"caption": "Learning curves: test score against the number of labelled training rows, on a logarithmic axis. Bands are 95 % intervals, Student's over seeds, or the bootstrap's over test rows where there is one run.", "name": "fig-curves"}, "image": {"alt": "One panel a task with four rising lines: pre-trained T5, T5 from scratch and two baselines on bags of words. The distance between the first two lines is the gain of pre-training."}} tags=["remove-input"]
tables_of_curves = {
    role: transfer.curve_table(curve, metric[role]) for role, curve in curves.items()
}
transfer.plot_curves(tables_of_curves, next(iter(metric.values()), ""))

# %% [markdown]
# Three words are used throughout. {term}`Transfer learning` is the use of what was learnt on one
# task for another. A network trained {term}`from scratch` starts from random weights. The
# {term}`gain` of pre-training is the score of the pre-trained network less that of the network from
# scratch: same architecture, same recipe, same rows in the same order.
#
# The study's own models are pre-trained in two parts. First the embeddings are set from counts, in up to
# {eval}`facts.counted` pieces of the corpus. Then the network reads. The network from scratch has neither, so the
# gain is that of both.
#
# (transfer-curves)=
# ## With few labels, and with many
#
# A {term}`learning curve` shows the score against the number of labelled training rows ({numref}`fig-curves`). At
# each number four answers learn from the same rows: T5, the same T5 from scratch, the {term}`TF-IDF` baseline of
# the chapters before, and {term}`NB-SVM` {cite}`wang2012nbsvm`, a linear classifier on words and word pairs, each
# weighted by how much it speaks for a label. The rows are chosen by a hash of their text, in the proportions of
# the labels, and are part of every larger point. A point has no more validation rows than training rows, since to
# choose a checkpoint takes labels as well. With fifty rows, epochs are added until a least number of
# {term}`updates <update>` is met. The networks read the beginning of a text, the linear classifiers all of it.

# %% tags=["remove-input"]
tables.show(gains)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if most:
    literal = study.run("sentiment, T5, the report's recipe")
    cut = transfer.cut_share(answers["sentiment"][transfer.T5][0])
    joys = answers["emotion"][transfer.T5][0].predictions["label"].value_counts(normalize=True)
    emotion, sentiment = (gains.loc[role, "gain"] for role in ("emotion", "sentiment"))
    facts(
        points=len(gains),
        clear_by_student=int((gains[transfer.CLEAR] == transfer.STUDENT).sum()),
        cut_sentiment=f"{100 * cut:.0f} %",
        reads=study.recipe("sentiment, T5").max_source_length,
        at_256=f"{study.run('sentiment, T5, 256 tokens').metrics['accuracy']:.3f}",
        at_512=f"{literal.metrics['accuracy']:.3f}",
        joy=f"{100 * joys.max():.0f} %",
    )
    study.finds(
        gain_on_reviews_shrinks=sentiment.is_monotonic_decreasing,
        fifty_labels_teach_no_emotion=abs(gains.loc[("emotion", 50), "T5"] - joys.max()) < 0.02,
        emotions_gain_in_the_middle=max(emotion.iloc[0], emotion.iloc[-1])
        < emotion.iloc[1:-1].min(),
        own_reading_costs_points=parted.loc[("emotion", "500"), budgets.READING_OWN] < 0,
    )

# %% [markdown] tags=["finds:every_gain_clear"]
# Runs are paired by seed, so the {term}`standard error` is that of the mean of the differences. A gain above two
# standard errors is called clear, and at all {eval}`facts.points` points it is. With few seeds that is a loose
# rule. Student's distribution asks for 12.7 standard errors with two seeds and 4.3 with three, and the gain has
# as many at {eval}`facts.clear_by_student` of the points.

# %% [markdown] tags=["finds:gain_on_reviews_shrinks"]
# On reviews the gain shrinks as labels grow. That may be the labels' doing, or a ceiling: the networks
# read {eval}`facts.reads` tokens, and {eval}`facts.cut_sentiment` of the test reviews fill that. On all labels, by
# other recipes, the same network reaches {eval}`facts.at_256` with 256 tokens and {eval}`facts.at_512` with 512.

# %% [markdown] tags=["finds:fifty_labels_teach_no_emotion", "finds:emotions_gain_in_the_middle"]
# With fifty labels of emotion no model of the table has learnt the task: the pre-trained network is right about as
# often as the answer *joy* always is ({eval}`facts.joy`), so its gain there says nothing. The gain is largest in
# the middle, and with all labels it is smallest.

# %% [markdown] tags=["only:published"]
# ```{admonition} What the standard error leaves out
# :class: note
# It knows the seeds alone, and of two seeds it is itself a guess. All seeds of a point read the same rows,
# although with fifty labels it matters *which* fifty, and all share one pre-training. No recipe was tuned for the
# network from scratch. And the last point differs in more than its labels: sentiment is judged on 25,000 test
# reviews there and on 2,000 before; on emotion it trains for five epochs with dropout, the others for two or more
# without; an update has twice the rows.
# ```

# %% [markdown] tags=["only:published"]
# (transfer-minilm)=
# ## With weights that others trained
#
# Our T5 is small and read little, so its gains are small. MiniLM ({doc}`01_bert`) has
# {eval}`facts.minilm_parameters` parameters. It was distilled from a larger network and then read more than a
# billion pairs of sentences. Its *twin* is the same architecture with random weights. Both get a head of six
# outputs and learn from the same rows in the same order. Each has the learning rate, of two that were tried with
# 500 labels, that gave the lower loss on validation rows. With 5,000 labels the twin has the smaller of its two
# rates, with which it had learnt its 500 training rows by heart; the larger one was not tried there. With 50
# labels both have the rates of 500.

# %% tags=["needs:published", "remove-input"]
tables.show(
    rates, caption="Loss on validation rows after training, by learning rate; one seed each."
)

# %% mystnb={"figure": {"caption": "Test accuracy on the six emotions against the number of labels: MiniLM, the same architecture from random weights, our T5 after 20 million tokens, and a linear classifier. Bands are Student's 95 % intervals over seeds, or the bootstrap's over test rows where there is one run.", "name": "fig-minilm-curves"}, "image": {"alt": "Four rising lines over 50, 500, 5,000 and 16,000 labels. MiniLM is far above all others at 500 labels; its twin from random weights lies lowest and flat until 500 labels."}} tags=["needs:published", "remove-input"]
transfer.plot_curves({"six emotions": transfer.curve_table(encoder, "accuracy")}, "accuracy")

# %% tags=["needs:published", "remove-input"]
tables.show(carried)

# %% [markdown] tags=["needs:published", "finds:minilm_gain_is_clear", "finds:twin_learns_nothing_from_500", "finds:minilm_above_all_at_500", "finds:weights_stand_in_for_labels"]
# With 500 labels MiniLM is right on {eval}`facts.minilm_500` of the test messages, our T5 on
# {eval}`facts.t5_500`, and the twin on {eval}`facts.twin_500`, which is what always answering *joy* gets
# ({numref}`fig-minilm-curves`). With 5,000 labels it is {eval}`facts.minilm_5000` against
# {eval}`facts.twin_5000`. By Student's interval over the {eval}`facts.minilm_seeds` seeds both gains are clear.
# MiniLM with 500 labels is above its twin with 5,000. This is what transfer means in practice: the weights
# stand in for thousands of labels. Both had four passes over the 5,000; with more, which was not tried, the twin
# may come nearer.

# %% [markdown]
# (transfer-budgets)=
# ## More text, more gain?
#
# The {term}`budget` of a pre-training is counted here in tokens read. T5 was pre-trained again with other budgets,
# each to the end of a schedule of its own, and fine-tuned in the same way. All start from the same counts. The
# column of 0 tokens is the network from random weights; it has no counts either.

# %% mystnb={"figure": {"caption": "Test accuracy against the tokens that T5 read in pre-training, for different numbers of labels. The dashed line of the same colour is the network from random weights. Bands are 95 % intervals as in the figure before.", "name": "fig-budgets"}, "image": {"alt": "One panel a task. Lines with dots show accuracy at three or more pre-training budgets on a logarithmic axis; horizontal dashed lines show the accuracy without pre-training."}} tags=["remove-input"]
budgets.plot_budgets(by_budget)

# %% tags=["remove-input"]
tables.show(budgets.scores_by_tokens(by_budget))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if most:
    made = study.pretraining("t5").metrics
    documents = [made[name] for name in made if name.startswith(("documents", "excluded"))]
    facts(
        left_in_test=f"{made['excluded_in_test']:,}",
        left_repeated=f"{made['excluded_repeated']:,}",
        left_of=f"{sum(documents):,}",
    )

# %% [markdown] tags=["only:published"]
# Where a line of {numref}`fig-budgets` lies on its dashed one, that much pre-training bought nothing; where it
# falls, more text was not better. Each point is one seed. Tokens read are not different tokens: the 20 million of
# the chapters before are little more than half of the corpus, read once, and the largest budget reads it more than
# twice. It was read in bf16, the others in fp32.
#
# A text that stands in a test set must not be read before. Of {eval}`facts.left_of` texts,
# {eval}`facts.left_in_test` were left out because they stand in one, and {eval}`facts.left_repeated` because they
# had come before. Only whole texts are compared, by their letters and digits, and only with the test reviews of
# IMDB. Whether sentences of SST-2, which is cut from film reviews as well, stand in a review that was read was not
# looked for.

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
whole = published.value("glue-tokens-full")
facts(
    t5_half_a_billion=f"{whole - published.value('glue-tokens-29'):.1f}",
    t5_eight_million=f"{whole - published.value('glue-tokens-23'):.1f}",
)

# %% [markdown]
# What repeating a text costs was measured by {cite:t}`raffel2020t5` (Table 9). They pre-trained T5-base on ever fewer
# different tokens, repeated to keep the number read. With half a billion of them it loses
# {eval}`facts.t5_half_a_billion` points of GLUE's average against the whole corpus, with eight million
# {eval}`facts.t5_eight_million`.
#
# (transfer-parted)=
# ### Counting and reading
#
# The embeddings of a random model say nothing about which words are alike. Counts do: how much more often than
# chance two pieces stand near each other ({term}`pointwise mutual information`), brought down to the width of the
# embeddings by a singular value decomposition {cite}`levy2014factorization`. The smallest budget, a single update,
# leaves the embeddings as the counts set them. So the gain can be parted: from random weights to counts, and from
# counts to a budget, the largest one or, in the last column, that of the learning curves.

# %% tags=["remove-input"]
read = study.pretraining("t5").metrics["tokens"] / 1e6
named = {budgets.READING_OWN: f"gain of reading {read:.0f} million tokens"}
tables.show(parted.rename(columns=named))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if most:
    parts = {
        (role, labels): part.sort_values("tokens").reset_index(drop=True).iloc[1:]
        for role, table in by_budget.items()
        for labels, part in table.groupby("labels", sort=False)
    }
    above = {key: part["low"].iloc[1:] > part["high"].iloc[0] for key, part in parts.items()}
    middle = {key: part["mean"].iloc[1:-1] - part["mean"].iloc[0] for key, part in parts.items()}
    facts(rows_parted=len(parts), rows_above=sum(bool(row.iloc[-1]) for row in above.values()))
    study.finds(
        only_the_largest_is_above_the_counts=not any(row.iloc[:-1].any() for row in above.values()),
        counts_like_the_middle=all(
            (gap.abs() < 0.02).all() for key, gap in middle.items() if key != ("emotion", "500")
        ),
        counts_better_on_few_emotions=(middle["emotion", "500"] < 0).all(),
    )

# %% [markdown] tags=["finds:counting_gives_most", "finds:counts_like_the_middle", "finds:own_reading_costs_points", "finds:counts_better_on_few_emotions", "finds:only_the_largest_is_above_the_counts"]
# Over the rows of the table, counting is worth {eval}`facts.by_counting`. Reading after it is worth
# {eval}`facts.by_reading` with the largest budget and {eval}`facts.by_reading_own` with that of the
# chapters before, which lost points with 500 labels of emotion. The budgets in the middle do about as well as
# counts alone, and with 500 labels of emotion worse. Only the largest has an interval above that of the counts,
# in {eval}`facts.rows_above` of the {eval}`facts.rows_parted` rows.

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
starts = {"counts": "t5@1M", "random": "t5@1M, random embeddings"}
losses = {
    start: study.pretraining(model).metrics["held_out_loss"]
    for start, model in starts.items()
    if study.has(model)
}
if most:
    facts(**{f"loss_from_{start}": f"{loss:.2f}" for start, loss in losses.items()})
    study.finds(counts_are_a_better_start=losses["counts"] < losses["random"])

# %% [markdown] tags=["finds:counts_are_a_better_start"]
# Counts are a better start for reading, too: after one million tokens the {term}`held-out loss`, that on texts kept
# out of the pre-training, is {eval}`facts.loss_from_counts` with them and {eval}`facts.loss_from_random` from
# random embeddings, by one run each.

# %% [markdown]
# ### The plateau
#
# The held-out loss does not fall evenly: a small network waits on a plateau and then falls from it.

# %% mystnb={"figure": {"caption": "Held-out loss of T5's pre-training against the tokens read, on a logarithmic axis, one line a budget. Each line has a learning-rate schedule of its own length.", "name": "fig-held-out"}, "image": {"alt": "Falling lines of held-out loss against tokens read, one for each pre-training budget; the lines of larger budgets end lower."}} tags=["remove-input"]
pretrainings = [study.pretraining(model) for model in budgets.budget_models(study)]
budgets.plot_held_out({f"{run.metrics['tokens']:,} tokens": run for run in pretrainings})

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if most:
    own, largest = study.pretraining("t5"), study.pretraining("t5@80M")
    plateau = own.metrics["held_out_loss"]
    begins, ends, fall = budgets.steepest(largest)
    (_, high), (_, low) = budgets.rate_at(own, begins), budgets.rate_at(own, ends)
    facts(
        steep_from=f"{begins:,}",
        steep_to=f"{ends:,}",
        steep_by=f"{fall:.2f}",
        own_rate_from=f"{100 * high:.0f} %",
        own_rate_to=f"{100 * low:.0f} %",
    )
    study.finds(
        largest_leaves_its_plateau=budgets.loss_at(largest, ends) < plateau - 0.3 and low < 0.1
    )

# %% [markdown] tags=["finds:largest_leaves_its_plateau"]
# The run of the largest budget falls most between {eval}`facts.steep_from` and {eval}`facts.steep_to` tokens, by
# {eval}`facts.steep_by` ({numref}`fig-held-out`). The run of 20 million tokens reads as many and stays on its
# plateau. Over that stretch
# its schedule had lowered its learning rate from {eval}`facts.own_rate_from` to {eval}`facts.own_rate_to` of the
# highest, and it was computed in fp32, the largest budget in bf16. Which of the two kept it there, if either, is
# not known: each line is one run.

# %% [markdown] tags=["only:published"]
# (transfer-trials)=
# ### Tokens are not updates
#
# A GPU reads in large portions, so the same tokens make fewer updates there. The table sets trials on a GPU, with a
# larger T5, beside the run of the largest budget above, which one core made; {numref}`fig-trials` counts updates. A
# window is the piece of text that is read as one example.

# %% tags=["remove-input", "only:published"]
names = ("long windows", "short windows", "short windows, fewer updates")
trials = {name: study.pretraining(f"t5, {name}") for name in names if study.has(f"t5, {name}")}
compared = {"the largest budget": pretrainings[-1], **trials} if trials else {}
tables.show(budgets.pretraining_table(compared), formats={"held-out loss": "{:.2f}"})

# %% mystnb={"figure": {"caption": "Held-out loss against the number of updates, on a logarithmic axis: the run of the largest budget and the trials. A window's length changes the question a little, so the ends of lines with other windows are compared with care; where a line falls from its plateau can be compared.", "name": "fig-trials"}, "image": {"alt": "Four falling lines of held-out loss against updates. The line of the largest budget goes furthest and lowest; the line with long windows stays on its plateau to its end; one of the lines with short windows falls from it, the other ends before."}} tags=["remove-input", "only:published"]
budgets.plot_held_out(compared, against="step")

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if most and trials:
    made, falls = budgets.pretraining_table(compared), budgets.fall_table(compared)
    first, losses = made.iloc[0], made["held-out loss"]
    fell = falls.loc["short windows"]
    facts(
        trials_faster=f"{made['tokens a second'].max() / first['tokens a second']:.0f}",
        trials_tokens=f"{made['tokens'].max() / first['tokens']:.0f}",
        trials_fewest=f"{made['updates'].min():,}",
        fell_from=f"{fell['steepest from update']:,.0f}",
        fell_to=f"{fell['to update']:,.0f}",
        fell_rate_to=f"{100 * fell['rate at its end']:.0f} %",
    )
    study.finds(
        trials_end_above=(losses.iloc[1:] > losses.iloc[0]).all(),
        long_windows_stay=losses["long windows"] > plateau - 0.3,
        short_windows_leave=losses["short windows"] < plateau - 0.3
        and fell["steepest from update"] < falls.loc["the largest budget", "steepest from update"],
        fewer_updates_stay=losses["short windows, fewer updates"] > plateau - 0.3
        and fell["steepest from update"] <= made["updates"].min() <= fell["to update"],
    )

# %% [markdown] tags=["finds:trials_end_above", "finds:long_windows_stay", "finds:short_windows_leave", "finds:fewer_updates_stay"]
# The trials read up to {eval}`facts.trials_faster` times as fast as the one core, and up to
# {eval}`facts.trials_tokens` times the tokens, and each of them ends above the core's loss. The one with long
# windows never leaves its plateau. Of the two with short windows one falls, between updates
# {eval}`facts.fell_from` and {eval}`facts.fell_to`, while its rate goes down to {eval}`facts.fell_rate_to` of its
# highest; so a lowered rate alone does not hold a network on its plateau. The other ended after
# {eval}`facts.trials_fewest` updates, about where the first one fell. These runs speak for many updates on short
# windows first, and do not prove it: windows, updates and rate differ at once, and each is one run.

# %% [markdown]
# (transfer-architectures)=
# ## Encoder, decoder, or both
#
# T5 has an encoder and a decoder, BERT an encoder, GPT a decoder. Here they are pre-trained on the same text, with
# one vocabulary, and fine-tuned on the same task, by T5's recipe. They cannot be made equal in everything: an
# encoder-decoder with twice the parameters of a decoder costs the same {term}`FLOPs <FLOP>`, since each token
# passes through one half of it ({cite:t}`raffel2020t5`, section 3.2). Of the budgets of T5 the one nearest to the
# others' stands here. The three held-out losses answer three different questions and must not be compared.

# %% tags=["remove-input"]
costs = transfer.architecture_table(study, "sst")
tables.show(costs, formats={"FLOPs": tables.scientific})

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if most:
    spread = {
        name: costs[name].max() / costs[name].min() - 1
        for name in ("tokens", "FLOPs", "parameters")
    }
    gaps = transfer.neighbours(study, "sst")
    score, bert = costs["sst, accuracy"], costs.loc["bert"]
    facts(
        spread_tokens=f"{100 * spread['tokens']:.0f} %",
        spread_flops=f"{100 * spread['FLOPs']:.0f} %",
        spread_parameters=f"{100 * spread['parameters']:.0f} %",
        sst_t5=f"{score['t5']:.3f}",
        sst_gpt=f"{score['gpt']:.3f}",
        sst_bert=f"{score['bert']:.3f}",
        t5_against_gpt=gaps["t5", "gpt"].in_points,
        gpt_against_bert=gaps["gpt", "bert"].in_points,
        masked_asked=f"{100 * bert['pieces asked for'] / bert['tokens']:.0f} %",
        masked_right=f"{100 * bert['held-out accuracy']:.0f} %",
    )
    study.finds(
        t5_like_gpt=gaps["t5", "gpt"].verdict == "not told apart",
        gpt_above_bert=gaps["gpt", "bert"].verdict == "above",
    )

# %% [markdown] tags=["only:published"]
# The tokens differ by {eval}`facts.spread_tokens` from the least to the most, the FLOPs by
# {eval}`facts.spread_flops` and the parameters by {eval}`facts.spread_parameters`. In so small a network the output
# layer costs most: GPT computes it at every position, BERT at the masked ones and T5 for the text that it writes.

# %% [markdown] tags=["finds:t5_like_gpt", "finds:gpt_above_bert"]
# On sentences about films T5 is right on {eval}`facts.sst_t5`, GPT on {eval}`facts.sst_gpt` and BERT on
# {eval}`facts.sst_bert`. By the paired bootstrap over test rows T5 against GPT is
# {eval}`facts.t5_against_gpt`, GPT against BERT {eval}`facts.gpt_against_bert`. BERT answers for
# {eval}`facts.masked_asked` of the tokens that it reads. Each network is at the beginning of its training. So the
# table ranks three short trainings of one seed,
# and not three architectures.

# %% [markdown]
# (transfer-enough)=
# ## Where it is enough
#
# Is a small model of one's own better than everything that needs none? And how far is it from a model that others
# pre-trained on far more? The first is answered by the paired bootstrap of {ref}`glue-luck`, on all labels.

# %% tags=["remove-input"]
tables.show(standing)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if most:
    t5_small = published.table(task="imdb", split="test", metric="accuracy").set_index("model")[
        "value"
    ]
    t5_small_emotion = published.table(task="emotion", split="test", metric="accuracy").set_index(
        "model"
    )["value"]
    facts(
        t5_small_sentiment=f"{t5_small['t5-small']:.2f}",
        t5_small_emotion=f"{t5_small_emotion['t5-small']:.2f}",
    )
    study.finds(
        chapters_above_scratch=all(
            verdict[role, "T5", "T5 from scratch"] == "above" for role in most
        ),
        chapters_like_linear_on_emotion=all(
            verdict["emotion", "T5", peer] == "not told apart" for peer in ("TF-IDF", "NB-SVM")
        ),
        chapters_below_linear_on_reviews=all(
            verdict["sentiment", "T5", peer] == "below" for peer in ("TF-IDF", "NB-SVM")
        ),
        most_below_nbsvm=verdict["sentiment", "T5 80M, 512 tokens", "NB-SVM"] == "below",
        t5_small_ahead_on_reviews=float(facts.most_sentiment) < float(facts.t5_small_sentiment),
        t5_small_reached_on_emotion=f"{float(facts.most_emotion):.2f}" == facts.t5_small_emotion,
    )

# %% [markdown] tags=["finds:chapters_above_scratch", "finds:chapters_like_linear_on_emotion", "finds:chapters_below_linear_on_reviews", "finds:most_above_all_on_emotion", "finds:most_like_tfidf_on_reviews", "finds:most_below_nbsvm"]
# After 20 million tokens the network is above its twin from scratch on both tasks. On emotion it is not told apart
# from either linear classifier; on reviews, of which it reads 128 tokens, both are ahead. After 80 million tokens it is
# above everything else in the table on emotion. On reviews, with up to 512 tokens of them, it is not told apart
# from TF-IDF and a little below NB-SVM. All its seeds share the one pre-training that left the plateau.

# %% [markdown] tags=["only:published"]
# The second question needs numbers from elsewhere. What the report prints, what others published and what this
# study measured stand in columns of their own. The column *read* says how a published number was checked: *read* at
# its source, seen in a *listing* that quotes the source, or *not verified*. Where a *note* names a split of the
# source's own, its test rows are others.

# %% tags=["remove-input", "only:published"]
beside = {
    role: transfer.beside_published(study.task(role).name, role, answers[role], "accuracy")
    for role in most
}
tables.show(tables.stacked(beside))

# %% [markdown] tags=["finds:t5_small_ahead_on_reviews", "finds:t5_small_reached_on_emotion"]
# After the longest reading our network stays below T5-small's published accuracy on reviews,
# {eval}`facts.t5_small_sentiment`, and reaches it, to two decimals, on emotion,
# {eval}`facts.t5_small_emotion`.

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    own_electra=int(published.value("self-pretraining-electra")),
    own_roberta=int(published.value("self-pretraining-roberta")),
    nanot5=f"{published.value('nanot5-rouge'):.1f}",
    t5v11=f"{published.value('t5v11-rouge'):.1f}",
)

# %% [markdown]
# Reading the task's own text is not a makeshift. {cite:t}`krishna2023downstream` pre-trained on the own text of ten
# classification sets, IMDB not among them, and compared that with a general corpus: the own text won on
# {eval}`facts.own_electra` of the ten with ELECTRA and on {eval}`facts.own_roberta` with RoBERTa. At the
# size of T5-base pre-training needs no hundreds of accelerators: {cite:t}`nawrot2023nanot5` pre-trained T5-base
# v1.1 on one GPU in sixteen hours. Fine-tuned on Super-Natural Instructions, it reached {eval}`facts.nanot5`
# Rouge-L where the published weights reach {eval}`facts.t5v11`.

# %% [markdown] tags=["only:published"]
# The models of this study read film reviews, the text of sentiment, and old books; of emotion's messages
# they read none.

# %% [markdown] tags=["only:published"]
# (transfer-price)=
# ## What would the missing points cost?
#
# If the error falls with the tokens $N$ as a {term}`power law`, $1 - s(N) = a\,N^{-b}$, it is a straight line in
# logarithms. {cite:t}`kaplan2020scaling` found this law for the loss; for a task's error it is an assumption. A line
# by least squares through the budgets above, with the most labels of that table, says what a doubled budget does
# to the error, and where it meets the report's accuracy. No price is named where the error does not fall whichever
# point is left out, or beyond $10^{12}$ tokens, what each of the final models of {cite:t}`raffel2020t5` read
# (section 3.7).

# %% tags=["remove-input", "only:published"]
targets = {role: float(table.loc["accuracy", "f1"]) for role, table in report.items()}
priced = {role: table for role, table in by_budget.items() if role in most}
speed = study.pretraining("t5").metrics["tokens_per_second"] if priced else 0.0
prices = budgets.price_table(priced, targets, speed)
tables.show(prices)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
if most:
    facts(
        price_emotion=prices.loc["emotion", "budget"],
        price_sentiment=prices.loc["sentiment", "budget"],
    )

# %% [markdown] tags=["only:published"]
# The report's accuracy is, on emotion, {eval}`facts.price_emotion`; on reviews, {eval}`facts.price_sentiment`. The
# networks of that curve read 128 tokens of a review, and the report's had four times as many. It is a line through
# few points, most of them of one seed, and labels have noise, so some error never goes away: a direction, and no
# price tag.

# %% [markdown]
# ## What to take away
#
# - Compare with the same network from random weights before saying what pre-training gave.
# - A gain belongs to a number of labels, and is least with all of them.
# - Counting which words stand together is most of what a short pre-training gives.
# - More tokens help where the network leaves its plateau, and a budget is tokens, updates and schedule.
#
# What the report said, with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, transfer.CLAIMS)

# %% [markdown]
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
# The premise does not hold here: with all labels the gain is small, and clear on both tasks. The learning
# curves show the rest: a gain belongs to a number of labels. Where labels are plentiful they can
# teach what pre-training would have taught. The rule would have to name the number, and the price of
# labels against that of computing.
# ```
#
# ```{admonition} Exercise 3
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

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
