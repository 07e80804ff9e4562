"""What all settings share: a recipe, a profile, a claim."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """What recipes, profiles and claims share: strict values, no unknown keys, no later change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())
