"""What a study found: its Pareto front as values, tables and plots.

Tables and plots are in modules of their own, because they load rich and matplotlib.
"""

from gansearch.report.selection import Selection, select

__all__ = ["Selection", "select"]
