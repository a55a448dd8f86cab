# Makes what must not lie in a repository: a password for each user of Redis, once, and the ACL file, which holds their
# digests and the rights that this version of credence needs. Runs before Redis starts.
set -eu

# password ROLE: a password that the user of credence may read, and this one by its group.
password() {
  file=/run/secrets/$1/password
  [ ! -e "$file" ] || return 0
  (umask 077; head -c 24 /dev/urandom | base64 >"$file.new")
  chmod 0440 "$file.new"
  chown "$OWNER" "$file.new"
  mv "$file.new" "$file"
}

# user ROLE: the line of the ACL file.
user() {
  rights=$(credence redis acl "$1" --password-file "/run/secrets/$1/password")
  echo "user ${rights#ACL SETUSER }"
}

password server
password admin
{
  # Nobody can log in as the default user. It keeps its rights all the same: Redis reads its own append-only file as that
  # user, and loses each transaction that it may not run (redis/redis#14541, valkey-io/valkey#3983).
  echo 'user default off ~* &* +@all'
  echo 'user health on nopass -@all +ping'
  user server
  user admin
} >/run/acl/users.acl.new
chmod 0444 /run/acl/users.acl.new
mv /run/acl/users.acl.new /run/acl/users.acl
chown "$OWNER" /run/tokens
