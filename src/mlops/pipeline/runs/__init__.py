"""Runs side by side: as rows, row by row, and as a page."""
