"""A reproducible study of transfer learning in natural language processing."""

__version__ = "0.1.0"
