"""A T5 divided between two processes learns what the whole one learns, and each holds half."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from t5study.chapters.listing import listing

TRAIN = """
import json, os, sys
import torch
import torch.distributed as dist
from transformers import T5Config, T5ForConditionalGeneration
from t5study.chapters.sharding import shard

processes, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
torch.set_num_threads(1)
torch.manual_seed(1)
sizes = dict(vocab_size=64, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2)
model = T5ForConditionalGeneration(
    T5Config(**sizes, dropout_rate=0.0, decoder_start_token_id=0)
)
texts = torch.randint(2, 64, (8, 8))
if processes > 1:
    dist.init_process_group("gloo")
    shard(model)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
mine, losses = texts[rank::processes], []
for _ in range(4):
    loss = model(input_ids=mine, labels=mine[:, :3].contiguous()).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    mean = loss.detach().clone()
    if processes > 1:
        dist.all_reduce(mean)
    losses.append(float(mean) / processes)
weights = [getattr(w, "to_local", lambda w=w: w)().numel() for w in model.parameters()]
with open(f"{sys.argv[1]}.{rank}", "w") as file:
    json.dump({"losses": losses, "held": sum(weights)}, file)
if processes > 1:
    dist.destroy_process_group()
"""


def test_two_processes_hold_half_each_and_learn_the_same(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, start in (("whole", []), ("half", several)):
        subprocess.run(
            [sys.executable, *start, str(script), str(tmp_path / name)],
            check=True,
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    whole, first, second = (
        json.loads((tmp_path / name).read_text()) for name in ("whole.0", "half.0", "half.1")
    )
    assert first["losses"] == pytest.approx(whole["losses"], rel=1e-4)
    assert whole["losses"][-1] < whole["losses"][0] - 1
    assert first["held"] + second["held"] == whole["held"]
    assert first["held"] == pytest.approx(whole["held"] / 2, rel=0.01)


def test_the_page_shows_it_in_lines_that_fit():
    assert max(map(len, listing("sharding", "shard").data.splitlines())) <= 80
