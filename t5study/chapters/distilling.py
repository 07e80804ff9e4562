"""Distillation, as chapter 11 shows it (Hinton et al. 2015, section 2)."""

from __future__ import annotations

from typing import Any

import torch


# fmt: off
def distil(
    student: Any,
    tokenizer: Any,
    texts: list[str],
    targets: torch.Tensor,
    temperature: float = 1.0,
    epochs: int = 2,
    batch: int = 32,
    rate: float = 1e-4,
    longest: int = 128,
) -> list[float]:
    """Teach a classifier the shares `targets` [texts, labels]; return the loss of each update."""
    updates = epochs * -(-len(texts) // batch)
    weights = student.parameters()
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, updates)
    generator, losses = torch.Generator().manual_seed(21), []
    student.train()
    for _ in range(epochs):
        order = torch.randperm(len(texts), generator=generator)
        for chosen in order.split(batch):
            read = [texts[place] for place in chosen]
            ids = tokenizer(
                read, padding=True, truncation=True, max_length=longest,
                return_tensors="pt",
            )
            shares = (student(**ids).logits / temperature).log_softmax(-1)
            # Dividing by T makes gradients T² times smaller.
            loss = -(targets[chosen] * shares).sum(-1).mean() * temperature**2
            loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    student.eval()
    return losses
