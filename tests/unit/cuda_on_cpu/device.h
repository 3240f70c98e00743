// What core/wavenet/kernels/cuda/generate.cu needs of CUDA, on one CPU thread: each of the GPU's threads is a fiber.
//
// A fiber runs until it waits: at a barrier it sleeps until all have come, at a message or counter it lets the others go
// first. The thread sanitizer is told that a change of fiber orders nothing, and what barriers order, so it sees the
// kernel as if the threads ran side by side. Messages are atomics with release and acquire here, because on a GPU
// their order comes from the data itself; all else must be ordered by the kernel's own barriers and counters.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#define DEVICE inline
#define TABLE static const int
#define KERNEL_FUNCTION static void
typedef uint32_t Bits;
typedef unsigned long long Bits64;

// In fibers.cpp, which the thread sanitizer does not watch.
enum Meeting { OF_BLOCK, OF_CHAIN, OF_HELPERS, OF_WARP, OF_CLUSTER };
int thread_index();
int block_index();
void relax();
void meet(Meeting who);
char* shared_memory();
char* shared_memory_of(int rank);  // of another block of the cluster
double* warp_values();             // 32, for shuffle

DEVICE void block_barrier() { meet(OF_BLOCK); }
DEVICE void group_barrier(int group, int) { meet(group == 0 ? OF_CHAIN : OF_HELPERS); }
DEVICE void warp_barrier() { meet(OF_WARP); }
DEVICE void cluster_barrier() { meet(OF_CLUSTER); }
template <class T>
DEVICE T shuffle(T v, int lane) {
    double* values = warp_values();
    values[thread_index() % 32] = v;
    meet(OF_WARP);
    const T found = T(values[lane]);
    meet(OF_WARP);
    return found;
}

DEVICE void store_word(Bits64* to, Bits64 v) { __atomic_store_n(to, v, __ATOMIC_RELEASE); }
DEVICE Bits64 load_word(const Bits64* from) { return __atomic_load_n(from, __ATOMIC_ACQUIRE); }
DEVICE Bits64* of_block(Bits64* inbox, int rank) {  // the same place in another block's shared memory
    return reinterpret_cast<Bits64*>(shared_memory_of(rank) + (reinterpret_cast<char*>(inbox) - shared_memory()));
}
DEVICE void publish(int* counter, int v) { __atomic_store_n(counter, v, __ATOMIC_RELEASE); }
DEVICE int observe(const int* counter) { return __atomic_load_n(counter, __ATOMIC_ACQUIRE); }
DEVICE void tell_host(volatile int* to, int v) { __atomic_store_n(to, v, __ATOMIC_RELEASE); }
DEVICE int ask_host(const volatile int* from) { return __atomic_load_n(from, __ATOMIC_ACQUIRE); }

DEVICE float as_float(Bits bits) {
    float v;
    std::memcpy(&v, &bits, 4);
    return v;
}
DEVICE Bits as_bits(float v) {
    Bits bits;
    std::memcpy(&bits, &v, 4);
    return bits;
}
DEVICE float from_half(Bits bits) {
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    float v = exponent == 0    ? std::ldexp(float(mantissa), -24)
              : exponent == 31 ? (mantissa ? NAN : INFINITY)
                               : std::ldexp(float(1024 + mantissa), exponent - 25);
    return bits >> 15 & 1 ? -v : v;
}
DEVICE float from_bfloat_low(Bits two) { return as_float(two << 16); }
DEVICE float from_bfloat_high(Bits two) { return as_float(two & 0xffff0000); }
DEVICE float exponential(float v) { return std::exp(v); }
DEVICE float quotient(float a, float b) { return a / b; }
