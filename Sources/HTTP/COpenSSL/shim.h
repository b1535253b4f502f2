/* shim.h: OpenSSL with the macros and the one callback that Swift cannot express. */
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

/* RFC 7301: http/1.1 is the only protocol here; a client that offers others alone is told so. */
static inline int tls_select_http11(SSL *session, const unsigned char **out, unsigned char *out_length,
                                    const unsigned char *offers, unsigned int offers_length, void *unused) {
    static const unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    (void)session;
    (void)unused;
    unsigned char *chosen = 0;
    int result = SSL_select_next_proto(&chosen, out_length, ours, sizeof ours, offers, offers_length);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* TLS 1.2 at least, no renegotiation, no compression, buffers freed while idle, and writes that may be
 * continued from a moved buffer, which is what an outbound buffer that grows does. Returns 1 on success. */
static inline int tls_configure_server(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context, tls_select_http11, 0);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}
