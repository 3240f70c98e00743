// The threads of a CUDA grid as fibers of one thread, and their barriers. See device.h.
#include "device.h"
#include "fibers.h"
#include <ucontext.h>
#include <deque>
#include <memory>
#include <vector>

#ifdef SANITIZED
extern "C" {
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void* __tsan_get_current_fiber();
void __tsan_acquire(void* at);
void __tsan_release(void* at);
}
#else
static void* __tsan_create_fiber(unsigned) { return nullptr; }
static void __tsan_destroy_fiber(void*) {}
static void __tsan_switch_to_fiber(void*, unsigned) {}
static void* __tsan_get_current_fiber() { return nullptr; }
static void __tsan_acquire(void*) {}
static void __tsan_release(void*) {}
#endif

struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    void* sanitizer;
    int block, thread;
};

static std::deque<Fiber*> ready;  // in turn; the first one runs
static Fiber host;                // who called
static void (*body)();

static void switch_from(Fiber* self) {  // the next one goes on
    Fiber* next = ready.empty() ? &host : ready.front();
    if (next == self) return;
    __tsan_switch_to_fiber(next->sanitizer, 1);  // 1: the change itself orders nothing
    swapcontext(&self->context, &next->context);
}

struct Barrier {
    int threads, turn = 0;
    std::vector<Fiber*> waiting;
    char marks[2];  // two, so that a fast fiber's next turn is not taken for this one
    explicit Barrier(int count) : threads(count) {}
    void wait() {
        Fiber* self = ready.front();
        char* mark = &marks[turn];
        __tsan_release(mark);
        if (int(waiting.size()) + 1 < threads) {
            waiting.push_back(self);
            ready.pop_front();
            switch_from(self);
        } else {
            ready.insert(ready.end(), waiting.begin(), waiting.end());
            waiting.clear();
            turn = 1 - turn;
        }
        __tsan_acquire(mark);
    }
};

struct Warp {
    Barrier barrier{32};
    double values[32];
};

struct Block {
    std::vector<char> memory;
    Barrier all, chain, helpers;
    std::vector<std::unique_ptr<Warp>> warps;
    Block(const Grid& g)
        : memory(g.shared_bytes + 128), all(g.chain + g.helpers), chain(g.chain), helpers(g.helpers) {
        for (int w = 0; w < (g.chain + g.helpers) / 32; w++) warps.push_back(std::make_unique<Warp>());
    }
    char* start() { return memory.data() + (128 - reinterpret_cast<uintptr_t>(memory.data()) % 128); }
};

static std::vector<std::unique_ptr<Block>> blocks;
static std::vector<std::unique_ptr<Barrier>> clusters;
static int blocks_a_cluster;

static Block& mine() { return *blocks[ready.front()->block]; }
int thread_index() { return ready.front()->thread; }
int block_index() { return ready.front()->block; }
char* shared_memory() { return mine().start(); }
char* shared_memory_of(int rank) {
    return blocks[ready.front()->block / blocks_a_cluster * blocks_a_cluster + rank]->start();
}
double* warp_values() { return mine().warps[ready.front()->thread / 32]->values; }

void relax() {  // whoever is waited for goes first
    Fiber* self = ready.front();
    ready.pop_front();
    ready.push_back(self);
    switch_from(self);
}

void meet(Meeting who) {
    Block& block = mine();
    switch (who) {
        case OF_BLOCK: return block.all.wait();
        case OF_CHAIN: return block.chain.wait();
        case OF_HELPERS: return block.helpers.wait();
        case OF_WARP: return block.warps[thread_index() / 32]->barrier.wait();
        case OF_CLUSTER: return clusters[block_index() / blocks_a_cluster]->wait();
    }
}

static void run_fiber() {
    body();
    Fiber* self = ready.front();
    ready.pop_front();
    switch_from(self);  // never comes back
}

void run_grid(const Grid& g, void (*function)()) {
    body = function, blocks_a_cluster = g.blocks;
    const int threads = g.chain + g.helpers;
    for (int b = 0; b < g.blocks * g.clusters; b++) blocks.push_back(std::make_unique<Block>(g));
    for (int c = 0; c < g.clusters; c++) clusters.push_back(std::make_unique<Barrier>(g.blocks * threads));
    std::vector<std::unique_ptr<Fiber>> fibers;
    host.sanitizer = __tsan_get_current_fiber();
    for (int i = 0; i < g.blocks * g.clusters * threads; i++) {
        fibers.push_back(std::make_unique<Fiber>());
        Fiber& fiber = *fibers.back();
        fiber.block = i / threads, fiber.thread = i % threads;
        fiber.stack.resize(1 << 16);
        fiber.sanitizer = __tsan_create_fiber(0);
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size();
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, run_fiber, 0);
        ready.push_back(&fiber);
    }
    switch_from(&host);
    for (auto& fiber : fibers) __tsan_destroy_fiber(fiber->sanitizer);
    blocks.clear(), clusters.clear();
}
