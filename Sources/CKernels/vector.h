#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "CKernels.h"

// One binary for all x86-64 machines: the compiler makes each kernel three times and the loader
// picks. The thread sanitizer crashes in the resolver, which runs before it is set up.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KERNEL
#endif
#endif
#if !defined(KERNEL) && defined(__x86_64__) && defined(__linux__)
#define KERNEL __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#endif
#ifndef KERNEL
#define KERNEL
#endif

// Helpers take no vectors by value, as their calling convention differs between the clones.
#define INLINE static inline __attribute__((always_inline))

#define LANES 16
typedef float Vector __attribute__((ext_vector_type(LANES)));
typedef float UnalignedVector __attribute__((ext_vector_type(LANES), aligned(4)));
typedef uint8_t UnalignedBytes __attribute__((ext_vector_type(LANES), aligned(1)));
#define LOAD(p) (*(const UnalignedVector *)(p))
#define STORE(p, x) (*(UnalignedVector *)(p) = (x))

// Sums may be taken in any order: without this no reduction becomes vector code.
#pragma clang fp contract(fast) reassociate(on)

// e^x with a relative error below 2e-7 in [-87, 88]; 0 below, infinity above, NaN for NaN.
INLINE float fast_exp(float x) {
// The rounding below is an addition that must not be simplified away.
#pragma clang fp reassociate(off)
  // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits.
  float shifted = x * 1.44269504f + 12582912.0f;
  float n = shifted - 12582912.0f;
  float r = x - n * 0.693145752f;
  r = r - n * 1.42860677e-6f;
  float p = 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  uint32_t power, bits;
  memcpy(&power, &shifted, 4);
  memcpy(&bits, &p, 4);
  bits += power << 23;
  float result;
  memcpy(&result, &bits, 4);
  result = x < -87.0f ? 0.0f : result;
  return x <= 88.0f ? result : x * __builtin_inff();
}

INLINE float sigmoid(float x) { return 1.0f / (1.0f + fast_exp(-x)); }

// The greatest element; NaN may be passed over. By hand, since the compiler keeps the order of
// comparisons.
INLINE float row_maximum(const float *x, size_t count) {
  float greatest = -3.402823466e38f;
  size_t i = 0;
  if (count >= LANES) {
    float lanes[LANES];
    for (size_t l = 0; l < LANES; l++) lanes[l] = x[l];
    for (i = LANES; i + LANES <= count; i += LANES)
      for (size_t l = 0; l < LANES; l++) lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
    for (size_t half = LANES / 2; half; half /= 2)
      for (size_t l = 0; l < half; l++)
        lanes[l] = lanes[l + half] > lanes[l] ? lanes[l + half] : lanes[l];
    greatest = lanes[0];
  }
  for (; i < count; i++) greatest = x[i] > greatest ? x[i] : greatest;
  return greatest;
}
