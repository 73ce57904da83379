"""Writes fast_transform.json: what scipy says about the transform of FASTTokenizer.

Run with numpy and scipy from anywhere: python3 make_fast_fixture.py
"""

import json
import pathlib

import numpy as np
from scipy.fft import dct

SCALE = 10


def smooth_chunk(steps, width, random):
    """Normalised actions of a robot that reaches for something and then holds still."""
    time = np.linspace(0, 1, steps)[:, None]
    start, target = random.uniform(-2.5, 2.5, (2, 1, width))
    reach = np.minimum(time / random.uniform(0.3, 1, (1, width)), 1)
    wobble = 0.1 * np.sin(2 * np.pi * random.uniform(0.5, 3, (1, width)) * time)
    return start + (target - start) * reach**2 * (3 - 2 * reach) + wobble


def main():
    random = np.random.default_rng(20250116)
    cases = []
    for steps, width in [(1, 3), (2, 1), (8, 14), (16, 7), (50, 2)]:
        # Rounded first, so that both sides transform exactly these numbers.
        chunk = np.round(smooth_chunk(steps, width, random), 3).astype(np.float32)
        coefficients = dct(chunk.astype(np.float64), type=2, norm="ortho", axis=0)
        scaled = coefficients * SCALE
        # A value in the middle between two integers could be rounded either way in single precision.
        assert np.min(np.abs(scaled - np.floor(scaled) - 0.5)) > 1e-3
        cases.append(
            {
                "steps": steps,
                "width": width,
                "chunk": [round(float(x), 3) for x in chunk.ravel()],
                "coefficients": [round(float(x), 6) for x in coefficients.ravel()],
                "quanta": [int(x) for x in np.around(scaled).ravel()],
            }
        )
    file = pathlib.Path(__file__).with_name("fast_transform.json")
    file.write_text(json.dumps({"scale": SCALE, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
