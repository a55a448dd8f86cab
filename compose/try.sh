# Asks the API as clients do, and shows what is let in and what is not. Fails where an answer is not the expected one.
set -eu

api=http://envoy:10000
bearer() { printf 'authorization: Bearer %s\n' "$(cat "/run/tokens/$1")"; }

# ask STATUS WHAT: sends a request with the header lines on standard input.
ask() {
  answer=$(curl --silent --show-error --max-time 10 --retry 20 --retry-delay 1 --retry-connrefused \
    --header @- --write-out '\n%{http_code}' "$api/orders")
  status=${answer##*
}
  told=$(printf '%s\n' "$answer" | sed -n \
    -e 's/.*"code": *"\([a-z_]*\)".*/\1/p' \
    -e 's/.*[Xx]-[Cc]lient-[Ii]d"*: *\[*"*\([a-z0-9._-]*\).*/the API is told: x-client-id: \1/p' |
    tail -n 1)
  printf '%-42s%s  %s\n' "$2" "$status" "$told"
  [ "$status" = "$1" ] || { echo "want $1" >&2; exit 1; }
}

ask 401 'no token' </dev/null
bearer acme | ask 200 "acme's token"
printf 'authorization: Bearer crd_0000000000_not-a-token\n' | ask 401 'a token that nobody has'
bearer globex | ask 403 "globex's token, from outside its network"

trap 'credence client enable acme --reason "trial is over" >/dev/null 2>&1' EXIT
said=$(credence client disable acme --reason "trial" 2>&1) || { echo "$said" >&2; exit 1; }
bearer acme | ask 403 "acme's token, once it is disabled"
