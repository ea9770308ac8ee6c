#!/bin/sh
# Goal: what stands over a ledger says no more than was checked: owner, witnesses, time stamps, proofs of single events.
# Method: a small run; notes, cosignatures and proofs made and checked by Python and the openssl program alone, a
# time-stamp authority of openssl ts; every promise with the attack that would break it.
. tests/cli/lib.sh
. tests/cli/authority.sh
command -v openssl >/dev/null || { echo "not tried: no openssl program"; exit 0; }

{ applicants 60 && cat <<'YAML'; } > "$room/small.yaml"
model: {kind: mlp, hidden: [4]}
train: {epochs: 2, batch: 16}
privacy: off
explain: off
policy: none
YAML
sed 's/^name: small/name: other/; s/seed: 7/seed: 8/' "$room/small.yaml" > "$room/other.yaml"
cp "$root/tests/cli/heads.py" "$room"
cd "$room" || exit 1
fresh() { rm -rf "$2" && cp -r "$1" "$2"; } # fresh FROM TO

expect 0 . "$onus" keygen owner --name bank
expect 0 . "$onus" keygen w1 --name witness.example/w1 --witness
expect 0 . "$onus" keygen w2 --name witness.example/w2 --witness
json key.kind witnesses "$onus" keygen w3 --witness
expect 0 . "$onus" keygen plain --name notary
expect 0 . "$onus" run small.yaml --out run --key owner --quiet
expect 0 . "$onus" run other.yaml --out other --key owner --quiet
expect 1 "is a witness's key" "$onus" run small.yaml --out no --key w1

# ---- the verdict ----------------------------------------------------------------------------------
expect 0 '^verified: run' "$onus" verify run --key owner.pub
expect 0 '^intact since it was signed; signer unknown; claims not recomputed: run' "$onus" verify run
json verify.verdict verified "$onus" verify run --key owner.pub
json verify.verdict intact "$onus" verify run
json verify.verdict 'not verified' "$onus" verify nowhere
json verify.error "cannot open the directory 'nowhere': No such file or directory" "$onus" verify nowhere
json replay.verdict 'not proven' "$onus" replay nowhere --quiet
json diff.verdict 'not compared' "$onus" diff nowhere run
expect 1 'not by the key in plain.pub' "$onus" verify run --key plain.pub

# ---- witnesses ------------------------------------------------------------------------------------
json verify.witnesses 0 "$onus" verify run
expect 1 "no signature of 'witness.example/w1'" "$onus" verify run --witness w1.pub
cp run/ledger.note before.note
expect 0 "^witnessed: run, [0-9]+ events, by 'witness.example/w1' at 20" "$onus" witness run --key w1
same "the lines before stay" "$(head -c "$(wc -c < before.note)" run/ledger.note | sha256sum)" "$(sha256sum < before.note)"
same "and one is new" "$(($(wc -l < run/ledger.note) - $(wc -l < before.note)))" 1
expect 0 'cosignature holds' python3 heads.py check run w1.pub # openssl says so, too
expect 1 'has cosigned it already' "$onus" witness run --key w1
expect 0 . "$onus" witness run --key w2
expect 0 "2 signatures by others, not checked" "$onus" verify run
json verify.witnesses 0 "$onus" verify run
json verify.signatures.unchecked 2 "$onus" verify run
expect 0 "witnessed by 'witness.example/w1', 20.*Z, a key that you know" "$onus" verify run --key owner.pub --witness w1.pub
json verify.witnesses 1 "$onus" verify run --witness w1.pub
json verify.signatures.unchecked 1 "$onus" verify run --witness w1.pub
json verify.witnesses 2 "$onus" verify run --witness w1.pub --witness w2.pub
json verify.signatures.unchecked 0 "$onus" verify run --witness w1.pub --witness w2.pub
json verify.witness.2.name witness.example/w2 "$onus" verify run --witness w1.pub --witness w2.pub
json verify.witnesses 1 "$onus" verify run --witness w1.pub --witness w1.pub
json verify.signatures.unchecked 1 "$onus" verify run --witness w1.pub --witness w1.pub
expect 1 "no signature of 'w3'" "$onus" verify run --witness w1.pub --witness w3.pub
expect 1 "run's own key: who signs is no witness" "$onus" verify run --witness owner.pub
expect 1 "signs runs; a witness's key is made by" "$onus" witness run --key plain
expect 1 'is a public key' "$onus" witness run --key w3.pub
expect 1 . "$onus" witness run --key nokey
expect 2 'are needed' "$onus" witness run
python3 heads.py rename owner w1own owners-friend # the owner's key in a witness's clothes
expect 1 "who signs is no witness" "$onus" witness run --key w1own
python3 heads.py rename w1 w1again another-name # one witness under two names counts once
fresh run twice && expect 0 . "$onus" witness twice --key w1again
json verify.witnesses 1 "$onus" verify twice --witness w1.pub --witness w1again.pub
json verify.signatures.unchecked 1 "$onus" verify twice --witness w1.pub --witness w1again.pub
# a plain Ed25519 signature by another key is a witness, too, without a time
fresh run notary && python3 heads.py sign plain run/ledger.note >> notary/ledger.note
json verify.witnesses 1 "$onus" verify notary --witness plain.pub
json verify.witness.1.time None "$onus" verify notary --witness plain.pub
# attacks: over another head, of another time, under a wrong head
fresh other o1 && expect 0 . "$onus" witness o1 --key w3
fresh run moved && tail -1 o1/ledger.note >> moved/ledger.note
expect 1 "the signature of 'w3' is wrong" "$onus" verify moved --witness w3.pub
expect 0 . "$onus" verify moved # who does not know w3 passes it over
fresh run later && python3 heads.py later later/ledger.note
expect 1 "the signature of 'witness.example/w2' is wrong" "$onus" verify later --witness w2.pub
fresh other spoilt && sed -i '3s/"rows"/"rowz"/; 3s/:60/:61/' spoilt/ledger.jsonl
expect 1 'do not have the signed head|ledger' "$onus" witness spoilt --key w1
fresh other spoilt && rm spoilt/ledger.note && ln -s ../run/ledger.note spoilt/ledger.note
expect 1 'neither a file nor a directory' "$onus" witness spoilt --key w1

# ---- extension lines and origins: notes of the owner's own making -----------------------------------
fresh run extended && python3 heads.py note owner small run > extended/ledger.note "$(tail -1 run/ledger.note)" 'more words'
expect 0 "says besides, and nothing checks it: 'more words'" "$onus" verify extended --key owner.pub
json verify.extension.2 'more words' "$onus" verify extended
expect 1 "no signature of 'witness.example/w2'" "$onus" verify extended --witness w2.pub
json verify.signatures.unchecked 0 "$onus" verify extended
expect 0 . "$onus" witness extended --key w1
expect 0 'cosignature holds' python3 heads.py check extended w1.pub
json verify.witnesses 1 "$onus" verify extended --witness w1.pub
sed -i 's/^more words/more wordy/' extended/ledger.note
expect 1 "signature of 'bank' is wrong" "$onus" verify extended
fresh run foreign && python3 heads.py note owner other run > foreign/ledger.note
expect 1 "its origin is 'onus/other', and event 1 begins the run 'small'" "$onus" verify foreign
"$onus" keygen stranger --name stranger > /dev/null
fresh run posing && python3 heads.py note stranger small run > posing/ledger.note && cp stranger.pub posing/key.pub
expect 1 "signed by 'stranger', and event [0-9]+ says that 'bank' signs" "$onus" verify posing
expect 1 "its origin is" "$onus" witness foreign --key w1
expect 1 "its origin is" "$onus" stamp foreign --request q0
expect 1 "its origin is" "$onus" prove foreign 1

# ---- time stamps: an authority of openssl ts ----------------------------------------------------------
authority good 20200101000000Z 20990101000000Z
authority evil 20200101000000Z 20990101000000Z
authority past 20200101000000Z 20200201000000Z
ends=$(($(date +%s) + 4))
authority brief 20200101000000Z "$(date -u -d "@$ends" +%Y%m%d%H%M%SZ)"

expect 0 'application/timestamp-query' "$onus" stamp run --request query
reply brief query brief.tsr # at once: its certificate ends in a moment
expect 0 'Hash Algorithm: sha256' openssl ts -query -in query -text
expect 0 'Certificate required: yes' openssl ts -query -in query -text
expect 0 'Nonce: 0x' openssl ts -query -in query -text
expect 1 'exists' "$onus" stamp run --request query
reply good query good.tsr
reply good query good.tst -token_out
reply evil query evil.tsr
reply past query past.tsr
expect 1 'run/ledger.note.tst is not there' "$onus" verify run --tsa-cert good/root.pem
json verify.stamp none "$onus" verify run
for form in tsr tst; do # a reply and a token alone
    fresh run s.$form
    expect 0 '^stamped: s.*/ledger.note.tst, 20.*Z says its authority' "$onus" stamp s.$form --token good.$form
done
same "either way, the token is kept" "$(openssl ts -reply -in good.tsr -token_out 2>/dev/null | sha256sum)" "$(sha256sum < s.tsr/ledger.note.tst)"
expect 1 'a later stamp would say less' "$onus" stamp s.tst --token good.tst
s=s.tst
expect 0 'stamped by an authority that is not known' "$onus" verify $s
json verify.stamp.known no "$onus" verify $s
json verify.stamp 'not known' "$onus" verify $s
expect 0 '^ledger.note.tst +20..-..-..T..:..:..Z, by an authority that you know' "$onus" verify $s --tsa-cert good/root.pem
json verify.stamp.known yes "$onus" verify $s --tsa-cert good/root.pem
json verify.stamp.authority '/CN=good stamps' "$onus" verify $s --tsa-cert good/tsa.pem # known without its root
cat evil/root.pem good/root.pem > bundle.pem
json verify.stamp.known yes "$onus" verify $s --tsa-cert bundle.pem
# openssl ts agrees about the token and the text that it stamps
sed '/^$/,$d' $s/ledger.note > signed.text
expect 0 'Verification: OK' openssl ts -verify -token_in -in $s/ledger.note.tst -data signed.text -CAfile good/root.pem -untrusted good/tsa.pem
same "the time that openssl ts reads" "$(date -u -d "$(openssl ts -reply -token_in -in $s/ledger.note.tst -text 2>/dev/null | sed -n 's/Time stamp: //p')" +%FT%TZ)" \
    "$("$onus" verify $s --tsa-cert good/root.pem --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["verify.stamp"])')"
# a witness may come after the stamp
expect 0 . "$onus" witness $s --key w3
json verify.stamp.known yes "$onus" verify $s --tsa-cert good/root.pem --witness w3.pub --key owner.pub

# attacks
expect 1 'certificates that were given do not lead' "$onus" verify $s --tsa-cert evil/root.pem
fresh run s.evil && expect 0 . "$onus" stamp s.evil --token evil.tsr
expect 1 'certificates that were given do not lead' "$onus" verify s.evil --tsa-cert good/root.pem
expect 1 'no such|cannot open' "$onus" verify $s --tsa-cert nowhere.pem
: > empty.pem
expect 1 'known authorities' "$onus" verify $s --tsa-cert empty.pem
expect 1 'known authorities' "$onus" verify $s --tsa-cert small.yaml
fresh other s.other && cp good.tst s.other/ledger.note.tst
expect 1 'stamps another text than the signed head' "$onus" verify s.other
expect 1 'stamps another text than the signed head' "$onus" stamp other --token good.tsr
fresh run s.long && { cat good.tst; echo; } > s.long/ledger.note.tst
expect 1 'bytes after the time-stamp token' "$onus" verify s.long
{ cat good.tsr; echo; } > long.tsr
expect 1 'neither a time-stamp reply .* nor a token, or more than one' "$onus" stamp run --token long.tsr
cat good.tst good.tst > two.tst
expect 1 'neither' "$onus" stamp run --token two.tst
head -c 200 good.tst > cut.tst
expect 1 'neither' "$onus" stamp run --token cut.tst
expect 1 'neither' "$onus" stamp run --token query
expect 1 'neither' "$onus" stamp run --token empty.pem
head -c 100000 /dev/zero > big.tsr
expect 1 . "$onus" stamp run --token big.tsr
openssl ts -query -data signed.text -sha512 -cert -out q512 2>/dev/null && reply good q512 sha512.tsr
expect 1 'or not by SHA-256' "$onus" stamp run --token sha512.tsr
openssl ts -query -data signed.text -sha256 -out qbare 2>/dev/null && reply good qbare bare.tsr
expect 1 "does not hold its authority's certificate" "$onus" stamp run --token bare.tsr
openssl ts -query -data signed.text -md5 -cert -out qmd5 2>/dev/null && reply good qmd5 refused.tsr
expect 1 'granted no token: status 2' "$onus" stamp run --token refused.tsr
same "nothing of these is kept" "$(ls run | grep -c tst)" 0
# whose authority nobody knows, its own signature must be right all the same, and by no digest that two texts can share
fresh run s.own && python3 - good.tst > s.own/ledger.note.tst << 'PY'
import sys
token = bytearray(open(sys.argv[1], 'rb').read())
token[-1] ^= 1  # the signature is the last of it
sys.stdout.buffer.write(token)
PY
expect 1 "the token's own signature is wrong" "$onus" verify s.own
cp -r good weak && sed -i 's/^signer_digest = sha256/signer_digest = sha1/; s#good/#weak/#' weak/cnf && reply weak query weak.tst -token_out
fresh run s.weak && cp weak.tst s.weak/ledger.note.tst && expect 1 "the token's own signature is wrong" "$onus" verify s.weak
fresh run s.bit && python3 heads.py flips "$onus" good.tst s.bit good/root.pem && ok || bad 'a changed token was believed'
# the authority's certificate must have been good when it stamped, and may have ended since
fresh run s.past && expect 0 . "$onus" stamp s.past --token past.tsr
expect 1 'certificate has expired' "$onus" verify s.past --tsa-cert past/root.pem
fresh run s.brief && expect 0 . "$onus" stamp s.brief --token brief.tsr
while [ "$(date +%s)" -le "$ends" ]; do sleep 0.2; done
expect 2 'has expired' openssl verify -CAfile brief/root.pem brief/tsa.pem
json verify.stamp.known yes "$onus" verify s.brief --tsa-cert brief/root.pem
# a certificate of the same root that is for web servers stamps nothing
mkdir web && cp -r good/. web/ && sed -i 's#good/#web/#g' web/cnf
OPENSSL_CONF=/dev/null openssl ca -batch -notext -config web/cnf -extensions web -cert web/root.pem -keyfile web/root.key \
    -startdate 20200101000000Z -enddate 20990101000000Z -in web/tsa.csr -out web/web.pem >/dev/null 2>&1
python3 heads.py swap good.tst web s.web run && ok || bad 'no token by a web server'
expect 1 'do not lead|purpose' "$onus" verify s.web --tsa-cert good/root.pem
# no file of the machine has a say: reading this configuration would wait for ever
mkfifo config.fifo
expect 0 'by an authority that you know' env OPENSSL_CONF="$room/config.fifo" timeout -k 1 20 "$onus" verify $s --tsa-cert good/root.pem

# ---- asking over the wire ---------------------------------------------------------------------------------
expect 2 'https is not spoken here' "$onus" stamp run --url https://stamps.example/
expect 2 'request FILE writes the query' "$onus" stamp run --url https://stamps.example/
expect 2 'begins with http://' "$onus" stamp run --url ftp://stamps.example/
expect 2 'no user and no fragment' "$onus" stamp run --url http://me:secret@127.0.0.1/
expect 2 'one of --request' "$onus" stamp run
expect 2 'one of --request' "$onus" stamp run --token good.tsr --request q3
expect 1 'no time-stamp reply' "$onus" stamp run --url http://127.0.0.1:1/
python3 heads.py serve port good.tsr &
server=$!
for try in $(seq 100); do [ -s port ] && break; sleep 0.1; done
url=http://127.0.0.1:$(cat port)
for wrong in old big html moved hangs-up ${ONUS_SLOW:+slow-drip}; do
    fresh run s.wire
    expect 1 'no time-stamp reply|another nonce|neither' timeout -k 1 60 "$onus" stamp s.wire --url "$url/$wrong"
    same "$wrong leaves nothing" "$(ls s.wire | grep -c tst)" 0
done
fresh run s.wire
expect 0 '^stamped' env http_proxy=http://127.0.0.1:1 HTTP_PROXY=http://127.0.0.1:1 "$onus" stamp s.wire --url "$url/stamp?policy=1"
expect 0 'by an authority that you know' "$onus" verify s.wire --tsa-cert good/root.pem
same "what the authority was asked" "$(cat port.asked)" '/stamp?policy=1 application/timestamp-query'
kill $server 2>/dev/null
wait $server 2>/dev/null

# ---- one event -------------------------------------------------------------------------------------------
events=$(wc -l < run/ledger.jsonl)
awk '/^```python proof$/{on=1;next}/^```/{on=0}on' "$root/docs/EVIDENCE.md" > proof.py
for n in 1 2 $((events / 2)) "$events"; do
    "$onus" prove run "$n" > e.tlog-proof || bad "prove $n"
    expect 0 "^proven: event $n of $events of 'onus/small', signed by 'bank', 0 witnesses" "$onus" prove --check e.tlog-proof --key owner.pub
    same "the line of event $n" "$("$onus" prove --check e.tlog-proof --key owner.pub | head -1)" "$(sed -n "${n}p" run/ledger.jsonl)"
    same "event $n, by the script of docs/EVIDENCE.md" "$(python3 proof.py e.tlog-proof owner.pub | tail -1)" "$(sed -n "${n}p" run/ledger.jsonl)"
done
same "its first line" "$(head -1 e.tlog-proof)" c2sp.org/tlog-proof@v1
same "it ends with the note" "$(tail -c "$(wc -c < run/ledger.note)" e.tlog-proof | sha256sum)" "$(sha256sum < run/ledger.note)"
expect 0 "signed by 'bank', 1 witness$" "$onus" prove --check e.tlog-proof --key owner.pub --witness w1.pub
json prove.witnesses 2 "$onus" prove --check e.tlog-proof --key owner.pub --witness w1.pub --witness w2.pub
json prove.line "$(tail -1 run/ledger.jsonl)" "$onus" prove --check e.tlog-proof --key owner.pub
expect 1 "no signature of 'w3'" "$onus" prove --check e.tlog-proof --key owner.pub --witness w3.pub
expect 1 "no signature of 'notary'" "$onus" prove --check e.tlog-proof --key plain.pub
json prove.verdict 'not proven' "$onus" prove --check e.tlog-proof --key plain.pub
expect 1 "is a witness's key" "$onus" prove --check e.tlog-proof --key w1.pub
expect 2 'has 1 to' "$onus" prove run 0
expect 2 'has 1 to' "$onus" prove run $((events + 1))
expect 2 'number of an event' "$onus" prove run two
expect 2 "needs the signer's --key" "$onus" prove --check e.tlog-proof
"$onus" prove run 2 | sed 's/^index 1/index 2/' > spoilt.tlog-proof
expect 1 'is not under the signed head' python3 proof.py spoilt.tlog-proof owner.pub
expect 1 'its line is not number 3 of the' "$onus" prove --check spoilt.tlog-proof --key owner.pub
python3 heads.py spoil e.tlog-proof "$onus" owner.pub && ok || bad 'a changed proof was believed'
for command in prove witness stamp keygen verify; do expect 0 "Usage: onus $command" "$onus" $command --help; done
finish
