"""Tests of the orphans: parameters that no branch uses."""
