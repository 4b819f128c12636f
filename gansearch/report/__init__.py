"""Results of a study: its Pareto front as values, tables and plots.

Tables and plots are separate modules, because they load rich and matplotlib.
"""

from gansearch.report.front.selection import Selection, select

__all__ = ["Selection", "select"]
