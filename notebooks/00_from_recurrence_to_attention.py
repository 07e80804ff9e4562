# %% [markdown]
# # From recurrence to attention
#
# The report's introduction tells the story in two paragraphs: convolutional networks learned to see,
# were tried on text, gave way to recurrent networks, and these to the {term}`Transformer`, which is
# "much more parallelizable". This chapter makes the three ideas precise and measures the last one: the
# operations that a recurrent layer must do one after the other grow with the text, those of attention
# do not.

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import numpy as np

from t5study.chapters import recurrence
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
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

# %% [markdown]
# ## Parallel, measured
#
# "Parallelizable" is a statement about the first column of the table. It can be counted and it can be
# timed.

# %%
run = study.measure_parallelism()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
metrics, width = run.metrics, run.config["width"]
ratios = np.divide(metrics["lstm"], metrics["attention"])
chain = metrics["chain_attention"]
facts(
    width=width,
    meet=f"{4 * width:,}",
    shortest=metrics["lengths"][0],
    longest=metrics["lengths"][-1],
    chain_lstm_shortest=f"{metrics['chain_lstm'][0]:,}",
    chain_lstm_longest=f"{metrics['chain_lstm'][-1]:,}",
    chain_attention=chain[-1],
    ratio_shortest=f"{ratios[0]:.1f}",
    ratio_longest=f"{ratios[-1]:.1f}",
    ratio_median=f"{np.median(ratios):.1f}",
    device=metrics["device"],
)
study.finds(
    attention_waits_alike=min(chain) == max(chain),
    lstm_slower=np.median(ratios) > 1,
)

# %% [markdown]
# An LSTM layer and a Transformer encoder layer (self-attention and a feed-forward layer), both
# {eval}`facts.width` wide, read a single sequence: with one sequence there is nothing to do side by
# side but its own positions.
#
# - *Counted* is the longest chain of operations that wait for each other in a forward pass, found
#   in the graph that PyTorch keeps for the gradient. For the LSTM it is that of its cell, unrolled
#   step by step, since the layer as a whole is a single operation to that graph.
# - *Timed* is a forward and a backward pass. Every length is timed many times, in rounds over all of
#   them, and the least time counts: other work on the machine can only add to it.

# %% mystnb={"figure": {"caption": "An LSTM layer and a Transformer encoder layer (self-attention and feed-forward) of the same width, over a single sequence, by its length. Left: the longest chain of operations that wait for each other. Right: the time of one forward and backward pass. All axes are logarithmic.", "name": "fig-parallel"}, "image": {"alt": "Two line charts on logarithmic axes, by sequence length, for an LSTM layer and for a Transformer encoder layer. On the left the LSTM's chain of waiting operations rises in a straight line and attention's stays flat. On the right both times rise."}} tags=["remove-input"]
recurrence.plot_parallelism(run)

# %% [markdown] tags=["finds:attention_waits_alike"]
# The left side of {numref}`fig-parallel` is what the report's word means. The LSTM's chain grows by the
# same number of operations with every token, from {eval}`facts.chain_lstm_shortest` at
# {eval}`facts.shortest` tokens to {eval}`facts.chain_lstm_longest` at {eval}`facts.longest`;
# attention's is {eval}`facts.chain_attention` at every length. The scorecard judges by this.

# %% [markdown] tags=["finds:lstm_slower"]
# The right side is what came of it on one machine, {eval}`facts.device`. The LSTM layer takes
# {eval}`facts.ratio_shortest` times as long as the attention layer at {eval}`facts.shortest` tokens,
# {eval}`facts.ratio_longest` times at {eval}`facts.longest`, and the median over all lengths is
# {eval}`facts.ratio_median`. Two cores are busy with either layer, and on long sequences the $n^2$ term
# uses up what lead there is. A GPU, with thousands of units that would wait for the LSTM, was not
# tried.

# %% [markdown]
# With many sequences side by side a recurrent layer finds parallel work, too, across sequences in place
# of along them. And none of this is about generating text, where a Transformer decoder also writes one
# token after the other.
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
# leads because it waits less. The two terms are equal at $n = 4d$, {eval}`facts.meet` tokens
# here. From there on the $n^2$ term is the larger, and attention's work comes ever closer to growing
# with the square of the length, while the LSTM's stays proportional to it. Where do the times of
# {numref}`fig-parallel` cross on your machine? `LENGTHS` in `t5study/experiments/questions.py` takes others.
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

# %% tags=["remove-input"]
study.provenance()
