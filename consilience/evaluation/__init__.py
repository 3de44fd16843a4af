"""How good it is: suites over real questions, their measures with intervals, and the reports they leave."""

from consilience.evaluation.engine import Engine, Shows, Temporary, Texts
from consilience.evaluation.suite import planned, run, suites

__all__ = ["Engine", "Shows", "Temporary", "Texts", "planned", "run", "suites"]
