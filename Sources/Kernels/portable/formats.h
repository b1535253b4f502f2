/* formats.h: formats that C code has to tell apart, by ElementFormat's raw values. */
#ifndef KERNELS_FORMATS_H
#define KERNELS_FORMATS_H

enum {
    FORMAT_F32 = 0, FORMAT_F16 = 1, FORMAT_Q4_0 = 2, FORMAT_Q4_1 = 3, FORMAT_Q8_0 = 8, FORMAT_IQ4_NL = 20,
    FORMAT_BF16 = 30
};

#endif
