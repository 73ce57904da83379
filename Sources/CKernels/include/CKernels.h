#pragma once
#include <stddef.h>
#include <stdint.h>

// The loops that neither OpenBLAS nor Swift does well. Arrays are row-major 32-bit floats and never
// overlap unless a comment says so. `accumulate` adds to the result instead of replacing it. A
// result pointer marked _Nullable is skipped when null: that gradient is not wanted.
//
// Each kernel exists once for every instruction set in vector.h; the loader picks one.

#pragma clang assume_nonnull begin

// elementwise.c

// y = a + b; y may be a or b.
void recap_add(float *y, const float *a, const float *b, size_t count);
// y (+)= a ∘ b
void recap_multiply(float *y, const float *a, const float *b, size_t count, int accumulate);
// y (+)= factor x; y may be x.
void recap_scale(float *y, const float *x, float factor, size_t count, int accumulate);

// x: [samples, rows, width], s: [samples, width]. With samples = 1, s is one row for all.
// y = x + s; y may be x.
void recap_add_per_sample(float *y, const float *x, const float *s, size_t samples, size_t rows,
                          size_t width);
// s (+)= Σ_rows x
void recap_sum_per_sample(float *s, const float *x, size_t samples, size_t rows, size_t width,
                          int accumulate);
// y (+)= x ∘ s
void recap_gate(float *y, const float *x, const float *s, size_t samples, size_t rows, size_t width,
                int accumulate);
// s (+)= Σ_rows x ∘ g: the gradient of recap_gate for s, where g is the gradient of y.
void recap_gate_backward(float *s, const float *x, const float *g, size_t samples, size_t rows,
                         size_t width, int accumulate);
// Every row of y = row.
void recap_fill_rows(float *y, const float *row, size_t rows, size_t width);
// Copies rows of `width` floats between arrays whose rows lie `from` and `to` floats apart.
void recap_copy_rows(float *y, size_t to, const float *x, size_t from, size_t rows, size_t width,
                     int accumulate);
double recap_sum(const float *x, size_t count);
// Image bytes [images, height, width, 3] → x / 127.5 - 1 in patches of size x size pixels, which
// come in blocks of merge x merge patches:
// [images, height / block, width / block, merge, merge, size * size * 3], block = size * merge.
// `next` is where the next image to be cut lies, or any address: it is fetched into the cache
// meanwhile, since the frames of a batch lie all over memory, and not read.
void recap_image_patches(float *y, const uint8_t *x, size_t images, const uint8_t *next,
                         size_t height, size_t width, size_t size, size_t merge);

// activations.c: f(x), and dx (+)= f'(x) ∘ dy

void recap_gelu(float *y, const float *x, size_t count);
void recap_gelu_backward(float *dx, const float *x, const float *dy, size_t count, int accumulate);
void recap_silu(float *y, const float *x, size_t count);
void recap_silu_backward(float *dx, const float *x, const float *dy, size_t count, int accumulate);
void recap_tanh(float *y, const float *x, size_t count);
// Takes y = tanh(x).
void recap_tanh_backward(float *dx, const float *y, const float *dy, size_t count, int accumulate);
// x: [rows, 2 width] = (gate | up), y: [rows, width] = gelu(gate) ∘ up
void recap_gated_gelu(float *y, const float *x, size_t rows, size_t width);
void recap_gated_gelu_backward(float *dx, const float *x, const float *dy, size_t rows,
                               size_t width, int accumulate);

// norms.c: r = 1 / sqrt(mean(x²) + epsilon) for each row

// y = x r ∘ weight; keeps r in `inverse` [rows].
void recap_rms_norm(float *y, float *inverse, const float *x, const float *weight, size_t rows,
                    size_t width, float epsilon);
// `dweight` is added to.
void recap_rms_norm_backward(float *_Nullable dx, float *dweight, const float *dy, const float *x,
                             const float *inverse, const float *weight, size_t rows, size_t width,
                             int accumulate);
// x: [samples, rows, width]; scale, shift: [samples, width]; y = x r ∘ (1 + scale) + shift
void recap_adaptive_norm(float *y, float *inverse, const float *x, const float *scale,
                         const float *shift, size_t samples, size_t rows, size_t width,
                         float epsilon);
// The sample gradients are added to.
void recap_adaptive_norm_backward(float *_Nullable dx, float *_Nullable dscale,
                                  float *_Nullable dshift, const float *dy, const float *x,
                                  const float *inverse, const float *scale, size_t samples,
                                  size_t rows, size_t width, int accumulate);

// rotary.c

// x: [samples, rows, heads, headWidth]; cosine, sine: [rows, headWidth / 2]. Turns the pair
// (i, i + headWidth / 2) of each head by its row's angle; `direction` is 1, or -1 for the gradient.
void recap_rotary(float *y, const float *x, const float *cosine, const float *sine, float direction,
                  size_t samples, size_t rows, size_t heads, size_t headWidth, int accumulate);

// product.c

typedef struct {
  // C [m, n] (+)= A [m, k] B [k, n]
  size_t m, n, k;
  // Floats between the starts of rows.
  size_t lda, ldc;
  // The k with which B was packed; more than k for a product with some rows of it.
  size_t depth;
  int accumulate;
} RecapProduct;

// Columns of one panel of a packed B; 0 on processors for which these functions are not there.
size_t recap_product_panel(void);
// The floats of B [depth, columns] when it is packed: panels of [depth, panel], the last one filled
// up with zeros.
size_t recap_packed_size(size_t depth, size_t columns);
// Packs B, or its stored transpose [columns, depth]; rows as stored lie `ldb` floats apart.
void recap_pack(float *to, const float *b, size_t ldb, int transposed, size_t depth,
                size_t columns);
// The floats of scratch space that recap_packed_product needs.
size_t recap_product_scratch(void);
void recap_packed_product(const RecapProduct *p, float *c, const float *a, const float *packed,
                          float *scratch);

// attention.c

typedef struct {
  size_t samples, queries, keys, heads, keyValueHeads, headWidth;
  // Added to the scores before the softmax: [samples or 1, queries, paddedKeys], or null.
  const float *_Nullable bias;
  // Floats from one sample's bias to the next; 0 if all share one.
  size_t biasStride;
  // The forward pass computes only these key-value heads, and the query heads that read them.
  size_t firstHead, endHead;
} RecapAttention;

// `keys` rounded up to whole vectors: the row length of biases and probabilities.
size_t recap_attention_padded_keys(size_t keys);
// The floats of scratch space that the two functions below need.
size_t recap_attention_scratch(const RecapAttention *shape);
// out = softmax(q k^T / sqrt(headWidth) + bias) v for each head; query head h reads key-value head
// h / (heads / keyValueHeads). q, out: [samples, queries, heads * headWidth]; k, v: [samples, keys,
// keyValueHeads * headWidth]; probabilities: [samples, heads, queries, paddedKeys], or null if no
// gradient will be asked for. A query that sees no key gets zeros.
void recap_attention(const RecapAttention *shape, float *out, float *_Nullable probabilities,
                     const float *q, const float *k, const float *v, float *scratch);
void recap_attention_backward(const RecapAttention *shape, float *_Nullable dq, float *_Nullable dk,
                              float *_Nullable dv, const float *dout, const float *probabilities,
                              const float *q, const float *k, const float *v, float *scratch,
                              int accumulateQ, int accumulateK, int accumulateV);

// losses.c

void recap_softmax(float *y, const float *x, size_t rows, size_t width);
// Takes y = softmax(x).
void recap_softmax_backward(float *dx, const float *y, const float *dy, size_t rows, size_t width,
                            int accumulate);
// Returns Σ_r w_r (log Σ exp x_r - x_r[target_r]) / total over rows whose target is not -1, where a
// total of 0 stands for Σ_r w_r; leaves the gradient for x in `gradient` when that is not null. Null
// weights are all 1. Zero when no row counts.
double recap_cross_entropy(float *_Nullable gradient, const float *x, const int32_t *targets,
                           const float *_Nullable weights, size_t rows, size_t width, double total);
// Returns Σ w (x - t)² / total; null weights are all 1. Zero when the total is.
double recap_squared_error(const float *x, const float *target, const float *_Nullable weights,
                           size_t count, double total);
// dx (+)= factor w (x - t), dt (+)= -factor w (x - t)
void recap_squared_error_backward(float *_Nullable dx, float *_Nullable dt, const float *x,
                                  const float *target, const float *_Nullable weights, float factor,
                                  size_t count, int accumulateX, int accumulateT);

// optimizers.c

double recap_sum_of_squares(const float *x, size_t count);
typedef struct {
  float learningRate, beta1, beta2, epsilon, weightDecay;
  // 1 / (1 - beta^t)
  float correction1, correction2;
  // Multiplies the gradient first: the clipping.
  float gradientScale;
} RecapAdamW;
void recap_adamw(const RecapAdamW *settings, float *values, const float *gradients, float *means,
                 float *squares, size_t count);
// y = decay y + (1 - decay) x
void recap_blend(float *y, const float *x, float decay, size_t count);

// processor.c

// Tells the processor that this thread only waits for another one.
void recap_spin_pause(void);

// The OpenBLAS kernels that suit this processor, as OPENBLAS_CORETYPE wants it; null where OpenBLAS
// should choose.
const char *_Nullable recap_openblas_core_type(void);

#pragma clang assume_nonnull end
