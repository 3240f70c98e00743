// A grid of fibers: `clusters` times `blocks`, each of `chain` + `helpers` threads.
#pragma once

struct Grid {
    int clusters, blocks, chain, helpers;
    long long shared_bytes;
};

void run_grid(const Grid& grid, void (*function)());  // every fiber calls the function; returns when all have
