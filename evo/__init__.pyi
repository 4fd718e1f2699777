"""The public names of evo: documentation, examples and notebooks import from here."""

__version__: str

from .analysis.assay_runner import AssayRunner as AssayRunner
from .analysis.assay_runner import repeated as repeated
from .analysis.comparison.compare import compare as compare
from .analysis.export import export as export
from .analysis.frames import innate_frame as innate_frame
from .analysis.frames import knockout_frame as knockout_frame
from .analysis.frames import lineage_frame as lineage_frame
from .analysis.innate.innate import InnateTest as InnateTest
from .analysis.innate.innate import innate_test as innate_test
from .analysis.inspect import inspect as inspect
from .analysis.statistics import estimate as estimate
from .analysis.subject import Subject as Subject
from .analysis.subject import subject as subject
from .distribution.executor import Executor as Executor
from .distribution.executor import Serial as Serial
from .distribution.ray_executor import OnRay as OnRay
from .evaluation.cohort import Assay as Assay
from .evaluation.cohort import Cohort as Cohort
from .evaluation.cohort import cohorts as cohorts
from .evaluation.evaluate import evaluate as evaluate
from .evaluation.outcome import Outcome as Outcome
from .evolution.evolve import Evolution as Evolution
from .evolution.evolve import evolve as evolve
from .evolution.generation import Generation as Generation
from .evolution.hall_of_fame import genome_frame as genome_frame
from .evolution.hall_of_fame import hall_of_fame as hall_of_fame
from .evolution.individual import RunIndividual as RunIndividual
from .evolution.result import RunResult as RunResult
from .evolution.result import result as result
from .evolution.run import Run as Run
from .experiment.config import load as load
from .experiment.experiment import Experiment as Experiment
from .experiment.goals import Goals as Goals
from .experiment.goals import Scores as Scores
from .experiment.limits import Limits as Limits
from .search.base import Asked as Asked
from .search.base import Search as Search
from .search.base import deap_seeded as deap_seeded
from .search.base import founders as founders
from .search.base import unrelated as unrelated
