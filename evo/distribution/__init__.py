"""Many cohorts, evaluated anywhere: executors, the dispatcher, Ray, user modules on workers."""
