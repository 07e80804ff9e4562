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
# The report's introduction tells the story in two paragraphs: convolutional networks learned to see,
# were tried on text, gave way to recurrent networks, and these to the {term}`Transformer`, which is
# "much more parallelizable". This chapter makes the three ideas precise and measures the last one.

# %% tags=["parameters", "hide-cell"]
profile = "pocket"
seed = 21

# %% tags=["hide-cell"]
import numpy as np

from t5study.chapters import figures
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
# h_i = \sum_j \alpha_{ij}\, W_V x_j, \qquad
# \alpha_{ij} = \operatorname{softmax}_j\!\left(\frac{(W_Q x_i)^\top (W_K x_j)}{\sqrt{d_k}}\right),
# $$
#
# where $W_Q$, $W_K$ and $W_V$ are learnt, $d_k$ is the number of entries of $W_Q x_i$, and the
# {term}`softmax` makes the weights of a position add up to one. Any two words are one step apart,
# and no $h_i$ waits for another: the whole layer is a few matrix products.
# {cite:t}`vaswani2017attention` gave attention this form and built a model of such layers and
# feed-forward layers, without recurrence or convolution.
#
# | | operations in sequence | longest path between two words | work a layer |
# | --- | --- | --- | --- |
# | convolution, window $k$ | $O(1)$ | $O(n/k)$ | $O(k\, n\, d^2)$ |
# | recurrence | $O(n)$ | $O(n)$ | $O(n\, d^2)$ |
# | self-attention | $O(1)$ | $O(1)$ | $O(n^2 d + n\, d^2)$ |
#
# ## Parallel, measured
#
# "Parallelizable" is a statement about the first column. It can be counted and it can be timed. Both
# are done here for one LSTM layer and one Transformer encoder layer (self-attention and a
# feed-forward layer) of the same width, {glue:text}`parallel-width`, that read a single sequence:
# with one sequence there is nothing to do side by side but its own positions.
#
# - *Counted* is the longest chain of operations that wait for each other in a forward pass, found
#   in the graph that PyTorch keeps for the gradient. For the LSTM it is that of its cell,
#   unrolled step by step, since the layer as a whole is a single operation to that graph. However
#   many units a machine has, it must do these one after the other.
# - *Timed* is a forward and a backward pass. Every length is timed many times, in rounds over all of
#   them, and the least time counts: other work on the machine can only add to it.

# %%
run = study.measure_parallelism()

# %% tags=["hide-cell"]
metrics = run.metrics
lengths = metrics["lengths"]
ratios = np.divide(metrics["lstm"], metrics["attention"])
study.glue("parallel-length", lengths[-1])
study.glue("parallel-short", lengths[0])
study.glue("parallel-ratio", float(ratios[-1]), 1)
study.glue("parallel-short-ratio", float(ratios[0]), 1)
study.glue("parallel-median", float(np.median(ratios)), 1)
study.glue("parallel-chain-lstm", f"{metrics['chain_lstm'][-1]:,}")
study.glue("parallel-chain-short", f"{metrics['chain_lstm'][0]:,}")
study.glue("parallel-chain-attention", metrics["chain_attention"][-1])
study.glue("parallel-device", metrics["device"])
study.glue("parallel-width", run.config["width"])
study.glue("parallel-meet", 4 * run.config["width"])

# %% mystnb={"figure": {"caption": "An LSTM layer and a Transformer encoder layer (self-attention and feed-forward) of the same width, over a single sequence, by its length. Left: the longest chain of operations that wait for each other. Right: the time of one forward and backward pass. All axes are logarithmic.", "name": "fig-parallel"}, "image": {"alt": "Two line charts on logarithmic axes, by sequence length, for an LSTM layer and for a Transformer encoder layer. On the left the LSTM's chain of waiting operations rises in a straight line and attention's stays flat. On the right both times rise."}} tags=["hide-input"]
figures.plot_parallelism(run)

# %% [markdown]
# The left side of {numref}`fig-parallel` is what the report's word means. The LSTM's chain grows by the
# same number of operations with every token, from {glue:text}`parallel-chain-short` at
# {glue:text}`parallel-short` tokens to {glue:text}`parallel-chain-lstm` at
# {glue:text}`parallel-length`; attention's is {glue:text}`parallel-chain-attention` at every length.
# The scorecard judges by this.
#
# The right side is what came of it on one machine: {glue:text}`parallel-device`. The LSTM layer takes
# {glue:text}`parallel-short-ratio` times as long as the attention layer at
# {glue:text}`parallel-short` tokens, {glue:text}`parallel-ratio` times at
# {glue:text}`parallel-length`, and the median over all lengths is {glue:text}`parallel-median`. The
# more units can work at once, the more the LSTM's waiting costs; a few cores are busy with
# either layer, and on long sequences the $n^2$ term uses up what lead there is. It depends on the batch, too:
# with many sequences side by side a recurrent layer also finds parallel work, across sequences in
# place of along them. A GPU, with thousands of units, was not tried here. And none of this is about
# generating text, where a Transformer decoder also writes one token after the other.
#
# :::{admonition} Exercise
# :class: tip
# Count the multiplications of both layers for $n$ tokens of width $d$, if the feed-forward layer is
# $2d$ wide. At which length does the $n^2$ term make up half of the attention layer's work?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# The LSTM has four gates, each with a matrix for the input and one for the state: $8\,n\,d^2$. The
# attention layer has four projections and the feed-forward layer's two matrices, $8\,n\,d^2$, and
# scores and weighted means, $2\,n^2 d$. So attention never does less; where it leads, it
# leads because it waits less. The two terms are equal at $n = 4d$, {glue:text}`parallel-meet` tokens
# here. From there on the $n^2$ term is the larger, and attention's work comes ever closer to growing
# with the square of the length, while the LSTM's stays proportional to it. Where do the times of
# {numref}`fig-parallel` cross on your machine? `LENGTHS` in `t5study/experiments/identity.py` takes others.
# :::
#
# ## What transfer has to do with it
#
# {term}`Pre-training <pre-training>` a whole network on unlabelled text, to be fine-tuned as it
# is, began with recurrent networks {cite:p}`dai2015semisupervised,howard2018ulmfit`: first a
# language model on plain text, then {term}`fine-tuning` on the labelled task. A model that trains
# quickly can do this with far more text, and the Transformer is such a model
# {cite:p}`radford2018gpt,devlin2019bert`. The next three chapters open up three such models.

# %% [markdown]
# ## Where these numbers come from

# %% tags=["hide-input"]
study.provenance()
