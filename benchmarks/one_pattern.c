/* One pattern an update, as plain loops in C: up, the MAP loss, down, and the update of every weight by its own rate.

   The same arithmetic as lenet_helpers in single precision, without any library; what a step is timed against.
   Weights lie in the order of LeNet5().parameters(), rates beside them: eta / (mu + h). */
#include <math.h>
#include <string.h>

#define A 1.7159f
#define S (2.0f / 3.0f)
#define KERNELS 60

enum { C1 = 0, B1 = C1 + 150, K2 = B1 + 6, B2 = K2 + 6, C3 = B2 + 6, B3 = C3 + KERNELS * 25, K4 = B3 + 16, B4 = K4 + 16,
       C5 = B4 + 16, B5 = C5 + 48000, F6 = B5 + 120, B6 = F6 + 84 * 120, WEIGHTS = B6 + 84 };

/* states s, their derivatives d, the sums a that S2 and S4 are made from; map by map */
static float s1[6 * 784], a2[6 * 196], s2[6 * 196], s3[16 * 100], a4[16 * 25], s4[16 * 25], s5[120], s6[84];
static float d1[6 * 784], d2[6 * 196], d3[16 * 100], d4[16 * 25], d5[120], d6[84];

static float squash(float a) { return A * tanhf(S * a); }
static float slope(float y) { return S / A * (A * A - y * y); }

/* maps of `size` from maps of 2 x size: the sum of four, a coefficient, a bias, the squash */
static void subsample(int maps, int size, const float *in, float *sum, float *out, const float *k, const float *b) {
    for (int m = 0; m < maps; m++)
        for (int r = 0; r < size; r++)
            for (int c = 0; c < size; c++) {
                const float *p = in + (m * 2 * size + 2 * r) * 2 * size + 2 * c;
                int at = (m * size + r) * size + c;
                sum[at] = p[0] + p[1] + p[2 * size] + p[2 * size + 1];
                out[at] = squash(k[m] * sum[at] + b[m]);
            }
}

/* `d` of the outputs becomes that of the sums; the inputs' is `down` */
static void subsample_down(int maps, int size, const float *y, const float *sum, float *d, float *down, float *w, float *g,
                           int k, int b) {
    for (int m = 0; m < maps; m++)
        for (int r = 0; r < size; r++)
            for (int c = 0; c < size; c++) {
                int at = (m * size + r) * size + c;
                d[at] *= slope(y[at]);
                g[k + m] += d[at] * sum[at];
                g[b + m] += d[at];
                float *p = down + (m * 2 * size + 2 * r) * 2 * size + 2 * c;
                p[0] = p[1] = p[2 * size] = p[2 * size + 1] = d[at] * w[k + m];
            }
}

/* out += the kernel over one input map, rows and columns of out `size` */
static void convolve(int size, int wide, const float *in, const float *kernel, float *out) {
    for (int r = 0; r < size; r++)
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 5; j++)
                for (int c = 0; c < size; c++) out[r * size + c] += kernel[5 * i + j] * in[(r + i) * wide + c + j];
}

/* the kernel's derivatives, and where `down` is given the input map's */
static void convolve_down(int size, int wide, const float *in, const float *kernel, const float *d, float *g, float *down) {
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++) {
            float sum = 0;
            for (int r = 0; r < size; r++)
                for (int c = 0; c < size; c++) {
                    sum += d[r * size + c] * in[(r + i) * wide + c + j];
                    if (down) down[(r + i) * wide + c + j] += kernel[5 * i + j] * d[r * size + c];
                }
            g[5 * i + j] = sum;
        }
}

/* from and to: the maps of S2 and C3 that each stored kernel joins; codes: 10 x 84; penalties: 10, filled */
void step(float *w, const float *rate, const float *pixels, int label, const int *from, const int *to, const float *codes,
          float scale, float j, float *penalties) {
    static float g[WEIGHTS];
    memset(g, 0, sizeof g);
    for (int m = 0; m < 6; m++) {
        for (int k = 0; k < 784; k++) s1[784 * m + k] = w[B1 + m];
        convolve(28, 32, pixels, w + C1 + 25 * m, s1 + 784 * m);
        for (int k = 0; k < 784; k++) s1[784 * m + k] = squash(s1[784 * m + k]);
    }
    subsample(6, 14, s1, a2, s2, w + K2, w + B2);
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < 100; k++) s3[100 * m + k] = w[B3 + m];
    for (int n = 0; n < KERNELS; n++) convolve(10, 14, s2 + 196 * from[n], w + C3 + 25 * n, s3 + 100 * to[n]);
    for (int k = 0; k < 1600; k++) s3[k] = squash(s3[k]);
    subsample(16, 5, s3, a4, s4, w + K4, w + B4);
    for (int u = 0; u < 120; u++) {
        float sum = 0;
        for (int k = 0; k < 400; k++) sum += w[C5 + 400 * u + k] * s4[k];
        s5[u] = squash(sum + w[B5 + u]);
    }
    for (int u = 0; u < 84; u++) {
        float sum = 0;
        for (int k = 0; k < 120; k++) sum += w[F6 + 120 * u + k] * s5[k];
        s6[u] = squash(sum + w[B6 + u]);
    }

    float least = j, total;
    for (int i = 0; i < 10; i++) {
        penalties[i] = 0;
        for (int u = 0; u < 84; u++) penalties[i] += scale * (s6[u] - codes[84 * i + u]) * (s6[u] - codes[84 * i + u]);
        if (penalties[i] < least) least = penalties[i];
    }
    total = expf(least - j);
    for (int i = 0; i < 10; i++) total += expf(least - penalties[i]);
    memset(d6, 0, sizeof d6);
    for (int i = 0; i < 10; i++) {
        float dy = (i == label) - expf(least - penalties[i]) / total;
        for (int u = 0; u < 84; u++) d6[u] += 2 * scale * dy * (s6[u] - codes[84 * i + u]);
    }

    memset(d5, 0, sizeof d5);
    memset(d4, 0, sizeof d4);
    memset(d2, 0, sizeof d2);
    for (int u = 0; u < 84; u++) {
        g[B6 + u] = d6[u] *= slope(s6[u]);
        for (int k = 0; k < 120; k++) g[F6 + 120 * u + k] = d6[u] * s5[k], d5[k] += d6[u] * w[F6 + 120 * u + k];
    }
    for (int u = 0; u < 120; u++) {
        g[B5 + u] = d5[u] *= slope(s5[u]);
        for (int k = 0; k < 400; k++) g[C5 + 400 * u + k] = d5[u] * s4[k], d4[k] += d5[u] * w[C5 + 400 * u + k];
    }
    subsample_down(16, 5, s4, a4, d4, d3, w, g, K4, B4);
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < 100; k++) g[B3 + m] += d3[100 * m + k] *= slope(s3[100 * m + k]);
    for (int n = 0; n < KERNELS; n++)
        convolve_down(10, 14, s2 + 196 * from[n], w + C3 + 25 * n, d3 + 100 * to[n], g + C3 + 25 * n, d2 + 196 * from[n]);
    subsample_down(6, 14, s2, a2, d2, d1, w, g, K2, B2);
    for (int m = 0; m < 6; m++) {
        for (int k = 0; k < 784; k++) g[B1 + m] += d1[784 * m + k] *= slope(s1[784 * m + k]);
        convolve_down(28, 32, pixels, w + C1 + 25 * m, d1 + 784 * m, g + C1 + 25 * m, 0);
    }
    for (int k = 0; k < WEIGHTS; k++) w[k] -= rate[k] * g[k];
}
