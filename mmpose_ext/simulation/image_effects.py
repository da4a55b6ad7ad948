"""What a camera does to light before it is a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d


@dataclass(frozen=True)
class ImageEffects:
    """Exposure, lens and sensor.

    Args:
        exposure: Factor of the light.
        balance: Factors of red, green and blue.
        blur: Standard deviation, pixels.
        noise: Standard deviation, levels of 255.
        vignette: How much darker the corners are, 0 to 1.
    """

    exposure: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur: float = 0.0
    noise: float = 0.0
    vignette: float = 0.0

    @classmethod
    def sample(cls, generator: np.random.Generator) -> ImageEffects:
        """Draw a camera; one picture in three is sharp."""
        red, blue = np.exp(generator.normal(0, 0.08, 2))
        blurred = generator.random() < 0.67
        return cls(
            float(np.exp(generator.normal(0.12, 0.28))),
            (float(red), 1.0, float(blue)),
            float(generator.uniform(0.3, 1.1)) if blurred else 0.0,
            float(generator.uniform(0.5, 9)),
            float(generator.uniform(0, 0.35)),
        )

    def apply(self, light: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Take the picture.

        Args:
            light: Linear RGB ``(H, W, 3)``, 1 is white at an exposure of 1.
            generator: Source of the sensor's noise.

        Returns:
            RGB ``(H, W, 3)``, uint8.
        """
        height, width = light.shape[:2]
        y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
        dimming = 1 - 0.5 * self.vignette * (x * x + y * y)
        gain = self.exposure * np.array(self.balance, np.float32)
        image = light * gain * dimming[..., None].astype(np.float32)
        if self.blur:
            for axis in (0, 1):
                image = gaussian_filter1d(image, self.blur, axis=axis, truncate=3)
        image = 255 * np.clip(image, 0, 1) ** np.float32(1 / 2.2)
        image += self.noise * generator.standard_normal(image.shape, np.float32)
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)
