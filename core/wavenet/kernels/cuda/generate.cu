// WaveNet generation as one persistent kernel: a launch makes a whole stretch of samples (van den Oord et al. 2016).
//
// A sample runs through all layers one after another, and the next sample begins with its draw. Little of that can
// happen at the same time, so what counts is latency: how soon the next product has what it waits for. Therefore the
// network is laid out over thread blocks once, its weights stay there in registers and shared memory, and only
// activations move. The blocks of one pipeline:
//
//   stages 0 ... STAGES - 1   up to PER_STAGE layers each
//   heads 0 ... HEADS - 1     an equal share of the rows of the two last layers each; head 0 draws
//
// A stage has two groups of threads. The chain does what the next layer waits for: present tap, gate, residual. The
// helpers do the rest behind its back: skip products, and the older taps of the next sample from the ring buffers.
//
// Blocks send each other messages. Every value travels in one 8-byte word with the number of its sample, so whoever
// waits looks at the word itself: no fence and no second trip for a flag. A receiver's inbox lies in its own shared
// memory, written by the others through distributed shared memory (CLUSTER, sm_90 and later), or in global memory,
// that is in the L2 cache. What one sample left in an inbox or in a stage's state is overwritten only by the next
// sample of the same sound, and that begins with a draw, into which every value read before has gone: the data itself
// keeps the order.
//
// Several sounds follow each other through the pipeline like work pieces; several pipelines share a large batch.
// Ring buffers lie in global memory, which for these sizes means L2; they survive from launch to launch.
//
// The launcher defines the sizes below as constants (engines/cuda_plan.py, where padding and packing are, too).
#include <device.h>
#include <product.h>

// --- sizes, all padded -----------------------------------------------------------------------------------------------
// LEVELS codes, OUT >= LEVELS rows of logits; R residual, H half of the gate, S skip, HEAD channels; LAYERS, KERNEL,
// DILATIONS; RING_STARTS, where a layer's ring begins, in vectors of R; HOP samples a frame, 0 without conditioning;
// CHAIN, HELPERS threads; IN_REGISTERS the chain's weights, RESIDENT the others in shared memory; CLUSTER messages in
// shared memory.

constexpr int THREADS = CHAIN + HELPERS, BLOCKS = STAGES + HEADS;
constexpr int OLDER = KERNEL - 1;      // taps besides the present one
TABLE DILATION[] = {DILATIONS};
TABLE RING_START[] = {RING_STARTS};  // LAYERS + 1 of them
constexpr int STOP = -1;               // in place of a sample's number: no more samples, pass it on
constexpr int NOTIFY = 64;             // samples between two looks at the host

DEVICE int ring_length(int layer) { return RING_START[layer + 1] - RING_START[layer]; }  // OLDER * d, at least 1

struct Arguments {  // as in engines/cuda.py
    const Word *chain, *helper, *head;     // packed matrices, block after block
    const float *gate_bias, *residual_bias;  // [LAYERS, 2 H], [LAYERS, R]
    const float *skip_bias, *head1_bias, *head2_bias, *embedding;  // [S], [HEAD], [OUT], [KERNEL, LEVELS, R]
    const float *upsample, *frames;        // [HOP, 2], [B, frame_count, LAYERS, 2 H]
    float* rings;                          // [B, RING_START[LAYERS], R]
    int* previous;                         // [B, KERNEL] codes, the oldest first
    const float* uniforms;                 // [B, n], or null: the codes are given
    int* codes;                            // [B, n]
    float* logits;                         // [n, B, OUT] or null
    float* probabilities;                  // [B, OUT] of the last sample, or null
    Bits64* inboxes;                       // [pipelines, BLOCKS, INBOX] where not in shared memory
    volatile int *progress, *cancel;       // [pipelines] samples done; not 0: stop
    int position;                          // of the first sample
    int batch, pipelines, n, frame_count;
    float temperature;
};

typedef Shape<H, R, CHAIN> Gate;  // two of them a layer: filter and gate, so that both meet in one thread
typedef Shape<R, H, CHAIN> Residual;
typedef Shape<2 * H, R, HELPERS> Older;
typedef Shape<S, H, HELPERS> Skip;
typedef Shape<HEAD / HEADS, S, THREADS> Head1;
typedef Shape<OUT / HEADS, HEAD, THREADS> Head2;

constexpr int CHAIN_WORDS = 2 * Gate::WORDS + Residual::WORDS, CHAIN_EACH = 2 * Gate::EACH + Residual::EACH;  // a layer
constexpr int HELPER_WORDS = OLDER * Older::WORDS + Skip::WORDS, HEAD_WORDS = Head1::WORDS + Head2::WORDS;

DEVICE float sigmoid(float v) { return quotient(1.0f, 1.0f + exponential(-v)); }
DEVICE float hyperbolic_tangent(float v) {  // stays finite: beyond 15 it is 1 in fp32
    const float bounded = v > 15.0f ? 15.0f : v < -15.0f ? -15.0f : v;
    return 1.0f - quotient(2.0f, 1.0f + exponential(2.0f * bounded));
}
DEVICE float relu(float v) { return v > 0 ? v : 0; }

// --- messages --------------------------------------------------------------------------------------------------------

DEVICE void send(Bits64* to, float v, int sample) { store_word(to, Bits64(as_bits(v)) | Bits64(Bits(sample)) << 32); }

// Wait for the word of this sample. False: the word says STOP.
DEVICE bool receive(const Bits64* from, int sample, float& v) {
    for (;;) {
        const Bits64 word = load_word(from);
        const int number = int(word >> 32);
        if (number == sample) {
            v = as_float(Bits(word));
            return true;
        }
        if (number == STOP) return false;
        relax();
    }
}

// The inbox of a stage: inputs [sounds, R], partial skips [sounds, S]; of a head: skips [sounds, S], hidden values
// [sounds, HEAD] and, used by head 0, logits [sounds, OUT].
DEVICE int inbox_words(int sounds) { return sounds * (S + (R > HEAD + OUT ? R : HEAD + OUT)); }
DEVICE int partial_at(int rank, int sounds) { return rank < STAGES ? sounds * R : 0; }

struct Block {  // what a thread knows of its place
    const Arguments& a;
    int pipeline, rank, thread, sounds;  // sounds of this pipeline: pipeline, pipeline + pipelines, ...
    Bits64* inbox;                       // this block's
    DEVICE int sound(int b) const { return pipeline + b * a.pipelines; }
    DEVICE Bits64* inbox_of(int other) const {
#if CLUSTER
        return of_block(inbox, other);
#else
        return inbox + (long long)(other - rank) * inbox_words(sounds);
#endif
    }
};

// --- a stage ---------------------------------------------------------------------------------------------------------

struct State {  // of a stage's layers, in shared memory, a sound after the other
    float *inputs, *gated, *older;  // [sounds, PER_STAGE, R], [sounds, PER_STAGE, H], [sounds, PER_STAGE, 2 H]
    float* taps;                    // [PER_STAGE, OLDER, R]: of the sound whose older taps are being computed
    int* slots;                     // [sounds, PER_STAGE]: where in its ring a layer's input goes, over the oldest
    int *layers_done, *older_done;  // counters: layers of all samples so far, samples whose older taps are ready
    int* stop_at;                   // number of the sample that will not come
};

// Present tap, gate, residual, layer after layer: what the next layer waits for.
DEVICE void run_chain(const Block& k, const State& s, const Word* weights) {
    const Arguments& a = k.a;
    const int thread = k.thread, first = k.rank * PER_STAGE;
#if IN_REGISTERS
    Word held[PER_STAGE * CHAIN_EACH];
#pragma unroll
    for (int i = 0; i < PER_STAGE * CHAIN_EACH; i++) {
        const int layer = i / CHAIN_EACH, j = i % CHAIN_EACH;
        if (first + layer < LAYERS) held[i] = weights[layer * CHAIN_WORDS + j * CHAIN + thread];
    }
#endif
    Bits64* next = k.inbox_of(k.rank + 1);  // the last stage's is not used
    for (int i = 0, item = 0; i < a.n; i++)
        for (int b = 0; b < k.sounds; b++, item++) {
            float* inputs = s.inputs + b * PER_STAGE * R;
            float* rings = a.rings + (long long)k.sound(b) * RING_START[LAYERS] * R;
            float* gated = s.gated + b * PER_STAGE * H;
            const float* older = s.older + b * PER_STAGE * 2 * H;
            const int* slots = s.slots + b * PER_STAGE;
            for (int j = thread; j < R; j += CHAIN)
                if (!receive(k.inbox + b * R + j, i + 1, inputs[j]) && j == 0) publish(s.stop_at, item);
            if (thread == CHAIN - 1)
                while (observe(s.older_done) <= item) relax();
            group_barrier(0, CHAIN);
            if (observe(s.stop_at) == item) {  // pass it on, to the next stage and to the helpers
                if (k.rank + 1 < STAGES)
                    for (int j = thread; j < R; j += CHAIN) send(next + b * R + j, 0, STOP);
                if (thread == 0) publish(s.layers_done, 0x7fffffff);
                return;
            }
            for (int j = thread; j < R; j += CHAIN) rings[slots[0] * R + j] = inputs[j];
#pragma unroll
            for (int l = 0; l < PER_STAGE; l++) {
                const int layer = first + l;
                if (layer >= LAYERS) break;
#if IN_REGISTERS
                const Word* words = held + l * CHAIN_EACH;
                constexpr int stride = 1;
#else
                const Word* words = weights + l * CHAIN_WORDS + thread;
                constexpr int stride = CHAIN;
#endif
                const float* x = inputs + l * R;
                float* z = gated + l * H;
#pragma unroll
                for (int p = 0; p < Gate::PASSES; p++) {
                    float filter = part_of_row<Gate>(words, stride, p, x, thread);
                    float gate = part_of_row<Gate>(words + Gate::EACH * stride, stride, p, x, thread);
                    filter = over_lanes<Gate::LANES>(filter, thread);
                    gate = over_lanes<Gate::LANES>(gate, thread);
                    if (!Gate::owner(p, thread)) continue;
                    const int row = Gate::row(p, thread);
                    filter += older[l * 2 * H + row], gate += older[l * 2 * H + H + row];
                    z[row] = hyperbolic_tangent(filter) * sigmoid(gate);
                }
                group_barrier(0, CHAIN);
                if (thread == 0) publish(s.layers_done, item * PER_STAGE + l + 1);
                if (layer + 1 == LAYERS) break;  // nothing comes after the last layer's residual
#pragma unroll
                for (int p = 0; p < Residual::PASSES; p++) {
                    float sum = part_of_row<Residual>(words + 2 * Gate::EACH * stride, stride, p, z, thread);
                    sum = over_lanes<Residual::LANES>(sum, thread);
                    if (!Residual::owner(p, thread)) continue;
                    const int row = Residual::row(p, thread);
                    sum += x[row] + a.residual_bias[layer * R + row];
                    if (l + 1 < PER_STAGE) {
                        inputs[(l + 1) * R + row] = sum;
                        rings[slots[l + 1] * R + row] = sum;
                    } else {
                        send(next + b * R + row, sum, i + 1);
                    }
                }
                if (l + 1 < PER_STAGE) group_barrier(0, CHAIN);
            }
        }
}

// Older taps, bias and condition of this stage's layers for sample i of sound b: known before the sample begins.
DEVICE void older_taps(const Block& k, const State& s, const Word* weights, int i, int b) {
    const Arguments& a = k.a;
    const int thread = k.thread - CHAIN, first = k.rank * PER_STAGE;
    const int t = a.position + i;
    const float* rings = a.rings + (long long)k.sound(b) * RING_START[LAYERS] * R;
    if (thread < PER_STAGE && first + thread < LAYERS)
        s.slots[b * PER_STAGE + thread] = RING_START[first + thread] + t % ring_length(first + thread);
    if (OLDER) {
        for (int j = thread; j < PER_STAGE * OLDER * R; j += HELPERS) {
            const int layer = first + j / (OLDER * R), tap = j / R % OLDER;
            if (layer >= LAYERS) break;
            const int at = t + tap * DILATION[layer];  // (OLDER - tap) * d before t, in a ring of OLDER * d
            s.taps[j] = rings[(RING_START[layer] + at % ring_length(layer)) * R + j % R];
        }
        group_barrier(1, HELPERS);
    }
#pragma unroll 1
    for (int l = 0; l < PER_STAGE && first + l < LAYERS; l++) {
        const int layer = first + l;
        for (int p = 0; p < Older::PASSES; p++) {
            float sum = 0;
            for (int tap = 0; tap < OLDER; tap++)
                sum += part_of_row<Older>(weights + l * HELPER_WORDS + tap * Older::WORDS + thread, HELPERS, p,
                                          s.taps + (l * OLDER + tap) * R, thread);
            sum = over_lanes<Older::LANES>(sum, thread);
            if (!Older::owner(p, thread)) continue;
            const int row = Older::row(p, thread);
            sum += a.gate_bias[layer * 2 * H + row];
#if HOP
            const int frame = t / HOP - a.position / HOP, width = LAYERS * 2 * H;
            const float* before = a.frames + (k.sound(b) * (long long)a.frame_count + frame) * width + layer * 2 * H;
            sum += a.upsample[2 * (t % HOP)] * before[row] + a.upsample[2 * (t % HOP) + 1] * before[width + row];
#endif
            s.older[(b * PER_STAGE + l) * 2 * H + row] = sum;
        }
    }
    group_barrier(1, HELPERS);
    if (thread == 0) publish(s.older_done, i * k.sounds + b + 1);
}

// Behind the chain: skip products, and then the older taps of this sound's next sample.
DEVICE void run_helpers(const Block& k, const State& s, const Word* weights) {
    const Arguments& a = k.a;
    const int thread = k.thread - CHAIN, first = k.rank * PER_STAGE;
    for (int b = 0; b < k.sounds; b++) older_taps(k, s, weights, 0, b);
    for (int i = 0, item = 0; i < a.n; i++)
        for (int b = 0; b < k.sounds; b++, item++) {
            float skip[Skip::PASSES] = {};
            bool stopped = false;
#pragma unroll 1
            for (int l = 0; l < PER_STAGE && first + l < LAYERS && !stopped; l++) {
                if (thread == 0)
                    while (observe(s.layers_done) < item * PER_STAGE + l + 1) relax();
                group_barrier(1, HELPERS);
                stopped = observe(s.stop_at) == item;
                if (stopped) break;
                const Word* words = weights + l * HELPER_WORDS + OLDER * Older::WORDS + thread;
#pragma unroll
                for (int p = 0; p < Skip::PASSES; p++)
                    skip[p] += part_of_row<Skip>(words, HELPERS, p, s.gated + (b * PER_STAGE + l) * H, thread);
            }
            const Bits64* from = k.inbox + partial_at(k.rank, k.sounds) + b * S;
            const int target = k.rank + 1, copies = target == STAGES ? HEADS : 1;
#pragma unroll
            for (int p = 0; p < Skip::PASSES; p++) {
                float sum = over_lanes<Skip::LANES>(skip[p], thread), before = 0;
                if (!Skip::owner(p, thread)) continue;
                const int row = Skip::row(p, thread);
                if (k.rank > 0 && !stopped) receive(from + row, i + 1, before);
                for (int c = 0; c < copies; c++)
                    send(k.inbox_of(target + c) + partial_at(target, k.sounds) + b * S + row, sum + before,
                         stopped ? STOP : i + 1);
            }
            if (stopped) return;
            if (i + 1 < a.n) older_taps(k, s, weights, i + 1, b);
        }
}

// --- a head ----------------------------------------------------------------------------------------------------------

DEVICE double over_warp(double v, int lane) {
    for (int step = 1; step < WARP; step *= 2) v += shuffle(v, lane ^ step);
    return v;
}

// One warp: the embedding of the codes before sample i, sent to the first stage.
DEVICE void embed(const Block& k, const int* previous, int i, int b, bool stop) {
    for (int j = k.thread; j < R; j += WARP) {
        float sum = 0;
        for (int tap = 0; tap < KERNEL; tap++)
            sum += k.a.embedding[(tap * LEVELS + previous[b * KERNEL + tap]) * R + j];
        send(k.inbox_of(0) + b * R + j, sum, stop ? STOP : i + 1);
    }
}

// One warp: softmax, the number of cumulative probabilities <= u (core/wavenet/engines/contract.py); then the
// next sample begins.
DEVICE void draw(const Block& k, int* previous, int i, int b, bool stop) {
    const Arguments& a = k.a;
    constexpr int EACH = OUT / WARP;  // levels of a lane, side by side
    const int lane = k.thread, sound = k.sound(b);
    const Bits64* from = k.inbox + k.sounds * (S + HEAD) + b * OUT + lane * EACH;
    float value[EACH], largest = -3e38f;
    for (int j = 0; j < EACH; j++) {
        value[j] = 0;
        receive(from + j, i + 1, value[j]);
        if (a.logits) a.logits[((long long)i * a.batch + sound) * OUT + lane * EACH + j] = value[j];
        if (lane * EACH + j < LEVELS && value[j] > largest) largest = value[j];
    }
    int code;
    if (a.uniforms) {
        for (int step = 1; step < WARP; step *= 2) {
            const float other = shuffle(largest, lane ^ step);
            largest = other > largest ? other : largest;
        }
        double mine = 0;
        for (int j = 0; j < EACH; j++) {
            value[j] = lane * EACH + j < LEVELS ? exponential(quotient(value[j] - largest, a.temperature)) : 0;
            mine += value[j];
        }
        double before = mine;  // becomes the sum over the lanes up to this one
        for (int step = 1; step < WARP; step *= 2) {
            const double other = shuffle(before, lane >= step ? lane - step : lane);
            before += lane >= step ? other : 0;
        }
        const double total = shuffle(before, WARP - 1), goal = a.uniforms[(long long)sound * a.n + i] * total;
        double cumulative = before - mine;
        int count = 0;
        for (int j = 0; j < EACH; j++) {
            cumulative += value[j];
            count += lane * EACH + j < LEVELS && cumulative <= goal;
            if (a.probabilities && i + 1 == a.n) a.probabilities[sound * OUT + lane * EACH + j] = value[j] / total;
        }
        code = int(over_warp(count, lane) + 0.5);
        code = code < LEVELS ? code : LEVELS - 1;  // the last sum may round to below u
        if (lane == 0) a.codes[(long long)sound * a.n + i] = code;
    } else {
        code = a.codes[(long long)sound * a.n + i];
    }
    int* mine = previous + b * KERNEL;
    warp_barrier();
    if (lane == 0) {
        for (int tap = 0; tap + 1 < KERNEL; tap++) mine[tap] = mine[tap + 1];
        mine[KERNEL - 1] = code;
    }
    warp_barrier();
    if (i + 1 < a.n) embed(k, previous, i + 1, b, stop);
}

// All threads of a block: skip -> ReLU -> a share of head1's rows -> all heads -> a share of head2's rows -> head 0.
DEVICE void run_head(const Block& k, const Word* weights, float* skip, float* hidden, int* previous, int* stopped,
                     int* last) {
    const Arguments& a = k.a;
    const int thread = k.thread, part = k.rank - STAGES;
    for (int j = thread; j < k.sounds * KERNEL && part == 0; j += THREADS)
        previous[j] = a.previous[k.sound(j / KERNEL) * KERNEL + j % KERNEL];
    block_barrier();
    if (part == 0 && thread < WARP)
        for (int b = 0; b < k.sounds; b++) embed(k, previous, 0, b, false);
    int done = 0;
    for (; done < a.n; done++) {
        for (int b = 0; b < k.sounds; b++) {
            for (int j = thread; j < S; j += THREADS) {
                float v = 0;
                if (!receive(k.inbox + b * S + j, done + 1, v) && j == 0) *stopped = 1;
                skip[j] = relu(v + a.skip_bias[j]);
            }
            block_barrier();
            if (*stopped) return;
            if (part == 0 && b == 0 && thread == 0 && done % NOTIFY == NOTIFY - 1) *last = ask_host(a.cancel) != 0;
            for (int p = 0; p < Head1::PASSES; p++) {
                float sum = part_of_row<Head1>(weights + thread, THREADS, p, skip, thread);
                sum = over_lanes<Head1::LANES>(sum, thread);
                const int row = part * (HEAD / HEADS) + Head1::row(p, thread);
                if (Head1::row(p, thread) >= Head1::ROWS) continue;
                sum = relu(sum + a.head1_bias[row]);
                for (int other = thread % Head1::LANES; other < HEADS; other += Head1::LANES)
                    send(k.inbox_of(STAGES + other) + k.sounds * S + b * HEAD + row, sum, done + 1);
            }
            for (int j = thread; j < HEAD; j += THREADS) {
                float v = 0;
                receive(k.inbox + k.sounds * S + b * HEAD + j, done + 1, v);
                hidden[j] = v;
            }
            block_barrier();
            for (int p = 0; p < Head2::PASSES; p++) {
                float sum = part_of_row<Head2>(weights + Head1::WORDS + thread, THREADS, p, hidden, thread);
                sum = over_lanes<Head2::LANES>(sum, thread);
                if (!Head2::owner(p, thread)) continue;
                const int row = part * (OUT / HEADS) + Head2::row(p, thread);
                send(k.inbox_of(STAGES) + k.sounds * (S + HEAD) + b * OUT + row, sum + a.head2_bias[row], done + 1);
            }
            if (part == 0 && thread < WARP) draw(k, previous, done, b, *last);
        }
        if (part == 0 && thread == 0 && (done % NOTIFY == NOTIFY - 1 || done + 1 == a.n || *last))
            tell_host(a.progress + k.pipeline, done + 1);
        if (*last) break;
    }
    if (part == 0 && thread < WARP) {
        warp_barrier();
        for (int j = thread; j < k.sounds * KERNEL; j += WARP)
            a.previous[k.sound(j / KERNEL) * KERNEL + j % KERNEL] = previous[j];
    }
}

// --- the kernel --------------------------------------------------------------------------------------------------------

constexpr int STAGE_RESIDENT = RESIDENT ? PER_STAGE * (HELPER_WORDS + (IN_REGISTERS ? 0 : CHAIN_WORDS)) : 0;  // words
constexpr int HEAD_RESIDENT = RESIDENT ? HEAD_WORDS : 0;

// Shared memory of a block, in bytes (the same sum as in engines/cuda_plan.py).
DEVICE long long shared_bytes(int sounds) {
    const long long inbox = CLUSTER ? inbox_words(sounds) * 8 : 0;
    const long long stage = STAGE_RESIDENT * 16 + inbox + (sounds * PER_STAGE * (R + 3 * H + 1) + PER_STAGE * OLDER * R) * 4;
    const long long head = HEAD_RESIDENT * 16 + inbox + (S + HEAD) * 4 + sounds * KERNEL * 4;
    return (stage > head ? stage : head) + 16;
}

DEVICE const Word* keep(Word* to, const Word* from, int words, int thread) {
    for (int j = thread; j < words; j += THREADS) to[j] = from[j];
    return to;
}

KERNEL_FUNCTION generate(const Arguments a) {
    const int thread = thread_index(), rank = block_index() % BLOCKS, pipeline = block_index() / BLOCKS;
    const int sounds = (a.batch - pipeline + a.pipelines - 1) / a.pipelines, inbox = inbox_words(sounds);
    char* memory = shared_memory();
#if CLUSTER  // the inbox comes first: it has to lie in the same place in every block
    Bits64* mine = (Bits64*)memory;
    memory += 8 * inbox;
    for (int j = thread; j < inbox; j += THREADS) mine[j] = 0;
#else
    Bits64* mine = a.inboxes + ((long long)pipeline * inbox_words((a.batch + a.pipelines - 1) / a.pipelines) * BLOCKS) +
                   (long long)rank * inbox;
#endif
    const Block k{a, pipeline, rank, thread, sounds, mine};
    Word* resident = (Word*)memory;
    float* floats = (float*)(memory + 16 * (rank < STAGES ? STAGE_RESIDENT : HEAD_RESIDENT));
    if (rank < STAGES) {
        const int first = rank * PER_STAGE, layers = LAYERS - first < PER_STAGE ? LAYERS - first : PER_STAGE;
        const Word *chain = a.chain + first * CHAIN_WORDS, *helper = a.helper + first * HELPER_WORDS;
        if (RESIDENT) helper = keep(resident, helper, layers * HELPER_WORDS, thread);
        if (RESIDENT && !IN_REGISTERS) chain = keep(resident + PER_STAGE * HELPER_WORDS, chain, layers * CHAIN_WORDS, thread);
        State s;
        s.inputs = floats, floats += sounds * PER_STAGE * R;
        s.gated = floats, floats += sounds * PER_STAGE * H;
        s.older = floats, floats += sounds * PER_STAGE * 2 * H;
        s.taps = floats, floats += PER_STAGE * OLDER * R;
        s.slots = (int*)floats, floats += sounds * PER_STAGE;
        s.layers_done = (int*)floats, s.older_done = s.layers_done + 1, s.stop_at = s.layers_done + 2;
        if (thread == 0) *s.layers_done = 0, *s.older_done = 0, *s.stop_at = 0x7fffffff;
        block_barrier();
        cluster_barrier();
        if (thread < CHAIN) run_chain(k, s, chain);
        else run_helpers(k, s, helper);
    } else {
        const Word* weights = a.head + (rank - STAGES) * HEAD_WORDS;
        if (RESIDENT) weights = keep(resident, weights, HEAD_WORDS, thread);
        float* hidden = floats + S;
        int *previous = (int*)(hidden + HEAD), *stopped = previous + sounds * KERNEL, *last = stopped + 1;
        if (thread == 0) *stopped = 0, *last = 0;
        block_barrier();
        cluster_barrier();
        run_head(k, weights, floats, hidden, previous, stopped, last);
    }
    cluster_barrier();  // nobody leaves while others may write into his inbox
}
