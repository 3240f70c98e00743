// Matrices packed for y += W x: panels of 4 vectors of rows, and in a panel column after column, so that a product
// reads its weights once, in order, and keeps its sums in registers.
#pragma once
#include <cstdlib>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#include "vector.h"

constexpr int PANEL = 4;  // vectors of rows
#ifndef PREFETCH_BYTES
#define PREFETCH_BYTES 1024
#endif
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int MAX_COLUMNS = 4;  // 16 sums and 4 weights fit in 32 registers
#else
constexpr int MAX_COLUMNS = 2;
#endif

// Zeroed memory on whole pages, large ones where the system has them.
template <class T>
struct Buffer {
    T* data = nullptr;
    size_t count = 0;
    void allocate(size_t n) {
        const size_t page = n * sizeof(T) >= (1u << 20) ? (1u << 21) : 64;
        const size_t bytes = (n * sizeof(T) + page) / page * page;
        void* p = nullptr;
        if (posix_memalign(&p, page, bytes)) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (page > 64) madvise(p, bytes, MADV_HUGEPAGE);
#endif
        std::memset(p, 0, bytes);
        std::free(data);
        data = static_cast<T*>(p);
        count = n;
    }
    ~Buffer() { std::free(data); }
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
};

template <class W>
struct Matrix {
    const W* data = nullptr;
    int rows = 0, columns = 0;  // rows padded to VL
    int panels() const { return (rows / VL + PANEL - 1) / PANEL; }
    size_t size() const { return size_t(rows) * columns; }
};

// y[c] += W[:, j] x[c][j] for j in [0, n), the rows of one panel of NV vectors, COLUMNS vectors x at once.
template <class W, int NV, int COLUMNS>
static inline void multiply_panel(const W* w, int n, const float* const* x, float* const* y) {
    constexpr int SETS = NV * COLUMNS >= 8 ? 1 : NV * COLUMNS >= 4 ? 2 : 4;  // enough sums to hide an FMA's latency
    Vec sum[SETS][COLUMNS][NV];
    for (int c = 0; c < COLUMNS; c++)
        for (int v = 0; v < NV; v++) {
            sum[0][c][v] = load(y[c] + v * VL);
            for (int s = 1; s < SETS; s++) sum[s][c][v] = Vec{};
        }
    int j = 0;
    for (; j + SETS <= n; j += SETS, w += SETS * NV * VL) {
#pragma GCC unroll 4
        for (int s = 0; s < SETS; s++) {
#pragma GCC unroll 4
            for (int v = 0; v < NV; v++) {
                const W* at = w + (s * NV + v) * VL;
                if (COLUMNS == 1) __builtin_prefetch(reinterpret_cast<const char*>(at) + PREFETCH_BYTES);
                const Vec weight = load(at);
#pragma GCC unroll 4
                for (int c = 0; c < COLUMNS; c++) sum[s][c][v] += weight * x[c][j + s];
            }
        }
    }
    for (; j < n; j++, w += NV * VL)
        for (int v = 0; v < NV; v++)
            for (int c = 0; c < COLUMNS; c++) sum[0][c][v] += load(w + v * VL) * x[c][j];
    for (int c = 0; c < COLUMNS; c++)
        for (int v = 0; v < NV; v++) {
            for (int s = 1; s < SETS; s++) sum[0][c][v] += sum[s][c][v];
            store(y[c] + v * VL, sum[0][c][v]);
        }
}

template <class W, int COLUMNS>
static void multiply_columns(const Matrix<W>& m, int first, int last, int j0, int n, const float* const* x, float* const* y) {
    for (int panel = first; panel < last; panel++) {
        const int row = panel * PANEL * VL;
        const int vectors = (m.rows - row) / VL < PANEL ? (m.rows - row) / VL : PANEL;
        const W* w = m.data + size_t(row) * m.columns + size_t(j0) * vectors * VL;
        float* out[COLUMNS];
        for (int c = 0; c < COLUMNS; c++) out[c] = y[c] + row;
        if (vectors == 4) multiply_panel<W, 4, COLUMNS>(w, n, x, out);
        else if (vectors == 3) multiply_panel<W, 3, COLUMNS>(w, n, x, out);
        else if (vectors == 2) multiply_panel<W, 2, COLUMNS>(w, n, x, out);
        else multiply_panel<W, 1, COLUMNS>(w, n, x, out);
    }
}

// y[c] += W[rows of panels first .. last - 1, columns j0 .. j0 + n - 1] x[c] for c in [0, count).
template <class W>
static void multiply(const Matrix<W>& m, int first, int last, int j0, int n, int count, const float* const* x, float* const* y) {
    while (count >= 4 && MAX_COLUMNS >= 4) multiply_columns<W, 4>(m, first, last, j0, n, x, y), x += 4, y += 4, count -= 4;
    while (count >= 2) multiply_columns<W, 2>(m, first, last, j0, n, x, y), x += 2, y += 2, count -= 2;
    if (count) multiply_columns<W, 1>(m, first, last, j0, n, x, y);
}
