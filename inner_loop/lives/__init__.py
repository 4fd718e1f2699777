"""Lives: on the samples of a task, or through the episodes of a world."""
