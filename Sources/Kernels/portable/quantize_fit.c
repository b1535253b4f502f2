/* quantize_fit.c: the scale of a group by weighted least squares over a few candidates.
 * Each candidate scale rounds the values to quants; for these quants the best scale has a closed
 * form. The candidate whose best scale leaves the least error wins. Rounding again under that scale
 * can only come nearer.
 * Values are divided by their greatest magnitude first, so that no square leaves the range of f32. */
#include "quantize_blocks.h"

enum { GROUP_MAX = 32, LANES = 8 };
enum { SCALE_CANDIDATES = 21, LINE_CANDIDATES = 21 };
static const float candidate_step = 0.1f;
/* Below this, a group is zero in every format: the least F16 is 2^-24. */
static const float magnitude_least = 0x1p-60f;

struct group {
    int32_t count;
    float magnitude;
    float y[GROUP_MAX]; /* values / magnitude */
    float w[GROUP_MAX]; /* the greater a weight of the model, the more its error shows */
};

static int32_t load_group(struct group *group, const float *values, int32_t count) {
    float magnitude = 0, squares = 0;
    for (int32_t i = 0; i < count; i++) magnitude = fmaxf(magnitude, fabsf(values[i]));
    group->count = count;
    group->magnitude = magnitude;
    if (magnitude < magnitude_least) return 0;
    const float inverse = 1 / magnitude;
    for (int32_t i = 0; i < count; i++) {
        group->y[i] = values[i] * inverse;
        squares += group->y[i] * group->y[i];
    }
    const float typical = sqrtf(squares / (float)count);
    for (int32_t i = 0; i < count; i++) group->w[i] = typical + fabsf(group->y[i]);
    return 1;
}

static inline float rounded(float x, float low, float high) {
    const float whole = (x + 0x1.8p23f) - 0x1.8p23f;
    const float least = whole < low ? low : whole;
    return least > high ? high : least;
}

/* Sums over the group in lanes, which compilers turn into vectors. */
static float lane_sum(const float *lanes) {
    float sum = 0;
    for (int32_t l = 0; l < LANES; l++) sum += lanes[l];
    return sum;
}

float fit_scale(const float *values, int32_t count, int32_t low, int32_t high) {
    struct group g;
    if (!load_group(&g, values, count)) return 0;
    float extreme = 0;
    for (int32_t i = 0; i < count; i++)
        if (fabsf(g.y[i]) > fabsf(extreme)) extreme = g.y[i];
    float best = 0, scale = 0;
    for (int32_t candidate = 0; candidate < SCALE_CANDIDATES; candidate++) {
        /* The extreme becomes a quant of low - 1 to low + 1: cut off, or with room to spare. */
        const float steps = (float)(candidate - SCALE_CANDIDATES / 2) * candidate_step;
        const float inverse = ((float)low + steps) / extreme;
        float qx[LANES] = {0}, qq[LANES] = {0};
        for (int32_t i = 0; i < count; i += LANES)
            for (int32_t l = 0; l < LANES; l++) {
                const float q = rounded(g.y[i + l] * inverse, (float)low, (float)high);
                qx[l] += g.w[i + l] * q * g.y[i + l];
                qq[l] += g.w[i + l] * q * q;
            }
        const float sum_qx = lane_sum(qx), sum_qq = lane_sum(qq);
        if (sum_qq > 0 && sum_qx * sum_qx > best * sum_qq) {
            best = sum_qx * sum_qx / sum_qq;
            scale = sum_qx / sum_qq;
        }
    }
    return scale * g.magnitude;
}

/* Weighted sums of a group: of 1, x, x x, q, q q and q x. */
struct line_sums {
    double one, x, xx, q, qq, qx;
};

static struct line_sums sum_line(const struct group *g, float minimum, float inverse, int32_t high) {
    float one[LANES] = {0}, x[LANES] = {0}, xx[LANES] = {0}, q[LANES] = {0}, qq[LANES] = {0}, qx[LANES] = {0};
    for (int32_t i = 0; i < g->count; i += LANES)
        for (int32_t l = 0; l < LANES; l++) {
            const float value = g->y[i + l], weight = g->w[i + l];
            const float quant = rounded((value - minimum) * inverse, 0, (float)high);
            one[l] += weight;
            x[l] += weight * value;
            xx[l] += weight * value * value;
            q[l] += weight * quant;
            qq[l] += weight * quant * quant;
            qx[l] += weight * quant * value;
        }
    return (struct line_sums){lane_sum(one), lane_sum(x), lane_sum(xx), lane_sum(q), lane_sum(qq), lane_sum(qx)};
}

static struct line best_line(const struct line_sums *s, int32_t at_most_zero) {
    const double divisor = s->one * s->qq - s->q * s->q;
    double scale = 0, minimum = s->x / s->one;
    if (divisor > 0) {
        scale = (s->one * s->qx - s->x * s->q) / divisor;
        minimum = (s->qq * s->x - s->q * s->qx) / divisor;
    }
    if (at_most_zero && minimum > 0) {
        scale = s->qq > 0 ? s->qx / s->qq : 0;
        minimum = 0;
    }
    return (struct line){(float)scale, (float)minimum};
}

static double line_error(const struct line_sums *s, struct line line) {
    const double a = line.scale, b = line.minimum;
    return s->xx + a * a * s->qq + b * b * s->one + 2 * (a * b * s->q - a * s->qx - b * s->x);
}

struct line fit_line(const float *values, int32_t count, int32_t high, int32_t at_most_zero) {
    struct group g;
    if (!load_group(&g, values, count)) return (struct line){0, 0};
    float minimum = g.y[0], maximum = g.y[0];
    for (int32_t i = 1; i < count; i++) {
        minimum = fminf(minimum, g.y[i]);
        maximum = fmaxf(maximum, g.y[i]);
    }
    if (at_most_zero) minimum = fminf(minimum, 0);
    const float range = maximum - minimum;
    if (range < 0x1p-20f) return (struct line){0, minimum * g.magnitude};
    struct line best = {range / (float)high, minimum};
    double least = INFINITY;
    for (int32_t candidate = 0; candidate < LINE_CANDIDATES; candidate++) {
        const float steps = (float)(candidate - LINE_CANDIDATES / 2) * candidate_step;
        const struct line_sums sums = sum_line(&g, best.minimum, ((float)high + steps) / range, high);
        const struct line line = best_line(&sums, at_most_zero);
        const double error = line_error(&sums, line);
        if (error < least) {
            least = error;
            best = line;
        }
    }
    return (struct line){best.scale * g.magnitude, best.minimum * g.magnitude};
}
