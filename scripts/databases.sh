#!/usr/bin/env bash
# Throw-away PostgreSQL and MariaDB servers for the tests, from Debian's packages, in a temporary directory.
#
#   eval "$(scripts/databases.sh start)"   sets POTOMAC_TEST_POSTGRESQL and POTOMAC_TEST_MYSQL, as far as there are servers
#   scripts/databases.sh stop              stops them and removes what they wrote
#
# They listen on this machine alone and want a password that is made up each time; as root they run as the user nobody,
# since both refuse root. What is missing is said on standard error, and is no error.
set -euo pipefail

dir="${POTOMAC_DATABASES:-${TMPDIR:-/tmp}/potomac-databases-$(id -u)}"

say() { echo "databases: $*" >&2; }

# A word or number of this directory, made once: keep NAME COMMAND...
keep() {
  local file="$dir/$1"
  shift
  [ -s "$file" ] || (umask 077 && "$@" >"$file")
  if [ "$(id -u)" = 0 ]; then chown nobody:nogroup "$file"; fi
  cat "$file"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

a_word() { head -c 18 /dev/urandom | base64 | tr -d '+/=\n'; }

# Run a command as whoever may run a database server.
as() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$dir" "$@"
  else
    "$@"
  fi
}

find_first() {
  local path
  for path in "$@"; do
    if [ -x "$path" ]; then echo "$path"; return 0; fi
  done
  return 1
}

newest_postgresql() {
  local found
  found="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)"
  if [ -x "$found/initdb" ]; then echo "$found"; elif command -v initdb >/dev/null; then dirname "$(command -v initdb)"; else return 1; fi
}

# Its databases are for throwing away: no wait for the disk.
start_postgresql() {
  local bin port word
  bin="$(newest_postgresql)" || { say "PostgreSQL is not installed (Debian: postgresql); left out"; return 0; }
  port="$(keep postgresql.port free_port)" word="$(keep word a_word)"
  if [ ! -d "$dir/postgresql" ]; then
    as "$bin/initdb" -D "$dir/postgresql" -U potomac --auth=scram-sha-256 --pwfile="$dir/word" --encoding=UTF8 --locale=C.UTF-8 >"$dir/initdb.log" 2>&1 \
      || { say "PostgreSQL cannot be set up: see $dir/initdb.log"; return 0; }
  fi
  if ! as "$bin/pg_ctl" -D "$dir/postgresql" status >/dev/null 2>&1; then
    as "$bin/pg_ctl" -D "$dir/postgresql" -l "$dir/postgresql.log" -w -t 60 \
      -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories= -c fsync=off -c full_page_writes=off -c synchronous_commit=off" \
      start >/dev/null || { say "PostgreSQL does not start: see $dir/postgresql.log"; return 0; }
  fi
  PGPASSWORD="$word" "$bin/createdb" -h 127.0.0.1 -p "$port" -U potomac potomac >/dev/null 2>&1 || true # it is there
  echo "export POTOMAC_TEST_POSTGRESQL='postgresql+psycopg://potomac:$word@127.0.0.1:$port/potomac'"
}

start_mariadb() {
  local server setup client port word user
  server="$(find_first /usr/sbin/mariadbd /usr/sbin/mysqld /usr/libexec/mysqld)" || { say "MariaDB is not installed (Debian: mariadb-server); left out"; return 0; }
  setup="$(command -v mariadb-install-db || command -v mysql_install_db)" || { say "mariadb-install-db is missing; MariaDB is left out"; return 0; }
  client="$(command -v mariadb || command -v mysql)" || { say "the client mariadb is missing; MariaDB is left out"; return 0; }
  port="$(keep mariadb.port free_port)" word="$(keep word a_word)" user="$(as id -un)"
  if [ ! -d "$dir/mariadb/mysql" ]; then
    as "$setup" --no-defaults --datadir="$dir/mariadb" --skip-test-db --auth-root-authentication-method=socket \
      --auth-root-socket-user="$user" >"$dir/mariadb-setup.log" 2>&1 \
      || { say "MariaDB cannot be set up: see $dir/mariadb-setup.log"; return 0; }
  fi
  if ! as "$client" --no-defaults -S "$dir/mariadb.sock" -u "$user" -e "SELECT 1" >/dev/null 2>&1; then
    as "$server" --no-defaults --datadir="$dir/mariadb" --socket="$dir/mariadb.sock" --bind-address=127.0.0.1 --port="$port" \
      --pid-file="$dir/mariadb.pid" --innodb-flush-log-at-trx-commit=0 --innodb-use-native-aio=0 --innodb-buffer-pool-size=64M \
      >"$dir/mariadb.log" 2>&1 </dev/null &
    disown
    for _ in $(seq 300); do
      as "$client" --no-defaults -S "$dir/mariadb.sock" -u "$user" -e "SELECT 1" >/dev/null 2>&1 && break
      sleep 0.2
    done
  fi
  as "$client" --no-defaults -S "$dir/mariadb.sock" -u "$user" -e "
    CREATE DATABASE IF NOT EXISTS potomac CHARACTER SET utf8mb4;
    CREATE USER IF NOT EXISTS potomac@'%' IDENTIFIED BY '$word';
    GRANT ALL ON *.* TO potomac@'%';" || { say "MariaDB does not start: see $dir/mariadb.log"; return 0; }
  echo "export POTOMAC_TEST_MYSQL='mysql+pymysql://potomac:$word@127.0.0.1:$port/potomac'"
}

start() {
  mkdir -p "$dir"
  if [ "$(id -u)" = 0 ]; then chown nobody:nogroup "$dir"; fi
  start_postgresql
  start_mariadb
}

stop() {
  local bin
  if bin="$(newest_postgresql)" && [ -d "$dir/postgresql" ]; then
    as "$bin/pg_ctl" -D "$dir/postgresql" -m immediate -w stop >/dev/null 2>&1 || true
  fi
  if [ -f "$dir/mariadb.pid" ]; then
    local pid
    pid="$(cat "$dir/mariadb.pid")"
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -rf "$dir"
}

case "${1:-start}" in
  start) start ;;
  stop) stop ;;
  *) say "say start or stop"; exit 2 ;;
esac
