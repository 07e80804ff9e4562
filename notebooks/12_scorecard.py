# %% [markdown]
# # The scorecard
#
# Every statement of the report that we found to be checkable is a {term}`claim` with a check. Some
# are not said in so many words: they follow from its code, its tables or its references, or ask the
# same at the size of this study. This page judges them all by what the chapters before it computed.
# A number with at least three seeds is *reproduced* when it lies within the spread of our runs; a
# claim about a named checkpoint is judged by runs of that checkpoint alone; and what nothing at hand
# can judge is *not run*. Other rules stand beside their claim, and one that was changed after its
# result was seen says so.

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
from t5study.chapters import scorecard as page
from t5study.chapters import tables
from t5study.claims.judges import scorecard
from t5study.claims.schema import OUTCOMES, load_claims
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
study.badge()

# %%
verdicts = scorecard(load_claims(), study.store)

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
counts = verdicts["verdict"].value_counts().reindex(OUTCOMES, fill_value=0)
facts(
    claims=len(verdicts),
    judged=int(len(verdicts) - counts["not run"]),
    **{outcome.replace(" ", "_"): int(count) for outcome, count in counts.items()},
)
study.finds(
    no_more_and_no_less=counts["exceeded"] == counts["not reproduced"] == 0,
    numbers_wait=(verdicts.query("verdict == 'not run'")["kind"] == "number").mean() > 0.5,
)

# %% [markdown]
# Of {eval}`facts.claims` claims {eval}`facts.judged` are judged: {eval}`facts.reproduced` are
# reproduced, {eval}`facts.exceeded` exceeded, {eval}`facts.not_reproduced` not reproduced and
# {eval}`facts.corrected` corrected. For {eval}`facts.not_run` the runs that would judge them are not
# there. {numref}`fig-claims` shows which kinds of statement they are.

# %% [markdown] tags=["finds:no_more_and_no_less", "finds:numbers_wait"]
# What could be judged either holds or is mistaken: in no case did a run come out above the report's
# number or below it. Most claims that wait are numbers measured with published checkpoints.

# %% mystnb={"figure": {"caption": "Verdicts on the report's claims, by the kind of statement: a number, a ranking, a fact from the literature or from counting, or a behaviour of a model.", "name": "fig-claims"}, "image": {"alt": "Stacked horizontal bars, one for each kind of claim, divided by verdict: reproduced, exceeded, not reproduced, corrected and not run."}} tags=["remove-input"]
page.plot_verdicts(verdicts)

# %% [markdown]
# ## What is corrected
#
# Corrected statements are mistaken or misleading; the evidence says how. Statements that our runs did
# not reproduce would stand here, too, and need not be mistaken.

# %% tags=["remove-input"]
tables.show(page.claim_table(verdicts, ["corrected", "not reproduced"]))

# %% [markdown]
# ## What holds
#
# Some of these hold with a limit; the evidence names it.

# %% tags=["remove-input"]
tables.show(page.claim_table(verdicts, ["reproduced", "exceeded"]))

# %% [markdown]
# ## The numbers
#
# Every number that the report measured, with what others published for the same model and data,
# what this study measured with that checkpoint, and what other weights reached. Where several did,
# those of the task's own chapter are shown; the cell names weights and recipe. A number measured
# with other weights stands in its own column and judges nothing.

# %% tags=["remove-input"]
tables.show(page.number_table(verdicts))

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
for name, section in {
    "conclusion": "Conclusion",
    "learnings": "Major Learnings",
    "limitations": "Limitations",
    "future": "Future Scope",
}.items():
    outcomes = page.section_of(verdicts, section)["verdict"]
    facts(
        **{
            name: len(outcomes),
            f"{name}_corrected": int((outcomes == "corrected").sum()),
            f"{name}_open": int((outcomes == "not run").sum()),
        }
    )

verdict = verdicts.set_index("id")["verdict"]
on_size = verdict[["base-has-11b", "results-proportional-to-size", "finetune-needs-clusters"]]
study.finds(
    size_is_corrected=(on_size == "corrected").all(),
    base_fits=verdict["only-small-fits-24-gb"] == "corrected",
)

# %% [markdown]
# (scorecard-conclusion)=
# ## The report's conclusion
#
# The report concludes that T5 is a universal model for tasks that can be put as text, that its
# smallest variant comes near people, and that larger ones would be better in proportion but out
# of reach. Of {eval}`facts.conclusion` statements {eval}`facts.conclusion_corrected` are corrected and
# {eval}`facts.conclusion_open` not run. The form holds: one trainer serves labels, numbers and texts,
# which {ref}`sequences-joint` takes as far as one model. What it says of people was not measured,
# here or there.

# %% [markdown] tags=["finds:size_is_corrected"]
# What does not hold is the size it gives T5-base, gains in proportion to size, and what fine-tuning
# T5-base would cost; of 11 billion parameters that holds.

# %% tags=["remove-input"]
tables.show(page.section_table(verdicts, "Conclusion"))

# %% [markdown]
# ## What the report learnt
#
# The learnings are about the field and about tools. Those that state something can be checked. Of
# {eval}`facts.learnings`, {eval}`facts.learnings_corrected` are corrected and
# {eval}`facts.learnings_open` not run.

# %% tags=["remove-input"]
tables.show(page.section_table(verdicts, "Major Learnings"))

# %% [markdown]
# (scorecard-limitations)=
# ## The report's limitations
#
# Of {eval}`facts.limitations` statements {eval}`facts.limitations_corrected` are corrected and
# {eval}`facts.limitations_open` not run. Lost hours are a matter of saving the state. Pre-training
# needs no cluster to be tried. This study has limits of its own, and they are on its pages: intervals
# that know nothing of the choice of rows ({ref}`transfer-curves`), small models, and checkpoints that
# a machine without network cannot have.

# %% [markdown] tags=["finds:base_fits"]
# By the estimates and the measurements on one H200 of {ref}`scaling`, T5-base fits into 24 GB even
# with the report's recipe; no card of 24 GB was tried.

# %% tags=["remove-input"]
tables.show(page.section_table(verdicts, "Limitations"))

# %% [markdown]
# ## The report's future scope
#
# The report names two directions: larger variants and more epochs, and more performance for the
# size. Good results on sequence-to-sequence tasks it holds to be confirmed by its two examples;
# {ref}`sequences-translation` and {ref}`sequences-summaries` measure them. For the second
# direction, {ref}`transfer-enough` sets small models of our own beside large ones of others. The
# first stays open as far as it needs checkpoints that were not run. Of {eval}`facts.future` statements
# {eval}`facts.future_corrected` are corrected and {eval}`facts.future_open` not run.

# %% tags=["remove-input"]
tables.show(page.section_table(verdicts, "Future Scope"))

# %% [markdown]
# ## What was not run
#
# The column *what is missing* says what would judge the claim. Most of these need the published
# checkpoints; `make book PROFILE=full` runs them where the checkpoints can be had.

# %% tags=["remove-input"]
tables.show(page.open_table(verdicts))

# %% [markdown]
# ## Where these numbers come from
#
# The verdicts are computed from the runs of the chapters before. Each of those pages names its runs,
# data and versions.

# %% tags=["remove-input"]
study.provenance()
