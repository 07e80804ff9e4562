"""Drawings that explain: what connects to what, as SVG that is the same on every machine."""
