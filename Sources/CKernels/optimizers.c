#include "vector.h"

// Loshchilov and Hutter 2019: the decay is not part of the gradient.
KERNEL void recap_adamw(const RecapAdamW *settings, float *restrict values,
                        const float *restrict gradients, float *restrict means,
                        float *restrict squares, size_t count) {
  const float beta1 = settings->beta1, beta2 = settings->beta2, epsilon = settings->epsilon;
  const float rate = settings->learningRate * settings->correction1,
              correction2 = settings->correction2;
  const float keep = 1.0f - settings->learningRate * settings->weightDecay,
              scale = settings->gradientScale;
  for (size_t i = 0; i < count; i++) {
    float g = gradients[i] * scale;
    float m = beta1 * means[i] + (1.0f - beta1) * g;
    float v = beta2 * squares[i] + (1.0f - beta2) * g * g;
    means[i] = m;
    squares[i] = v;
    values[i] =
        keep * values[i] - rate * m / (__builtin_elementwise_sqrt(v * correction2) + epsilon);
  }
}

KERNEL void recap_blend(float *restrict y, const float *restrict x, float decay, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = decay * y[i] + (1.0f - decay) * x[i];
}
