"""The unit models of instinct; a class that is listed here is tested against the contract."""

from genomes.neuron import Neuron
from inner_loop.neurons.leaky_integrate_and_fire import LeakyIntegrateAndFire
from inner_loop.neurons.rate import Rate

NEURONS: tuple[type[Neuron], ...] = (Rate, LeakyIntegrateAndFire)
