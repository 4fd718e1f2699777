"""The tasks that come with the house; registering one here is what puts it under the contract tests."""

from inner_loop.task import Task
from inner_loop.tasks.arrays import Arrays
from inner_loop.tasks.digits import Digits
from inner_loop.tasks.sinusoid import Sinusoid
from inner_loop.tasks.teacher import Teacher

TASKS: tuple[type[Task], ...] = (Digits, Arrays, Teacher, Sinusoid)
