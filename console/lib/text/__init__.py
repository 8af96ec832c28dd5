"""Texts that people paste and download: their formats, and characters that can't be seen."""
