# Shared by the launchers: `launch NAME ARGUMENTS...` runs bin/NAME.ts of this project with the project's own Node, after
# installing what is missing. Sourced, with $here set to the launcher's own path. Only what every POSIX shell knows,
# and `-nt`.

here_folder=$(CDPATH= cd -- "$(dirname -- "$here")" && pwd -P)
project=$(dirname "$here_folder")

complain() {
  printf '%s\n' "$*" >&2
}

# True unless everything was installed after the lock file was last written.
needs_install() {
  [ ! -x "$project/node_modules/.bin/node" ] ||
    [ ! -f "$project/node_modules/.package-lock.json" ] ||
    [ "$project/package-lock.json" -nt "$project/node_modules/.package-lock.json" ]
}

# One installation at a time: a folder is made by exactly one. Left behind by a process that is gone, it is moved away.
take_install_lock() {
  mkdir -p "$project/data"
  told=
  while ! mkdir "$install_lock" 2>/dev/null; do
    holder=$(cat "$install_lock/pid" 2>/dev/null || true)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null && ! ps -p "$holder" >/dev/null 2>&1; then
      stale="$install_lock.$$"
      if mv "$install_lock" "$stale" 2>/dev/null; then
        rm -rf "$stale"
        continue
      fi
    fi
    if [ ! -d "$install_lock" ] && [ ! -w "$project/data" ]; then
      complain "Cannot install: the folder $project/data is not writable"
      exit 1
    fi
    [ -n "$told" ] || complain "Waiting for another installation (process ${holder:-unknown}; lock $install_lock)"
    told=yes
    sleep 1
  done
  echo $$ >"$install_lock/pid"
  trap 'rm -rf "$install_lock"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

# npm's own words are shown only if it fails. `npm ci` installs exactly what the lock file says.
install_missing() {
  install_lock=$project/data/.install-lock
  take_install_lock
  if needs_install; then
    if ! command -v npm >/dev/null 2>&1; then
      complain 'Cannot install: npm is not there. Install Node.js 20 or newer with npm, then run this again.'
      exit 1
    fi
    complain 'Installing what is missing (npm ci), once; this takes about half a minute ...'
    words=$install_lock/npm.log
    if ! (cd "$project" && npm ci --include=dev --include=optional --no-audit --no-fund) >"$words" 2>&1 </dev/null; then
      if ! grep -q 'from lock file' "$words"; then
        cat "$words" >&2
        complain "Cannot install: \"npm ci\" failed in $project; its words are above."
        exit 1
      fi
      complain 'package-lock.json lacks packages for this platform (npm ci says so); trying "npm install" instead ...'
      if ! (cd "$project" && npm install --no-save --include=dev --include=optional --no-audit --no-fund) >"$words" 2>&1 </dev/null; then
        cat "$words" >&2
        complain "Cannot install: \"npm install\" failed in $project; its words are above."
        exit 1
      fi
    fi
    if [ ! -x "$project/node_modules/.bin/node" ]; then
      cat "$words" >&2
      complain 'Cannot start: the pinned Node.js (npm package "node") was not installed for this platform; did npm run install scripts? Try: npm install --ignore-scripts=false'
      exit 1
    fi
    touch "$project/node_modules/.package-lock.json"
  fi
  rm -rf "$install_lock"
  trap - EXIT INT TERM HUP
}

launch() {
  name=$1
  shift
  if needs_install; then install_missing; fi
  exec "$project/node_modules/.bin/node" "$here_folder/$name.ts" "$@"
}
