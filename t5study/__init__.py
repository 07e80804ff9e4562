"""A reproducible study of transfer learning in natural language processing."""

import warnings

__version__ = "0.1.0"

# A bar that JupyterLab could draw with more packages: said by tqdm in whatever cell loads it first.
warnings.filterwarnings("ignore", "IProgress not found")
