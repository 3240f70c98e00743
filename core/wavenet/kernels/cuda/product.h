// A matrix times a vector, by a group of threads.
//
// LANES neighbouring threads share a row; a group of THREADS_ threads does PER_PASS rows at a time. The weights lie in
// the order in which the threads read them, 16 bytes a thread: word ((pass * CHUNKS + chunk) * THREADS_ + thread).
#pragma once
#include <device.h>

constexpr int WARP = 32;
constexpr int CHUNK = WEIGHT ? 8 : 4;  // weights in 16 bytes; WEIGHT 0 fp32, 1 fp16, 2 bf16

struct alignas(16) Word {  // 16 bytes of weights
    Bits bits[4];
};

constexpr int lanes_for(int rows, int columns, int threads) {
    int lanes = 1;
    while (lanes < WARP && 2 * lanes * rows <= threads && columns / CHUNK % (2 * lanes) == 0) lanes *= 2;
    return lanes;
}

template <int ROWS_, int COLUMNS, int THREADS_>
struct Shape {
    static constexpr int ROWS = ROWS_, LANES = lanes_for(ROWS_, COLUMNS, THREADS_), PER_PASS = THREADS_ / LANES;
    static constexpr int PASSES = (ROWS_ + PER_PASS - 1) / PER_PASS, CHUNKS = COLUMNS / CHUNK / LANES;
    static constexpr int EACH = PASSES * CHUNKS;    // words a thread reads
    static constexpr int WORDS = EACH * THREADS_;   // words of the matrix
    DEVICE static int row(int pass, int thread) { return pass * PER_PASS + thread / LANES; }
    DEVICE static bool owner(int pass, int thread) { return thread % LANES == 0 && row(pass, thread) < ROWS_; }
};

DEVICE float dot(const Word& w, const float* x) {  // CHUNK weights times CHUNK values
    float sum = 0;
#if WEIGHT == 0
    for (int i = 0; i < 4; i++) sum += as_float(w.bits[i]) * x[i];
#else
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const Bits two = w.bits[i];
#if WEIGHT == 1
        sum += from_half(two & 0xffff) * x[2 * i];
        sum += from_half(two >> 16) * x[2 * i + 1];
#else
        sum += from_bfloat_low(two) * x[2 * i];
        sum += from_bfloat_high(two) * x[2 * i + 1];
#endif
    }
#endif
    return sum;
}

// This thread's part of its row in one pass. `words` begins with this thread's first word; the next is `stride` on.
template <class M>
DEVICE float part_of_row(const Word* words, int stride, int pass, const float* x, int thread) {
    const float* mine = x + thread % M::LANES * CHUNK;
    float sum = 0;
#pragma unroll
    for (int c = 0; c < M::CHUNKS; c++) sum += dot(words[(pass * M::CHUNKS + c) * stride], mine + c * M::LANES * CHUNK);
    return sum;
}

template <int LANES>
DEVICE float over_lanes(float sum, int thread) {  // every lane gets the sum over the row
    const int lane = thread % WARP;
#pragma unroll
    for (int step = 1; step < LANES; step *= 2) sum += shuffle(sum, lane ^ step);
    return sum;
}
