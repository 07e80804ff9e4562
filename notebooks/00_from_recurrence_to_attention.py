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
# # From recurrence to attention
#
# The report's introduction tells the story in one paragraph: convolutional networks learned to see,
# were tried on text, gave way to recurrent networks, and these to the {term}`Transformer`, which is
# "much more parallelizable". This chapter makes the three ideas precise and measures the last one.

# %% tags=["parameters", "hide-cell"]
profile = "pocket"
seed = 21

# %% tags=["hide-cell"]
import numpy as np

from t5study import figures
from t5study.study import Study

figures.style()
study = Study(profile, seed=seed)
study.badge()

# %% [markdown]
# ## Three ways to read a sentence
#
# A sentence enters a network as vectors $x_1, \dots, x_n$, one for each {term}`token`. Every layer
# returns as many vectors $h_1, \dots, h_n$, and the question is which $x_j$ each $h_i$ may use.
#
# **Convolution.** Each $h_i$ sees a window of $k$ neighbours,
# $h_i = f(W_1 x_{i-\lfloor k/2 \rfloor} + \dots + W_k x_{i+\lfloor k/2 \rfloor})$. All positions
# can be computed at once, but two words that are $n$ apart meet only after about $n/k$ layers.
#
# **Recurrence.** A state is carried along: $h_i = f(W x_i + U h_{i-1})$. In principle $h_n$ knows
# of every word. In practice the gradient passes through $n$ products with $U$ and shrinks or grows
# with their number; gated cells such as the LSTM {cite:p}`hochreiter1997lstm` and the GRU
# {cite:p}`cho2014gru` keep a path along which it survives. What no gate changes is the order of
# work: $h_i$ cannot be begun before $h_{i-1}$ is done.
#
# **Attention.** Each $h_i$ is a weighted mean over all positions, with weights that depend on the
# content {cite:p}`bahdanau2015attention`:
#
# $$
# h_i = \sum_j \alpha_{ij}\, V x_j, \qquad
# \alpha_{ij} = \operatorname{softmax}_j\!\left(\frac{(Q x_i)^\top (K x_j)}{\sqrt{d_k}}\right).
# $$
#
# Any two words are one step apart, and no $h_i$ waits for another: the whole layer is a few matrix
# products. {cite:t}`vaswani2017attention` gave attention this form and built a model of such
# layers and feed-forward layers, without recurrence or convolution.
#
# | | operations in sequence | longest path between two words | work a layer |
# | --- | --- | --- | --- |
# | convolution, window $k$ | $O(1)$ | $O(n/k)$ | $O(k\, n\, d^2)$ |
# | recurrence | $O(n)$ | $O(n)$ | $O(n\, d^2)$ |
# | self-attention | $O(1)$ | $O(1)$ | $O(n^2 d + n\, d^2)$ |
#
# ## Parallel, measured
#
# "Parallelizable" is a statement about the first column, and it can be timed. The measurement takes
# one LSTM layer and one Transformer encoder layer (self-attention and a feed-forward layer) of the
# same width, gives both a single sequence, and times a forward and a backward pass. With one
# sequence there is nothing to do side by side but the sequence's own positions.

# %%
run = study.measure_parallelism()

# %% tags=["hide-cell"]
longest = run.metrics["lengths"][-1]
study.glue("parallel-length", longest)
study.glue("parallel-ratio", run.metrics["lstm"][-1] / run.metrics["attention"][-1], 1)
study.glue("parallel-short", run.metrics["lengths"][0])
study.glue("parallel-short-ratio", run.metrics["lstm"][0] / run.metrics["attention"][0], 1)
ratios = np.divide(run.metrics["lstm"], run.metrics["attention"])
study.glue("parallel-median", float(np.median(ratios)), 1)
study.glue("parallel-device", run.metrics["device"])

# %% mystnb={"figure": {"caption": "Time of one forward and backward pass over a single sequence, by its length: an LSTM layer, whose steps wait for each other, and a Transformer encoder layer (self-attention and feed-forward) of the same width. Both axes are logarithmic.", "name": "fig-parallel"}, "image": {"alt": "Line chart on logarithmic axes: milliseconds a sequence against sequence length for an LSTM layer and for a Transformer encoder layer."}} tags=["hide-input"]
figures.plot_parallelism(run)

# %% [markdown]
# {numref}`fig-parallel` was measured on: {glue:text}`parallel-device`. At
# {glue:text}`parallel-length` tokens the LSTM layer takes {glue:text}`parallel-ratio` times as long
# as the attention layer; at {glue:text}`parallel-short` tokens the ratio is
# {glue:text}`parallel-short-ratio`, and at the middle of all lengths it is
# {glue:text}`parallel-median`. A single point can be off where something else ran on the machine, so
# the scorecard judges by the median. The ratio depends on the machine: the more units can work at
# once, the more the waiting of the LSTM costs. It depends on the batch, too. With many sequences
# side by side a recurrent layer also finds parallel work, across sequences in place of along them.
#
# So the report's word is right about the order of work. How much time that saves depends on
# machine, batch and length: with few processor cores the $n^2$ term can use up the lead on long
# sequences. And it says nothing about generating text, where a Transformer decoder also writes one
# token after the other.
#
# :::{admonition} Exercise
# :class: tip
# The last column of the table says that attention's work grows with $n^2$. At which length would
# you expect the attention layer to lose its lead, for a width of $d$?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# The term $n^2 d$ overtakes $n\,d^2$ when $n > d$. Beyond a few times $d$ tokens the attention
# layer's time grows with the square of the length while the LSTM's grows linearly, so the curves
# approach each other. Add lengths to `LENGTHS` in `t5study/experiments.py` to see where they cross.
# :::
#
# ## What transfer has to do with it
#
# {term}`Pre-training <pre-training>` on unlabelled text began with recurrent networks
# {cite:p}`dai2015semisupervised,howard2018ulmfit`: first a language model on plain text, then
# {term}`fine-tuning` on the labelled task. A model that trains quickly can do this with far more
# text, and the Transformer is such a model {cite:p}`radford2018gpt,devlin2019bert`. The next three
# chapters open up three such models.

# %% [markdown]
# ## Where these numbers come from

# %% tags=["hide-input"]
study.provenance()
