"""The tasks of instinct; a class that is listed here is tested against the contract."""

from inner_loop.task import Task
from inner_loop.tasks.arrays import Arrays
from inner_loop.tasks.copy_memory import CopyMemory
from inner_loop.tasks.digits import Digits
from inner_loop.tasks.sinusoid import Sinusoid
from inner_loop.tasks.teacher import Teacher

TASKS: tuple[type[Task], ...] = (Digits, Arrays, Teacher, Sinusoid, CopyMemory)
