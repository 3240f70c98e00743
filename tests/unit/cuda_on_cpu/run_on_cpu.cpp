// The CUDA kernel as a function.
#include "fibers.h"
#include KERNEL_SOURCE

static const Arguments* given;

extern "C" {
long long bytes_of_shared_memory(int sounds) { return shared_bytes(sounds); }
int words_of_inbox(int sounds) { return inbox_words(sounds); }

void run_on_cpu(const Arguments* a) {
    given = a;
    const int sounds = (a->batch + a->pipelines - 1) / a->pipelines;
    run_grid({a->pipelines, BLOCKS, CHAIN, HELPERS, shared_bytes(sounds)}, [] { generate(*given); });
}
}
