# %% [markdown]
# # The scorecard
#
# Each statement of the report that can be checked is a {term}`claim` with a check. This page lists them
# all, with a verdict where there is one. They fall into three groups, which are counted apart: facts of the literature, settled by reading
# it; the report's own tables and code, settled by counting and computing; and what takes a measurement,
# settled by the runs of the chapters before. {doc}`13_how_far` draws the conclusion.

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

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
verdicts = scorecard(load_claims(), study.store)
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
# Of {eval}`facts.claims` claims {eval}`facts.judged` are judged. {eval}`facts.agrees_with_published` agree
# with what was published and {eval}`facts.reproduced` are reproduced by computing or measuring;
# {eval}`facts.corrected` are corrected, because the statement is mistaken or misleads. Of the objectives
# {eval}`facts.met` are met and {eval}`facts.not_met` are not. The {eval}`facts.not_run` that were *not
# run* wait for something that is not at hand.

# %% [markdown] tags=["finds:no_more_and_no_less", "finds:numbers_wait"]
# What could be judged either holds or is mistaken. None of the report's scores is judged yet, since no run
# here has T5-small's weights: most claims that wait are such numbers.

# %% mystnb={"figure": {"caption": "Verdicts on the report's claims, in the three groups by which they are settled.", "name": "fig-claims"}, "image": {"alt": "Stacked horizontal bars, one for each group of claims, divided by verdict."}} tags=["remove-input"]
page.plot_verdicts(verdicts)

# %% tags=["remove-input"]
tables.show(page.counts(verdicts))

# %% [markdown]
# ## Every claim
#
# *Report*, *published* and *measured* are never mixed: what the report says, what others published for
# the same model and data, and what was counted or measured here. A claim about a named checkpoint is
# judged by three runs of that checkpoint or more. Its number is reproduced when it lies where one more run
# would fall with 95 %, by Student's t, plus the rounding of its print. What *other weights* reached stands beside it and judges nothing.

# %% [markdown] tags=["needs:published"]
# The trainer itself is set against a published model's card in chapter 7 ({ref}`emotion-card`).

# %% tags=["remove-input"]
page.cards(verdicts)

# %% [markdown]
# ## What would judge the rest
#
# Claims about T5-small or BERT-base wait for runs of these checkpoints. Once they are there,
# `t5study claims --profile full` judges them.

# %% tags=["remove-input"]
tables.show(page.command_table(verdicts))

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
