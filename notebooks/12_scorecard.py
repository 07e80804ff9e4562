# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The scorecard
#
# Every statement of the report that something can check is a {term}`claim` with a check. This page
# judges them all from what the chapters before it computed, by rules that were written down before:
# a number with at least three seeds is *reproduced* when it lies within the spread of our runs; a
# claim about a named checkpoint is judged by runs of that checkpoint alone; and what nothing at
# hand can judge is *not run*.

# %% tags=["parameters", "hide-cell"]
profile = "pocket"
seed = 21

# %% tags=["hide-cell"]
import pandas as pd

from t5study import figures, tables
from t5study.claims import OUTCOMES, load_claims, scorecard
from t5study.study import Study

pd.set_option("display.max_colwidth", None)
figures.style()
study = Study(profile, seed=seed)
study.badge()

# %%
verdicts = scorecard(load_claims(), study.store)

# %% tags=["hide-cell"]
counts = verdicts["verdict"].value_counts().reindex(OUTCOMES, fill_value=0)
study.glue("claims-all", len(verdicts))
study.glue("claims-judged", int(len(verdicts) - counts["not run"]))
for outcome in OUTCOMES:
    study.glue(f"claims-{outcome.replace(' ', '-')}", int(counts[outcome]))

# %% [markdown]
# Of {glue:text}`claims-all` claims, {glue:text}`claims-judged` are judged:
# {glue:text}`claims-reproduced` reproduced, {glue:text}`claims-exceeded` exceeded,
# {glue:text}`claims-not-reproduced` not reproduced and {glue:text}`claims-corrected` corrected.
# {glue:text}`claims-not-run` were not run with this profile. {numref}`fig-claims` shows which kinds
# of statement they are.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-claims", "caption": "Verdicts on the report's claims, by the kind of statement: a number, a ranking, a fact from the literature or from counting, or a behaviour of a model."}, "image": {"alt": "Stacked horizontal bars, one for each kind of claim, divided by verdict: reproduced, exceeded, not reproduced, corrected and not run."}}
figures.plot_verdicts(verdicts)

# %% [markdown]
# ## What is corrected
#
# These statements of the report are mistaken or misleading. The evidence says how.

# %% tags=["hide-input"]
tables.claim_table(verdicts, ["corrected", "not reproduced"])

# %% [markdown]
# ## What holds

# %% tags=["hide-input"]
tables.claim_table(verdicts, ["reproduced", "exceeded"])

# %% [markdown]
# ## What was not run
#
# The column *what is missing* says what would judge the claim. Most of these need the published
# checkpoints; `make book PROFILE=full` runs them where the checkpoints can be had.

# %% tags=["hide-input"]
tables.open_table(verdicts)

# %% [markdown]
# ## Where these numbers come from

# %% tags=["hide-input"]
study.provenance()
