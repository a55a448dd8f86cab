# The sample registry: a client in good standing, and one that may come from elsewhere only. What is there already stays.
set -eu

credence init
credence profile get partner >/dev/null 2>&1 ||
  credence profile create partner --accepts token --scopes "orders:read" --max-token-age 90d
credence client get acme >/dev/null 2>&1 ||
  credence client create acme --name "Acme Ltd"
credence client get globex >/dev/null 2>&1 ||
  credence client create globex --name "Globex Inc" --allow 192.0.2.0/24 # RFC 5737: nobody's

# Tokens for a day, and new ones at each start: nobody can read the old ones again.
umask 077
for client in acme globex; do
  credence token issue "$client" --profile partner --label sample --expires-in 1d >"/run/tokens/$client.new"
  mv "/run/tokens/$client.new" "/run/tokens/$client"
done
