// What a kernel needs of CUDA, behind small functions, so that a test can run the kernel on a CPU with others of its own.
#pragma once

#define DEVICE __device__ __forceinline__
#define TABLE __device__ const int
#define KERNEL_FUNCTION extern "C" __global__ void __launch_bounds__(CHAIN + HELPERS, 1)
typedef unsigned int Bits;
typedef unsigned long long Bits64;

DEVICE int thread_index() { return threadIdx.x; }
DEVICE int block_index() { return blockIdx.x; }
DEVICE char* shared_memory() {
    extern __shared__ char memory[];
    return memory;
}
DEVICE void block_barrier() { __syncthreads(); }
DEVICE void group_barrier(int group, int threads) {  // all threads of one group of this block
    asm volatile("barrier.sync %0, %1;" ::"r"(group + 1), "r"(threads) : "memory");
}
DEVICE void warp_barrier() { __syncwarp(); }
DEVICE float shuffle(float v, int lane) { return __shfl_sync(0xffffffff, v, lane); }
DEVICE int shuffle(int v, int lane) { return __shfl_sync(0xffffffff, v, lane); }
DEVICE double shuffle(double v, int lane) { return __shfl_sync(0xffffffff, v, lane); }

DEVICE void relax() {}  // between two looks at what is awaited

// Messages: an 8-byte word is stored and loaded as a whole.
DEVICE void store_word(Bits64* to, Bits64 v) {
#if CLUSTER
    asm volatile("st.relaxed.cluster.b64 [%0], %1;" ::"l"(to), "l"(v) : "memory");
#else
    asm volatile("st.relaxed.gpu.b64 [%0], %1;" ::"l"(to), "l"(v) : "memory");
#endif
}
DEVICE Bits64 load_word(const Bits64* from) {
    Bits64 v;
#if CLUSTER
    asm volatile("ld.relaxed.cluster.b64 %0, [%1];" : "=l"(v) : "l"(from) : "memory");
#else
    asm volatile("ld.relaxed.gpu.b64 %0, [%1];" : "=l"(v) : "l"(from) : "memory");
#endif
    return v;
}
DEVICE Bits64* of_block(Bits64* inbox, int rank) {  // the same place in another block of the cluster
#if CLUSTER
    Bits64* mapped;
    asm("mapa.u64 %0, %1, %2;" : "=l"(mapped) : "l"(inbox), "r"(rank));
    return mapped;
#else
    return inbox;
#endif
}
DEVICE void cluster_barrier() {
#if CLUSTER
    asm volatile("barrier.cluster.arrive; barrier.cluster.wait;" ::: "memory");
#endif
}

// Counters between the two groups of a block.
DEVICE void publish(int* counter, int v) {
    asm volatile("st.release.cta.b32 [%0], %1;" ::"l"(counter), "r"(v) : "memory");
}
DEVICE int observe(const int* counter) {
    int v;
    asm volatile("ld.acquire.cta.b32 %0, [%1];" : "=r"(v) : "l"(counter) : "memory");
    return v;
}

// Between this launch and the host, through page-locked memory.
DEVICE void tell_host(volatile int* to, int v) {
    __threadfence_system();
    *to = v;
}
DEVICE int ask_host(const volatile int* from) { return *from; }

// Volatile, or the compiler converts weights held in registers before the loop over samples: twice the registers.
DEVICE float from_half(Bits bits) {
    float v;
    asm volatile("cvt.f32.f16 %0, %1;" : "=f"(v) : "h"((unsigned short)bits));
    return v;
}
DEVICE float from_bfloat_low(Bits two) {
    float v;
    asm volatile("shl.b32 %0, %1, 16;" : "=f"(v) : "r"(two));
    return v;
}
DEVICE float from_bfloat_high(Bits two) {
    float v;
    asm volatile("and.b32 %0, %1, 0xffff0000;" : "=f"(v) : "r"(two));
    return v;
}
DEVICE float as_float(Bits bits) { return __uint_as_float(bits); }
DEVICE Bits as_bits(float v) { return __float_as_uint(v); }
DEVICE float exponential(float v) { return __expf(v); }
DEVICE float quotient(float a, float b) { return __fdividef(a, b); }
