"""What a pre-training costs, in floating-point operations."""

from __future__ import annotations

from t5study.experiments.recipes import PretrainingRecipe


def flops_per_sequence(
    recipe: PretrainingRecipe, vocabulary: int, length: int, targets: int
) -> float:
    """Floating-point operations of training on one sequence (forward and backward).

    6 for every weight that is multiplied with every piece (Kaplan et al. 2020, 2.1), embedding
    look-ups not counted; and 12 x length x width for each layer's attention. `targets` pieces pass
    the output layer: GPT's every one, BERT's masked ones, those that T5's decoder writes. T5's
    cross-attention reads keys and values from `length` pieces for `targets` pieces written.
    """
    size, output = recipe.architecture, recipe.architecture.d_model * vocabulary
    width = size.d_kv * size.num_heads
    attention, feed = 4 * size.d_model * width, 2 * size.d_model * size.d_ff
    if size.num_decoder_layers is None:
        read = size.num_layers * (attention + feed)
        return 6.0 * (length * read + targets * output) + 12.0 * size.num_layers * length**2 * width
    read = size.num_layers * (attention + feed) + size.num_decoder_layers * attention // 2
    written = size.num_decoder_layers * (attention * 3 // 2 + feed) + output
    pairs = size.num_layers * length**2 + size.num_decoder_layers * targets * (targets + length)
    return 6.0 * (length * read + targets * written) + 12.0 * pairs * width
