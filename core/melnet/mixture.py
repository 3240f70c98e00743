"""The value of one bin as a mixture of Gaussians: its likelihood, and a draw by inverting two distributions.

Source: Vasquez and Lewis 2019 (arXiv:1906.01083), section 4: K components, theta = (mu, sigma, pi), sigma = exp and
pi = softmax of what the network gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LOG_SIGMA = (-4.5, 3.0)  # of standardised values; without a floor a constant silence has an infinite likelihood
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Of every bin: means, log standard deviations and log weights, float [..., K] each."""

    mean: Tensor
    log_sigma: Tensor
    log_weight: Tensor

    def nats(self, x: Tensor) -> Tensor:
        """-log p(x), the log of a sum of K densities: float [...] -> float [...]."""
        z = (x[..., None] - self.mean) * torch.exp(-self.log_sigma)  # [..., K]
        log_density = -0.5 * z.square() - self.log_sigma - HALF_LOG_TWO_PI
        return -torch.logsumexp(self.log_weight + log_density, dim=-1)

    def density(self, x: Tensor) -> Tensor:
        """p(x), for drawing: float [...] -> float [...]."""
        return torch.exp(-self.nats(x))


def mixture(theta: Tensor) -> Mixture:
    """What the network's last layer says: float [..., 3 K] -> mixture.

    The logarithm of sigma is bent, not cut, into its range, so that a gradient is left at the ends.
    """
    wide = theta if theta.dtype == torch.float64 else theta.float()  # never bfloat16
    mean, log_sigma, logits = wide.chunk(3, dim=-1)  # [..., K] each
    low, high = LOG_SIGMA
    middle, half = (high + low) / 2, (high - low) / 2
    log_sigma = middle + half * torch.tanh((log_sigma - middle) / half)
    return Mixture(mean, log_sigma, torch.log_softmax(logits, dim=-1))


def draw(found: Mixture, uniforms: Tensor, temperature: float = 1.0) -> Tensor:
    """One value a bin: the first uniform number chooses the component, the second the place within it.

    Args:
        uniforms: float [..., 2] in (0, 1).
        temperature: p(x)^(1/temperature) of each part: log weights are divided by it, sigma is multiplied by its root.
    Returns:
        float32 [...].
    """
    weights = torch.softmax(found.log_weight / temperature, dim=-1)
    above = weights.cumsum(dim=-1) <= uniforms[..., :1]
    chosen = above.sum(dim=-1, keepdim=True).clamp(max=weights.shape[-1] - 1)  # rounding may leave the last below 1
    mean = found.mean.gather(-1, chosen)[..., 0]
    sigma = found.log_sigma.gather(-1, chosen)[..., 0].exp() * math.sqrt(temperature)
    normal = math.sqrt(2) * torch.erfinv(2 * uniforms[..., 1].double() - 1)  # the inverse of the normal distribution
    return (mean + sigma * normal).float()
