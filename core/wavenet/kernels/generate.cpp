// Fast WaveNet generation (van den Oord et al. 2016; ring buffers: Le Paine et al. 2016, arXiv:1611.09482).
//
// A sample costs one pass through the weights, and reading them is what takes the time: the arithmetic waits for the
// caches. So the weights are packed in the order of use, may be stored as fp16, and what can be shared is:
//   - the dilated convolution's older taps are known d samples ahead: for 8 future samples they are one product;
//   - all layers' skip products are one product, when the last layer is done;
//   - sounds of a batch are columns of the same product.
// With two threads the recurrent chain (present tap, gate, residual) runs on the first. The second does the older taps
// and most skip rows as soon as the first has flagged a layer's gated values; the head's rows are halved.
#include <atomic>
#include <cmath>
#include <thread>
#include <vector>
#include "network.h"
#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() asm volatile("yield")
#else
#define PAUSE() std::atomic_signal_fence(std::memory_order_seq_cst)
#endif

constexpr int AHEAD = 8;  // future samples whose older taps are computed together

struct Flag {  // counts upwards; written by one thread, awaited by the other
    alignas(128) std::atomic<int64_t> value{0};
    void publish(int64_t v) { value.store(v, std::memory_order_release); }
    void await(int64_t v) const {
        for (int spins = 0; value.load(std::memory_order_acquire) < v; spins++) {
            if (spins < 2000) PAUSE();
            else std::this_thread::yield();  // the other thread has lost its core
        }
    }
};

struct Run {  // one call: n samples of every sound
    int64_t n;
    const float* uniforms;  // [B, n], or null: the codes are given
    int64_t* codes;         // [B, n]
    const float* frames;    // [B, frame_count, L * G] from frame position / hop on, or null
    int64_t frame_count;
    float temperature;
    float* logits;         // [n, B, levels] or null
    float* probabilities;  // [B, levels] of the last sample, or null
};

template <class W>
struct Session {
    const Network<W>& net;
    const int batch, threads;
    int64_t position = 0;
    std::vector<int64_t> previous;  // [B, K] codes, the oldest first
    std::vector<Buffer<float>> rings;  // a layer's: [B, length, R]
    std::vector<int> lengths;
    std::vector<int64_t> next_block, block_start;  // of the older taps, a layer
    Buffer<float> older;  // [L, B, AHEAD, G]: bias and older taps of the coming samples
    Buffer<float> x, z, skip, hidden, out, frames;  // [B, R], [B, L * H], [B, S], [B, head], [B, levels]
    Flag chain, taps_ready, first_done, second_done;
    int first_skip_panels;  // skip panels of the first of two threads

    Session(const Network<W>& network, int batch_, int threads_);
    void run(const Run& r);

  private:
    float* older_at(int l, int b, int slot) { return older.data + ((size_t(l) * batch + b) * AHEAD + slot) * net.gate; }
    void one_thread(const Run& r);
    void first_thread(const Run& r);
    void second_thread(const Run& r);
    void embed();
    void older_taps(int l, int64_t t);
    void load_frames(const Run& r);
    void add_condition(int l, int64_t t, int slot);
    void product(const Matrix<W>& m, int first, int last, int j0, int n, const float* in, size_t in_stride, float* to,
                 size_t to_stride);
    void layer(int l, int64_t t, bool conditioned);
    void begin(Buffer<float>& to, const Matrix<W>& m, const float* bias, int first, int last);
    void rectify(Buffer<float>& to, const Matrix<W>& m, int first, int last);
    void head_rows(const Matrix<W>& m, const float* bias, Buffer<float>& from, Buffer<float>& to, bool last_layer,
                   int first, int last);
    void head();
    int64_t draw(int b, float u, float temperature, float* probabilities);
    void finish(const Run& r, int64_t i);
    static void meet(Flag& mine, Flag& theirs) {  // neither goes on before both are here
        const int64_t turn = mine.value.load(std::memory_order_relaxed) + 1;
        mine.publish(turn), theirs.await(turn);
    }
};

template <class W>
Session<W>::Session(const Network<W>& network, int batch_, int threads_)
    : net(network), batch(batch_), threads(threads_), rings(network.size.layers) {
    const int L = net.size.layers, K = net.size.kernel;
    previous.assign(size_t(batch) * K, net.size.levels / 2);  // silence
    for (int l = 0; l < L; l++) {
        lengths.push_back((K - 1) * net.dilations[l] > 0 ? (K - 1) * net.dilations[l] : 1);
        rings[l].allocate(size_t(batch) * lengths[l] * net.residual);
    }
    next_block.assign(L, 0), block_start.assign(L, 0);
    older.allocate(size_t(L) * batch * AHEAD * net.gate);
    x.allocate(size_t(batch) * net.residual), z.allocate(size_t(batch) * L * net.half);
    skip.allocate(size_t(batch) * net.skip), hidden.allocate(size_t(batch) * net.head);
    out.allocate(size_t(batch) * net.levels);
    first_skip_panels = net.skips.panels();
    if (threads == 2) {  // share the skip rows so that both threads read about the same number of weights
        const double chain_weights = double(L) * (net.gate * net.residual + net.residual * net.half);
        const double older_weights = double(L) * (K - 1) * net.gate * net.residual * 0.4;
        const double row_weights = double(net.skips.columns) * PANEL * VL;
        double balanced = (older_weights + row_weights * net.skips.panels() - chain_weights) / (2 * row_weights);
        first_skip_panels = balanced < 0 ? 0 : int(balanced + 0.5);
        if (first_skip_panels > net.skips.panels()) first_skip_panels = net.skips.panels();
    }
}

// Bias and older taps of layer l for samples t, t + 1, ...: as many as are known, at most AHEAD.
template <class W>
void Session<W>::older_taps(int l, int64_t t) {
    if (t != next_block[l]) return;
    const int K = net.size.kernel, d = net.dilations[l];
    const int block = d < AHEAD && K > 1 ? d : AHEAD;
    const int count = block - int((t + l) % block);  // layers take turns
    block_start[l] = t, next_block[l] = t + count;
    for (int b = 0; b < batch; b++) {
        const float* from[AHEAD];
        float* to[AHEAD];
        for (int c = 0; c < count; c++) {
            to[c] = older_at(l, b, c);
            std::memcpy(to[c], net.gate_bias[l], net.gate * sizeof(float));
        }
        for (int k = 0; k + 1 < K; k++) {
            const int delay = (K - 1 - k) * d;
            for (int c = 0; c < count; c++) {
                const int64_t slot = (t + c - delay + lengths[l]) % lengths[l];
                from[c] = rings[l].data + (size_t(b) * lengths[l] + slot) * net.residual;
            }
            const Matrix<W>& m = net.taps[l * K + k];
            multiply(m, 0, m.panels(), 0, m.columns, count, from, to);
        }
    }
}

template <class W>
void Session<W>::embed() {
    const int K = net.size.kernel;
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < net.residual; i += VL) {
            Vec sum{};
            for (int k = 0; k < K; k++)
                sum += load(net.embedding + (size_t(k) * net.size.levels + previous[b * K + k]) * net.residual + i);
            store(x.data + b * net.residual + i, sum);
        }
}

template <class W>
void Session<W>::load_frames(const Run& r) {  // into rows of whole vectors: [B, frames, L, 2, H]
    const int H = net.size.gate / 2, L = net.size.layers;
    const size_t width = size_t(L) * net.gate;
    frames.allocate(size_t(batch) * r.frame_count * width);
    for (int64_t f = 0; f < batch * r.frame_count; f++)
        for (int i = 0; i < 2 * L; i++)
            std::memcpy(frames.data + f * width + i * net.half, r.frames + (f * L * 2 + i) * H, H * sizeof(float));
    frames.count = r.frame_count;
}

// A mixture of the two frames around sample t, with the weights learned for its place between them.
template <class W>
void Session<W>::add_condition(int l, int64_t t, int slot) {
    const int64_t frame = t / net.size.hop - position / net.size.hop, place = t % net.size.hop;
    const Vec u0 = broadcast(net.upsample[2 * place]), u1 = broadcast(net.upsample[2 * place + 1]);
    const size_t width = size_t(net.size.layers) * net.gate;
    for (int b = 0; b < batch; b++) {
        const float* before = frames.data + (b * frames.count + frame) * width + l * net.gate;
        float* pre = older_at(l, b, slot);
        for (int i = 0; i < net.gate; i += VL)
            store(pre + i, load(pre + i) + u0 * load(before + i) + u1 * load(before + width + i));
    }
}

// y[b] += W x[b] for every sound b: some panels of rows, n columns from j0 on.
template <class W>
void Session<W>::product(const Matrix<W>& m, int first, int last, int j0, int n, const float* in, size_t in_stride,
                         float* to, size_t to_stride) {
    for (int b = 0; b < batch; b += 4) {
        const int count = batch - b < 4 ? batch - b : 4;
        const float* from[4];
        float* into[4];
        for (int c = 0; c < count; c++) from[c] = in + (b + c) * in_stride, into[c] = to + (b + c) * to_stride;
        multiply(m, first, last, j0, n, count, from, into);
    }
}

// The recurrent part of layer l at sample t: present tap, gate, residual.
template <class W>
void Session<W>::layer(int l, int64_t t, bool conditioned) {
    const int K = net.size.kernel, L = net.size.layers, slot = int(t - block_start[l]);
    const size_t pre_stride = size_t(AHEAD) * net.gate, z_stride = size_t(L) * net.half;
    if (conditioned) add_condition(l, t, slot);
    for (int b = 0; b < batch; b++)
        std::memcpy(rings[l].data + (size_t(b) * lengths[l] + t % lengths[l]) * net.residual,
                    x.data + b * net.residual, net.residual * sizeof(float));
    const Matrix<W>& present = net.taps[l * K + K - 1];
    float* pre = older_at(l, 0, slot);
    product(present, 0, present.panels(), 0, present.columns, x.data, net.residual, pre, pre_stride);
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < net.half; i += VL)
            store(z.data + b * z_stride + l * net.half + i,
                  gated(load(pre + b * pre_stride + i), load(pre + b * pre_stride + net.half + i)));
    if (l + 1 == L) return;  // the last layer has no residual
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < net.residual; i += VL) {
            float* to = x.data + b * net.residual + i;
            store(to, load(to) + load(net.residual_bias[l] + i));
        }
    const Matrix<W>& m = net.residuals[l];
    product(m, 0, m.panels(), 0, m.columns, z.data + l * net.half, z_stride, x.data, net.residual);
}

// The rows of some panels: begin with the bias ...
template <class W>
void Session<W>::begin(Buffer<float>& to, const Matrix<W>& m, const float* bias, int first, int last) {
    const int row = first * PANEL * VL, end = last * PANEL * VL < m.rows ? last * PANEL * VL : m.rows;
    for (int b = 0; b < batch && row < end; b++)
        std::memcpy(to.data + b * m.rows + row, bias + row, (end - row) * sizeof(float));
}

// ... and end with the ReLU.
template <class W>
void Session<W>::rectify(Buffer<float>& to, const Matrix<W>& m, int first, int last) {
    const int row = first * PANEL * VL, end = last * PANEL * VL < m.rows ? last * PANEL * VL : m.rows;
    for (int b = 0; b < batch; b++)
        for (int i = row; i < end; i += VL) store(to.data + b * m.rows + i, relu(load(to.data + b * m.rows + i)));
}

// Some panels of one of the two layers of the head.
template <class W>
void Session<W>::head_rows(const Matrix<W>& m, const float* bias, Buffer<float>& from, Buffer<float>& to, bool last_layer,
                           int first, int last) {
    begin(to, m, bias, first, last);
    product(m, first, last, 0, m.columns, from.data, m.columns, to.data, m.rows);
    if (!last_layer) rectify(to, m, first, last);
}

// The whole of a step's end on one thread: skip rows, head.
template <class W>
void Session<W>::head() {
    const int n = net.skips.panels();
    begin(skip, net.skips, net.skip_bias, 0, n);
    product(net.skips, 0, n, 0, net.skips.columns, z.data, net.skips.columns, skip.data, net.skip);
    rectify(skip, net.skips, 0, n);
    head_rows(net.head1, net.head1_bias, skip, hidden, false, 0, net.head1.panels());
    head_rows(net.head2, net.head2_bias, hidden, out, true, 0, net.head2.panels());
}

// Softmax with the largest logit subtracted, then the number of cumulative probabilities <= u.
template <class W>
int64_t Session<W>::draw(int b, float u, float temperature, float* probabilities) {
    const int n = net.size.levels;
    float* logits = out.data + b * net.levels;
    float largest = logits[0];
    for (int i = 1; i < n; i++) largest = logits[i] > largest ? logits[i] : largest;
    for (int i = n; i < net.levels; i++) logits[i] = -INFINITY;  // padding
    double sums[1024], total = 0;  // of vectors, in order
    const int vectors = net.levels / VL;
    for (int v = 0; v < vectors; v++) {
        Vec e = (load(logits + v * VL) - largest) / temperature;
        e = e < -87.0f ? Vec{} : exp(e);
        store(logits + v * VL, e);
        double sum = 0;
        for (int i = 0; i < VL; i++) sum += logits[v * VL + i];
        sums[v] = sum, total += sum;
    }
    if (probabilities)
        for (int i = 0; i < n; i++) probabilities[b * n + i] = float(logits[i] / total);
    const double goal = u * total;
    double cumulative = 0;
    for (int v = 0; v < vectors; cumulative += sums[v++]) {
        if (cumulative + sums[v] <= goal) continue;
        double within = cumulative;
        for (int i = v * VL; i < v * VL + VL && i < n; i++)
            if ((within += logits[i]) > goal) return i;
    }
    return n - 1;
}

// Note the logits, draw or take the given code, and remember it.
template <class W>
void Session<W>::finish(const Run& r, int64_t i) {
    const int K = net.size.kernel, n = net.size.levels;
    for (int b = 0; b < batch; b++) {
        if (r.logits) std::memcpy(r.logits + (i * batch + b) * n, out.data + b * net.levels, n * sizeof(float));
        if (r.uniforms)
            r.codes[b * r.n + i] = draw(b, r.uniforms[b * r.n + i], r.temperature, i + 1 == r.n ? r.probabilities : nullptr);
        int64_t* codes = previous.data() + size_t(b) * K;
        for (int k = 0; k + 1 < K; k++) codes[k] = codes[k + 1];
        codes[K - 1] = r.codes[b * r.n + i];
    }
}

template <class W>
void Session<W>::one_thread(const Run& r) {
    for (int64_t i = 0; i < r.n; i++) {
        embed();
        for (int l = 0; l < net.size.layers; l++) older_taps(l, position + i), layer(l, position + i, r.frames);
        if (r.uniforms || r.logits) head();
        finish(r, i);
    }
}

// The recurrent chain, its share of the skip rows and of the head, and the draw.
template <class W>
void Session<W>::first_thread(const Run& r) {
    const int L = net.size.layers, mine = first_skip_panels, h1 = net.head1.panels() / 2, h2 = net.head2.panels() / 2;
    for (int64_t i = 0, t = position; i < r.n; i++, t++) {
        embed();
        for (int l = 0; l < L; l++) {
            taps_ready.await(t * L + l + 1);
            layer(l, t, r.frames);
            chain.publish(t * L + l + 1);
        }
        if (r.uniforms || r.logits) {
            begin(skip, net.skips, net.skip_bias, 0, mine);
            product(net.skips, 0, mine, 0, net.skips.columns, z.data, net.skips.columns, skip.data, net.skip);
            rectify(skip, net.skips, 0, mine);
            meet(first_done, second_done);
            head_rows(net.head1, net.head1_bias, skip, hidden, false, 0, h1);
            meet(first_done, second_done);
            head_rows(net.head2, net.head2_bias, hidden, out, true, 0, h2);
            meet(first_done, second_done);
        }
        finish(r, i);
    }
}

// Older taps ahead of the chain, the other skip rows behind it, the other half of the head.
template <class W>
void Session<W>::second_thread(const Run& r) {
    const int L = net.size.layers, first = first_skip_panels, last = net.skips.panels();
    const int h1 = net.head1.panels() / 2, h2 = net.head2.panels() / 2;
    for (int64_t i = 0, t = position; i < r.n; i++, t++) {
        chain.await(t * L);  // the rings hold sample t - 1
        for (int l = 0; l < L; l++) older_taps(l, t), taps_ready.publish(t * L + l + 1);
        if (!r.uniforms && !r.logits) continue;
        begin(skip, net.skips, net.skip_bias, first, last);
        for (int l = 0; l < L; l++) {
            chain.await(t * L + l + 1);
            product(net.skips, first, last, l * net.half, net.half, z.data + l * net.half, net.skips.columns, skip.data,
                    net.skip);
        }
        rectify(skip, net.skips, first, last);
        meet(second_done, first_done);
        head_rows(net.head1, net.head1_bias, skip, hidden, false, h1, net.head1.panels());
        meet(second_done, first_done);
        head_rows(net.head2, net.head2_bias, hidden, out, true, h2, net.head2.panels());
        meet(second_done, first_done);
    }
}

template <class W>
void Session<W>::run(const Run& r) {
    if (r.frames) load_frames(r);
    if (threads == 2) {
        std::thread second([&] { second_thread(r); });
        first_thread(r);
        second.join();
    } else {
        one_thread(r);
    }
    position += r.n;
}

// The C interface, for ctypes. Handles are opaque; a session keeps no reference to its network, the caller does.
template <class W>
static void* new_network(const Sizes* s, const int32_t* dilations, const float* floats, const W* numbers) {
    try { return new Network<W>(*s, dilations, floats, numbers); } catch (...) { return nullptr; }
}
template <class W>
static void* new_session(void* network, int batch, int threads) {
    try { return new Session<W>(*static_cast<Network<W>*>(network), batch, threads); } catch (...) { return nullptr; }
}
template <class W>
static int run_session(void* session, const Run* r) {
    try { static_cast<Session<W>*>(session)->run(*r); return 0; } catch (...) { return 1; }
}

extern "C" {
void* wavenet_new(const Sizes* s, const int32_t* dilations, const float* floats, const Half* halves) {
    return halves ? new_network(s, dilations, floats, halves) : new_network(s, dilations, floats, floats);
}
void wavenet_free(void* network, int half) {
    if (half) delete static_cast<Network<Half>*>(network);
    else delete static_cast<Network<float>*>(network);
}
void* session_new(void* network, int half, int batch, int threads) {
    return half ? new_session<Half>(network, batch, threads) : new_session<float>(network, batch, threads);
}
void session_free(void* session, int half) {
    if (half) delete static_cast<Session<Half>*>(session);
    else delete static_cast<Session<float>*>(session);
}
int session_run(void* session, int half, const Run* r) {
    return half ? run_session<Half>(session, r) : run_session<float>(session, r);
}
// Read `bytes` of memory `times` times, as the products read their weights: for measuring bandwidth.
float read_memory(const float* p, int64_t bytes, int64_t times) {
    Vec sum[8] = {};
    const int64_t n = bytes / 4 / (8 * VL) * (8 * VL);
    for (int64_t k = 0; k < times; k++)
        for (int64_t i = 0; i < n; i += 8 * VL)
            for (int v = 0; v < 8; v++) sum[v] += load(p + i + v * VL);
    float total = 0;
    for (int v = 0; v < 8; v++)
        for (int i = 0; i < VL; i++) total += sum[v][i];
    return total;
}
}
