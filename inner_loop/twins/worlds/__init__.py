"""Twins of worlds, each beside the world of the same name in `inner_loop/worlds`."""
