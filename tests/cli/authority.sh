# A time-stamp authority of openssl ts, for tests. Sourced.
authority() { # authority NAME START END: a root of its own, and a certificate for time stamps between two times
    mkdir "$1" && : > "$1/index" && echo 01 > "$1/serial" && echo 01 > "$1/tsserial"
    cat > "$1/cnf" <<CNF
[req]
distinguished_name = dn
prompt = no
[dn]
CN = $1 root
[root]
basicConstraints = critical,CA:true
[tsa]
extendedKeyUsage = critical,timeStamping
[web]
extendedKeyUsage = critical,serverAuth
[ca]
default_ca = own
[own]
database = $1/index
serial = $1/serial
new_certs_dir = $1
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[stamps]
serial = $1/tsserial
signer_cert = $1/tsa.pem
signer_key = $1/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha512
ess_cert_id_alg = sha256
tsa_name = yes
CNF
    export OPENSSL_CONF=/dev/null
    openssl req -x509 -config "$1/cnf" -extensions root -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1/root.key" \
        -out "$1/root.pem" -days 9000 2>/dev/null
    openssl req -new -config "$1/cnf" -subj "/CN=$1 stamps" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$1/tsa.key" -out "$1/tsa.csr" 2>/dev/null
    openssl ca -batch -notext -config "$1/cnf" -extensions tsa -cert "$1/root.pem" -keyfile "$1/root.key" -startdate "$2" \
        -enddate "$3" -in "$1/tsa.csr" -out "$1/tsa.pem" >/dev/null 2>&1 || bad "no certificate for $1"
    unset OPENSSL_CONF
}
reply() { openssl ts -reply -config "$1/cnf" -section stamps -queryfile "$2" -out "$3" ${4:-} 2>/dev/null || bad "no reply of $1"; }
