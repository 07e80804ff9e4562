"""The table at the foot of a page: where its numbers come from."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from t5study.runs.record import Run


def provenance_table(profile: str, seed: int, runs: Sequence[Run]) -> pd.DataFrame:
    """Return two columns, what and value, over all runs that a page used."""
    named = {"profile": profile, "seed": str(seed)}
    if not runs:
        return pd.DataFrame({"value": named})
    records = [run.provenance for run in runs]
    data: dict[str, str] = {}
    weights: dict[str, str] = {}
    devices, commits = [], []
    # A dictionary for each library: a set that keeps the order in which its versions were met.
    versions: dict[str, dict[str, None]] = {}
    for record in records:
        data |= record.get("data", {})
        weights |= record.get("weights", {})
        devices.append(record["device"])
        for name, number in record["libraries"].items():
            versions.setdefault(name, {})[number] = None
        commits.append(record["commit"] or "unknown")
    peak = max(record["peak_memory_bytes"] for record in records)
    rows = named | {
        "runs": ", ".join(run.identity for run in runs),
        "data": "; ".join(f"{name}{_at(revision)}" for name, revision in data.items()),
        **({"weights": "; ".join(map(": ".join, weights.items()))} if weights else {}),
        "device": "; ".join(dict.fromkeys(devices)),
        "libraries": ", ".join(f"{name} {' and '.join(all_)}" for name, all_ in versions.items()),
        "computing time": f"{sum(r['seconds'] for r in records):.0f} s",
        "peak memory": f"{peak / 2**20:.0f} MiB",
        "commit": ", ".join(dict.fromkeys(commits)),
    }
    return pd.DataFrame({"value": {name: value for name, value in rows.items() if value}})


def _at(revision: str) -> str:
    """A commit's or a checksum's first twelve digits; any other revision in full."""
    if " " in revision:  # In words, where there is none.
        return f", {revision}"
    return f" at {revision[:12] if set(revision) <= set('0123456789abcdef') else revision}"
