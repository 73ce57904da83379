// A template without include guard: product.c includes it once for each instruction set, with
// SUFFIX, LANE_COUNT (floats in a vector), ROWS (of a register tile, two vectors wide).

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define NAME(name) PASTE(name, SUFFIX)
#define WIDTH (2 * LANE_COUNT)

typedef float NAME(Wide) __attribute__((ext_vector_type(LANE_COUNT)));
typedef float NAME(Loose) __attribute__((ext_vector_type(LANE_COUNT), aligned(4)));
#define WIDE NAME(Wide)
#define READ(p) (*(const NAME(Loose) *)(p))
#define WRITE(p, x) (*(NAME(Loose) *)(p) = (x))

// C [rows, WIDTH] (+)= A B over `depth` steps. b is a packed panel. `rows` is a constant wherever this is inlined, so the sums live in registers.
static inline __attribute__((always_inline)) void NAME(tile)(
    const int rows, size_t depth, const float *restrict a, size_t lda,
    const float *restrict b, float *restrict c, size_t ldc, int accumulate) {
  WIDE sum[ROWS][2];
  _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = 0;
  _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)
      __builtin_prefetch(c + r * ldc, 1);
  _Pragma("clang loop unroll_count(4)") for (size_t k = 0; k < depth; k++) {
    WIDE b0 = READ(b), b1 = READ(b + LANE_COUNT);
    b += WIDTH;
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
      WIDE factor = a[r * lda];
      sum[r][0] += factor * b0;
      sum[r][1] += factor * b1;
    }
    a++;
  }
  _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
    float *p = c + r * ldc;
    if (accumulate) {
      sum[r][0] += READ(p);
      sum[r][1] += READ(p + LANE_COUNT);
    }
    WRITE(p, sum[r][0]);
    WRITE(p + LANE_COUNT, sum[r][1]);
  }
}

#define CASE(n)                                              \
  case n:                                                    \
    NAME(tile)(n, depth, a, lda, b, c, ldc, accumulate); \
    break;

// The tile of any number of rows up to ROWS.
static void NAME(tiles)(int rows, size_t depth, const float *a, size_t lda, const float *b,
                        float *c, size_t ldc, int accumulate) {
  switch (rows) {
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#if ROWS > 6
    CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif
  }
}

// `depth` rows of B, from column `column` on, WIDTH columns wide, zeros past `columns`.
static void NAME(pack_panel)(float *restrict to, const float *restrict b, size_t ldb,
                             int transposed, size_t depth, size_t columns) {
  if (columns > WIDTH) columns = WIDTH;
  if (transposed) {
    // Blocks that stay in the first-level cache on both sides.
    for (size_t k = 0; k < depth; k += 16) {
      size_t end = k + 16 < depth ? k + 16 : depth;
      for (size_t j = 0; j < columns; j++)
        for (size_t i = k; i < end; i++) to[i * WIDTH + j] = b[j * ldb + i];
      for (size_t j = columns; j < WIDTH; j++)
        for (size_t i = k; i < end; i++) to[i * WIDTH + j] = 0;
    }
  } else if (columns == WIDTH) {
    for (size_t k = 0; k < depth; k++, to += WIDTH, b += ldb) {
      WRITE(to, READ(b));
      WRITE(to + LANE_COUNT, READ(b + LANE_COUNT));
    }
  } else {
    for (size_t k = 0; k < depth; k++, to += WIDTH, b += ldb) {
      for (size_t j = 0; j < columns; j++) to[j] = b[j];
      for (size_t j = columns; j < WIDTH; j++) to[j] = 0;
    }
  }
}

// The rows of the tile that begins where `left` rows are left: even tiles hide latency better than a
// full one and a small rest.
static inline size_t NAME(tile_rows)(size_t left) {
  if (left <= ROWS) return left;
  return left < ROWS + ROWS / 2 ? (left + 1) / 2 : ROWS;
}

// One panel's columns of C for all rows of a block of A.
static void NAME(panel)(const float *a, size_t lda, size_t rows, const float *b, size_t depth,
                        float *c, size_t ldc, size_t columns, int accumulate) {
  for (size_t row = 0, count; row < rows; row += count, a += count * lda, c += count * ldc) {
    count = NAME(tile_rows)(rows - row);
    if (columns >= WIDTH) {
      NAME(tiles)((int)count, depth, a, lda, b, c, ldc, accumulate);
    } else {
      float edge[ROWS * WIDTH];
      NAME(tiles)((int)count, depth, a, lda, b, edge, WIDTH, 0);
      for (size_t r = 0; r < count; r++)
        for (size_t j = 0; j < columns; j++)
          c[r * ldc + j] = edge[r * WIDTH + j] + (accumulate ? c[r * ldc + j] : 0);
    }
  }
}

static void NAME(product)(const RecapProduct *p, float *c, const float *a, const float *b,
                          float *scratch) {
  const size_t depths = (p->k + DEPTH_BLOCK - 1) / DEPTH_BLOCK,
               blocks = (p->m + ROW_BLOCK - 1) / ROW_BLOCK;
  for (size_t part = 0, k = 0; part < depths; part++) {
    const size_t depth = p->k * (part + 1) / depths - k;
    for (size_t block = 0, m = 0; block < blocks; block++) {
      const size_t rows = p->m * (block + 1) / blocks - m;
      const float *from = a + m * p->lda + k;
      size_t lda = p->lda;
      if (lda >= FAR) {
        // Rows that lie far apart compete for the same places in the caches.
        lda = depth + 16;
        for (size_t i = 0; i < rows; i++)
          memcpy(scratch + i * lda, from + i * p->lda, depth * sizeof(float));
        from = scratch;
      }
      for (size_t n = 0; n < p->n; n += WIDTH)
        NAME(panel)(from, lda, rows, b + n * p->depth + k * WIDTH, depth, c + m * p->ldc + n,
                    p->ldc, p->n - n, p->accumulate || k > 0);
      m += rows;
    }
    k += depth;
  }
}

static void NAME(pack)(float *to, const float *b, size_t ldb, int transposed, size_t depth,
                       size_t columns) {
  for (size_t n = 0; n < columns; n += WIDTH)
    NAME(pack_panel)(to + n * depth, transposed ? b + n * ldb : b + n, ldb, transposed, depth,
                     columns - n);
}

#undef PASTE2
#undef PASTE
#undef NAME
#undef WIDTH
#undef WIDE
#undef READ
#undef WRITE
#undef CASE
