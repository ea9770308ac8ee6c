/* SPDX-License-Identifier: Apache-2.0
 * stamp.c - time-stamp tokens (RFC 3161) with OpenSSL: TS for query and token, PKCS7 for the
 * signature, X509 for the way to a certificate that somebody trusts, OSSL_HTTP for asking.
 *
 * Two rules keep this from meaning more than it says. A token's certificate must come with it,
 * so that its own signature can always be checked; whether the authority is to be believed is
 * asked of the reader's certificates alone, and of the moment that the token tells: an
 * authority's certificate ends after some years, and what it stamped before does not. And no
 * file of the machine has a say: no openssl.cnf, no system store, no proxy. */
#include "proof/stamp.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"

enum { TIMEOUT_S = 30, STRENGTH = 2 /* OpenSSL's level of 112 bits: RSA of 2048, no SHA-1 */ };

/* Begins a use of OpenSSL, with this thread's queue of errors empty; end leaves it so. */
static onus_status begin(onus_err *err)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return onus_fail(err, ONUS_IO, "OpenSSL cannot start");
    ERR_clear_error();
    return ONUS_OK;
}

static onus_status end(onus_status st)
{
    ERR_clear_error();
    return st;
}

/* The first error of OpenSSL in words: those after it tell where it passed. */
static const char *reason(char out[256])
{
    const char *data = NULL;
    int flags = 0;
    const unsigned long code = ERR_peek_error_data(&data, &flags);
    const char *text =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    const bool more = data && *data && (flags & ERR_TXT_STRING);
    snprintf(out, 256, "%s%s%.200s", text ? text : "no reason is told", more ? ": " : "",
             more ? data : "");
    return out;
}

static onus_status refuse(onus_err *err, onus_status code, const char *what, const char *why)
{
    if (ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE)
        return onus_fail_mem(err, what);
    return onus_fail(err, code, "%s: %s", what, why);
}

/* ---- asking ------------------------------------------------------------------------------ */

static bool fill_query(TS_REQ *req, TS_MSG_IMPRINT *m, X509_ALGOR *sha256, ASN1_INTEGER *nonce,
                       const uint8_t imprint[32])
{
    uint64_t random;
    uint8_t copy[32];
    memcpy(copy, imprint, 32);
    randombytes_buf(&random, sizeof random);
    return X509_ALGOR_set0(sha256, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
           TS_MSG_IMPRINT_set_algo(m, sha256) == 1 &&
           TS_MSG_IMPRINT_set_msg(m, copy, sizeof copy) == 1 &&
           ASN1_INTEGER_set_uint64(nonce, random) == 1 && TS_REQ_set_version(req, 1) == 1 &&
           TS_REQ_set_msg_imprint(req, m) == 1 && TS_REQ_set_nonce(req, nonce) == 1 &&
           TS_REQ_set_cert_req(req, 1) == 1;
}

onus_status onus_stamp_ask(onus_buf *out, const uint8_t imprint[32], onus_err *err)
{
    onus_status st = begin(err);
    if (st != ONUS_OK) return st;
    unsigned char *der = NULL;
    TS_REQ *req = TS_REQ_new();
    TS_MSG_IMPRINT *m = TS_MSG_IMPRINT_new();
    X509_ALGOR *sha256 = X509_ALGOR_new();
    ASN1_INTEGER *nonce = ASN1_INTEGER_new();
    int n = -1;
    if (req && m && sha256 && nonce && fill_query(req, m, sha256, nonce, imprint))
        n = i2d_TS_REQ(req, &der);
    if (n > 0) {
        onus_buf_add(out, der, (size_t)n);
        st = onus_buf_status(out, "query", err);
    } else {
        st = onus_fail_mem(err, "query");
    }
    OPENSSL_free(der);
    ASN1_INTEGER_free(nonce);
    X509_ALGOR_free(sha256);
    TS_MSG_IMPRINT_free(m);
    TS_REQ_free(req);
    return end(st);
}

/* A connection within the time; OpenSSL's own would try a port that refuses again and again. */
static BIO *connect_to(const char *host, const char *port)
{
    const time_t until = time(NULL) + TIMEOUT_S;
    BIO *bio = BIO_new_connect(host);
    bool fine = bio && BIO_set_conn_port(bio, port) == 1 && BIO_set_nbio(bio, 1) == 1;
    while (fine && BIO_do_connect(bio) <= 0)
        fine = BIO_should_retry(bio) && BIO_wait(bio, until, 0) > 0;
    if (fine) return bio;
    BIO_free_all(bio);
    return NULL;
}

/* A server that hangs up is a failed write, not the end of a host's process. */
static BIO *exchange(BIO *connection, const char *host, const char *port, const char *path,
                     BIO *query)
{
    sigset_t pipes, before, waiting;
    const struct timespec now = {0};
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    sigpending(&waiting);
    const bool pending = sigismember(&waiting, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipes, &before);
    /* over our connection, so that no proxy of the environment's comes between */
    BIO *reply =
        OSSL_HTTP_transfer(NULL, host, port, path, 0, NULL, NULL, connection, NULL, NULL, NULL,
                           0, NULL, "application/timestamp-query", query,
                           "application/timestamp-reply", 1, ONUS_STAMP_MAX, TIMEOUT_S, 0);
    if (!pending) (void)sigtimedwait(&pipes, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return reply;
}

/* host, port, path of http://host[:port][/path][?query] */
static onus_status take_apart(const char *url, char **host, char **port, char **path,
                              onus_err *err)
{
    char *user = NULL, *query = NULL, *fragment = NULL;
    int ssl = 0;
    onus_status st = ONUS_OK;
    if (strncmp(url, "https://", 8) == 0) {
        st = onus_fail(err, ONUS_BAD_ARG, "%s: https is not spoken here, only http", url);
        return onus_hint(err, st,
                         "--request FILE writes the query for a program that speaks "
                         "it (curl), --token FILE takes the reply");
    }
    if (strncmp(url, "http://", 7) != 0)
        return onus_fail(err, ONUS_BAD_ARG, "%s: expected a URL that begins with http://", url);
    if (OSSL_HTTP_parse_url(url, &ssl, &user, host, port, NULL, path, &query, &fragment) != 1)
        st = refuse(err, ONUS_BAD_ARG, url, "not a URL");
    else if ((user && *user) || (fragment && *fragment))
        st = onus_fail(err, ONUS_BAD_ARG, "%s: expected no user and no fragment", url);
    else if (query && *query && !strchr(*path, '?')) {
        const size_t size = strlen(*path) + strlen(query) + 2;
        char *whole = OPENSSL_malloc(size);
        if (!whole) {
            st = onus_fail_mem(err, url);
        } else {
            snprintf(whole, size, "%s?%s", *path, query);
            OPENSSL_free(*path);
            *path = whole;
        }
    }
    OPENSSL_free(user);
    OPENSSL_free(query);
    OPENSSL_free(fragment);
    return st;
}

onus_status onus_stamp_fetch(onus_buf *out, const char *url, const onus_buf *query,
                             onus_err *err)
{
    onus_status st = begin(err);
    if (st != ONUS_OK) return st;
    char *host = NULL, *port = NULL, *path = NULL, some[4096], why[256];
    BIO *request = BIO_new_mem_buf(query->data, (int)query->len), *connection = NULL,
        *reply = NULL;
    if (!request) {
        st = onus_fail_mem(err, url);
        goto done;
    }
    ONUS_TRY(take_apart(url, &host, &port, &path, err));
    connection = connect_to(host, port);
    if (connection) reply = exchange(connection, host, port, path, request);
    if (!reply) {
        st = onus_fail(err, ONUS_IO, "%s: no time-stamp reply: %s", url, reason(why));
        goto done;
    }
    for (int n; (n = BIO_read(reply, some, sizeof some)) > 0;)
        onus_buf_add(out, some, (size_t)n);
    st = onus_buf_status(out, url, err);
done:
    BIO_free_all(reply);
    BIO_free_all(connection);
    BIO_free_all(request);
    OPENSSL_free(host);
    OPENSSL_free(port);
    OPENSSL_free(path);
    return end(st);
}

/* ---- the token of a reply ---------------------------------------------------------------- */

/* Opens the element at *p, of which at most *n bytes are there; it must fill them all. */
static bool open_all(const unsigned char **p, long *n, int *tag)
{
    long len;
    int class;
    const unsigned char *from = *p;
    if (*n <= 0) return false;
    const int kind = ASN1_get_object(p, &len, tag, &class, *n);
    if (kind != V_ASN1_CONSTRUCTED || class != V_ASN1_UNIVERSAL || *p + len != from + *n)
        return false;
    *n = len;
    return true;
}

static const char *status_text(const TS_STATUS_INFO *status)
{
    const STACK_OF(ASN1_UTF8STRING) *texts = TS_STATUS_INFO_get0_text(status);
    const ASN1_UTF8STRING *first =
        sk_ASN1_UTF8STRING_num(texts) > 0 ? sk_ASN1_UTF8STRING_value(texts, 0) : NULL;
    return first ? (const char *)ASN1_STRING_get0_data(first) : "no reason is told";
}

onus_status onus_stamp_find(const void *bytes, size_t len, const char *what, size_t *at,
                            size_t *n, onus_err *err)
{
    static const char neither[] =
        "neither a time-stamp reply (RFC 3161) nor a token, or more than one";
    const unsigned char *begin_ = bytes, *p = begin_;
    long left = (long)len;
    int tag = 0;
    if (len == 0 || len > ONUS_STAMP_MAX || !open_all(&p, &left, &tag) ||
        tag != V_ASN1_SEQUENCE || left == 0)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %s", what, neither);
    if (*p == V_ASN1_OBJECT) { /* a token begins with its content's type */
        *at = 0;
        *n = len;
        return ONUS_OK;
    }
    onus_status st = begin(err);
    if (st != ONUS_OK) return st;
    const unsigned char *end_ = begin_ + len;
    TS_STATUS_INFO *status = d2i_TS_STATUS_INFO(NULL, &p, left);
    const long code = status ? ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status)) : -1;
    if (!status)
        st = refuse(err, ONUS_BAD_INPUT, what, neither);
    else if (code != TS_STATUS_GRANTED && code != TS_STATUS_GRANTED_WITH_MODS)
        st =
            onus_fail(err, ONUS_BAD_INPUT, "%s: the authority granted no token: status %ld, %s",
                      what, code, status_text(status));
    else if (p == end_)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: a reply without a token", what);
    TS_STATUS_INFO_free(status);
    *at = (size_t)(p - begin_);
    *n = (size_t)(end_ - p);
    return end(st);
}

/* ---- checking ---------------------------------------------------------------------------- */

typedef struct {
    PKCS7 *token;
    TS_TST_INFO *info;
    X509 *signer; /* of the token's own certificates; not ours */
} stamp;

static void close_stamp(stamp *s)
{
    TS_TST_INFO_free(s->info);
    PKCS7_free(s->token);
}

/* The signer's certificate out of the token's own. */
static X509 *signer_of(PKCS7 *token)
{
    STACK_OF(X509) *signers = PKCS7_get0_signers(token, NULL, 0);
    X509 *one = sk_X509_num(signers) == 1 ? sk_X509_value(signers, 0) : NULL;
    sk_X509_free(signers);
    return one;
}

static onus_status open_stamp(stamp *s, const void *token, size_t len, const char *what,
                              onus_err *err)
{
    const unsigned char *p = token;
    if (len == 0 || len > ONUS_STAMP_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: not a time-stamp token of at most %d bytes",
                         what, ONUS_STAMP_MAX);
    s->token = d2i_PKCS7(NULL, &p, (long)len);
    if (!s->token) return refuse(err, ONUS_BAD_INPUT, what, "not a time-stamp token");
    if (p != (const unsigned char *)token + len)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: bytes after the time-stamp token", what);
    if (!PKCS7_type_is_signed(s->token) || PKCS7_get_detached(s->token) ||
        !(s->info = PKCS7_to_TS_TST_INFO(s->token)) || TS_TST_INFO_get_version(s->info) != 1)
        return refuse(err, ONUS_BAD_INPUT, what, "signed, but not a time-stamp token");
    s->signer = signer_of(s->token);
    if (!s->signer)
        return refuse(
            err, ONUS_BAD_INPUT, what,
            "the token does not hold its authority's certificate (certReq asks for it)");
    return ONUS_OK;
}

static bool has_imprint(TS_TST_INFO *info, const uint8_t imprint[32])
{
    TS_MSG_IMPRINT *m = TS_TST_INFO_get_msg_imprint(info);
    const X509_ALGOR *algorithm = m ? TS_MSG_IMPRINT_get_algo(m) : NULL;
    const ASN1_OCTET_STRING *hash = m ? TS_MSG_IMPRINT_get_msg(m) : NULL;
    return algorithm && hash && OBJ_obj2nid(algorithm->algorithm) == NID_sha256 &&
           ASN1_STRING_length(hash) == 32 &&
           memcmp(ASN1_STRING_get0_data(hash), imprint, 32) == 0;
}

static bool has_nonce(const TS_TST_INFO *info, const onus_buf *query)
{
    const unsigned char *p = (const unsigned char *)query->data;
    TS_REQ *req = d2i_TS_REQ(NULL, &p, (long)query->len);
    const ASN1_INTEGER *asked = req ? TS_REQ_get_nonce(req) : NULL,
                       *got = TS_TST_INFO_get_nonce(info);
    const bool same = asked && got && ASN1_INTEGER_cmp(asked, got) == 0;
    TS_REQ_free(req);
    return same;
}

/* The digest under the signature: what SHA-1 signs, somebody may have made two of. */
static bool is_strong(PKCS7 *token)
{
    STACK_OF(PKCS7_SIGNER_INFO) *infos = PKCS7_get_signer_info(token);
    if (sk_PKCS7_SIGNER_INFO_num(infos) != 1) return false;
    const int digest = OBJ_obj2nid(sk_PKCS7_SIGNER_INFO_value(infos, 0)->digest_alg->algorithm);
    return digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512;
}

static bool time_of(const TS_TST_INFO *info, struct tm *tm, char text[24])
{
    const ASN1_GENERALIZEDTIME *when = TS_TST_INFO_get_time(info);
    if (!when || ASN1_TIME_to_tm(when, tm) != 1 || tm->tm_year < 70 || tm->tm_year > 8099)
        return false;
    return strftime(text, 24, "%Y-%m-%dT%H:%M:%SZ", tm) == 20;
}

/* A PEM that wants a password is not one that we are given: nobody is asked. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

static onus_status trust(X509_STORE *store, const char *pem, size_t n, onus_err *err)
{
    onus_status st = ONUS_OK;
    int n_certs = 0;
    char why[256];
    BIO *in = n > 0 && n < (size_t)1 << 24 ? BIO_new_mem_buf(pem, (int)n) : NULL;
    while (in && st == ONUS_OK) {
        X509 *cert = PEM_read_bio_X509(in, NULL, no_password, NULL);
        if (!cert && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && n_certs) {
            ERR_clear_error();
            break; /* the end */
        } else if (!cert || X509_STORE_add_cert(store, cert) != 1) {
            st = refuse(err, ONUS_BAD_INPUT, "known authorities", reason(why));
        }
        X509_free(cert);
        n_certs++;
    }
    BIO_free(in);
    if (st == ONUS_OK && !in)
        st = onus_fail(err, ONUS_BAD_INPUT, "known authorities: no certificates in PEM");
    return st;
}

/* Chain, purpose and signature, as of the time that the token tells. */
static onus_status check_known(stamp *s, time_t when, const char *what, const char *pem,
                               size_t n_pem, onus_err *err)
{
    char why[256];
    X509_STORE *store = X509_STORE_new();
    if (!store) return onus_fail_mem(err, what);
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
    X509_VERIFY_PARAM_set_time(param, when);
    X509_VERIFY_PARAM_set_auth_level(param, STRENGTH);
    /* an authority's own certificate may be what is known, without its root */
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    onus_status st = trust(store, pem, n_pem, err);
    if (st == ONUS_OK && TS_RESP_verify_signature(s->token, NULL, store, NULL) != 1)
        st = refuse(err, ONUS_TAMPER, what, reason(why));
    if (st == ONUS_TAMPER)
        (void)onus_hint(err, st,
                        "the certificates that were given do not lead to its authority");
    X509_STORE_free(store);
    return st;
}

onus_status onus_stamp_check(onus_stamp_said *out, const void *token, size_t len,
                             const char *what, const uint8_t imprint[32], const onus_buf *query,
                             const char *trusted, size_t n_trusted, onus_err *err)
{
    stamp s = {NULL};
    onus_stamp_said found = {.known = false};
    struct tm tm;
    onus_status st = begin(err);
    if (st != ONUS_OK) return st;
    ONUS_TRY(open_stamp(&s, token, len, what, err));
    if (!time_of(s.info, &tm, found.time)) {
        st = refuse(err, ONUS_BAD_INPUT, what, "a time-stamp token without a time");
        goto done;
    }
    if (!has_imprint(s.info, imprint)) {
        st = refuse(err, ONUS_TAMPER, what,
                    "stamps another text than the signed head (or not by SHA-256)");
        goto done;
    }
    if (query && !has_nonce(s.info, query)) {
        st = refuse(err, ONUS_TAMPER, what, "does not answer this query: another nonce");
        goto done;
    }
    if (!is_strong(s.token) ||
        PKCS7_verify(s.token, NULL, NULL, NULL, NULL, PKCS7_NOVERIFY) != 1) {
        st = refuse(err, ONUS_TAMPER, what, "the token's own signature is wrong");
        goto done;
    }
    X509_NAME_oneline(X509_get_subject_name(s.signer), found.authority, sizeof found.authority);
    if (trusted) ONUS_TRY(check_known(&s, timegm(&tm), what, trusted, n_trusted, err));
    found.known = trusted != NULL;
    *out = found;
done:
    close_stamp(&s);
    return end(st);
}
