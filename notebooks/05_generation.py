# %% [markdown]
# # Translation and summarisation with T5
#
# The report shows T5 translating three words and summarising a news text, and takes both answers as
# they come. This chapter asks the same of T5 with the same arguments, finds out why the translation
# is cut short, looks for the summary's "april" in its source, shows what every argument does, and
# measures both tasks on test sets.

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import math

import pandas as pd

from t5study.chapters import generation, tables
from t5study.claims.published import load_published
from t5study.judging import faithfulness, ranking, scores
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
published = load_published()
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
translator, summariser = study.run("translation, T5"), study.run("summary, T5")
facts(parameters=f"{translator.metrics['parameters']:,}")

# %% [markdown]
# Our T5 has {eval}`facts.parameters` parameters and the report's T5-small 60 million, so what ours
# writes says nothing about T5-small.
#
# ## From probabilities to a text
#
# Given an input $x$, T5 assigns a probability to every possible output $y = (y_1, \dots, y_m)$, one
# piece at a time, each piece depending on those before it; $y_m$ is the end token `</s>`:
#
# $$
# P(y \mid x) = \prod_{t=1}^{m} P(y_t \mid y_1, \dots, y_{t-1}, x) .
# $$
#
# The model gives probabilities; *which* text comes out is decided by a search. {term}`Greedy search
# <greedy search>` takes the likeliest piece at each place and never looks back. {term}`Beam search
# <beam search>` keeps the $k$ best beginnings, called beams, extends each by every piece, and keeps
# the $k$ best again. A beginning that ends in `</s>` is *finished* and is ranked by
#
# $$
# \text{score}(y) = \frac{\log P(y \mid x)}{|y|^{\alpha}} ,
# $$
#
# where $\alpha$ is the length penalty. Without it ($\alpha = 0$) short texts win, since every
# further piece costs probability; $\alpha = 1$ compares the mean per piece. The names are those of
# `generate` in the transformers library, and the last two columns are what the report gave it:

# %% tags=["remove-input"]
MEANING = {
    "num_beams": "how many beginnings are kept; 1 is greedy search",
    "no_repeat_ngram_size": "no run of this many pieces may occur twice (Paulus et al. 2018)",
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
# The report's call, argument by argument, with the report's sentence and three of our own, answered
# twice: by the T5 that read most ({ref}`transfer-budgets`) as it comes, and after fine-tuning it on
# translation. The published T5 checkpoints were trained on translations and summaries besides filling
# gaps {cite}`raffel2020t5`, so they know the task. Our T5 has only ever filled gaps: it does not
# translate, whatever the prefix says, until it is shown how. Its vocabulary was learnt from English
# texts and has no umlauts: they become `<unk>` and vanish from the answer, so that *Mdchen* stands for
# *Mädchen*. Every word with an umlaut is lost to BLEU before the model has done anything.

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
prompts = [study.task("translation").prefix + sentence for sentence in sentences]
untouched = study.observe(
    "generation.answers",
    model=study.experiments["translation, T5"].model,
    prompts=prompts,
    arguments=arguments,
)
short = study.observe("generation.answers", run=translator, prompts=prompts, arguments=arguments)
answers = pd.DataFrame(short.values["rows"])
answers.insert(1, "checkpoint as it comes", [row["answer"] for row in untouched.values["rows"]])
columns = ["prompt", "checkpoint as it comes", "answer", "pieces", "length", "ended"]
answers["pieces"] = answers["pieces"].map(" ".join)
tables.show(answers[columns].rename(columns={"answer": "after fine-tuning"}).set_index("prompt"))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
rows = short.values["rows"]
facts(
    cut=sum(not row["ended"] for row in rows),
    short_total=len(rows),
    max_pieces=arguments["max_length"] - 1,
    report_max_length=int(published.generation().loc["translation", "max_length"]),
)

# %% [markdown]
# After fine-tuning, {eval}`facts.cut` of the {eval}`facts.short_total` answers did not end by
# themselves: they were cut. The column `length` is what `max_length` counts. It counts *tokens of the decoder*, and
# the decoder's first token is not part of the answer: T5 starts every output with the padding token.
# A `max_length` of {eval}`facts.report_max_length` therefore leaves room for
# {eval}`facts.max_pieces` pieces, the end token among them.
#
# That explains why the report's "Das ist gut," is cut. Why a comma stands there and not a full
# stop, only the checkpoint can say. In T5's own vocabulary the sentence "Das ist gut." is five
# tokens:
#
# | place | 1 | 2 | 3 | 4 | 5 | 6 |
# | --- | --- | --- | --- | --- | --- | --- |
# | whole | start | `▁Das` | `▁ist` | `▁gut` | `.` | `</s>` |
# | as the report printed it | start | `▁Das` | `▁ist` | `▁gut` | `,` | (cut) |
#
# The full stop *and* the end need a sixth place. With five, every text of four pieces is cut before
# it can end, and the search compares beginnings of sentences: "Das ist gut," competes as the
# beginning of something longer, and nobody sees how it would have gone on. The answer is the
# beginning of a sentence, not a sentence. Raising `max_length` for the second sentence
# shows where its answer ends; the first row is the report's 5:

# %%
REPORTS = "(the report's)"
lengths = [{"max_length": length} for length in (6, 8, 12, 20, 40, 60)]
longer = study.observe(
    "generation.sweep", run=translator, prompt=prompts[1], arguments=arguments, changes=lengths
)
by_limit = pd.DataFrame(longer.values["rows"])[["change", "answer", "length", "ended"]]
tables.show(by_limit.replace({"change": {"": REPORTS}}).set_index("change"))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
*shorter, longest = longer.values["rows"]
cut = [row["pieces"] for row in shorter if not row["ended"]]
same = shorter[-1]["pieces"] == longest["pieces"]
facts(
    limits_cut=len(cut),
    limits_other=sum(part != longest["pieces"][: len(part)] for part in cut),
    limits_last="the same answer" if same else "different answers",
)

# %% [markdown]
# Too short a limit does not only cut. When the limit is reached, the search hands out the beginning
# that has the best score so far, and that need not be a beginning of the answer it would have ended
# with. Of the {eval}`facts.limits_cut` answers that were cut here, {eval}`facts.limits_other`
# are, piece by piece, no beginning of the last row's; one that looks like a beginning may be made of
# other pieces. Once the whole search has ended before the limit, a longer limit
# changes nothing: `max_length` is a fuse, not a wish. The last two limits give
# {eval}`facts.limits_last`. The same four prompts with a limit of 60:

# %%
room = arguments | {"max_length": 60}
whole = study.observe("generation.answers", run=translator, prompts=prompts, arguments=room)
columns = ["prompt", "answer", "ended", "mean_log_probability"]
tables.show(pd.DataFrame(whole.values["rows"])[columns].set_index("prompt"))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(ended_with_room=sum(row["ended"] for row in whole.values["rows"]))

# %% [markdown]
# With room, {eval}`facts.ended_with_room` of the {eval}`facts.short_total` answers end by themselves.
#
# ### What the decoder weighed
#
# Behind each written piece lies a distribution over the whole vocabulary. {numref}`fig-gen-steps`
# shows the best candidates at every place of one answer. Where one cell is dark the model had no
# doubt; where the colour is spread over several, the search had a choice.

# %% mystnb={"figure": {"caption": "The candidates at each place of the answer, likeliest on top, with their probabilities given everything written before. The piece that was written is framed.", "name": "fig-gen-steps"}, "image": {"alt": "A grid with one column for each place of the answer and four rows of candidate pieces; colour shows probability and a frame marks the written piece, mostly in the top row."}} tags=["remove-input"]
steps = study.observe("generation.steps", run=translator, prompt=prompts[1], arguments=room)
generation.plot_steps(steps)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
written = [step["probability"] for step in steps.values["steps"]]
least = steps.values["steps"][written.index(min(written))]
facts(
    steps_least=f"{min(written):.2f}",
    steps_least_piece=least["piece"].strip("▁"),
    steps_bits=f"{steps.values['surprise']:.2f}",
)

# %% [markdown]
# The least certain piece is "{eval}`facts.steps_least_piece`", with a probability of
# {eval}`facts.steps_least`; on average a piece carries {eval}`facts.steps_bits` bits of
# surprise.
#
# ### The beams
#
# With four beams the search ends with up to four finished texts. {numref}`fig-gen-beams` shows them
# with their scores. The scores can be checked: feed each text back to the decoder, add up the
# log-probabilities of its pieces, divide by the number of pieces.

# %% mystnb={"figure": {"caption": "The finished texts of a beam search with four beams and their scores, the logarithm of the probability divided by the number of pieces. The first is the answer.", "name": "fig-gen-beams"}, "image": {"alt": "Four horizontal bars, one for each finished text, the best score on top."}} tags=["remove-input"]
plain = {"num_beams": 4, "max_length": 60}
beams = study.observe("generation.beams", run=translator, prompt=prompts[1], arguments=plain)
generation.plot_beams(beams)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
first, second = beams.values["rows"][:2]
ahead = first["log_probability"] - second["log_probability"]
facts(
    beam_gap=f"{beams.values['difference']:.0e}",
    beam_likelier="first" if ahead >= 0 else "second",
    beam_ratio=f"{math.exp(abs(ahead)):.1f}",
    beam_pieces_first=len(first["pieces"]),
    beam_pieces_second=len(second["pieces"]),
)
study.finds(longer_text_wins=ahead < 0 and len(first["pieces"]) > len(second["pieces"]))

# %% [markdown]
# Computed by hand, the scores differ from those of the search by at most
# {eval}`facts.beam_gap`, which is rounding. Of the first two texts, the
# {eval}`facts.beam_likelier` is the more probable one, {eval}`facts.beam_ratio` times as
# probable as the other. The bars do not show that: a score is a mean per piece, and the first text
# has {eval}`facts.beam_pieces_first` pieces, the second {eval}`facts.beam_pieces_second`.

# %% [markdown] tags=["finds:longer_text_wins"]
# So the longer text wins although it is less probable as a whole.

# %% [markdown]
# ### Who looks where
#
# While it writes, the decoder attends to the encoder's output through {term}`cross-attention`.
# {numref}`fig-gen-alignment` shows the weights for one sentence, the mean over layers and heads.
# In a German subordinate clause the verb goes to the end. A model that translates well leaves the
# diagonal there. One that translates badly may show dark columns instead, on the punctuation and
# the end token, whatever it writes. Attention shows where information may have come from, not what
# was done with it {cite}`jain2019attention`.

# %% mystnb={"figure": {"caption": "Cross-attention while a translation is written: each row is one of the first 32 pieces of the answer, each column a piece of the prompt, task prefix included. Mean over all layers and heads; a row sums to one.", "name": "fig-gen-alignment"}, "image": {"alt": "Heat map of attention from the pieces of a German sentence to the pieces of its English prompt. Darker cells have more weight."}} tags=["remove-input"]
crossing = study.observe("generation.alignment", run=translator, prompt=prompts[2], arguments=room)
generation.plot_alignment(crossing)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
tokens = crossing.values["source_tokens"]
prefix_length = 1 + next(place for place, token in enumerate(tokens) if token.endswith(":"))
on_prefix = float(crossing.arrays["cross"][:, :prefix_length].sum(1).mean())
facts(
    prefix_columns=f"{100 * prefix_length / len(tokens):.0f}",
    prefix_share=f"{100 * on_prefix:.0f}",
)

# %% [markdown]
# The first columns are the task prefix. The report says that the model "doesn't pay attention" to
# it; here {eval}`facts.prefix_share` % of the decoder's attention goes to it, and it has
# {eval}`facts.prefix_columns` % of the columns. The stronger evidence is in {doc}`03_t5`: another
# prefix before the same text changes what the decoder holds likely next.
#
# (generation-sweep)=
# ## Each argument, one at a time
#
# A sweep: the report's arguments with room to end, then the same with a single change. The
# log-probability is the model's own, before any argument interferes. It is a sum, and a shorter text
# tends to have a higher one, so the last column divides it by the number of pieces. The first row is
# no neutral ground: it interferes too, as it lets no pair of neighbouring pieces occur twice. What
# that costs shows in the row without it, `no_repeat_ngram_size=0`.

# %%
changes = [
    {"num_beams": 1},
    {"num_beams": 2},
    {"num_beams": 8},
    {"no_repeat_ngram_size": 0},
    {"no_repeat_ngram_size": 1},
    {"min_length": 20},
    {"max_length": 8},
    {"length_penalty": 0.0},
    {"length_penalty": 2.0},
    {"early_stopping": False},
]
sweep = study.observe(
    "generation.sweep", run=translator, prompt=prompts[3], arguments=room, changes=changes
)
table = pd.DataFrame(sweep.values["rows"]).replace({"change": {"": REPORTS}})
# The start token is counted in the length and has no probability.
table["per piece"] = table["log_probability"] / (table["length"] - 1)
columns = ["change", "answer", "length", "ended", "log_probability", "per piece"]
tables.show(table[columns].set_index("change"))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
by_change = table.set_index("change")["log_probability"]
per_piece = table.set_index("change")["per piece"]
beamed = ["num_beams=1", "num_beams=2", REPORTS, "num_beams=8"]
whole_length = table.set_index("change")["length"]
facts(
    sweep_rows=len(table),
    sweep_distinct=int(table["answer"].nunique()),
    sweep_base=f"{by_change[REPORTS]:.2f}",
    sweep_greedy=f"{by_change['num_beams=1']:.2f}",
    sweep_long=f"{by_change['min_length=20']:.2f}",
    sweep_unigram=f"{per_piece['no_repeat_ngram_size=1']:.2f}",
    sweep_base_piece=f"{per_piece[REPORTS]:.2f}",
    sweep_free_piece=f"{per_piece['no_repeat_ngram_size=0']:.2f}",
    sweep_by_beams=", ".join(f"{per_piece[change]:.2f}" for change in beamed),
)
study.finds(
    two_beams_below_greedy=per_piece["num_beams=2"] < per_piece["num_beams=1"],
    repetition_costs=per_piece[REPORTS] < per_piece["no_repeat_ngram_size=0"],
    unigram_shorter=whole_length["no_repeat_ngram_size=1"] < whole_length[REPORTS],
)

# %% [markdown]
# The {eval}`facts.sweep_rows` settings give {eval}`facts.sweep_distinct` different answers.
# How to read them:
#
# - **`num_beams`** searches for the same thing harder. Greedy search found a text with log-probability
#   {eval}`facts.sweep_greedy`, the report's four beams one with {eval}`facts.sweep_base`. Beam search
#   ranks by the mean per piece, so a longer text can win with a lower sum. With 1, 2, 4 and 8 beams
#   that mean is {eval}`facts.sweep_by_beams`. More beams usually find a higher score, but not always:
#   a good text can be dropped on the way, or be unfinished when the search stops. Nor need a higher
#   score be a better text: for translation models the most probable text of all is often the empty one
#   {cite}`stahlberg2019nmt`.
# - **`no_repeat_ngram_size`** was made for summaries that go round in circles
#   {cite}`paulus2018summarization`. It forbids honest repetition as well, and where pieces are short,
#   two of them make a word's ending. With the report's two, a piece has a log-probability of
#   {eval}`facts.sweep_base_piece` on average; with nothing forbidden, {eval}`facts.sweep_free_piece`.
#   Set to one, no piece may occur twice, not even an article, and the mean is
#   {eval}`facts.sweep_unigram`: read the answers beside the numbers.
# - **`min_length`** forbids the end. A model that would have ended sooner must then go on. Where the
#   answer was longer anyway, nothing changes: here the log-probability is
#   {eval}`facts.sweep_long`.
# - **`length_penalty`** is misnamed: larger values *favour* long texts, since the sum of
#   log-probabilities is negative and is divided by more.
# - **`early_stopping`** decides when the search gives up looking for better finished texts. It saves
#   time and seldom changes the answer.

# %% [markdown] tags=["finds:two_beams_below_greedy", "finds:repetition_costs", "finds:unigram_shorter"]
# Three things to see in the table: two beams end below greedy search; the report's own setting against
# repetition costs probability; and with no piece twice the text is much shorter.

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
tables.show(pd.DataFrame.from_dict(judged, orient="index").rename_axis("attempt"))

# %% [markdown]
# "Another word order" is a faultless translation and loses a good part of both scores. The fault is
# the single reference. Over a test set all systems suffer it about alike, so their scores can be
# compared there, but 100 is out of reach. Now the test set, sentences the model was never trained on,
# with an interval from the bootstrap of {ref}`glue-luck`, and beside it the baseline of copying the
# English sentence:

# %%
copy = study.run("translation, copy")
answers = {"T5": translator, "copy of the input": copy}
tables.show(ranking.beside(answers, study.task("translation").metrics))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
facts(
    test_size=f"{translator.metrics['n']:,}",
    bleu=f"{translator.metrics['bleu']:.1f}",
    exact=f"{100 * translator.metrics['exact_match']:.1f}",
    copy_bleu=f"{copy.metrics['bleu']:.1f}",
)

# %% [markdown]
# On {eval}`facts.test_size` sentences T5 reaches a BLEU of {eval}`facts.bleu`, where copying the input
# has {eval}`facts.copy_bleu`; {eval}`facts.exact` % of its answers are the reference word for word. A
# BLEU is a statement about one test set.

# %% [markdown] tags=["only:published"]
# This one is Multi30k {cite:p}`elliott2016multi30k`: short captions of pictures, on whose training part
# the network was trained. Hence it answers other sentences with people and children, and its BLEU says
# nothing about translating anything else.

# %% [markdown]
# (generation-summary)=
# ## Summaries, and what is not in the source
#
# The report's second example is a news text, summarised with a length between 30 and 100. Its printed
# summary says that "president Donald Trump predicts some states will reopen the country in april".
# The text it was made from names one month, and that is May; of the reopening it says "this month".
# Who knows the date of the text may infer April, but it cannot be read there. Such an addition is
# called a {term}`hallucination`, be it true or false; {cite:t}`maynez2020faithfulness` call it
# *extrinsic* when it adds what the source does not say, and *intrinsic* when it twists what it does
# say. (That states will "reopen the country" is of the second kind: in the source some states reopen,
# and it is the guidelines that are "to reopen the country".)
#
# Extrinsic ones can be looked for by machine. `faithfulness.check` goes through a summary and looks
# up every number, month, day, name and content word in the source. The article below is ours; it has
# facts of the same kind as the report's, and none of its sentences.

# %%
ARTICLE = (
    "President Donald Trump told reporters on Wednesday that new infections in the US have begun "
    "to fall, and predicted that several states will open again before the month is out. "
    "Officials count more than 637,000 confirmed Covid-19 cases in the country and 30,826 deaths. "
    "Guidance is to be published on Thursday, when the president has spoken with the governors. "
    "May 1 had been named as the day on which some states may reopen."
)
REPORTED = (
    "the us has over 637,000 confirmed Covid-19 cases and over 30,826 deaths. president Donald "
    "Trump predicts some states will reopen the country in april"
)
checked = faithfulness.check(REPORTED, ARTICLE)
tables.show(checked[checked["kind"].isin(faithfulness.FACTS)].reset_index(drop=True))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
invented = faithfulness.invented(REPORTED, ARTICLE)
facts(
    invented=", ".join(invented),
    facts_checked=int(checked["kind"].isin(faithfulness.FACTS).sum()),
)

# %% [markdown]
# Of {eval}`facts.facts_checked` facts in this part of the report's summary, what is not in our
# article is "{eval}`facts.invented`". The check reads "May 1" as a month and the "may" of "may reopen" as a
# verb; a search for the letters alone would mix them up.
#
# ### The report's call on texts of our own
#
# Three short news stories, and then the article above, with the report's arguments. First the
# checkpoint as it comes:

# %%
STORIES = [
    "On Monday, thirty coins were stolen from a library in Dublin. Nobody heard them, although it "
    "was not late. Clara Hill, a teacher, called the police. The library will be closed until Friday.",
    "Forty nurses stopped work in Oslo on Tuesday. The nurses want more money. Paul Keller, who "
    "speaks for them, met the mayor of Lisbon. Emma Costa said that talks will begin on Sunday.",
    "On Friday, there was a fire in a hotel in Prague. Two hundred people had to leave the hotel. "
    "Leo Brandt, a painter from Vienna, saw the smoke first. The hotel will open again on Monday.",
    ARTICLE,
]
summary_arguments = arguments | {"min_length": 30, "max_length": 100}
texts = [study.task("summary").prefix + story for story in STORIES]
seen = study.observe(
    "generation.answers",
    model=study.experiments["summary, T5"].model,
    prompts=texts,
    arguments=summary_arguments,
)
tables.show(faithfulness.judge([row["answer"] for row in seen.values["rows"]], STORIES))

# %% [markdown]
# Then the same after fine-tuning on summaries:

# %%
seen = study.observe(
    "generation.answers", run=summariser, prompts=texts, arguments=summary_arguments
)
forced = faithfulness.judge([row["answer"] for row in seen.values["rows"]], STORIES)
tables.show(forced)

# %% [markdown]
# And again without a minimal length, so that a summary may end when the model would end it:

# %%
seen = study.observe(
    "generation.answers",
    run=summariser,
    prompts=texts,
    arguments=summary_arguments | {"min_length": 0},
)
free = faithfulness.judge([row["answer"] for row in seen.values["rows"]], STORIES)
tables.show(free)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
news = slice(0, len(STORIES) - 1)
words = {
    name: table["summary"][news].str.split().map(len).mean()
    for name, table in (("forced", forced), ("free", free))
}
facts(
    stories=len(STORIES) - 1,
    forced_invented=int(forced["invented"][news].map(len).sum()),
    free_invented=int(free["invented"][news].map(len).sum()),
    forced_words=f"{words['forced']:.0f}",
    free_words=f"{words['free']:.0f}",
    article_invented=len(free["invented"].iloc[-1]),
)

# %% [markdown]
# In the {eval}`facts.stories` stories, the fine-tuned model's summaries of {eval}`facts.forced_words` words on
# average, as the minimal length forces them, hold {eval}`facts.forced_invented` words that the check
# takes for names, numbers or dates and that the source does not have; left alone, they have
# {eval}`facts.free_words` words and {eval}`facts.free_invented` of these. Look at the table
# before calling them facts: a small network writes broken words, too. A minimal length is a request to
# go on talking, and where the source is used up, what comes next is what the training texts made
# likely. Whether the report's "april" came about in this way cannot be proved from its page. Its
# summary goes on after "april" with another sentence and ends well past the minimum of 30, so where
# it ended the minimum no longer bound. It may have bound earlier, after the first sentence.
#
# A model that was trained on one small kind of text may also write the summary of a text it knows,
# whatever it is given. Facts that the check finds invented in the free summary of the article:
# {eval}`facts.article_invented`. The check counts numbers, dates and names only. A summary that names
# none passes, even if it has nothing to do with its source; the column *new words* shows that. A
# summary that reads well is no sign of one that is true.

# %% [markdown] tags=["only:published"]
# Our summariser learnt from papers on machine learning with summaries of one sentence (SciTLDR,
# {cite:t}`cachola2020scitldr`): hence "We propose …" under an article about an epidemic.

# %% [markdown] tags=["needs:smollm2", "needs:published"]
# (generation-published)=
# ### A model that can, and months that it does not invent
#
# Our T5 writes poor summaries. SmolLM2 ({ref}`gpt-published`) writes readable ones, so it can be asked
# what the report's arguments do. It gets the article about the epidemic and twenty news articles of our
# own, with the report's arguments and then without the least length. (A decoder's prompt counts towards
# `max_length`, so lengths are given for what is new.)

# %% tags=["needs:smollm2", "needs:published"]
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

# %% tags=["needs:smollm2", "needs:published", "remove-input"]
tables.show(generation.summary_table(summed, rows=4)[["the report's arguments"]])

# %% jupyter={"source_hidden": true} tags=["needs:smollm2", "needs:published", "remove-cell"]
invented = generation.invented_facts(summed)
alike = [
    row["the report's arguments"] == row["without a least length"] for row in summed.values["rows"]
]
facts(
    smol_articles=len(alike),
    smol_alike=sum(alike),
    smol_invented=int((invented["the report's arguments"] > 0).sum()),
)
study.finds(least_length_is_idle=all(alike))

# %% [markdown] tags=["needs:smollm2", "needs:published"]
# The table has four of them. Of the {eval}`facts.smol_articles` summaries {eval}`facts.smol_alike` are
# the same with and without the least length. {eval}`facts.smol_invented` hold a number, a date or a name
# that is not in their article: fluent is not faithful.

# %% [markdown] tags=["needs:smollm2", "needs:published", "finds:least_length_is_idle"]
# So here the least length of 30 changes nothing: this model never wished to stop before it.

# %% [markdown] tags=["needs:smollm2", "needs:published"]
# How often is a *month* invented? The report's summary says "in april"; its article had said "this
# month". 240 short news texts, made by rule, say "this month" and name none. SmolLM2 summarises each,
# greedily, and a search for the names of months counts those that no one mentioned (*may* is left out,
# since it is a verb as well):

# %% tags=["needs:smollm2", "needs:published"]
months = study.observe("smollm2.months", count=240)

# %% jupyter={"source_hidden": true} tags=["needs:smollm2", "needs:published", "remove-cell"]
named, said_again = months.values["invented"], months.values["says_this_month"]
facts(
    months_texts=named["n"],
    months_count=named["count"],
    months_interval=f"{100 * named['low']:.1f} to {100 * named['high']:.1f} %",
    months_kept=f"{100 * said_again['share']:.0f} %",
)
study.finds(no_month_is_invented=named["count"] == 0)

# %% [markdown] tags=["needs:smollm2", "needs:published"]
# Of {eval}`facts.months_texts` summaries {eval}`facts.months_count` name a month; the 95 % interval of
# the share is {eval}`facts.months_interval`. {eval}`facts.months_kept` keep the words "this month".

# %% [markdown] tags=["needs:smollm2", "needs:published", "finds:no_month_is_invented"]
# That is a null result worth having: this model invents places and numbers, and yet no month where a
# short text says "this month". It says nothing of T5-small; how the report's "april" came about stays
# open.

# %% [markdown]
# ### On the test set
#
# {term}`ROUGE` {cite}`lin2004rouge` measures how much of a reference summary is found again: ROUGE-1
# and ROUGE-2 count words and pairs of neighbouring words, ROUGE-L the longest sequence that both
# have in the same order, each as an $F_1$ of precision and recall, times 100. `faithful` is this
# study's own: the share of summaries whose numbers, dates and names are all in the source. Two
# baselines stand beside it: the first sentence of the source, which is the usual yardstick (the
# {term}`lead baseline`), and the whole source as its own summary, which is no summary at all. Both
# are faithful by construction.

# %%
lead, source_itself = study.run("summary, lead"), study.run("summary, copy")
answers = {"T5": summariser, "first sentence": lead, "the source itself": source_itself}
tables.show(ranking.beside(answers, study.task("summary").metrics))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
over_lead = summariser.metrics["rougeL"] - lead.metrics["rougeL"]
upper, lower = (run.metrics["intervals"]["rougeL"] for run in (source_itself, summariser))
facts(
    faithful=f"{100 * summariser.metrics['faithful']:.1f}",
    rouge=f"{summariser.metrics['rougeL']:.1f}",
    rouge_lead=f"{lead.metrics['rougeL']:.1f}",
    rouge_whole=f"{source_itself.metrics['rougeL']:.1f}",
    over_lead=f"{over_lead:.1f}",
    summary_size=f"{summariser.metrics['n']:,}",
)
study.finds(
    below_lead=over_lead < 0,
    like_the_source=lower[0] <= upper[1] and upper[0] <= lower[1],
)

# %% [markdown]
# On {eval}`facts.summary_size` unseen texts, T5's ROUGE-L is {eval}`facts.rouge`, the first
# sentence's {eval}`facts.rouge_lead` and the whole source's {eval}`facts.rouge_whole`. T5's
# On {eval}`facts.summary_size` unseen texts, T5's ROUGE-L is {eval}`facts.rouge`, the first sentence's
# {eval}`facts.rouge_lead` and the whole source's {eval}`facts.rouge_whole`. T5's less the first
# sentence's is {eval}`facts.over_lead`. Of T5's summaries, {eval}`facts.faithful` % hold no number, date
# or name that their source lacks. A summary without a number, date or name counts as faithful too, so
# read this score beside ROUGE and never alone.

# %% [markdown] tags=["finds:below_lead", "finds:like_the_source"]
# T5 stands below the first sentence, and its interval overlaps that of the whole source: it has not
# learnt to summarise.

# %% [markdown]
# ### What the check cannot see
#
# It looks for words, not for statements. Exchange who did what, drop a "not", turn a plan into a
# fact: every word is still in the source.

# %%
twisted = "Emma Costa, who speaks for the nurses of Lisbon, met forty mayors on Sunday."
tables.show(faithfulness.judge([twisted], STORIES[1:2]))

# %% [markdown]
# Not one invented fact, and hardly a true statement. Finding intrinsic hallucinations takes a model
# of entailment, which is what RTE asks for in {doc}`04_glue`, and is an open problem still.
#
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
# Write a summary of the third story that contains an invented fact which `faithfulness.invented`
# does not find, although no name is exchanged. Then say how one could find it.
# ```
#
# ```{admonition} Solution
# :class: dropdown
# "A hotel in Prague will open on Friday": Friday and the opening are both in the story, but not
# together. One would have to compare *relations*, such as (hotel, opens, Monday), or ask a model of
# entailment whether the story implies the sentence.
# ```
#
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
