// The network's weights, packed in the order in which a step reads them.
#pragma once
#include <cstdint>
#include <vector>
#include "matrix.h"

struct Sizes {  // as in engines/native.py
    int32_t levels, residual, gate, skip, head, layers, kernel, hop;  // hop: 0 without conditioning
};

template <class W>
struct Network {
    Sizes size;
    std::vector<int> dilations;
    int residual, half, gate, skip, head, levels;  // padded to whole vectors
    Buffer<W> weights;
    Buffer<float> rows;  // embeddings and biases
    std::vector<Matrix<W>> taps, residuals;  // taps: kernel matrices a layer, the oldest first
    Matrix<W> skips, head1, head2;
    std::vector<const float*> gate_bias, residual_bias;
    const float *embedding, *skip_bias, *head1_bias, *head2_bias;
    std::vector<float> upsample;  // [hop, 2]

    Network(const Sizes& s, const int32_t* dilation, const float* floats, const W* numbers);
};

// Copy `count` blocks of `rows` x `columns`, whose rows are `stride` apart, into panels; every block of rows is padded.
template <class W>
static void pack(Matrix<W>& m, W* to, const W* from, int blocks, int rows, int columns, size_t stride, int at_column) {
    m.data = to;
    for (int row = 0; row < blocks * rows; row++) {
        const int r = row / rows * padded(rows) + row % rows;
        const int panel = r / (PANEL * VL) * PANEL * VL;
        const int width = m.rows - panel < PANEL * VL ? m.rows - panel : PANEL * VL;
        for (int j = 0; j < columns; j++)
            to[size_t(panel) * m.columns + size_t(at_column + j) * width + (r - panel)] = from[row * stride + j];
    }
}

template <class W>
Network<W>::Network(const Sizes& s, const int32_t* dilation, const float* floats, const W* numbers)
    : size(s), dilations(dilation, dilation + s.layers), residual(padded(s.residual)), half(padded(s.gate / 2)),
      gate(2 * half), skip(padded(s.skip)), head(padded(s.head)), levels(padded(s.levels)) {
    const int L = s.layers, K = s.kernel, R = s.residual, H = s.gate / 2;
    weights.allocate(size_t(L) * (K * gate * residual + residual * half + skip * half) + size_t(head) * skip +
                     size_t(levels) * head + 1024);
    rows.allocate(size_t(K) * s.levels * residual + size_t(L) * (gate + residual) + skip + head + levels);
    W* w = weights.data;
    float* f = rows.data;
    size_t at = 0;  // place in the flat list of parameters, the same in `floats` and in `numbers`
    auto row = [&](int blocks, int n) {  // biases and embeddings stay fp32
        float* out = f;
        for (int b = 0; b < blocks; b++, f += padded(n)) std::memcpy(f, floats + at, n * sizeof(float)), at += n;
        return out;
    };
    embedding = row(K * s.levels, R);
    taps.resize(L * K);
    residuals.resize(L);
    skips.rows = skip, skips.columns = L * half;
    W* skip_weights = nullptr;
    std::vector<size_t> skip_at(L);
    for (int l = 0; l < L; l++) {
        for (int k = 0; k < K; k++) {
            Matrix<W>& m = taps[l * K + k];
            m.rows = gate, m.columns = residual;
            pack(m, w, numbers + at + k * R, 2, H, R, size_t(K) * R, 0);
            w += m.size();
        }
        at += size_t(s.gate) * K * R;
        gate_bias.push_back(row(2, H));
        residuals[l].rows = residual, residuals[l].columns = half;
        pack(residuals[l], w, numbers + at, 1, R, H, H, 0);
        w += residuals[l].size(), at += size_t(R) * H;
        residual_bias.push_back(row(1, R));
        skip_at[l] = at, at += size_t(s.skip) * H;
    }
    skip_weights = w, w += skips.size();
    for (int l = 0; l < L; l++) pack(skips, skip_weights, numbers + skip_at[l], 1, s.skip, H, H, l * half);
    skip_bias = row(1, s.skip);
    head1.rows = head, head1.columns = skip;
    pack(head1, w, numbers + at, 1, s.head, s.skip, s.skip, 0), w += head1.size(), at += size_t(s.head) * s.skip;
    head1_bias = row(1, s.head);
    head2.rows = levels, head2.columns = head;
    pack(head2, w, numbers + at, 1, s.levels, s.head, s.head, 0), at += size_t(s.levels) * s.head;
    head2_bias = row(1, s.levels);
    upsample.assign(floats + at, floats + at + 2 * s.hop);
}
