# %% [markdown]
# # Translation and summarisation with T5

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import textwrap

import pandas as pd

from t5study.chapters import generation, scorecard, tables
from t5study.chapters.drawings.writing import beam_tree
from t5study.claims.published import load_published
from t5study.judging import faithfulness, ranking, scores
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
published = load_published()
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
translator, summariser = study.run("translation, T5"), study.run("summary, T5")
copy, lead = study.run("translation, copy"), study.run("summary, lead")
source_itself = study.run("summary, copy")
over_lead = summariser.metrics["rougeL"] - lead.metrics["rougeL"]
upper, lower = (run.metrics["intervals"]["rougeL"] for run in (source_itself, summariser))
facts(
    parameters=f"{translator.metrics['parameters'] / 1e6:.1f} million",
    report_max_length=int(published.generation().loc["translation", "max_length"]),
    max_pieces=int(published.generation().loc["translation", "max_length"]) - 1,
    test_size=f"{translator.metrics['n']:,}",
    bleu=f"{translator.metrics['bleu']:.1f}",
    exact=f"{100 * translator.metrics['exact_match']:.1f} %",
    copy_bleu=f"{copy.metrics['bleu']:.1f}",
    faithful=f"{100 * summariser.metrics['faithful']:.1f} %",
    rouge=f"{summariser.metrics['rougeL']:.1f}",
    rouge_lead=f"{lead.metrics['rougeL']:.1f}",
    rouge_whole=f"{source_itself.metrics['rougeL']:.1f}",
    summary_size=f"{summariser.metrics['n']:,}",
)
study.finds(
    below_lead=over_lead < 0,
    like_the_source=lower[0] <= upper[1] and upper[0] <= lower[1],
)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
ARTICLE = (
    "President Donald Trump told reporters on Wednesday that new infections in the US have begun "
    "to fall, and predicted that several states will open again before the month is out. "
    "Officials count more than 637,000 confirmed Covid-19 cases in the country and 30,826 deaths. "
    "Guidance is to be published on Thursday, when the president has spoken with the governors. "
    "May 1 had been named as the day on which some states may reopen."
)

# %% jupyter={"source_hidden": true} tags=["needs:smollm2", "needs:published", "remove-cell"]
report = {
    "num_beams": 4,
    "no_repeat_ngram_size": 2,
    "min_new_tokens": 30,
    "max_new_tokens": 100,
    "early_stopping": True,
}
free = {name: value for name, value in report.items() if name != "min_new_tokens"}
summed = study.observe(
    "smollm2.summaries",
    texts=[ARTICLE, *generation.articles()],
    arguments={"the report's arguments": report, "without a least length": free},
)
unruled = {name: value for name, value in report.items() if name != "no_repeat_ngram_size"}
repeating = study.observe(
    "smollm2.summaries",
    texts=[ARTICLE, *generation.articles()],
    arguments={"pairs may be repeated": unruled},
)
freed = generation.invented_facts(repeating)["pairs may be repeated"]
months = study.observe("smollm2.months", count=240)
invented = generation.invented_facts(summed)
alike = [
    row["the report's arguments"] == row["without a least length"] for row in summed.values["rows"]
]
named, said_again = months.values["invented"], months.values["says_this_month"]
facts(
    smol_articles=len(alike),
    smol_alike=sum(alike),
    smol_invented=int((invented["the report's arguments"] > 0).sum()),
    smol_freed=int((freed > 0).sum()),
    months_texts=named["n"],
    months_count=named["count"],
    months_interval=f"{100 * named['low']:.1f} to {100 * named['high']:.1f} %",
    months_kept=f"{100 * said_again['share']:.0f} %",
)
study.finds(
    least_length_is_idle=all(alike),
    no_month_is_invented=named["count"] == 0,
    few_invent_without_the_rule=5 * (freed > 0).sum() < len(alike),
    most_summaries_invent=2 * (invented["the report's arguments"] > 0).sum() > len(alike),
)

# %% jupyter={"source_hidden": true} tags=["needs:smollm2", "needs:published", "remove-cell"]
changes = [
    {},
    {"num_beams": 1},
    {"num_beams": 8},
    {"no_repeat_ngram_size": 0},
    {"no_repeat_ngram_size": 1},
    {"min_new_tokens": 60},
    {"max_new_tokens": 20},
    {"length_penalty": 0.0},
    {"length_penalty": 2.0},
    {"early_stopping": False},
]
named_changes = {
    ", ".join(f"{name}={value}" for name, value in change.items()) or "the report's": report
    | change
    for change in changes
}
sweep = study.observe("smollm2.summaries", texts=[ARTICLE], arguments=named_changes)
written = {name: sweep.values["rows"][0][name] for name in named_changes}
lacking = {name: faithfulness.invented(text, ARTICLE) for name, text in written.items()}
facts(
    sweep_rows=len(written),
    sweep_distinct=len(set(written.values())),
    sweep_lacking=", ".join(lacking["the report's"]),
)
study.finds(
    the_rule_makes_it_invent=lacking["no_repeat_ngram_size=0"] == ["United"]
    and len(lacking["the report's"]) > 1,
)

# %% [markdown]
# The report shows T5 translating three words and summarising a news text, and takes both answers as they
# come. This chapter shows how a text is searched for, why the report's translation is cut short, what each
# argument of the search does, and how translations and summaries are measured.
#
# **What was found.**
#
# - The report's "Das ist gut," is not a translation but the beginning of one: its limit of
#   {eval}`facts.report_max_length` tokens leaves room for {eval}`facts.max_pieces` pieces, and the
#   sentence needs one more and an end.

# %% [markdown] tags=["needs:smollm2", "needs:published", "finds:most_summaries_invent", "finds:no_month_is_invented", "finds:few_invent_without_the_rule"]
# - The report's summary names a month, april, that its source does not. An argument can make a model invent:
#   under the report's rule against repeated pairs, {eval}`facts.smol_invented` of
#   {eval}`facts.smol_articles` summaries of a published decoder hold a number, a date or a name that is not
#   in the article. With the rule off it
#   is {eval}`facts.smol_freed`.

# %% [markdown] tags=["finds:below_lead"]
# - This study's own T5 of {eval}`facts.parameters` parameters translates captions with a BLEU of
#   {eval}`facts.bleu` (copying the input has {eval}`facts.copy_bleu`), and its summaries are worse than the
#   first sentence of the text, by ROUGE-L {eval}`facts.rouge` against {eval}`facts.rouge_lead`.

# %% [markdown]
# ## From probabilities to a text
#
# Given an input $x$, T5 assigns a probability to every possible output $y = (y_1, \dots, y_m)$, one piece
# at a time, each piece depending on those before it; $y_m$ is the end token `</s>`:
#
# $$
# P(y \mid x) = \prod_{t=1}^{m} P(y_t \mid y_1, \dots, y_{t-1}, x) .
# $$
#
# *Which* text comes out is decided by a search. {term}`Greedy search <greedy search>` takes the likeliest
# piece at each place and never looks back. {term}`Beam search <beam search>` keeps the $k$ best beginnings,
# called beams, extends each by every piece, and keeps the $k$ best again.

# %% tags=["needs:smollm2", "remove-cell"]
tree = study.observe("smollm2.tree", prompt="Although the story was")
kept = [row for row in tree.values["rows"] if row["kept"]]
first, second = kept[:2]
facts(tree_first=first["token"].strip("▁"), tree_second=second["token"].strip("▁"))
study.finds(greedy_start_is_dropped=all(row["parent"] != 0 for row in kept[2:]))

# %% mystnb={"figure": {"caption": "A beam search with two beams, by SmolLM2, from 'Although the story was'. Each box is a token with its probability after what stands left of it; of each beam the three likeliest are drawn. Blue: the two beginnings that are kept. Dashed: dropped.", "name": "fig-beam-tree"}, "image": {"alt": "A tree with three steps. From the beginning lead a, too and about; a and too are kept. At the second step only two continuations of too are kept, long and dark, and none of a. At the third step two continuations of too long are kept."}} tags=["needs:smollm2", "remove-input"]
beam_tree(tree)

# %% [markdown] tags=["needs:smollm2", "finds:greedy_start_is_dropped"]
# Greedy search would have begun with *{eval}`facts.tree_first`*, the likeliest token, and stayed with it. The
# beams drop it at the second step ({numref}`fig-beam-tree`): nothing that follows it is likely enough, and
# *{eval}`facts.tree_second`*, second at first, leads on.

# %% [markdown]
# A beginning that ends in `</s>` is *finished* and is ranked by
#
# $$
# \text{score}(y) = \frac{\log P(y \mid x)}{|y|^{\alpha}} ,
# $$
#
# where $\alpha$ is the length penalty. With $\alpha = 0$ short texts win, since every further piece costs
# probability; $\alpha = 1$ compares the mean per piece. The arguments' names are those of `generate` in
# the transformers library, and the last two columns are what the report gave it:

# %% tags=["remove-input"]
MEANING = {
    "num_beams": "how many beginnings are kept; 1 is greedy search",
    "no_repeat_ngram_size": "no run of this many pieces may occur twice",
    "min_length": "the end token is forbidden until the text is this long",
    "max_length": "the text is cut when it is this long, finished or not",
    "early_stopping": "stop as soon as there are as many finished texts as beams",
}
reported = published.generation().T
reported.insert(0, "meaning", pd.Series(MEANING))
tables.show(reported.rename_axis("argument"))

# %% [markdown]
# (generation-translation)=
# ## "that is good"
#
# `max_length` counts *tokens of the decoder*, and the decoder's first token is not part of the answer: T5
# starts every output with the padding token. In T5's own vocabulary the sentence "Das ist gut." is five
# tokens, its end among them:
#
# | place | 1 | 2 | 3 | 4 | 5 | 6 |
# | --- | --- | --- | --- | --- | --- | --- |
# | whole | start | `▁Das` | `▁ist` | `▁gut` | `.` | `</s>` |
# | as the report printed it | start | `▁Das` | `▁ist` | `▁gut` | `,` | (cut) |
#
# The full stop *and* the end need a sixth place. With {eval}`facts.report_max_length` every text of four
# pieces is cut before it can end, and the search compares beginnings of sentences: "Das ist gut," competes
# as the beginning of something longer. Why a comma stands there and not a full stop, only the checkpoint
# can say.
#
# The report's call, on its sentence and on three of our own, answered by this study's translator. (It
# learnt from captions of pictures, with a vocabulary without umlauts: read the column *ended*, and not the
# German.)

# %%
arguments = {
    "num_beams": 4,
    "no_repeat_ngram_size": 2,
    "min_length": 2,
    "max_length": 5,
    "early_stopping": True,
}
sentences = [
    "that is good",
    "The young singer bought a red car.",
    "The teachers said that the child read an old book.",
    "Although the children sang in the park, the tired doctor slept.",
]

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
prompts = [study.task("translation").prefix + sentence for sentence in sentences]
# The claim about the report's answer is judged on the checkpoint as it comes.
study.observe(
    "generation.answers",
    model=study.experiments["translation, T5"].model,
    prompts=prompts,
    arguments=arguments,
)
short = study.observe("generation.answers", run=translator, prompts=prompts, arguments=arguments)
longer = study.observe(
    "generation.sweep",
    run=translator,
    prompt=prompts[1],
    arguments=arguments,
    changes=[{"max_length": length} for length in (6, 8, 12, 20, 40, 60)],
)
rows = short.values["rows"]
*shorter, longest = longer.values["rows"]
cut = [row["pieces"] for row in shorter if not row["ended"]]
facts(
    cut=sum(not row["ended"] for row in rows),
    short_total=len(rows),
    limits_cut=len(cut),
    limits_other=sum(part != longest["pieces"][: len(part)] for part in cut),
)
study.finds(same_when_ended=shorter[-1]["pieces"] == longest["pieces"])

# %% tags=["remove-input"]
answers = pd.DataFrame(rows)
answers["pieces"] = answers["pieces"].map(" ".join)
tables.show(answers[["prompt", "pieces", "length", "ended"]].set_index("prompt"))

# %% [markdown]
# Of {eval}`facts.short_total` answers {eval}`facts.cut` did not end by themselves: they were cut. A larger
# limit for the second sentence shows where its answer ends (the first row is the report's 5):

# %% tags=["remove-input"]
by_limit = pd.DataFrame(longer.values["rows"])[["change", "answer", "length", "ended"]]
by_limit["change"] = by_limit["change"].replace("", "max_length=5").str.removeprefix("max_length=")
tables.show(by_limit.rename(columns={"change": "max_length"}).set_index("max_length"))

# %% [markdown]
# Too short a limit does not only cut. When it is reached, the search hands out the beginning with the best
# score so far, which need not be a beginning of the answer that it would have ended with: of
# {eval}`facts.limits_cut` answers that were cut here, {eval}`facts.limits_other` are not.

# %% [markdown] tags=["finds:same_when_ended"]
# Once the whole search has ended before the limit, a longer limit changes nothing: `max_length` stops
# a search that runs too long. It does not set the length of the answer.

# %% [markdown] tags=["needs:smollm2", "needs:published"]
# (generation-sweep)=
# ## Each argument, one at a time
#
# What do the other arguments do? SmolLM2 ({doc}`02_gpt`) writes readable summaries, so it can be asked. It
# gets an article of our own with the report's arguments, then with a single change. (A decoder's prompt
# counts towards `max_length`, so lengths are given for what is new.)

# %% tags=["needs:smollm2", "needs:published", "remove-input"]
print(textwrap.fill(ARTICLE, 76))

# %% tags=["needs:smollm2", "needs:published", "remove-input"]
table = pd.DataFrame({"summary": written, "not in the article": lacking})
table["words"] = table["summary"].str.split().map(len)
table.loc[table["summary"].duplicated(), "summary"] = "(the same as the first)"
tables.show(table[["summary", "words", "not in the article"]].rename_axis("arguments"))

# %% [markdown] tags=["needs:smollm2", "needs:published"]
# The {eval}`facts.sweep_rows` settings give {eval}`facts.sweep_distinct` different summaries.

# %% [markdown] tags=["needs:smollm2", "needs:published", "finds:the_rule_makes_it_invent"]
# One row stands out. With `no_repeat_ngram_size=0` the summary ends by itself, and all that the check finds in
# it beside the article is *United*, for the article writes *US*. With the report's 2 it finds
# *{eval}`facts.sweep_lacking`*. To a model that is a decoder alone the article counts as text already
# written, so the rule forbids every pair of pieces that stands in it. It cannot say "May 1" or "30,826", and
# says something else. T5 keeps its source in the encoder, out of the rule's reach, so this does not explain
# the report's "april".

# %% [markdown]
# How each argument works:
#
# - **`num_beams`** searches for the same thing harder. A higher score need not be a better text: for
#   translation models the most probable text of all is often the empty one {cite:p}`stahlberg2019nmt`.
# - **`no_repeat_ngram_size`** was made for summaries that go round in circles
#   {cite:p}`paulus2018summarization`. It forbids honest repetition as well, and set to one, not even the
#   word *the* may occur twice.
# - **`min_length`** forbids the end. A model that would have ended sooner must go on.
# - **`length_penalty`** is misnamed: larger values *favour* long texts, since the sum of log-probabilities
#   is negative and is divided by more.
# - **`early_stopping`** decides when the search gives up looking for better finished texts.

# %% [markdown]
# (generation-scores)=
# ## How good are the translations?
#
# For a sentence there are many right translations and one reference. Three scores, from strict to
# lenient. {term}`Exact match <exact match>` is the share of answers equal to the reference.
# {term}`BLEU` {cite}`papineni2002bleu` looks at runs of $n$ words, $n$ from one to four: $p_n$ is
# the share of the answers' runs that occur in their references, each counted at most as often as
# its reference has it, over the whole test set, and
#
# $$
# \text{BLEU} = 100 \cdot \min\!\left(1,\, e^{\,1 - r/c}\right) \cdot \left(\prod_{n=1}^{4} p_n\right)^{1/4},
# $$
#
# with $c$ the words of all answers and $r$ those of all references: whoever says less than the
# references pays. {term}`chrF` {cite}`popovic2015chrf` compares runs of one to six *characters*, so
# a wrong ending costs an ending and not the word; it weighs recall twice as much as precision
# ($F_2$). Both are computed with sacreBLEU {cite}`post2018sacrebleu`, which fixes how words are cut,
# so that scores from different papers can be compared. On one reference:

# %%
reference = ["Die junge Sängerin kaufte gestern ein rotes Auto."]
attempts = {
    "the reference itself": "Die junge Sängerin kaufte gestern ein rotes Auto.",
    "one ending wrong": "Die junge Sängerin kaufte gestern ein rote Auto.",
    "another word order": "Gestern kaufte die junge Sängerin ein rotes Auto.",
    "half of it": "Die junge Sängerin kaufte",
    "another sentence": "Das ist gut,",
}
judged = {
    name: {
        metric: scores.METRICS[metric](reference, [text])
        for metric in ("exact_match", "bleu", "chrf")
    }
    for name, text in attempts.items()
}

# %% tags=["remove-input"]
tables.show(pd.DataFrame.from_dict(judged, orient="index").rename_axis("attempt"))

# %% [markdown]
# "Another word order" is a faultless translation and loses a good part of both scores. The fault is
# the single reference. Over a test set all systems suffer it about alike, so their scores can be
# compared there, but 100 is out of reach. Now the test set, sentences the model was never trained on,
# with an interval from the bootstrap of {ref}`glue-luck`, and beside it the baseline of copying the
# English sentence:

# %% tags=["remove-input"]
answers = {"T5": translator, "copy of the input": copy}
tables.show(ranking.beside(answers, study.task("translation").metrics))

# %% [markdown]
# On {eval}`facts.test_size` sentences T5 reaches a BLEU of {eval}`facts.bleu`, where copying the input has
# {eval}`facts.copy_bleu`; {eval}`facts.exact` of its answers are the reference word for word.

# %% [markdown] tags=["only:published"]
# The test set is Multi30k {cite:p}`elliott2016multi30k`: short captions of pictures, on whose training part
# the network was trained. Its BLEU says nothing about translating anything else.

# %% [markdown]
# (generation-summary)=
# ## Summaries, and what is not in the source
#
# The report's second example is a news text, summarised with a length between 30 and 100. Its printed
# summary says that "president Donald Trump predicts some states will reopen the country in april". The text
# it was made from names one month, and that is May; of the reopening it says "this month". Such an addition
# is called a {term}`hallucination`, be it true or false: *extrinsic* when it adds what the source does not
# say, *intrinsic* when it twists what it does say {cite:p}`maynez2020faithfulness`. (That states will
# "reopen the country" is of the second kind: in the source some states reopen.)
#
# Extrinsic ones can be looked for by machine. `faithfulness.check` looks up every number, month, day, name
# and content word of a summary in the source. The article above is ours; it has facts of the same kind as
# the report's, and none of its sentences.

# %%
REPORTED = (
    "the us has over 637,000 confirmed Covid-19 cases and over 30,826 "
    "deaths. president Donald Trump predicts some states will reopen the "
    "country in april"
)
checked = faithfulness.check(REPORTED, ARTICLE)

# %% tags=["remove-input"]
tables.show(checked[checked["kind"].isin(faithfulness.FACTS)].reset_index(drop=True))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    invented=", ".join(faithfulness.invented(REPORTED, ARTICLE)),
    facts_checked=int(checked["kind"].isin(faithfulness.FACTS).sum()),
)

# %% [markdown]
# Of {eval}`facts.facts_checked` facts in this part of the report's summary, what is not in our article is
# "{eval}`facts.invented`". The check tells the month in "May 1" from the verb in "may reopen".

# %% [markdown] tags=["needs:smollm2", "needs:published"]
# (generation-published)=
# ### How often is something invented?
#
# SmolLM2 summarises the article and twenty news articles of our own, with the report's arguments and then
# without the least length. Two of them:

# %% tags=["needs:smollm2", "needs:published", "remove-input"]
tables.show(generation.summary_table(summed, rows=3).iloc[1:][["the report's arguments"]])

# %% [markdown] tags=["needs:smollm2", "needs:published"]
# Of {eval}`facts.smol_articles` summaries {eval}`facts.smol_invented` hold a number, a date or a name that
# is not in their article. {eval}`facts.smol_alike` are the same with and without the least length. And with
# the rule against repeated pairs off, everything else as it was, {eval}`facts.smol_freed` do.

# %% [markdown] tags=["needs:smollm2", "needs:published", "finds:few_invent_without_the_rule"]
# So the same model on the same articles adds facts far more often under this one argument, which was made to
# keep summaries from going round in circles. The check counts words that the article lacks, so it also counts
# *United* where the article has *US*.

# %% [markdown] tags=["needs:smollm2", "needs:published", "finds:least_length_is_idle"]
# So the least length of 30 changes nothing here: this model never wished to stop before it.

# %% [markdown] tags=["needs:smollm2", "needs:published"]
# And a *month*? {eval}`facts.months_texts` short news texts, made by rule, say "this month" and name none.
# SmolLM2 summarises each, greedily, and a search for the names of months counts those that no one mentioned
# (*may* is left out, since it is a verb as well). {eval}`facts.months_count` name one; the 95 % interval of
# the share is {eval}`facts.months_interval`. {eval}`facts.months_kept` keep the words "this month".

# %% [markdown] tags=["needs:smollm2", "needs:published", "finds:no_month_is_invented"]
# Free to repeat what it read, this model invents no month. That says nothing of T5-small; how the report's
# "april" came about stays open.

# %% [markdown]
# ### On the test set
#
# {term}`ROUGE` {cite:p}`lin2004rouge` measures how much of a reference summary is found again: ROUGE-1 and
# ROUGE-2 count words and pairs of neighbouring words, ROUGE-L the longest sequence that both have in the
# same order, each as an $F_1$ times 100. `faithful` is this study's own: the share of summaries whose
# numbers, dates and names are all in the source. Two baselines stand beside it: the first sentence of the
# source, the usual yardstick (the {term}`lead baseline`), and the whole source as its own summary. BLEU, chrF
# and ROUGE are out of 100; exact match and `faithful` are shares between 0 and 1.

# %% tags=["remove-input"]
answers = {"T5": summariser, "first sentence": lead, "the source itself": source_itself}
tables.show(ranking.beside(answers, study.task("summary").metrics))

# %% [markdown]
# On {eval}`facts.summary_size` unseen texts, T5's ROUGE-L is {eval}`facts.rouge`, the first sentence's
# {eval}`facts.rouge_lead` and the whole source's {eval}`facts.rouge_whole`. Of T5's summaries
# {eval}`facts.faithful` hold no number, date or name that their source lacks; one that has none at all counts
# as faithful too, so read this score beside ROUGE.

# %% [markdown] tags=["finds:below_lead", "finds:like_the_source"]
# By ROUGE-L T5 stands below the first sentence and is level with the whole source: this small network has not
# learnt to summarise.

# %% [markdown]
# ### What the check cannot see
#
# It looks for words, not for statements. Exchange who did what, drop a "not", turn a plan into a fact: every
# fact that the check looks up is still in the source.

# %%
story = (
    "Forty nurses stopped work in Oslo on Tuesday. The nurses want more "
    "money. Paul Keller, who speaks for them, met the mayor of Lisbon. Emma "
    "Costa said that talks will begin on Sunday."
)
twisted = "Emma Costa, for the nurses of Lisbon, met forty mayors on Sunday."
faithfulness.invented(twisted, story)

# %% [markdown]
# Not one invented fact, and hardly a true statement. Finding intrinsic hallucinations takes a model of
# entailment, which is what RTE asks for in {doc}`04_glue`, and is an open problem still.
#
# ## What to take away
#
# - A model gives probabilities; a search makes the text, and its arguments are part of the result.
# - A limit on the length cuts. An answer that did not end is not an answer.
# - A fluent summary may say what its source does not, and an argument of the search can be the cause. Look
#   numbers, dates and names up.
#
# What the report said, with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, generation.CLAIMS)

# %% [markdown]
# ## Exercises
#
# ```{admonition} Exercise 1
# :class: tip
# Which `max_length` is the smallest with which T5 can answer "Das ist gut." and end? From which
# `min_length` on can it no longer end there?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# Six: the start token, four pieces, and the end token. `min_length` counts the start token as well
# and forbids the end token until that many tokens are there, so with a `min_length` of 6 the end
# token cannot be the sixth token, and "Das ist gut." cannot end after its full stop.
# ```
#
# ```{admonition} Exercise 2
# :class: tip
# A vocabulary has 32,000 pieces. How many texts of exactly ten pieces are there, and how many
# continuations does a search with four beams look at to find one? Why is the best of those not
# always the best of all?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# There are $32{,}000^{10}$, more than $10^{45}$. Beam search looks at $32{,}000$ in the first step and
# $4 \times 32{,}000$ in each of the nine others. The best text of all may begin with a piece that is
# fifth at its place; it is dropped there and never seen again.
# ```
#
# ```{admonition} Exercise 3
# :class: tip
# Show that with $\alpha = 1$ the score of a text does not change when a piece with exactly the mean
# log-probability is added. What does that say about texts that repeat themselves?
# ```
#
# ```{admonition} Solution
# :class: dropdown
# If $s = L/m$ then $(L + s)/(m + 1) = (ms + s)/(m + 1) = s$. A model that has fallen into a
# repetition gives every further round a high probability, often near one, so its log-probability is
# *above* the mean and the score rises with each round {cite}`holtzman2020degeneration`. Hence
# `no_repeat_ngram_size`.
# ```
#
# ```{admonition} Exercise 4
# :class: tip
# Write a summary of the story above that contains an invented fact which `faithfulness.invented`
# does not find, although no name is exchanged. Then say how one could find it.
# ```
#
# ```{admonition} Solution
# :class: dropdown
# "Forty nurses met the mayor on Sunday": nurses, mayor and Sunday are all in the story, but not
# together. One would have to compare *relations*, such as (talks, begin, Sunday), or ask a model of
# entailment whether the story implies the sentence.
# ```
#
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
