/* openssl.h - the OpenSSL library, opened where TLS is configured, behind typed function pointers. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/err.h"

/*
 * What TLS uses of OpenSSL; libssl brings libcrypto with it. A gate without TLS never maps them,
 * and where they are missing the error names them.
 */
#define OPENSSL_CALLS(X)                                                                                     \
	X(OPENSSL_init_ssl)                                                                                  \
	X(OpenSSL_version_num)                                                                               \
	X(TLS_server_method)                                                                                 \
	X(TLS_client_method)                                                                                 \
	X(SSL_CTX_new)                                                                                       \
	X(SSL_CTX_free)                                                                                      \
	X(SSL_CTX_ctrl)                                                                                      \
	X(SSL_CTX_set_options)                                                                               \
	X(SSL_CTX_set_security_level)                                                                        \
	X(SSL_CTX_set_cipher_list)                                                                           \
	X(SSL_CTX_set_num_tickets)                                                                           \
	X(SSL_CTX_set_alpn_protos)                                                                           \
	X(SSL_CTX_set_alpn_select_cb)                                                                        \
	X(SSL_CTX_set_verify)                                                                                \
	X(SSL_CTX_set1_cert_store)                                                                           \
	X(SSL_CTX_use_certificate)                                                                           \
	X(SSL_CTX_use_PrivateKey)                                                                            \
	X(SSL_new)                                                                                           \
	X(SSL_free)                                                                                          \
	X(SSL_ctrl)                                                                                          \
	X(SSL_set0_rbio)                                                                                     \
	X(SSL_set0_wbio)                                                                                     \
	X(SSL_set_accept_state)                                                                              \
	X(SSL_set_connect_state)                                                                             \
	X(SSL_get0_param)                                                                                    \
	X(SSL_do_handshake)                                                                                  \
	X(SSL_read_ex)                                                                                       \
	X(SSL_write_ex)                                                                                      \
	X(SSL_shutdown)                                                                                      \
	X(SSL_get_error)                                                                                     \
	X(SSL_get_verify_result)                                                                             \
	X(BIO_new)                                                                                           \
	X(BIO_free)                                                                                          \
	X(BIO_ctrl)                                                                                          \
	X(BIO_s_mem)                                                                                         \
	X(BIO_new_mem_buf)                                                                                   \
	X(PEM_read_bio_X509)                                                                                 \
	X(PEM_read_bio_PrivateKey)                                                                           \
	X(X509_free)                                                                                         \
	X(X509_up_ref)                                                                                       \
	X(X509_check_private_key)                                                                            \
	X(X509_verify_cert_error_string)                                                                     \
	X(X509_STORE_new)                                                                                    \
	X(X509_STORE_free)                                                                                   \
	X(X509_STORE_add_cert)                                                                               \
	X(X509_STORE_set_flags)                                                                              \
	X(X509_VERIFY_PARAM_set_hostflags)                                                                   \
	X(X509_VERIFY_PARAM_set1_host)                                                                       \
	X(X509_VERIFY_PARAM_set1_ip_asc)                                                                     \
	X(EVP_PKEY_free)                                                                                     \
	X(ERR_clear_error)                                                                                   \
	X(ERR_peek_error)                                                                                    \
	X(ERR_peek_last_error)                                                                               \
	X(ERR_reason_error_string)

struct openssl {
#define OPENSSL_MEMBER(name) __typeof__(&(name)) name;
	OPENSSL_CALLS(OPENSSL_MEMBER)
#undef OPENSSL_MEMBER
};

/*
 * Opens and initialises the library, for good: a confined process could not open it again. No
 * config file of OpenSSL's is read: what is allowed in TLS is said in tls.c alone.
 *
 * Owner:   the caller ends it with openssl_close(); what was made with it is gone before.
 * Errors:  ERR_MISSING (no library, or too old), ERR_NOMEM.
 */
struct openssl *openssl_open(struct err *err);
/* NULL is harmless. Returns NULL. */
struct openssl *openssl_close(struct openssl *lib);
void openssl_closep(struct openssl **lib);
