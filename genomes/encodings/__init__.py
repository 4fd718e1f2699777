"""The encodings of instinct; a class that is listed here is tested against the contract."""

from genomes.encoding import Encoding
from genomes.encodings.alleles import Alleles
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.encodings.genomic_bottleneck import GenomicBottleneck
from genomes.encodings.random_wiring import RandomWiring
from genomes.encodings.spatial_expression import SpatialExpression

ENCODINGS: tuple[type[Encoding], ...] = (
    GeneExpression,
    SpatialExpression,
    GenomicBottleneck,
    Alleles,
    Direct,
    RandomWiring,
)
