"""The Earth: distances, grids of cells, projections, outlines of land."""
