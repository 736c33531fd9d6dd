#!/usr/bin/env bash
# Makes tests/cases anew with the real `sops` ($GITOPS_SOPS). Only for a person who adds a case: what it writes is committed,
# and differs each time in nonces and keys.
set -euo pipefail
cd "$(dirname "$0")"
sops="${GITOPS_SOPS:?the real sops}"
recipient() { sed -n 's/^# public key: //p' "keys/$1.txt"; }
one=$(recipient one) two=$(recipient two) three=$(recipient three)
rm -rf cases && mkdir cases

# make CASE ENDING "WHY" KEYS OPTIONS…: encrypts, and keeps what sops decrypts as what is expected.
make() {
  local case=cases/$1 ending=$2 why=$3 keys=$4; shift 4
  mkdir -p "$case"
  cat > "$case/plain.$ending"
  "$sops" --disable-version-check encrypt "$@" "$case/plain.$ending" > "$case/file.$ending"
  rm "$case/plain.$ending"
  printf 'why: "%s"\nkeys: [%s]\n' "$why" "$keys" > "$case/case.yaml"
  SOPS_AGE_KEY=$(cat keys/*.txt) "$sops" --disable-version-check decrypt "$case/file.$ending" > "$case/expected.$ending"
}
# broken CASE FROM ENDING "WHY" KEYS SCRIPT: the file of another case, changed by a sed script; error.txt is written by hand.
broken() {
  mkdir -p "cases/$1"
  sed -E "$6" "cases/$2/file.$3" > "cases/$1/file.$3"
  if cmp -s "cases/$2/file.$3" "cases/$1/file.$3"; then echo "$1: nothing was changed" >&2; exit 1; fi
  printf 'why: "%s"\nkeys: [%s]\n' "$4" "$5" > "cases/$1/case.yaml"
}
yaml() { cat <<'Y'
# kept for people
database:
    # of the role `app`
    user: app-user
    password: "correct horse: battery \"staple\" # no comment"
    port: 5432
    ratio: 0.25
    large: 1e+21
    tls: true
    legacy: false
    empty: ""
    nothing: null
    since: 2024-02-29
    zip: "00501"
    motto: |
        first line
        second line, with ünïcödé ✓ and 'quotes'
lists:
    - plain-item
    - 7
    - - nested-item
      - {deep: deeper-item, off: false}
port_unencrypted: 8080
Y
}
json() { cat <<'J'
{"z": {"token": "json-token-value", "n": 12345678901234567, "f": 1.5, "yes": true, "no": null, "empty": ""},
 "a": ["first-of-list", 2, [{"inner": "inner-<value>&"}]], "emoji": "\ud83d\ude00 line\nend", "note_unencrypted": "clear"}
J
}
env() { printf '# a comment\nTOKEN=dotenv-token-value\nMULTI=one\\ntwo\nEMPTY=\nQUOTED="stays quoted"\nWITH=a=b\n'; }
binary() { printf 'raw\000bytes\377 of a file\n'; }
ini() { printf '; of the section\n[database]\n; of the key\nuser = ini-user\npassword = ini-password;with#signs\nport = 5432\n\n[other]\nname = ini-name\n'; }

for n in one two; do
  to=$one; [ $n = two ] && to=$one,$two
  keys='"one"'; [ $n = two ] && keys='"two"'
  yaml | make "yaml-$n-recipients" yaml "every type, lists, comments" "$keys" --age "$to"
  json | make "json-$n-recipients" json "every type, lists; keys out of order" "$keys" --age "$to"
  env | make "dotenv-$n-recipients" env "comments, line ends, empty values" "$keys" --age "$to"
  binary | make "binary-$n-recipients" bin "any bytes" "$keys" --age "$to"
  ini | make "ini-$n-recipients" ini "sections, comments, signs of comments in values" "$keys" --age "$to"
done
secret='apiVersion: v1
kind: Secret
metadata:
    name: database
type: Opaque
stringData:
    password: manifest-password
    replicas: "3"
'
printf '%s' "$secret" | make encrypted-regex yaml "the usual rule for manifests" '"one"' --age "$one" --encrypted-regex '^(data|stringData)$'
printf 'creation_rules: [{age: "%s", encrypted_regex: "^(data|stringData)$", mac_only_encrypted: true}]\n' "$one" > rules.yaml
printf '%s' "$secret" | SOPS_CONFIG=rules.yaml make mac-only-encrypted yaml "the MAC covers encrypted values only" '"one"'
printf '%s' "$secret" | make unencrypted-regex yaml "all but what matches" '"one"' --age "$one" --unencrypted-regex '^(apiVersion|kind|metadata|type)$'
printf 'user_secret: suffix-value\nhost: db\n' | make encrypted-suffix yaml "only what ends so" '"one"' --age "$one" --encrypted-suffix _secret
printf 'user_plain: visible\npass: suffix-value\n' | make unencrypted-suffix yaml "all but what ends so" '"one"' --age "$one" --unencrypted-suffix _plain
printf 'creation_rules: [{age: "%s", encrypted_comment_regex: "sops:enc"}]\n' "$one" > rules.yaml
printf 'host: db\n# sops:enc\npass: comment-value\nport: 1\n' | SOPS_CONFIG=rules.yaml make encrypted-comment-regex yaml "chosen by comments" '"one"'
printf 'first: document-one\n---\nsecond: document-two\nlist: [a-value, b-value]\n---\nthird: document-three\n' | make multi-document yaml "metadata in each document" '"one"' --age "$one"
printf '%s' "$secret" | make empty-values yaml "no value but the MAC" '"one"' --age "$one" --encrypted-regex '^nothing$'

groups='creation_rules:
  - shamir_threshold: 2
    key_groups:
      - age: [ONE]
      - age: [TWO]
      - age: [THREE]
'
printf '%s' "$groups" | sed "s/ONE/$one/;s/TWO/$two/;s/THREE/$three/" > rules.yaml
printf 'shared: shamir-value\n' | SOPS_CONFIG=rules.yaml make shamir-two-of-three yaml "two of three groups" '"one", "three"'
mkdir -p cases/shamir-too-few && cp cases/shamir-two-of-three/file.yaml cases/shamir-too-few/
printf 'why: "one of the two groups that are needed"\nkeys: ["two"]\n' > cases/shamir-too-few/case.yaml
rm rules.yaml

broken mac-changed yaml-one-recipients yaml "the MAC is that of another moment" '"one"' 's/(lastmodified: "20)[0-9]{2}/\199/'
broken value-in-the-clear yaml-one-recipients yaml "a plain value was put where a ciphertext belongs" '"one"' 's/user: ENC.*/user: somebody/'
broken clear-value-changed encrypted-regex yaml "a value in the clear was changed: the MAC covers it" '"one"' 's/name: database/name: databose/'
broken value-damaged json-one-recipients json "the data of one value was changed" '"one"' 's/("token": "ENC\[AES256_GCM,data:)../\1AA/'
broken value-moved dotenv-one-recipients env "a value under another key" '"one"' 's/^TOKEN=/TOKENS=/'
broken no-mac yaml-one-recipients yaml "the MAC was taken out" '"one"' '/^    mac: /d'
for case in no-key:yaml-one-recipients:'"three"' no-keys-at-all:yaml-two-recipients:; do
  IFS=: read -r name from keys <<< "$case"
  mkdir -p "cases/$name" && cp "cases/$from/file.yaml" "cases/$name/"
  printf 'why: "nobody here can decrypt it: the recipients are named"\nkeys: [%s]\n' "$keys" > "cases/$name/case.yaml"
done
mkdir -p cases/kms-and-pgp
sed -E '/^    age:/,/recipient:/d; s|^    lastmodified|    kms:\n        - arn: arn:aws:kms:eu-west-1:000000000000:key/0\n          created_at: "2024-01-01T00:00:00Z"\n          enc: AAAA\n    pgp:\n        - fp: 0123456789ABCDEF\n          created_at: "2024-01-01T00:00:00Z"\n          enc: none\n&|' \
  cases/yaml-one-recipients/file.yaml > cases/kms-and-pgp/file.yaml
printf 'why: "kinds of keys without a source"\nkeys: ["one"]\n' > cases/kms-and-pgp/case.yaml
