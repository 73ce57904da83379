#include "vector.h"

KERNEL void recap_add(float *y, const float *a, const float *b, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

KERNEL void recap_multiply(float *restrict y, const float *a, const float *b, size_t count,
                           int accumulate) {
  if (accumulate) {
    for (size_t i = 0; i < count; i++) y[i] += a[i] * b[i];
  } else {
    for (size_t i = 0; i < count; i++) y[i] = a[i] * b[i];
  }
}

KERNEL void recap_scale(float *y, const float *x, float factor, size_t count, int accumulate) {
  if (accumulate) {
    for (size_t i = 0; i < count; i++) y[i] += factor * x[i];
  } else {
    for (size_t i = 0; i < count; i++) y[i] = factor * x[i];
  }
}

KERNEL void recap_add_per_sample(float *y, const float *x, const float *s, size_t samples,
                                 size_t rows, size_t width) {
  for (size_t b = 0; b < samples; b++, s += width)
    for (size_t r = 0; r < rows; r++, x += width, y += width)
      for (size_t i = 0; i < width; i++) y[i] = x[i] + s[i];
}

KERNEL void recap_sum_per_sample(float *restrict s, const float *restrict x, size_t samples,
                                 size_t rows, size_t width, int accumulate) {
  for (size_t b = 0; b < samples; b++, s += width) {
    if (!accumulate) memset(s, 0, width * sizeof(float));
    for (size_t r = 0; r < rows; r++, x += width)
      for (size_t i = 0; i < width; i++) s[i] += x[i];
  }
}

KERNEL void recap_gate(float *restrict y, const float *restrict x, const float *restrict s,
                       size_t samples, size_t rows, size_t width, int accumulate) {
  for (size_t b = 0; b < samples; b++, s += width)
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
      if (accumulate) {
        for (size_t i = 0; i < width; i++) y[i] += x[i] * s[i];
      } else {
        for (size_t i = 0; i < width; i++) y[i] = x[i] * s[i];
      }
    }
}

KERNEL void recap_gate_backward(float *restrict s, const float *restrict x, const float *restrict g,
                                size_t samples, size_t rows, size_t width, int accumulate) {
  for (size_t b = 0; b < samples; b++, s += width) {
    if (!accumulate) memset(s, 0, width * sizeof(float));
    for (size_t r = 0; r < rows; r++, x += width, g += width)
      for (size_t i = 0; i < width; i++) s[i] += x[i] * g[i];
  }
}

void recap_fill_rows(float *y, const float *row, size_t rows, size_t width) {
  for (size_t r = 0; r < rows; r++) memcpy(y + r * width, row, width * sizeof(float));
}

KERNEL void recap_copy_rows(float *restrict y, size_t to, const float *restrict x, size_t from,
                            size_t rows, size_t width, int accumulate) {
  for (size_t r = 0; r < rows; r++, x += from, y += to) {
    if (accumulate) {
      for (size_t i = 0; i < width; i++) y[i] += x[i];
    } else {
      memcpy(y, x, width * sizeof(float));
    }
  }
}

// Blocks are short enough that float rounding does not build up; their sums are added in double.
#define BLOCK 4096

KERNEL double recap_sum(const float *x, size_t count) {
  double total = 0;
  for (size_t start = 0; start < count; start += BLOCK) {
    size_t end = start + BLOCK < count ? start + BLOCK : count;
    float sum = 0;
    for (size_t i = start; i < end; i++) sum += x[i];
    total += sum;
  }
  return total;
}

KERNEL double recap_sum_of_squares(const float *x, size_t count) {
  double total = 0;
  for (size_t start = 0; start < count; start += BLOCK) {
    size_t end = start + BLOCK < count ? start + BLOCK : count;
    float sum = 0;
    for (size_t i = start; i < end; i++) sum += x[i] * x[i];
    total += sum;
  }
  return total;
}

KERNEL void recap_image_patches(float *restrict y, const uint8_t *restrict x, size_t images,
                                const uint8_t *next, size_t height, size_t width, size_t size,
                                size_t merge) {
  const size_t row_bytes = width * 3, line = size * 3, patch = size * line;
  const size_t skip = (merge - 1) * merge * patch;
  for (; images > 0; images--, y += height * row_bytes) {
    const uint8_t *ahead = images > 1 ? x + height * row_bytes : next;
    for (size_t row = 0; row < height; row++, ahead += row_bytes) {
      for (size_t i = 0; i < row_bytes; i += 64) __builtin_prefetch(ahead + i);
      const size_t in_block = row % (size * merge);
      float *to = y + ((row - in_block) * row_bytes + in_block / size * merge * patch +
                       row % size * line);
      const uint8_t *row_end = x + row_bytes;
      for (size_t left = merge; x < row_end; to += patch) {
        const uint8_t *line_end = x + line;
        float *place = to;
        for (; x + LANES <= line_end; x += LANES, place += LANES) {
          Vector bytes = __builtin_convertvector(*(const UnalignedBytes *)x, Vector);
          STORE(place, bytes / 127.5f - 1.0f);
        }
        for (; x < line_end; x++, place++) *place = (float)*x / 127.5f - 1.0f;
        if (--left == 0) {
          left = merge;
          to += skip;
        }
      }
    }
  }
}
