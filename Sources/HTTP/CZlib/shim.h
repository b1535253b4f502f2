/* shim.h: zlib with its one macro that Swift cannot call. */
#pragma once
#include <zlib.h>

/* Starts a gzip (RFC 1952) stream: 15 window bits, +16 selects the gzip wrapper. Returns Z_OK or an error. */
static inline int zlib_begin_gzip(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
