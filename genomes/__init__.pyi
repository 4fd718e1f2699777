"""The public names of genomes: documentation, examples and notebooks import from here."""

from .check import check_encoding as check_encoding
from .encoding import Encoding as Encoding
from .encoding import develop as develop
from .errors import InputError as InputError
from .errors import require as require
from .evolve import Evolvable as Evolvable
from .evolve import Evolve as Evolve
from .evolve import Several as Several
from .evolve import Synaptic as Synaptic
from .intervention import Intervention as Intervention
from .phenotype import Phenotype as Phenotype
from .phenotype import Synapses as Synapses
from .spec import Field as Field
from .spec import Genes as Genes
from .spec import GenomeSpec as GenomeSpec
from .streams import SHARED as SHARED
from .streams import Streams as Streams
from .streams import derive as derive
from .topology import Group as Group
from .topology import Projection as Projection
from .topology import Topology as Topology
from .topology import layered as layered
from .wiring_rule import WiringRule as WiringRule
