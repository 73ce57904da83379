#include "vector.h"

// gelu(x) = x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x³): Hendrycks and
// Gimpel 2016.
#define GELU_SLOPE 1.5957691216f  // 2 sqrt(2/pi)
#define GELU_CUBIC 0.044715f

INLINE float gelu_gate(float x) { return sigmoid(GELU_SLOPE * (x + GELU_CUBIC * x * x * x)); }

INLINE float gelu_slope(float x) {
  float s = gelu_gate(x);
  return s + x * s * (1.0f - s) * GELU_SLOPE * (1.0f + 3.0f * GELU_CUBIC * x * x);
}

INLINE float silu_slope(float x) {
  float s = sigmoid(x);
  return s + x * s * (1.0f - s);
}

INLINE float fast_tanh(float x) {
  // The quotient loses relative precision near 0, where the series has plenty.
  float q = x * x;
  float series =
      x * (1.0f + q * (-1.0f / 3 + q * (2.0f / 15 + q * (-17.0f / 315 + q * (62.0f / 2835)))));
  float quotient = 2.0f * sigmoid(2.0f * x) - 1.0f;
  return q < 0.0625f ? series : quotient;
}

#define FORWARD(name, expression)                                               \
  KERNEL void name(float *restrict y, const float *restrict in, size_t count) { \
    for (size_t i = 0; i < count; i++) {                                        \
      float x = in[i];                                                          \
      y[i] = (expression);                                                      \
    }                                                                           \
  }

#define BACKWARD(name, expression)                                                         \
  KERNEL void name(float *restrict dx, const float *restrict in, const float *restrict dy, \
                   size_t count, int accumulate) {                                         \
    if (accumulate) {                                                                      \
      for (size_t i = 0; i < count; i++) {                                                 \
        float x = in[i];                                                                   \
        dx[i] += dy[i] * (expression);                                                     \
      }                                                                                    \
    } else {                                                                               \
      for (size_t i = 0; i < count; i++) {                                                 \
        float x = in[i];                                                                   \
        dx[i] = dy[i] * (expression);                                                      \
      }                                                                                    \
    }                                                                                      \
  }

FORWARD(recap_gelu, x *gelu_gate(x))
BACKWARD(recap_gelu_backward, gelu_slope(x))
FORWARD(recap_silu, x *sigmoid(x))
BACKWARD(recap_silu_backward, silu_slope(x))
FORWARD(recap_tanh, fast_tanh(x))
BACKWARD(recap_tanh_backward, 1.0f - x * x)

KERNEL void recap_gated_gelu(float *restrict y, const float *restrict x, size_t rows,
                             size_t width) {
  for (size_t r = 0; r < rows; r++, x += 2 * width, y += width)
    for (size_t i = 0; i < width; i++) y[i] = x[i] * gelu_gate(x[i]) * x[width + i];
}

KERNEL void recap_gated_gelu_backward(float *restrict dx, const float *restrict x,
                                      const float *restrict dy, size_t rows, size_t width,
                                      int accumulate) {
  for (size_t r = 0; r < rows; r++, x += 2 * width, dx += 2 * width, dy += width) {
    const float *up = x + width;
    float *dup = dx + width;
    if (accumulate) {
      for (size_t i = 0; i < width; i++) {
        float g = x[i], s = gelu_gate(g), d = dy[i];
        dx[i] +=
            d * up[i] * (s + g * s * (1.0f - s) * GELU_SLOPE * (1.0f + 3.0f * GELU_CUBIC * g * g));
        dup[i] += d * g * s;
      }
    } else {
      for (size_t i = 0; i < width; i++) {
        float g = x[i], s = gelu_gate(g), d = dy[i];
        dx[i] =
            d * up[i] * (s + g * s * (1.0f - s) * GELU_SLOPE * (1.0f + 3.0f * GELU_CUBIC * g * g));
        dup[i] = d * g * s;
      }
    }
  }
}
