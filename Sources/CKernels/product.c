#include "vector.h"

// Products with the weights of small transformers. OpenBLAS packs its operands anew for each
// product, which for few rows or few columns takes a good part of the time. Here A is read in place
// and B has been packed once for many products.
//
// The method is that of Goto and van de Geijn 2008: a tile of C in registers, a panel of B in the
// first-level cache, a block of A in the second.

// Rows of A and steps of k in one block: 256 KiB.
#define ROW_BLOCK 240
#define DEPTH_BLOCK 256
// Rows of A this far apart are copied together first.
#define FAR 640

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define SUFFIX _avx2
#define LANE_COUNT 8
#define ROWS 6
#include "product_kernel.h"
#undef SUFFIX
#undef LANE_COUNT
#undef ROWS
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define SUFFIX _avx512
#define LANE_COUNT 16
#define ROWS 12
#include "product_kernel.h"
#undef SUFFIX
#undef LANE_COUNT
#undef ROWS
#pragma clang attribute pop

// Columns of a panel of B; 0 where this file has no kernel for the processor.
size_t recap_product_panel(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return 32;
  return __builtin_cpu_supports("x86-64-v3") ? 16 : 0;
}

void recap_packed_product(const RecapProduct *p, float *c, const float *a, const float *packed,
                          float *scratch) {
  if (recap_product_panel() == 32)
    product_avx512(p, c, a, packed, scratch);
  else
    product_avx2(p, c, a, packed, scratch);
}

void recap_pack(float *to, const float *b, size_t ldb, int transposed, size_t depth,
                size_t columns) {
  if (recap_product_panel() == 32)
    pack_avx512(to, b, ldb, transposed, depth, columns);
  else
    pack_avx2(to, b, ldb, transposed, depth, columns);
}

#else

size_t recap_product_panel(void) { return 0; }
void recap_packed_product(const RecapProduct *p, float *c, const float *a, const float *packed,
                          float *scratch) {
  __builtin_trap();
}
void recap_pack(float *to, const float *b, size_t ldb, int transposed, size_t depth,
                size_t columns) {
  __builtin_trap();
}

#endif

size_t recap_packed_size(size_t depth, size_t columns) {
  const size_t panel = recap_product_panel();
  return panel ? (columns + panel - 1) / panel * panel * depth : 0;
}

size_t recap_product_scratch(void) { return ROW_BLOCK * (DEPTH_BLOCK + 16); }
