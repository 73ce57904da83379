#include "vector.h"

// Su et al. 2021, with the pairs of a head split in halves as in GPT-NeoX and Gemma.
KERNEL void recap_rotary(float *restrict y, const float *restrict x, const float *restrict cosine,
                         const float *restrict sine, float direction, size_t samples, size_t rows,
                         size_t heads, size_t headWidth, int accumulate) {
  size_t half = headWidth / 2;
  for (size_t b = 0; b < samples; b++)
    for (size_t row = 0; row < rows; row++) {
      const float *c = cosine + row * half, *s = sine + row * half;
      for (size_t h = 0; h < heads; h++, x += headWidth, y += headWidth) {
        if (accumulate) {
          for (size_t i = 0; i < half; i++) {
            float a = x[i], d = x[half + i], t = direction * s[i];
            y[i] += a * c[i] - d * t;
            y[half + i] += d * c[i] + a * t;
          }
        } else {
          for (size_t i = 0; i < half; i++) {
            float a = x[i], d = x[half + i], t = direction * s[i];
            y[i] = a * c[i] - d * t;
            y[half + i] = d * c[i] + a * t;
          }
        }
      }
    }
}
