# %% [markdown]
# # From recurrence to attention

# %% tags=["parameters", "remove-cell"]
profile = "published"
seed = 21

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
import numpy as np

from t5study.chapters import recurrence, scorecard
from t5study.chapters.drawings.reading import three_ways
from t5study.study import Study

study = Study(profile, seed=seed)
facts = study.facts
study.badge()

# %% jupyter={"source_hidden": true} tags=["remove-cell"]
run = study.measure_parallelism()
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
# The report's introduction tells a history: convolutional networks learned to see, recurrent networks
# took over for text, and in 2017 the {term}`Transformer` came, "much more parallelizable" than recurrent
# networks and better at many tasks. This chapter shows the three ways to read a sentence and measures the last claim.

# %% [markdown] tags=["finds:attention_waits_alike"]
# **What was found.** In a recurrent layer {eval}`facts.chain_lstm_longest` operations wait for each
# other when it reads {eval}`facts.longest` tokens. In a layer of attention it is
# {eval}`facts.chain_attention`, at any length.

# %% [markdown] tags=["finds:lstm_slower"]
# On two processor cores little comes of it: the recurrent layer takes {eval}`facts.ratio_median` times as long,
# in the median over all lengths.

# %% [markdown]
# ## The report, and this study
#
# The report {cite:p}`shah2021report` is a student's project of the spring of 2021 at the Birla Institute of
# Technology and Science in Pilani, guided by Surekha Bhanot. Its aim is "to understand the extent to which transfer
# learning is possible in Natural Language Processing". It explains BERT, GPT and T5, compares them by a
# leaderboard, lets T5 translate and summarise, and fine-tunes the smallest T5 on film reviews and on six emotions.
# It starts from weights that others pre-trained, and it leaves translation and summaries untrained for want of
# memory.
#
# This study makes a {term}`claim` with a check of each statement that can be checked, runs the report's experiments
# again as code, and adds what it left out: pre-training (chapter 8), and texts as answers (chapter 9). The machine
# that made this book could not fetch T5, BERT or GPT-2. So the study pre-trained small models of its own on two
# processor cores, and where a page needs a network that has read much, it shows MiniLM and SmolLM2, two small ones
# that are published.
#
# ## Three ways to read a sentence
#
# A sentence enters a network as vectors $x_1, \dots, x_n$, one for each {term}`token`. A layer returns
# as many vectors $h_1, \dots, h_n$. The three ways differ in which $x_j$ each $h_i$ may use.

# %% mystnb={"figure": {"caption": "What the third position of one layer sees, in blue. Convolution sees its neighbours. Recurrence sees what the state before has kept. Attention sees every position.", "name": "fig-three-ways"}, "image": {"alt": "Three panels, each with five inputs below and five outputs above. In the convolution the third output is connected with inputs two to four. In the recurrence each output is connected with its own input and, by an arrow, with the output before it. In attention the third output is connected with all five inputs."}} tags=["remove-input"]
three_ways()

# %% [markdown]
# **Convolution** {cite:p}`kim2014cnn`. Each $h_i$ sees a window of $k$ neighbours, with the same
# weights everywhere. All positions can be computed at once. Two words that are $n$ apart meet only
# after about $n/k$ layers.
#
# **Recurrence.** A state is carried along the sentence: $h_i = f(W x_i + U h_{i-1})$. In principle
# $h_n$ knows of every word. In practice the gradient passes through $n$ products with $U$ and shrinks
# or grows with their number. Gated cells, the LSTM {cite:p}`hochreiter1997lstm` and the GRU
# {cite:p}`cho2014gru`, keep a path along which it survives. No gate changes the order of work: $h_i$
# cannot be begun before $h_{i-1}$ is done.
#
# **Attention** {cite:p}`bahdanau2015attention`. Each $h_i$ is a weighted mean over all positions, and
# the weights depend on what stands there:
#
# $$
# h_i = \sum_j \alpha_{ij}\, W_V x_j, \qquad
# \alpha_{ij} = \operatorname{softmax}_j\!\left(\frac{(W_Q x_i)^\top (W_K x_j)}{\sqrt{d_k}}\right).
# $$
#
# $W_Q$, $W_K$ and $W_V$ are learnt, $d_k$ is the number of entries of $W_Q x_i$, and the
# {term}`softmax` makes the weights of a position add up to one. Any two words are one step apart, and
# no $h_i$ waits for another. {cite:t}`vaswani2017attention` gave attention this form and built the
# Transformer of it and of {term}`feed-forward layers <feed-forward layer>` alone. {doc}`01_bert` writes
# it in ten lines of code.
#
# | for $n$ tokens of width $d$ | steps that must wait | longest path between two words | work |
# | --- | --- | --- | --- |
# | convolution, window $k$ | $O(1)$ | $O(n/k)$ | $O(k\, n\, d^2)$ |
# | recurrence | $O(n)$ | $O(n)$ | $O(n\, d^2)$ |
# | self-attention | $O(1)$ | $O(1)$ | $O(n^2 d + n\, d^2)$ |

# %% [markdown]
# ## Parallel, measured
#
# "Parallelizable" is a statement about the first column of the table. An LSTM layer and a Transformer
# encoder layer, both {eval}`facts.width` wide, read a single sequence, so that there is nothing to do
# side by side but the sequence's own positions.
#
# - *Counted* is the longest chain of operations that wait for each other in a forward pass, found in
#   the graph that PyTorch keeps for the gradient. The LSTM's cell is unrolled for it.
# - *Timed* is a forward and a backward pass. Every length is timed many times, and the least time
#   counts: other work on the machine can only add to it.

# %% mystnb={"figure": {"caption": "An LSTM layer and a Transformer encoder layer of the same width, over a single sequence, by its length. Left: the longest chain of operations that wait for each other. Right: the time of one forward and backward pass. All axes are logarithmic.", "name": "fig-parallel"}, "image": {"alt": "Two line charts on logarithmic axes, by sequence length, for an LSTM layer and for a Transformer encoder layer. On the left the LSTM's chain of waiting operations rises in a straight line and attention's stays flat. On the right both times rise."}} tags=["remove-input"]
recurrence.plot_parallelism(run)

# %% [markdown] tags=["finds:attention_waits_alike"]
# The left side of {numref}`fig-parallel` is what the report's word means. The LSTM's chain grows with
# every token, from {eval}`facts.chain_lstm_shortest` operations at {eval}`facts.shortest` tokens to
# {eval}`facts.chain_lstm_longest` at {eval}`facts.longest`. Attention's is
# {eval}`facts.chain_attention` at every length.

# %% [markdown] tags=["finds:lstm_slower"]
# The right side is what came of it on one machine, {eval}`facts.device`. The LSTM layer takes
# {eval}`facts.ratio_shortest` times as long at {eval}`facts.shortest` tokens,
# {eval}`facts.ratio_longest` times at {eval}`facts.longest`, and {eval}`facts.ratio_median` times in the
# median over all lengths. Two cores are busy with either layer, and on long sequences the $n^2$ term
# uses up attention's lead. A GPU, whose thousands of units would wait for the LSTM, was not tried.

# %% [markdown]
# Two limits of the claim. With many sequences side by side a recurrent layer finds parallel work as
# well, across sequences in place of along them. And a Transformer that *writes* puts down one token
# after the other, as {doc}`02_gpt` shows.
#
# ## What transfer has to do with it
#
# To {term}`pre-train <pre-training>` a network on unlabelled text and then to {term}`fine-tune
# <fine-tuning>` it on a labelled task began with recurrent networks
# {cite:p}`dai2015semisupervised,howard2018ulmfit`; ELMo took such a network's vectors and left it as it was
# {cite:p}`peters2018elmo`. A network that trains quickly can read far more text, and the Transformer is one.
# Three designs came of it in 2018 and 2019:
#
# | year | model | what it keeps of the Transformer | what it learns from plain text |
# | --- | --- | --- | --- |
# | 2018 | GPT {cite:p}`radford2018gpt` | the {term}`decoder`: a position sees what came before | to write the next word |
# | 2018 | BERT {cite:p}`devlin2019bert` | the {term}`encoder`: a position sees both sides | to guess hidden words |
# | 2019 | T5 {cite:p}`raffel2020t5` | both, joined by {term}`cross-attention` | to write out what was removed |
#
# The next three chapters open them up.
#
# ## What to take away
#
# - Recurrence passes everything through one state, step by step; attention compares every position
#   with every other in one step.
# - "More parallel" means fewer operations that wait. It does not mean less work: attention's grows with
#   the square of the length.
#
# What the report said, with our verdicts:

# %% tags=["remove-input"]
scorecard.said(study, recurrence.CLAIMS)

# %% [markdown]
# ## Exercises
#
# :::{admonition} Exercise 1
# :class: tip
# Count the multiplications of both layers for $n$ tokens of width $d$, if the feed-forward layer is
# $2d$ wide. At which length does the $n^2$ term make up half of the attention layer's work?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# The LSTM has four gates, each with a matrix for the input and one for the state: $8\,n\,d^2$. The
# attention layer has four projections and the feed-forward layer's two matrices, $8\,n\,d^2$, and
# scores and weighted means, $2\,n^2 d$. So attention never does less; where it leads, it leads because
# it waits less. The two terms are equal at $n = 4d$, {eval}`facts.meet` tokens here.
# :::
#
# :::{admonition} Exercise 2
# :class: tip
# A stack of convolutions with windows of three reads a sentence of nine words. After how many layers
# can the middle position know of every word? How many does attention need?
# :::
#
# :::{admonition} Solution
# :class: dropdown
# Each layer adds one neighbour on either side, so four. Attention needs one.
# :::

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
study.provenance()
