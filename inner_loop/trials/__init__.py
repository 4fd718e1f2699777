"""What worlds of trials share: periods, timing, pay."""
