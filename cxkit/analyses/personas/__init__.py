"""Analyses of one chapter; see the notebook of the same subject."""
