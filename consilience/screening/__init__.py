"""Screening: in what order records are read, how good that order was, and when reading may stop."""

from __future__ import annotations

from consilience.screening.measures import Curve
from consilience.screening.simulate import read_labelled, simulate
from consilience.screening.stopping import RULES, Rule, rule

__all__ = ["RULES", "Curve", "Rule", "read_labelled", "rule", "simulate"]
