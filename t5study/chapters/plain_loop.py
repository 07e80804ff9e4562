"""Fine-tuning in forty lines: the training loop that chapter 6 shows before the study's own.

`t5study.training` does the same with exact gradients however an update is cut, texts of like length
in one batch, checkpoints that a broken run continues from, and records.
"""

from __future__ import annotations

from typing import Any

import torch


# fmt: off
def fine_tune(
    model: Any,
    tokenizer: Any,
    rows: list[tuple[str, str]],
    epochs: int = 2,
    batch: int = 16,
    rate: float = 1e-3,
) -> list[float]:
    """Teach a T5 to answer each text of `rows` with its word; return the loss of each update."""

    def ids(texts: list[str]) -> Any:
        return tokenizer(
            texts, padding=True, truncation=True, max_length=512,
            return_tensors="pt",
        )

    # Rounded up: the last, short batch of an epoch makes an update, too.
    updates = epochs * -(-len(rows) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, updates)
    generator = torch.Generator().manual_seed(21)
    losses = []
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(rows), generator=generator).tolist()
        for start in range(0, len(rows), batch):
            chosen = [rows[place] for place in order[start : start + batch]]
            source = ids([f"sst2 sentence: {text}" for text, _ in chosen])
            labels = ids([word for _, word in chosen])["input_ids"]
            labels[labels == tokenizer.pad_token_id] = -100
            loss = model(**source, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    model.eval()
    return losses
