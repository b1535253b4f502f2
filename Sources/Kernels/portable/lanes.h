// lanes.h: the one order in which a row is summed.
// Never depends on how wide the machine's registers are.
// One idea: element i is added to lane i % 16, ascending; lanes fold 16 -> 8 -> 4 -> 2 -> 1.
#ifndef KERNELS_PORTABLE_LANES_H
#define KERNELS_PORTABLE_LANES_H

enum { lane_count = 16 };

static inline float lanes_sum(float lanes[lane_count]) {
    for (int half = lane_count / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    return lanes[0];
}

#endif
