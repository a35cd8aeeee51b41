"""A plan as one HTML page: no script, nothing loaded from elsewhere, readable by ear and on a telephone.

figures   the numbers of each chart
svg       drawing: a heat map, bars
page      the page around them, each chart with its table
"""
