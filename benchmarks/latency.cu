// How many clock cycles pass until what an instruction gives can be used: long chains in which each waits for the one
// before. One block of 256 threads; cycles[0 … 3]: multiply-add, shared memory, shuffle, barrier of the block.

constexpr int COUNT = 1024, THREADS = 256;

// The clock, once `value` is known and before anything that uses what is returned in it.
__device__ __forceinline__ long long clock_after(float& value) {
    long long now;
    asm volatile("mov.u64 %0, %%clock64;" : "=l"(now), "+f"(value)::"memory");
    return now;
}

extern "C" __global__ void latencies(float* cycles, float* sink, float half) {
    __shared__ int next[32];
    const int thread = threadIdx.x;
    if (thread < 32) next[thread] = (thread + 7) % 32;
    __syncthreads();
    float value = half;
    if (thread < 32) {  // one warp alone
        long long start = clock_after(value);
#pragma unroll 32
        for (int i = 0; i < COUNT; i++) value = value * half + half;
        long long end = clock_after(value);
        if (thread == 0) cycles[0] = float(end - start) / COUNT;

        int at = thread;
        start = clock_after(value);
        at += value > 1e30f;
#pragma unroll 32
        for (int i = 0; i < COUNT; i++) at = *(volatile int*)(next + at);
        value += float(at);
        end = clock_after(value);
        if (thread == 0) cycles[1] = float(end - start) / COUNT;

        start = clock_after(value);
#pragma unroll 32
        for (int i = 0; i < COUNT; i++) value = __shfl_sync(0xffffffff, value, thread ^ 1);
        end = clock_after(value);
        if (thread == 0) cycles[2] = float(end - start) / COUNT;
    }
    __syncthreads();
    const long long start = clock_after(value);
#pragma unroll 32
    for (int i = 0; i < COUNT; i++) __syncthreads();
    const long long end = clock_after(value);
    if (thread == 0) cycles[3] = float(end - start) / COUNT;
    sink[thread] = value;
}
