#include "vector.h"

// 1 / sqrt(mean(x²) + epsilon). The builtin, as sqrtf sets errno and so blocks vector code.
INLINE float inverse_root(const float *x, size_t width, float epsilon) {
  float squares = 0;
  for (size_t i = 0; i < width; i++) squares += x[i] * x[i];
  return 1.0f / __builtin_elementwise_sqrt(squares / (float)width + epsilon);
}

KERNEL void recap_rms_norm(float *restrict y, float *restrict inverse, const float *restrict x,
                           const float *restrict weight, size_t rows, size_t width, float epsilon) {
  for (size_t row = 0; row < rows; row++, x += width, y += width) {
    float r = inverse_root(x, width, epsilon);
    inverse[row] = r;
    for (size_t i = 0; i < width; i++) y[i] = x[i] * r * weight[i];
  }
}

// With g = weight ∘ dy: dx = r g - x r³ mean(g ∘ x)
KERNEL void recap_rms_norm_backward(float *restrict dx, float *restrict dweight,
                                    const float *restrict dy, const float *restrict x,
                                    const float *restrict inverse, const float *restrict weight,
                                    size_t rows, size_t width, int accumulate) {
  for (size_t row = 0; row < rows; row++, x += width, dy += width) {
    float r = inverse[row], dot = 0;
    for (size_t i = 0; i < width; i++) {
      float product = dy[i] * x[i];
      dot += product * weight[i];
      dweight[i] += product * r;
    }
    if (!dx) continue;
    float c = dot * r * r * r / (float)width;
    if (accumulate) {
      for (size_t i = 0; i < width; i++) dx[i] += r * weight[i] * dy[i] - c * x[i];
    } else {
      for (size_t i = 0; i < width; i++) dx[i] = r * weight[i] * dy[i] - c * x[i];
    }
    dx += width;
  }
}

KERNEL void recap_adaptive_norm(float *restrict y, float *restrict inverse, const float *restrict x,
                                const float *restrict scale, const float *restrict shift,
                                size_t samples, size_t rows, size_t width, float epsilon) {
  for (size_t b = 0; b < samples; b++, scale += width, shift += width)
    for (size_t row = 0; row < rows; row++, x += width, y += width) {
      float r = inverse_root(x, width, epsilon);
      *inverse++ = r;
      for (size_t i = 0; i < width; i++) y[i] = x[i] * r * (1.0f + scale[i]) + shift[i];
    }
}

KERNEL void recap_adaptive_norm_backward(float *restrict dx, float *restrict dscale,
                                         float *restrict dshift, const float *restrict dy,
                                         const float *restrict x, const float *restrict inverse,
                                         const float *restrict scale, size_t samples, size_t rows,
                                         size_t width, int accumulate) {
  for (size_t b = 0; b < samples; b++, scale += width) {
    for (size_t row = 0; row < rows; row++, x += width, dy += width) {
      float r = *inverse++;
      if (dscale)
        for (size_t i = 0; i < width; i++) dscale[i] += dy[i] * x[i] * r;
      if (dshift)
        for (size_t i = 0; i < width; i++) dshift[i] += dy[i];
      if (!dx) continue;
      float dot = 0;
      for (size_t i = 0; i < width; i++) dot += dy[i] * x[i] * (1.0f + scale[i]);
      float c = dot * r * r * r / (float)width;
      if (accumulate) {
        for (size_t i = 0; i < width; i++) dx[i] += r * (1.0f + scale[i]) * dy[i] - c * x[i];
      } else {
        for (size_t i = 0; i < width; i++) dx[i] = r * (1.0f + scale[i]) * dy[i] - c * x[i];
      }
      dx += width;
    }
    if (dscale) dscale += width;
    if (dshift) dshift += width;
  }
}
