#include <math.h>

#include "vector.h"

KERNEL void recap_softmax(float *restrict y, const float *restrict x, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++, x += width, y += width) {
    float greatest = row_maximum(x, width), sum = 0;
    for (size_t i = 0; i < width; i++) {
      y[i] = fast_exp(x[i] - greatest);
      sum += y[i];
    }
    float inverse = 1.0f / sum;
    for (size_t i = 0; i < width; i++) y[i] *= inverse;
  }
}

// dx = y ∘ (dy - y · dy)
KERNEL void recap_softmax_backward(float *restrict dx, const float *restrict y,
                                   const float *restrict dy, size_t rows, size_t width,
                                   int accumulate) {
  for (size_t row = 0; row < rows; row++, y += width, dy += width, dx += width) {
    float dot = 0;
    for (size_t i = 0; i < width; i++) dot += y[i] * dy[i];
    if (accumulate) {
      for (size_t i = 0; i < width; i++) dx[i] += y[i] * (dy[i] - dot);
    } else {
      for (size_t i = 0; i < width; i++) dx[i] = y[i] * (dy[i] - dot);
    }
  }
}

KERNEL double recap_cross_entropy(float *restrict gradient, const float *restrict x,
                                  const int32_t *restrict targets, const float *restrict weights,
                                  size_t rows, size_t width, double total) {
  if (total == 0)
    for (size_t row = 0; row < rows; row++)
      if (targets[row] >= 0) total += weights ? weights[row] : 1.0f;
  double loss = 0;
  for (size_t row = 0; row < rows; row++, x += width) {
    float weight = weights ? weights[row] : 1.0f;
    float share = targets[row] >= 0 && total > 0 ? (float)(weight / total) : 0.0f;
    if (share != 0.0f) {
      float greatest = row_maximum(x, width), sum = 0;
      if (gradient) {
        for (size_t i = 0; i < width; i++) {
          gradient[i] = fast_exp(x[i] - greatest);
          sum += gradient[i];
        }
        float factor = share / sum;
        for (size_t i = 0; i < width; i++) gradient[i] *= factor;
        gradient[targets[row]] -= share;
      } else {
        for (size_t i = 0; i < width; i++) sum += fast_exp(x[i] - greatest);
      }
      loss += (double)share * (log((double)sum) + (double)greatest - (double)x[targets[row]]);
    } else if (gradient) {
      memset(gradient, 0, width * sizeof(float));
    }
    if (gradient) gradient += width;
  }
  return loss;
}

#define BLOCK 4096

KERNEL double recap_squared_error(const float *restrict x, const float *restrict target,
                                  const float *restrict weights, size_t count, double total) {
  double loss = 0;
  for (size_t start = 0; start < count; start += BLOCK) {
    size_t end = start + BLOCK < count ? start + BLOCK : count;
    float sum = 0;
    if (weights) {
      for (size_t i = start; i < end; i++) {
        float d = x[i] - target[i];
        sum += weights[i] * d * d;
      }
    } else {
      for (size_t i = start; i < end; i++) {
        float d = x[i] - target[i];
        sum += d * d;
      }
    }
    loss += sum;
  }
  return total > 0 ? loss / total : 0;
}

KERNEL void recap_squared_error_backward(float *restrict dx, float *restrict dt,
                                         const float *restrict x, const float *restrict target,
                                         const float *restrict weights, float factor, size_t count,
                                         int accumulateX, int accumulateT) {
  for (size_t i = 0; i < count; i++) {
    float d = factor * (weights ? weights[i] : 1.0f) * (x[i] - target[i]);
    if (dx) dx[i] = accumulateX ? dx[i] + d : d;
    if (dt) dt[i] = accumulateT ? dt[i] - d : -d;
  }
}
