#include <math.h>

#include "vector.h"

// One (sample, head) is far too small for a BLAS call: tens of rows of 16 to 64 floats. Here each
// is a few products of register tiles on data that stays in the first-level cache.

#define HIDDEN (-1e30f)

size_t recap_attention_padded_keys(size_t keys) { return (keys + LANES - 1) / LANES * LANES; }

// Which keys a mask leaves to see, so that what nobody sees is not computed: keys of block j (LANES
// of them) are seen by no query before first[j], and query i sees no key from end[i] on. Neither
// decreases.
typedef struct {
  uint32_t *first, *end;
} Bounds;

INLINE void find_bounds(Bounds bounds, const float *bias, size_t queries, size_t keys) {
  const size_t padded = recap_attention_padded_keys(keys), blocks = padded / LANES;
  for (size_t j = 0; j < blocks; j++) bounds.first[j] = bias ? (uint32_t)queries : 0;
  if (bias)
    for (size_t i = queries; i-- > 0;)
      for (size_t j = 0; j < blocks; j++)
        if (row_maximum(bias + i * padded + j * LANES, LANES) > 0.5f * HIDDEN)
          bounds.first[j] = (uint32_t)i;
  for (size_t j = blocks - 1; j-- > 0;)
    if (bounds.first[j] > bounds.first[j + 1]) bounds.first[j] = bounds.first[j + 1];
  for (size_t i = 0, j = 0; i < queries; i++) {
    while (j < blocks && bounds.first[j] <= i) j++;
    bounds.end[i] = (uint32_t)(j * LANES < keys ? j * LANES : keys);
  }
}

// What a product may leave out. SCORES: columns are keys; rows before the first that sees them.
// TO_QUERIES: steps are keys; those behind the last that a row sees. TO_KEYS: rows are keys; steps
// before the first query that sees them.
enum Skip { SCORES, TO_QUERIES, TO_KEYS };

// C (+)= A B for a tile of ROWS x COLUMNS vectors. A[m, k] lies at
// m * rowStride + k * columnStride.
#define TILE(ROWS, COLUMNS)                                                                 \
  do {                                                                                      \
    Vector sum[ROWS][COLUMNS];                                                              \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++)                       \
        _Pragma("clang loop unroll(full)") for (int c = 0; c < COLUMNS; c++) sum[r][c] = 0; \
    const size_t from = skip == TO_KEYS ? bounds.first[m / LANES] : 0,                      \
                 to = skip == TO_QUERIES ? bounds.end[m + ROWS - 1] : K;                    \
    const float *a = A + m * rowStride + from * columnStride, *b = B + n + from * ldb;      \
    for (size_t k = from; k < to; k++, a += columnStride, b += ldb) {                       \
      Vector row[COLUMNS];                                                                  \
      _Pragma("clang loop unroll(full)") for (int c = 0; c < COLUMNS; c++) row[c] =         \
          LOAD(b + c * LANES);                                                              \
      _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++) {                   \
        Vector factor = a[r * rowStride];                                                   \
        _Pragma("clang loop unroll(full)") for (int c = 0; c < COLUMNS; c++) sum[r][c] +=   \
            factor * row[c];                                                                \
      }                                                                                     \
    }                                                                                       \
    float *out = C + m * ldc + n;                                                           \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++)                       \
        _Pragma("clang loop unroll(full)") for (int c = 0; c < COLUMNS; c++) {              \
      float *p = out + r * ldc + c * LANES;                                                 \
      STORE(p, accumulate ? LOAD(p) + sum[r][c] : sum[r][c]);                               \
    }                                                                                       \
  } while (0)

// N is a multiple of LANES. Six sums of 16 floats fill AVX2's registers, and are enough to hide the
// latency of fused multiply-add in AVX-512.
INLINE void product(float *restrict C, size_t ldc, const float *restrict A, size_t rowStride,
                    size_t columnStride, const float *restrict B, size_t ldb, size_t M, size_t N,
                    size_t K, int accumulate, const enum Skip skip, Bounds bounds) {
  for (size_t n = 0; n < N; n += LANES) {
    size_t m = skip == SCORES ? bounds.first[n / LANES] : 0;
    for (; m + 6 <= M; m += 6) TILE(6, 1);
    if (m + 3 <= M) {
      TILE(3, 1);
      m += 3;
    }
    for (; m < M; m++) TILE(1, 1);
  }
}

// Pairs of rows a, b of four steps: lanes of a and b alternate in runs of 1, 2, 4 and 8.
#define RUNS1(a, b, x)                                                                             \
  __builtin_shufflevector(a, b, 0 + x, 16 + x, 2 + x, 18 + x, 4 + x, 20 + x, 6 + x, 22 + x, 8 + x, \
                          24 + x, 10 + x, 26 + x, 12 + x, 28 + x, 14 + x, 30 + x)
#define RUNS2(a, b, x)                                                                             \
  __builtin_shufflevector(a, b, 0 + x, 1 + x, 16 + x, 17 + x, 4 + x, 5 + x, 20 + x, 21 + x, 8 + x, \
                          9 + x, 24 + x, 25 + x, 12 + x, 13 + x, 28 + x, 29 + x)
#define RUNS4(a, b, x)                                                                             \
  __builtin_shufflevector(a, b, 0 + x, 1 + x, 2 + x, 3 + x, 16 + x, 17 + x, 18 + x, 19 + x, 8 + x, \
                          9 + x, 10 + x, 11 + x, 24 + x, 25 + x, 26 + x, 27 + x)
#define RUNS8(a, b, x)                                                                          \
  __builtin_shufflevector(a, b, 0 + x, 1 + x, 2 + x, 3 + x, 4 + x, 5 + x, 6 + x, 7 + x, 16 + x, \
                          17 + x, 18 + x, 19 + x, 20 + x, 21 + x, 22 + x, 23 + x)
#define EXCHANGE(RUNS, step)                                                            \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < LANES; i++) if (!(i & step)) { \
    Vector a = tile[i], b = tile[i + step];                                             \
    tile[i] = RUNS(a, b, 0);                                                            \
    tile[i + step] = RUNS(a, b, step);                                                  \
  }

// [rows, width] at stride ld → [width, padded], zeros past `rows`. Sixteen by sixteen in registers
// where it fits.
INLINE void transpose(float *restrict to, const float *restrict from, size_t ld, size_t rows,
                      size_t width, size_t padded) {
  if (width % LANES == 0) {
    for (size_t column = 0; column < width; column += LANES)
      for (size_t row = 0; row < padded; row += LANES) {
        Vector tile[LANES];
        _Pragma("clang loop unroll(full)") for (size_t i = 0; i < LANES; i++) if (row + i < rows) {
          tile[i] = LOAD(from + (row + i) * ld + column);
        }
        else {
          tile[i] = 0;
        }
        EXCHANGE(RUNS1, 1)
        EXCHANGE(RUNS2, 2)
        EXCHANGE(RUNS4, 4)
        EXCHANGE(RUNS8, 8)
        _Pragma("clang loop unroll(full)") for (size_t i = 0; i < LANES; i++)
            STORE(to + (column + i) * padded + row, tile[i]);
      }
  } else {
    for (size_t i = 0; i < width; i++)
      for (size_t row = 0; row < padded; row++)
        to[i * padded + row] = row < rows ? from[row * ld + i] : 0.0f;
  }
}

// [rows, width] at stride ld → [rows, padded], zeros past `width`
INLINE void pad(float *restrict to, const float *restrict from, size_t ld, size_t rows,
                size_t width, size_t padded) {
  for (size_t row = 0; row < rows; row++, to += padded, from += ld) {
    memcpy(to, from, width * sizeof(float));
    memset(to + width, 0, (padded - width) * sizeof(float));
  }
}

INLINE void unpad(float *restrict to, size_t ld, const float *restrict from, size_t rows,
                  size_t width, size_t padded, int accumulate) {
  for (size_t row = 0; row < rows; row++, to += ld, from += padded)
    for (size_t i = 0; i < width; i++) to[i] = accumulate ? to[i] + from[i] : from[i];
}

size_t recap_attention_scratch(const RecapAttention *s) {
  size_t keys = recap_attention_padded_keys(s->keys);
  size_t width = recap_attention_padded_keys(s->headWidth);
  // transposed keys or values; scores; q, dq, dout padded; k, v, dk, dv padded
  // and the bounds
  return width * keys + s->queries * keys + 3 * s->queries * width + 4 * s->keys * width + keys +
         s->queries;
}

INLINE const float *bias_of(const RecapAttention *s, size_t sample) {
  return s->bias ? s->bias + sample * s->biasStride : NULL;
}

// The end of the scratch space.
INLINE Bounds bounds_in(const RecapAttention *s, float *scratch) {
  uint32_t *first = (uint32_t *)(scratch + recap_attention_scratch(s) - s->queries) -
                    recap_attention_padded_keys(s->keys);
  return (Bounds){.first = first, .end = first + recap_attention_padded_keys(s->keys)};
}

KERNEL void recap_attention(const RecapAttention *s, float *out, float *probabilities,
                            const float *q, const float *k, const float *v, float *scratch) {
  const size_t queries = s->queries, keys = s->keys, width = s->headWidth;
  const size_t paddedKeys = recap_attention_padded_keys(keys),
               paddedWidth = recap_attention_padded_keys(width);
  const size_t group = s->heads / s->keyValueHeads;
  const size_t ldq = s->heads * width, ldk = s->keyValueHeads * width;
  const int whole = paddedWidth == width;
  const float scale = 1.0f / sqrtf((float)width);
  float *kt = scratch, *scores = kt + paddedWidth * paddedKeys,
        *paddedOut = scores + queries * paddedKeys;
  float *paddedV = paddedOut + queries * paddedWidth;
  Bounds bounds = bounds_in(s, scratch);

  for (size_t b = 0; b < s->samples; b++) {
    if (b == 0 || s->biasStride) find_bounds(bounds, bias_of(s, b), queries, keys);
    for (size_t h = 0; h < s->keyValueHeads; h++) {
      transpose(kt, k + b * keys * ldk + h * width, ldk, keys, width, paddedKeys);
      const float *vh = v + b * keys * ldk + h * width;
      size_t ldv = ldk;
      if (!whole) {
        pad(paddedV, vh, ldk, keys, width, paddedWidth);
        vh = paddedV;
        ldv = paddedWidth;
      }
      for (size_t g = h * group; g < (h + 1) * group; g++) {
        float *p =
            probabilities ? probabilities + (b * s->heads + g) * queries * paddedKeys : scores;
        product(p, paddedKeys, q + b * queries * ldq + g * width, ldq, 1, kt, paddedKeys, queries,
                paddedKeys, width, 0, SCORES, bounds);
        for (size_t i = 0; i < queries; i++) {
          float *row = p + i * paddedKeys;
          const size_t seen = recap_attention_padded_keys(bounds.end[i]);
          // Tiles reach as far as the last of their rows.
          memset(row + seen, 0, (paddedKeys - seen) * sizeof(float));
          if (s->bias) {
            const float *bias = bias_of(s, b) + i * paddedKeys;
            for (size_t j = 0; j < seen; j++) row[j] = row[j] * scale + bias[j];
          } else {
            for (size_t j = 0; j < seen; j++) row[j] *= scale;
          }
          for (size_t j = keys; j < seen; j++) row[j] = HIDDEN;
          float greatest = row_maximum(row, seen), sum = 0;
          if (greatest <= 0.5f * HIDDEN) {
            memset(row, 0, paddedKeys * sizeof(float));
            continue;
          }
          for (size_t j = 0; j < seen; j++) {
            // Exactly zero for hidden keys.
            float e = fast_exp(row[j] - greatest);
            row[j] = e;
            sum += e;
          }
          float inverse = 1.0f / sum;
          for (size_t j = 0; j < seen; j++) row[j] *= inverse;
        }
        float *o = out + b * queries * ldq + g * width;
        product(whole ? o : paddedOut, whole ? ldq : paddedWidth, p, paddedKeys, 1, vh, ldv,
                queries, paddedWidth, keys, 0, TO_QUERIES, bounds);
        if (!whole) unpad(o, ldq, paddedOut, queries, width, paddedWidth, 0);
      }
    }
  }
}

// With P the probabilities: dV = P^T dO, dP = dO V^T, dS = P ∘ (dP - rowsum(P ∘ dP)),
// dQ = dS K / sqrt(width), dK = dS^T Q / sqrt(width).
KERNEL void recap_attention_backward(const RecapAttention *s, float *dq, float *dk, float *dv,
                                     const float *dout, const float *probabilities, const float *q,
                                     const float *k, const float *v, float *scratch,
                                     int accumulateQ, int accumulateK, int accumulateV) {
  const size_t queries = s->queries, keys = s->keys, width = s->headWidth;
  const size_t paddedKeys = recap_attention_padded_keys(keys),
               paddedWidth = recap_attention_padded_keys(width);
  const size_t group = s->heads / s->keyValueHeads;
  const size_t ldq = s->heads * width, ldk = s->keyValueHeads * width;
  const int whole = paddedWidth == width;
  const float scale = 1.0f / sqrtf((float)width);
  float *vt = scratch, *ds = vt + paddedWidth * paddedKeys;
  float *paddedQ = ds + queries * paddedKeys, *paddedDQ = paddedQ + queries * paddedWidth;
  float *paddedDO = paddedDQ + queries * paddedWidth, *paddedK = paddedDO + queries * paddedWidth;
  float *paddedDK = paddedK + keys * paddedWidth, *paddedDV = paddedDK + keys * paddedWidth;
  const size_t strideQ = whole ? ldq : paddedWidth, strideK = whole ? ldk : paddedWidth;

  Bounds bounds = bounds_in(s, scratch);
  for (size_t b = 0; b < s->samples; b++) {
    if (b == 0 || s->biasStride) find_bounds(bounds, bias_of(s, b), queries, keys);
    for (size_t h = 0; h < s->keyValueHeads; h++) {
      const size_t at = b * keys * ldk + h * width;
      transpose(vt, v + at, ldk, keys, width, paddedKeys);
      const float *kh = k + at;
      float *dkh = dk ? dk + at : NULL, *dvh = dv ? dv + at : NULL;
      if (!whole) {
        pad(paddedK, kh, ldk, keys, width, paddedWidth);
        kh = paddedK;
        dkh = dk ? paddedDK : NULL;
        dvh = dv ? paddedDV : NULL;
      }
      for (size_t g = h * group; g < (h + 1) * group; g++) {
        // The heads of a group add up; in padded space the first starts afresh.
        const int later = g > h * group;
        const float *p = probabilities + (b * s->heads + g) * queries * paddedKeys;
        const float *qh = q + b * queries * ldq + g * width,
                    *doh = dout + b * queries * ldq + g * width;
        float *dqh = dq ? dq + b * queries * ldq + g * width : NULL;
        if (!whole) {
          pad(paddedQ, qh, ldq, queries, width, paddedWidth);
          pad(paddedDO, doh, ldq, queries, width, paddedWidth);
          qh = paddedQ;
          doh = paddedDO;
        }
        if (dvh)
          product(dvh, strideK, p, 1, paddedKeys, doh, strideQ, keys, paddedWidth, queries,
                  later || (whole && accumulateV), TO_KEYS, bounds);
        if (!dq && !dk) continue;
        product(ds, paddedKeys, doh, strideQ, 1, vt, paddedKeys, queries, paddedKeys, width, 0,
                SCORES, bounds);
        for (size_t i = 0; i < queries; i++) {
          float *restrict row = ds + i * paddedKeys;
          const float *restrict pr = p + i * paddedKeys;
          const size_t seen = recap_attention_padded_keys(bounds.end[i]);
          float dot = 0;
          for (size_t j = 0; j < seen; j++) dot += row[j] * pr[j];
          memset(row + seen, 0, (paddedKeys - seen) * sizeof(float));
          for (size_t j = 0; j < seen; j++) row[j] = scale * pr[j] * (row[j] - dot);
        }
        if (dqh) {
          product(whole ? dqh : paddedDQ, strideQ, ds, paddedKeys, 1, kh, strideK, queries,
                  paddedWidth, keys, whole && accumulateQ, TO_QUERIES, bounds);
          if (!whole) unpad(dqh, ldq, paddedDQ, queries, width, paddedWidth, accumulateQ);
        }
        if (dkh)
          product(dkh, strideK, ds, 1, paddedKeys, qh, strideQ, keys, paddedWidth, queries,
                  later || (whole && accumulateK), TO_KEYS, bounds);
      }
      if (!whole && dk) unpad(dk + at, ldk, paddedDK, keys, width, paddedWidth, accumulateK);
      if (!whole && dv) unpad(dv + at, ldk, paddedDV, keys, width, paddedWidth, accumulateV);
    }
  }
}
