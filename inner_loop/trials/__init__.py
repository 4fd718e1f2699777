"""Parts that worlds of trials share: periods, timing, rewards."""
