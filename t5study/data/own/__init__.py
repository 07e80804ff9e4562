"""Data of the user's own: files of texts and labels as a task like every other."""
